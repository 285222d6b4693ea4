/* Plain memory to q's objects: first the value is checked, whole, then the object is made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "lanes/engines/q_convert.h"

static struct k0 *write_value(const ql_q_api *api, const ql_q_value *value);

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

static int check_value(const ql_q_value *value, unsigned depth, ql_error *error);

static int check_symbol(const char *symbol, ql_error *error)
{
    if (!symbol)
        return qli_error_set(error, -EINVAL, "a symbol is NULL; the null symbol is \"\"");
    if (strnlen(symbol, QL_Q_SYMBOL_MAX + 1) > QL_Q_SYMBOL_MAX)
        return qli_error_set(error, -E2BIG, "a symbol of more than %d bytes: q would keep it for ever",
                             QL_Q_SYMBOL_MAX);
    return 0;
}

static int check_symbols(const char *const *symbols, size_t count, ql_error *error)
{
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        if (!i || symbols[i] != symbols[i - 1])
            code = check_symbol(symbols[i], error);
    return code;
}

static int check_all(const ql_q_value *values, size_t count, unsigned depth, ql_error *error)
{
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        code = check_value(values + i, depth, error);
    return code;
}

static int check_table(const ql_q_value *value, unsigned depth, ql_error *error)
{
    const ql_q_value *columns = value->table.columns;
    if (!value->width || !columns || !value->table.names)
        return qli_error_set(error, -EINVAL, "a table without columns, or without their names");
    int code = check_symbols(value->table.names, value->width, error);
    for (uint32_t i = 0; i < value->width && !code; i++) {
        const char *name = value->table.names[i];
        if (columns[i].type < 0 || columns[i].type >= QL_Q_TABLE)
            code = qli_error_set(error, -EINVAL, "column '%.64s' of a table is no vector or list", name);
        else if (columns[i].count != value->count)
            code = qli_error_set(error, -EINVAL,
                                 "a table with columns of different length: '%.64s' has %zu, the table %zu",
                                 name, columns[i].count, value->count);
        else
            code = check_value(columns + i, depth, error);
    }
    return code;
}

static int check_dictionary(const ql_q_value *value, unsigned depth, ql_error *error)
{
    const ql_q_value *pair = value->items;
    if (!pair || pair[0].type < 0 || pair[1].type < 0 || pair[0].count != pair[1].count)
        return qli_error_set(error, -EINVAL, "a dictionary needs as many keys as values");
    return check_all(pair, 2, depth, error);
}

static int check_value(const ql_q_value *value, unsigned depth, ql_error *error)
{
    if (depth > QL_Q_DEPTH_MAX)
        return qli_error_set(error, -E2BIG, "a value of more than %d deep", QL_Q_DEPTH_MAX);
    if (value->type == QL_Q_NIL)
        return 0;
    if (value->type == -QL_Q_SYMBOL)
        return check_symbol(value->symbol, error);
    if (value->type == QL_Q_TABLE)
        return check_table(value, depth + 1, error);
    if (value->type == QL_Q_DICTIONARY)
        return check_dictionary(value, depth + 1, error);
    if (value->type != QL_Q_LIST && !ql_q_width(value->type))
        return qli_error_set(error, -EINVAL, "a value of type %d, which is unknown", value->type);
    if (value->type < 0)
        return 0;
    if (value->count > PTRDIFF_MAX / sizeof(ql_q_value))
        return qli_error_set(error, -E2BIG, "a vector of %zu", value->count);
    if (value->count && !value->data)
        return qli_error_set(error, -EINVAL, "a vector of %zu at NULL", value->count);
    if (value->type == QL_Q_SYMBOL)
        return check_symbols(value->symbols, value->count, error);
    return value->type == QL_Q_LIST ? check_all(value->items, value->count, depth + 1, error) : 0;
}

/* ---- Objects: NULL where q has no memory -------------------------------------------------------------------------- */

static struct k0 *write_atom(const ql_q_api *api, const ql_q_value *value)
{
    ql_q_guid guid;
    switch (-value->type) {
    case QL_Q_BOOLEAN:
        return api->kb(value->byte != 0);
    case QL_Q_GUID:
        memcpy(&guid, &value->guid, sizeof(guid));
        return api->ku(guid);
    case QL_Q_SYMBOL:
        return api->ks((char *)(uintptr_t)value->symbol);
    default: {
        struct k0 *object = api->ka(value->type);
        if (object)
            memcpy(&object->j, &value->i64, ql_q_width(value->type));
        return object;
    }
    }
}

static struct k0 *write_nil(const ql_q_api *api)
{
    struct k0 *object = api->ka(QL_Q_NIL);
    if (object)
        object->g = 0;
    return object;
}

static struct k0 *write_symbols(const ql_q_api *api, const char *const *symbols, size_t count)
{
    struct k0 *object = api->ktn(QL_Q_SYMBOL, (long long)count);
    char **to = object ? ql_q_items(object) : NULL;
    for (size_t i = 0; to && i < count; i++)
        to[i] = i && symbols[i] == symbols[i - 1] ? to[i - 1] : api->ss((char *)(uintptr_t)symbols[i]);
    return object;
}

static struct k0 *write_vector(const ql_q_api *api, const ql_q_value *value)
{
    struct k0 *object = api->ktn(value->type, (long long)value->count);
    if (object && value->count)
        memcpy(ql_q_items(object), value->data, value->count * ql_q_width(value->type));
    return object;
}

/* Only as long as what was made, so that r0() frees no more. */
static struct k0 *give_up(const ql_q_api *api, struct k0 *list, size_t made)
{
    list->n = (long long)made;
    api->r0(list);
    return NULL;
}

static struct k0 *write_list(const ql_q_api *api, const ql_q_value *values, size_t count)
{
    struct k0 *list = api->ktn(QL_Q_LIST, (long long)count);
    struct k0 **to = list ? ql_q_items(list) : NULL;
    for (size_t i = 0; to && i < count; i++) {
        to[i] = write_value(api, values + i);
        if (!to[i])
            return give_up(api, list, i);
    }
    return list;
}

/* Of two that may be NULL; takes both. */
static struct k0 *write_pair(const ql_q_api *api, struct k0 *keys, struct k0 *values)
{
    if (keys && values)
        return api->ee(api->xD(keys, values));
    if (keys)
        api->r0(keys);
    if (values)
        api->r0(values);
    return NULL;
}

static struct k0 *write_table(const ql_q_api *api, const char *const *names, uint32_t width,
                              struct k0 *columns)
{
    struct k0 *dictionary = write_pair(api, write_symbols(api, names, width), columns);
    return dictionary && dictionary->t != QL_Q_ERROR ? api->ee(api->xT(dictionary)) : dictionary;
}

static struct k0 *write_value(const ql_q_api *api, const ql_q_value *value)
{
    if (value->type < 0)
        return write_atom(api, value);
    switch (value->type) {
    case QL_Q_NIL:
        return write_nil(api);
    case QL_Q_SYMBOL:
        return write_symbols(api, value->symbols, value->count);
    case QL_Q_LIST:
        return write_list(api, value->items, value->count);
    case QL_Q_TABLE:
        return write_table(api, value->table.names, value->width,
                           write_list(api, value->table.columns, value->width));
    case QL_Q_DICTIONARY:
        return write_pair(api, write_value(api, value->items), write_value(api, value->items + 1));
    default:
        return write_vector(api, value);
    }
}

/* NULL and q's error objects are errors. */
static int made(const ql_q_api *api, struct k0 *object, struct k0 **out, ql_error *error)
{
    *out = NULL;
    if (!object)
        return qli_error_set(error, -ENOMEM, "q has no memory for a value");
    if (object->t == QL_Q_ERROR) {
        int code = qli_error_set(error, -EINVAL, "q refused a value: '%s", object->s ? object->s : "");
        api->r0(object);
        return code;
    }
    *out = object;
    return 0;
}

int qli_q_write(const ql_q_api *api, const ql_q_value *value, struct k0 **object, ql_error *error)
{
    int code = check_value(value, 0, error);
    *object = NULL;
    return code ? code : made(api, write_value(api, value), object, error);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

/* A column of the cells of rows, which stand `width` apart. */
typedef struct column {
    const char *name;
    const ql_q_value *cells;
    size_t width, rows;
    int32_t
        type; /* of the vector that it becomes; QL_Q_LIST if its cells are no atoms; QL_Q_NIL: all are nil */
} column;

static int check_column(column *at, ql_error *error)
{
    int code = 0;
    at->type = QL_Q_NIL;
    for (size_t i = 0; i < at->rows && !code; i++) {
        const ql_q_value *cell = at->cells + i * at->width;
        code = check_value(cell, 1, error);
        if (code)
            break;
        int32_t type = cell->type == QL_Q_NIL ? at->type : cell->type < 0 ? -cell->type : QL_Q_LIST;
        if (at->type == QL_Q_NIL)
            at->type = type;
        if (type != at->type)
            code = qli_error_set(error, -EINVAL,
                                 "row %zu of column '%.64s' is of type %d, unlike those before it", i,
                                 at->name, cell->type);
    }
    return code;
}

static void store_null(int32_t type, char *to, char *no_symbol)
{
    static const int16_t null_short = QL_Q_NULL_SHORT;
    static const int32_t null_int = QL_Q_NULL_INT;
    static const int64_t null_long = QL_Q_NULL_LONG;
    const float null_real = __builtin_nanf("");
    const double null_float = __builtin_nan("");
    size_t size = ql_q_width(type);
    if (type == QL_Q_REAL)
        memcpy(to, &null_real, size);
    else if (type == QL_Q_FLOAT || type == QL_Q_DATETIME)
        memcpy(to, &null_float, size);
    else if (type == QL_Q_SYMBOL)
        memcpy(to, &no_symbol, size);
    else if (type == QL_Q_CHAR)
        *to = ' ';
    else if (size == 8)
        memcpy(to, &null_long, size);
    else if (size == 4)
        memcpy(to, &null_int, size);
    else if (size == 2)
        memcpy(to, &null_short, size);
    else
        memset(to, 0, size);
}

static void store_cells(const ql_q_api *api, const column *at, char *to)
{
    size_t size = ql_q_width(at->type);
    char *no_symbol = at->type == QL_Q_SYMBOL ? api->ss((char *)(uintptr_t) "") : NULL;
    for (size_t i = 0; i < at->rows; i++, to += size) {
        const ql_q_value *cell = at->cells + i * at->width;
        char *symbol;
        if (cell->type == QL_Q_NIL) {
            store_null(at->type, to, no_symbol);
        } else if (at->type == QL_Q_SYMBOL) {
            symbol = api->ss((char *)(uintptr_t)cell->symbol);
            memcpy(to, &symbol, size);
        } else {
            memcpy(to, &cell->i64, size);
        }
    }
}

static struct k0 *write_column(const ql_q_api *api, const column *at)
{
    bool list = at->type == QL_Q_LIST || at->type == QL_Q_NIL;
    struct k0 *object = api->ktn(list ? QL_Q_LIST : at->type, (long long)at->rows);
    if (!object)
        return NULL;
    struct k0 **items = ql_q_items(object);
    if (!list)
        store_cells(api, at, (char *)items);
    for (size_t i = 0; list && i < at->rows; i++) {
        items[i] = write_value(api, at->cells + i * at->width);
        if (!items[i])
            return give_up(api, object, i);
    }
    return object;
}

int qli_q_write_rows(const ql_q_api *api, const char *const *names, uint32_t width, const ql_q_value *cells,
                     size_t rows, struct k0 **object, ql_error *error)
{
    *object = NULL;
    if (!width || !names || (rows && !cells) || rows > PTRDIFF_MAX / sizeof(*cells) / width)
        return qli_error_set(error, -EINVAL, "rows without names of columns, or without cells");
    int code = check_symbols(names, width, error);
    struct k0 *columns = code ? NULL : api->ktn(QL_Q_LIST, width);
    for (uint32_t i = 0; columns && i < width && !code; i++) {
        column at = {.name = names[i], .cells = cells + i, .width = width, .rows = rows};
        struct k0 **to = (struct k0 **)ql_q_items(columns) + i;
        code = check_column(&at, error);
        *to = code ? NULL : write_column(api, &at);
        if (!*to)
            columns = give_up(api, columns, i);
    }
    if (code)
        return code;
    return made(api, columns ? write_table(api, names, width, columns) : NULL, object, error);
}
