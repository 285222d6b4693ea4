/* q's objects as the bytes say, many of them damaged: they are read, or refused with a sentence. What could be read is written
 * again, and read again: it is the same. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lanes/q_objects.h"
#include "tests/support/fuzz.h"

enum { BYTES_MAX = 1 << 20, OBJECTS_MAX = 2000, DEPTH_MAX = 100 };

typedef struct source {
    const uint8_t *at;
    size_t left;
    unsigned objects;
    struct k0 *met[16]; /* to be used again, so that lists share what they hold, but never hold themselves */
    unsigned met_count;
} source;

static void must(bool kept)
{
    if (!kept)
        abort();
}

static uint8_t next(source *from)
{
    if (!from->left)
        return 0;
    from->left--;
    return *from->at++;
}

static void fill(source *from, void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = next(from);
}

/* One in 32 says another length than it has. */
static void maybe_lie(source *from, struct k0 *object)
{
    static const long long lies[] = {-1, LLONG_MIN, LLONG_MAX, 1LL << 32, 1LL << 60, 1LL << 21};
    uint8_t choice = next(from);
    if (choice >= 0xf8)
        object->n = lies[choice % (sizeof(lies) / sizeof(*lies))];
}

static char *make_symbol(source *from)
{
    static char huge[QL_Q_SYMBOL_MAX + 2];
    char text[16] = {0};
    uint8_t length = next(from);
    if (length == 0xff)
        return NULL;
    if (length == 0xfe)
        return objects_intern(memset(huge, 'x', sizeof(huge) - 1));
    fill(from, text, length % sizeof(text));
    text[length % sizeof(text)] = 0;
    return objects_intern(text);
}

static struct k0 *make(source *from, unsigned depth);

static struct k0 *make_list(source *from, int type, long long count, unsigned depth)
{
    struct k0 *list = objects_vector(type, count);
    struct k0 **items = ql_q_items(list);
    for (long long i = 0; i < count; i++)
        items[i] = make(from, depth + 1);
    maybe_lie(from, list);
    return list;
}

static struct k0 *make_vector(source *from, int type, long long count)
{
    struct k0 *vector = objects_vector(type, count);
    char **symbols = ql_q_items(vector);
    if (type != QL_Q_SYMBOL)
        fill(from, symbols, (size_t)count * ql_q_width(type));
    for (long long i = 0; type == QL_Q_SYMBOL && i < count; i++)
        symbols[i] = make_symbol(from);
    maybe_lie(from, vector);
    return vector;
}

/* Columns of the same length, mostly. */
static struct k0 *make_table(source *from, unsigned depth)
{
    static const int types[] = {QL_Q_LONG, QL_Q_SYMBOL,    QL_Q_FLOAT, QL_Q_CHAR,
                                QL_Q_LIST, QL_Q_TIMESTAMP, QL_Q_GUID,  QL_Q_BOOLEAN};
    long long width = next(from) % 4, rows = next(from) % 8;
    struct k0 *names = objects_vector(QL_Q_SYMBOL, width), *columns = objects_vector(QL_Q_LIST, width);
    for (long long i = 0; i < width; i++) {
        uint8_t choice = next(from);
        int type = types[choice % 8];
        long long length = choice >= 0xf8 ? rows + 1 : rows;
        ((char **)ql_q_items(names))[i] = make_symbol(from);
        ((struct k0 **)ql_q_items(columns))[i] = choice == 0xf0 ? make(from, depth + 1)
                                                 : type == QL_Q_LIST
                                                     ? make_list(from, QL_Q_LIST, length, depth)
                                                     : make_vector(from, type, length);
    }
    maybe_lie(from, names);
    maybe_lie(from, columns);
    uint8_t choice = next(from);
    return objects_api.xT(choice == 0xff ? NULL
                          : choice == 0xfe
                              ? make(from, depth + 1)
                              : objects_api.xD(choice == 0xfd ? make(from, depth + 1) : names,
                                               choice == 0xfc ? make(from, depth + 1) : columns));
}

static struct k0 *make_dictionary(source *from, unsigned depth)
{
    struct k0 *keys = make(from, depth + 1);
    return objects_api.xD(keys, make(from, depth + 1));
}

static struct k0 *make_atom(source *from, int type)
{
    struct k0 *atom = objects_atom(type);
    if (type == -QL_Q_SYMBOL)
        atom->s = make_symbol(from);
    else if (type == -QL_Q_GUID)
        fill(from, ql_q_items(atom), sizeof(ql_q_guid));
    else
        fill(from, &atom->j, ql_q_width(type));
    if (type == -QL_Q_BOOLEAN)
        atom->g &= 1;
    return atom;
}

static struct k0 *make_one(source *from, unsigned depth)
{
    int type = (signed char)next(from);
    if (type == QL_Q_LIST)
        return make_list(from, type, next(from) % 8, depth);
    if (type == QL_Q_TABLE)
        return make_table(from, depth);
    if (type == QL_Q_DICTIONARY)
        return make_dictionary(from, depth);
    return type > 0 && ql_q_width(type) ? make_vector(from, type, next(from) % 16) : make_atom(from, type);
}

static struct k0 *make(source *from, unsigned depth)
{
    uint8_t choice = next(from);
    if (++from->objects > OBJECTS_MAX || depth > DEPTH_MAX || !from->left)
        return objects_vector(QL_Q_LIST, 0);
    if (choice == 0xff)
        return NULL;
    if (choice >= 0xe0 && from->met_count)
        return from->met[choice % from->met_count];
    struct k0 *made = make_one(from, depth);
    if (from->met_count < sizeof(from->met) / sizeof(*from->met))
        from->met[from->met_count++] = made;
    return made;
}

static void check_written(qli_q_reader *reader, const ql_q_value *value)
{
    ql_error error = {0};
    struct k0 *written;
    ql_q_value *again;
    int code = qli_q_write(&objects_api, value, &written, &error);
    /* A table without columns is one that q can have, but nobody can give it. */
    must(!code || (code == -EINVAL && strstr(error.text, "without columns")));
    if (code)
        return;
    must(qli_q_read(reader, written, &again, &error) == 0);
    must(objects_same(value, again));
    ql_q_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source from = {.at = data, .left = size};
    qli_q_reader reader = {.bytes_max = BYTES_MAX};
    ql_error error = {0};
    ql_q_value *value;
    struct k0 *object = make(&from, 0);
    int code = qli_q_read(&reader, object, &value, &error);
    must(!code == !!value);
    must(!code ||
         (error.code == code && error.text[0] && (code == -EBADMSG || code == -ENOTSUP || code == -E2BIG)));
    if (!code)
        check_written(&reader, value);
    ql_q_free(value);
    qli_q_symbols_fini(&reader.symbols);
    objects_free();
    return 0;
}
