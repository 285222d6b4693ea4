/* q's objects to plain memory. Each is walked twice by the same code: to measure, then to fill the block that was measured.
 * Nothing that an object says of itself is believed before it was looked at. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "affinity/error.h"
#include "lanes/engines/q_convert.h"

/* A result of one number fits in a small block; a large one is as large as two large pages. */
enum { SMALL_BYTES = 48, LARGE_PAGE = 1 << 21 };

typedef struct walk {
    qli_q_reader *reader;
    ql_error *error;
    char *block; /* NULL: it measures */
    char *texts;
    size_t used;
    struct k0 **resolved; /* symbols that enumerations stand for: made when it measures, used when it fills */
    size_t resolved_count, resolved_at;
    uint32_t
        *offsets; /* of the text of each symbol, in the order of the walk: looked up once, when it measures */
    size_t offsets_count, offsets_room, offsets_at;
} walk;

static int read_object(walk *at, struct k0 *object, ql_q_value *value, unsigned depth);

size_t ql_q_width(int32_t type)
{
    static const uint8_t width[] = {0, 1, 16, 0, 1, 2, 4, 8, 4, 8, 1, sizeof(char *), 8, 4, 4, 8, 8, 4, 4, 4};
    uint32_t kind = type < 0 ? -(uint32_t)type : (uint32_t)type;
    return kind < sizeof(width) ? width[kind] : 0;
}

void ql_q_free(ql_q_value *value)
{
    free(value);
}

/* ---- The block -------------------------------------------------------------------------------------------------- */

/* `size` more bytes of it; *to is NULL when it measures. */
static int take(walk *at, size_t size, void **to)
{
    size_t rounded = (size + 7) & ~(size_t)7;
    if (rounded < size || rounded > at->reader->bytes_max - at->used)
        return qli_error_set(at->error, -E2BIG, "the result is larger than the %zu bytes that one may have",
                             at->reader->bytes_max);
    *to = at->block ? at->block + at->used : NULL;
    at->used += rounded;
    return 0;
}

/* Is memory there for all items? The page where they begin is: the header's. What ends in it, as most do, costs no call. */
static bool is_mapped(const char *items, size_t size)
{
    uintptr_t page = (uintptr_t)getpagesize(), next = ((uintptr_t)items + page - 1) & ~(page - 1);
    uintptr_t end = (uintptr_t)items + size;
    return end <= next || msync((void *)next, end - next, MS_ASYNC) == 0 || errno != ENOMEM;
}

/* May `count` items of `width` bytes be read? */
static int check_count(walk *at, const struct k0 *object, size_t width)
{
    if (object->n < 0)
        return qli_error_set(at->error, -EBADMSG, "q gave an object of type %d whose length is %lld",
                             object->t, object->n);
    size_t most = at->reader->bytes_max / width, count = (size_t)object->n;
    if (count > most)
        return qli_error_set(
            at->error, -E2BIG,
            "q gave an object of type %d and length %lld: more than the %zu bytes that a result may have",
            object->t, object->n, at->reader->bytes_max);
    if (!is_mapped((const char *)object->G0, count * width))
        return qli_error_set(at->error, -EBADMSG,
                             "q gave an object of type %d whose length %lld goes beyond its memory",
                             object->t, object->n);
    return 0;
}

/* ---- Symbols ---------------------------------------------------------------------------------------------------- */

static int refuse_symbol(walk *at, int code)
{
    static const char *const why[] = {"no memory for the symbols", "is NULL",
                                      "is longer than 65,536 bytes, or all are"};
    return qli_error_set(at->error, code, code == -ENOMEM ? "%s" : "q gave a symbol that %s",
                         why[code == -ENOMEM    ? 0
                             : code == -EBADMSG ? 1
                                                : 2]);
}

static int make_room(walk *at, size_t count)
{
    if (at->offsets_room - at->offsets_count >= count)
        return 0;
    size_t room = at->offsets_room * 2 > at->offsets_count + count ? at->offsets_room * 2
                                                                   : at->offsets_count + count + 16;
    uint32_t *bigger = realloc(at->offsets, room * sizeof(*bigger));
    if (!bigger)
        return refuse_symbol(at, -ENOMEM);
    at->offsets = bigger;
    at->offsets_room = room;
    return 0;
}

static int gather_symbols(walk *at, char *const *from, size_t count)
{
    qli_q_symbols *symbols = &at->reader->symbols;
    const char *last = NULL;
    uint32_t offset = 0;
    int code = make_room(at, count);
    if (code)
        return code;
    for (size_t i = 0; i < count; i++) {
        if (from[i] != last || !last) {
            last = from[i];
            const qli_q_slot *slot = qli_q_symbols_slot(symbols, last);
            if (slot->stamp != symbols->stamp) {
                code = qli_q_symbols_add(symbols, last);
                if (code)
                    return refuse_symbol(at, code);
                slot = qli_q_symbols_slot(symbols, last);
            }
            offset = slot->offset;
        }
        at->offsets[at->offsets_count + i] = offset;
    }
    at->offsets_count += count;
    return 0;
}

static void fill_symbols(walk *at, size_t count, const char **to)
{
    for (size_t i = 0; i < count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the walk that measured has set it. */
        to[i] = at->texts + at->offsets[at->offsets_at + i];
    at->offsets_at += count;
}

static int read_symbols(walk *at, struct k0 *object, ql_q_value *value)
{
    void *to = NULL;
    size_t count = (size_t)object->n;
    int code = take(at, count * sizeof(char *), &to);
    if (code)
        return code;
    value->symbols = to;
    if (!to)
        return gather_symbols(at, ql_q_items(object), count);
    fill_symbols(at, count, to);
    return 0;
}

/* ---- Enumerations ------------------------------------------------------------------------------------------------ */

/* The symbols that it stands for; kept until the value is made. */
static int resolve(walk *at, struct k0 *object, struct k0 **symbols)
{
    const ql_q_api *api = at->reader->api;
    if (at->block) {
        *symbols = at->resolved[at->resolved_at++];
        return 0;
    }
    if (!api)
        return qli_error_set(at->error, -ENOTSUP, "an enumeration (type %d) has no plain form", object->t);
    struct k0 **more = realloc(at->resolved, (at->resolved_count + 1) * sizeof(*more));
    if (!more)
        return qli_error_set(at->error, -ENOMEM, "no memory for an enumeration");
    at->resolved = more;
    struct k0 *found = api->ee(api->k(0, "value", api->r1(object), NULL));
    if (!found || (found->t != QL_Q_SYMBOL && found->t != -QL_Q_SYMBOL)) {
        int type = found ? found->t : 0;
        if (found)
            api->r0(found);
        return qli_error_set(at->error, -EBADMSG, "the value of an enumeration (type %d) is of type %d",
                             object->t, type);
    }
    at->resolved[at->resolved_count++] = found;
    *symbols = found;
    return 0;
}

/* ---- Atoms and vectors ------------------------------------------------------------------------------------------- */

static int read_atom(walk *at, struct k0 *object, ql_q_value *value)
{
    value->count = 1;
    if (value->type == -QL_Q_SYMBOL) {
        if (at->block)
            fill_symbols(at, 1, &value->symbol);
        return at->block ? 0 : gather_symbols(at, &object->s, 1);
    }
    if (value->type == -QL_Q_GUID)
        memcpy(&value->guid, ql_q_items(object), sizeof(value->guid));
    else
        memcpy(&value->i64, &object->j, ql_q_width(value->type));
    return 0;
}

static int read_vector(walk *at, struct k0 *object, ql_q_value *value)
{
    void *to = NULL;
    size_t width = ql_q_width(value->type), text_end = value->type == QL_Q_CHAR;
    int code = check_count(at, object, width);
    if (code)
        return code;
    value->count = (size_t)object->n;
    if (value->type == QL_Q_SYMBOL)
        return read_symbols(at, object, value);
    code = take(at, value->count * width + text_end, &to);
    if (code)
        return code;
    value->data = to;
    if (to && value->count)
        memcpy(to, ql_q_items(object), value->count * width);
    if (to && text_end)
        ((char *)to)[value->count] = 0;
    return 0;
}

/* ---- What holds others ------------------------------------------------------------------------------------------- */

/* `count` objects into as many values. */
static int read_all(walk *at, struct k0 *const *objects, size_t count, const ql_q_value **values,
                    unsigned depth)
{
    void *to = NULL;
    ql_q_value ignored;
    int code = take(at, count * sizeof(ql_q_value), &to);
    if (!code)
        *values = to;
    for (size_t i = 0; i < count && !code; i++)
        code = read_object(at, objects[i], to ? (ql_q_value *)to + i : &ignored, depth);
    return code;
}

static int read_list(walk *at, struct k0 *object, ql_q_value *value, unsigned depth)
{
    int code = check_count(at, object, sizeof(ql_q_value));
    value->count = code ? 0 : (size_t)object->n;
    return code ? code : read_all(at, ql_q_items(object), value->count, &value->items, depth);
}

/* How many pairs a dictionary has by this half of it; -1: it can be none. */
static long long half_count(const struct k0 *half)
{
    if (half && half->t >= 0 && half->t < QL_Q_TABLE)
        return half->n;
    if (!half || half->t != QL_Q_TABLE || !half->k || half->k->t != QL_Q_DICTIONARY)
        return -1;
    /* Of a table: the length of its first column. What it is otherwise is looked at when it is read. */
    const struct k0 *columns = ((struct k0 **)ql_q_items(half->k))[1];
    if (!columns || columns->t != QL_Q_LIST || columns->n < 0)
        return -1;
    const struct k0 *first = columns->n ? *(struct k0 **)ql_q_items((struct k0 *)(uintptr_t)columns) : NULL;
    return columns->n == 0 ? 0 : first && first->t >= 0 && first->t < QL_Q_TABLE ? first->n : -1;
}

static int read_dictionary(walk *at, struct k0 *object, ql_q_value *value, unsigned depth)
{
    struct k0 **halves = ql_q_items(object);
    long long keys = half_count(halves[0]), values = half_count(halves[1]);
    if (keys < 0 || keys != values)
        return qli_error_set(at->error, -EBADMSG, "q gave a dictionary of %lld keys and %lld values", keys,
                             values);
    value->count = (size_t)keys;
    return read_all(at, halves, 2, &value->items, depth);
}

static int check_columns(walk *at, const struct k0 *names, struct k0 *columns, size_t *rows)
{
    if (!names || names->t != QL_Q_SYMBOL || !columns || columns->t != QL_Q_LIST || names->n != columns->n ||
        names->n > UINT32_MAX)
        return qli_error_set(at->error, -EBADMSG,
                             "q gave a table without a name for each column, or without columns");
    int code = check_count(at, columns, sizeof(ql_q_value));
    struct k0 **column = ql_q_items(columns);
    for (long long i = 0; i < columns->n && !code; i++) {
        if (!column[i] || column[i]->t < 0 || column[i]->t >= QL_Q_TABLE)
            code = qli_error_set(at->error, -EBADMSG, "q gave a table whose column %lld is no vector", i);
        else if (column[i]->n != column[0]->n)
            code =
                qli_error_set(at->error, -EBADMSG,
                              "q gave a table with columns of different length: the first has %lld, column "
                              "%lld has %lld",
                              column[0]->n, i, column[i]->n);
    }
    *rows = !code && columns->n ? (size_t)column[0]->n : 0;
    return code;
}

static int read_table(walk *at, struct k0 *object, ql_q_value *value, unsigned depth)
{
    struct k0 *dictionary = object->k;
    if (!dictionary || dictionary->t != QL_Q_DICTIONARY)
        return qli_error_set(at->error, -EBADMSG, "q gave a table that holds no dictionary");
    struct k0 **halves = ql_q_items(dictionary);
    int code = check_columns(at, halves[0], halves[1], &value->count);
    if (!code)
        code = check_count(at, halves[0], sizeof(char *));
    if (code)
        return code;
    ql_q_value names = {.type = QL_Q_SYMBOL};
    value->width = (uint32_t)halves[0]->n;
    code = read_symbols(at, halves[0], &names);
    value->table.names = names.symbols;
    return code ? code : read_all(at, ql_q_items(halves[1]), value->width, &value->table.columns, depth);
}

/* ---- Any of them ------------------------------------------------------------------------------------------------- */

static int refuse_type(walk *at, const struct k0 *object)
{
    bool function = object->t >= QL_Q_LAMBDA;
    return qli_error_set(at->error, object->t == QL_Q_ERROR ? -EBADMSG : -ENOTSUP,
                         function ? "a function (type %d) cannot leave q: give it a name there"
                                  : "an object of type %d has no plain form",
                         object->t);
}

static int read_object(walk *at, struct k0 *object, ql_q_value *value, unsigned depth)
{
    int type = object ? object->t : 0, kind = type < 0 ? -type : type, code = 0;
    if (!object)
        return qli_error_set(at->error, -EBADMSG, "q gave an object that is NULL");
    if (depth > QL_Q_DEPTH_MAX)
        return qli_error_set(at->error, -E2BIG, "q gave an object that is more than %d deep", QL_Q_DEPTH_MAX);
    if (kind >= 20 && kind < 77) {
        code = resolve(at, object, &object);
        type = code ? type : object->t;
    }
    *value = (ql_q_value){.type = type};
    if (code)
        return code;
    if (type < 0)
        return ql_q_width(type) ? read_atom(at, object, value) : refuse_type(at, object);
    if (type == QL_Q_LIST)
        return read_list(at, object, value, depth + 1);
    if (type == QL_Q_TABLE)
        return read_table(at, object, value, depth + 1);
    if (type == QL_Q_DICTIONARY)
        return read_dictionary(at, object, value, depth + 1);
    value->count = 1;
    if (type == QL_Q_NIL && !object->g)
        return 0;
    return ql_q_width(type) ? read_vector(at, object, value) : refuse_type(at, object);
}

void qli_q_read_soon(qli_q_reader *reader)
{
    if (!reader->spare)
        reader->spare = malloc(SMALL_BYTES);
    __builtin_prefetch(reader->spare, 1);
}

void qli_q_reader_fini(qli_q_reader *reader)
{
    free(reader->spare);
    qli_q_symbols_fini(&reader->symbols);
    reader->spare = NULL;
}

/* A large one in large pages where the machine has them: the kernel then clears 2 MiB at a time, where it would come once for
 * every 4 KiB while the lane copies (bench q, q_fixed). */
static char *allocate(qli_q_reader *reader, size_t size)
{
    char *spare = reader->spare;
    if (size <= SMALL_BYTES && spare) {
        reader->spare = NULL;
        return spare;
    }
    if (size < 2 * LARGE_PAGE)
        return malloc(size);
    size_t rounded = (size + LARGE_PAGE - 1) & ~(size_t)(LARGE_PAGE - 1);
    char *block = rounded < size ? NULL : aligned_alloc(LARGE_PAGE, rounded);
    if (block)
        (void)madvise(block, rounded, MADV_HUGEPAGE);
    return block;
}

static int fill(walk *at, struct k0 *object, ql_q_value **value)
{
    at->block = allocate(at->reader, at->used + at->reader->symbols.bytes);
    if (!at->block)
        return qli_error_set(at->error, -ENOMEM, "no memory for a result of %zu bytes", at->used);
    at->texts = at->block + at->used;
    qli_q_symbols_copy(&at->reader->symbols, at->texts);
    at->used = sizeof(ql_q_value);
    *value = (ql_q_value *)(void *)at->block;
    return read_object(at, object, *value, 0);
}

int qli_q_read(qli_q_reader *reader, struct k0 *object, ql_q_value **value, ql_error *error)
{
    walk at = {.reader = reader, .error = error, .used = sizeof(ql_q_value)};
    ql_q_value measured;
    *value = NULL;
    if (qli_q_symbols_begin(&reader->symbols))
        return qli_error_set(error, -ENOMEM, "no memory for the symbols");
    int code = read_object(&at, object, &measured, 0);
    if (!code)
        code = fill(&at, object, value);
    for (size_t i = 0; i < at.resolved_count; i++)
        reader->api->r0(at.resolved[i]);
    free(at.resolved);
    free(at.offsets);
    return code;
}
