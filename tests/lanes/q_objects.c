#include "tests/lanes/q_objects.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void **made;
static size_t made_count, made_room;
static char **interned;
static size_t interned_count;

static void *keep(void *memory)
{
    if (made_count == made_room) {
        made_room = made_room ? made_room * 2 : 64;
        made = realloc(made, made_room * sizeof(*made));
    }
    if (!memory || !made)
        abort();
    return made[made_count++] = memory;
}

void objects_free(void)
{
    for (size_t i = 0; i < made_count; i++)
        free(made[i]);
    free(made);
    free(interned);
    made = NULL;
    interned = NULL;
    made_count = made_room = interned_count = 0;
}

static struct k0 *make(int type, size_t bytes)
{
    size_t size = offsetof(struct k0, G0) + bytes;
    struct k0 *object = keep(malloc(size > sizeof(*object) ? size : sizeof(*object)));
    memset(object, 0, sizeof(*object));
    object->t = (signed char)type;
    return object;
}

struct k0 *objects_vector(int type, long long count)
{
    size_t width = type == QL_Q_LIST ? sizeof(struct k0 *) : ql_q_width(type);
    struct k0 *object = make(type, (size_t)count * width);
    object->n = count;
    memset(object->G0, 0, (size_t)count * width);
    return object;
}

struct k0 *objects_atom(int type)
{
    return make(type, sizeof(ql_q_guid));
}

char *objects_intern(const char *text)
{
    for (size_t i = 0; i < interned_count; i++)
        if (strcmp(interned[i], text) == 0)
            return interned[i];
    interned = realloc(interned, (interned_count + 1) * sizeof(*interned));
    if (!interned)
        abort();
    return interned[interned_count++] = keep(strdup(text));
}

/* ---- The functions ----------------------------------------------------------------------------------------------- */

static struct k0 *make_boolean(int value)
{
    struct k0 *object = objects_atom(-QL_Q_BOOLEAN);
    object->g = (unsigned char)value;
    return object;
}

static struct k0 *make_guid(ql_q_guid value)
{
    struct k0 *object = objects_atom(-QL_Q_GUID);
    memcpy(ql_q_items(object), &value, sizeof(value));
    return object;
}

static struct k0 *make_symbol(char *symbol)
{
    struct k0 *object = objects_atom(-QL_Q_SYMBOL);
    object->s = objects_intern(symbol);
    return object;
}

static struct k0 *make_dictionary(struct k0 *keys, struct k0 *values)
{
    struct k0 *object = make(QL_Q_DICTIONARY, 2 * sizeof(struct k0 *));
    object->n = 2;
    memcpy(ql_q_items(object), (struct k0 *[]){keys, values}, 2 * sizeof(struct k0 *));
    return object;
}

static struct k0 *make_table(struct k0 *dictionary)
{
    struct k0 *object = objects_atom(QL_Q_TABLE);
    object->k = dictionary;
    return object;
}

static char *intern(char *text)
{
    return objects_intern(text);
}

static void release(struct k0 *object)
{
    (void)object;
}

static struct k0 *same(struct k0 *object)
{
    return object;
}

const ql_q_api objects_api = {
    .ka = objects_atom,
    .kb = make_boolean,
    .ku = make_guid,
    .ks = make_symbol,
    .ktn = objects_vector,
    .ss = intern,
    .xD = make_dictionary,
    .xT = make_table,
    .r0 = release,
    .ee = same,
};

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

static bool same_symbols(const char *const *a, const char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool all_same(const ql_q_value *a, const ql_q_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!objects_same(&a[i], &b[i]))
            return false;
    return true;
}

bool objects_same(const ql_q_value *a, const ql_q_value *b)
{
    if (a->type != b->type || a->count != b->count || a->width != b->width)
        return false;
    switch (a->type) {
    case QL_Q_NIL:
        return true;
    case -QL_Q_SYMBOL:
        return strcmp(a->symbol, b->symbol) == 0;
    case QL_Q_SYMBOL:
        return same_symbols(a->symbols, b->symbols, a->count);
    case QL_Q_LIST:
        return all_same(a->items, b->items, a->count);
    case QL_Q_DICTIONARY:
        return all_same(a->items, b->items, 2);
    case QL_Q_TABLE:
        return same_symbols(a->table.names, b->table.names, a->width) &&
               all_same(a->table.columns, b->table.columns, a->width);
    default:
        return !a->count ||
               memcmp(a->type < 0 ? (const void *)&a->i64 : a->data,
                      b->type < 0 ? (const void *)&b->i64 : b->data, ql_q_width(a->type) * a->count) == 0;
    }
}
