/* A table of q as Arrow. What is the same in both stays where it is, in the table's block; the rest is made anew. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "affinity/error.h"
#include "core/atomics.h"
#include "lanes/engines/q_arrow.h"

/* All memory behind the arrays, for as long as one of them is not released. */
typedef struct holder {
    uint32_t references;
    ql_q_value *table;
    struct ArrowArray *columns, **children; /* each with a place for its dictionary behind all columns */
    const void *(*buffers)[3];              /* of the columns, then of their dictionaries */
    void **owned;                           /* buffers that were made */
    size_t owned_count;
    const void *no_buffer;
} holder;

static void destroy(holder *all)
{
    for (size_t i = 0; i < all->owned_count; i++)
        free(all->owned[i]);
    free(all->owned);
    free(all->buffers);
    free(all->children);
    free(all->columns);
    ql_q_free(all->table);
    free(all);
}

static void release_array(struct ArrowArray *array)
{
    holder *all = array->private_data;
    for (int64_t i = 0; i < array->n_children; i++)
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
    if (array->dictionary && array->dictionary->release)
        array->dictionary->release(array->dictionary);
    array->release = NULL;
    /* ORDER arrow:release (acquire, release): the last one frees what all have read. */
    if (qli_fetch_sub(&all->references, 1, __ATOMIC_ACQ_REL) == 1)
        destroy(all);
}

/* ---- Buffers ----------------------------------------------------------------------------------------------------- */

/* NULL: no memory. */
static void *own(holder *all, size_t size)
{
    void *buffer = calloc(1, size ? size : 1);
    if (buffer)
        all->owned[all->owned_count++] = buffer;
    return buffer;
}

static bool is_null(const ql_q_value *column, size_t i)
{
    static const ql_q_guid no_guid;
    switch (column->type) {
    case QL_Q_GUID:
        return memcmp(&column->guids[i], &no_guid, sizeof(no_guid)) == 0;
    case QL_Q_SHORT:
        return column->shorts[i] == QL_Q_NULL_SHORT;
    case QL_Q_REAL:
        return isnan(column->reals[i]);
    case QL_Q_FLOAT:
    case QL_Q_DATETIME:
        return isnan(column->floats[i]);
    case QL_Q_SYMBOL:
        return !*column->symbols[i];
    case QL_Q_BOOLEAN:
    case QL_Q_BYTE:
    case QL_Q_CHAR:
    case QL_Q_LIST:
        return false;
    default:
        return ql_q_width(column->type) == 8 ? column->longs[i] == QL_Q_NULL_LONG
                                             : column->ints[i] == QL_Q_NULL_INT;
    }
}

/* A bit for each that is not null; *bits is NULL where none is. */
static int make_validity(holder *all, const ql_q_value *column, const void **bits, int64_t *nulls)
{
    uint8_t *made = NULL;
    *nulls = 0;
    for (size_t i = 0; i < column->count; i++) {
        if (!is_null(column, i))
            continue;
        if (!made && (made = own(all, column->count / 8 + 1)))
            memset(made, 0xff, column->count / 8 + 1);
        if (!made)
            return -ENOMEM;
        made[i / 8] &= (uint8_t) ~(1u << i % 8);
        ++*nulls;
    }
    *bits = made;
    return 0;
}

/* ---- Numbers and times ------------------------------------------------------------------------------------------- */

static int64_t shift_long(int64_t value, int64_t by)
{
    return value > INT64_MAX - by ? INT64_MAX : value == -INT64_MAX ? -INT64_MAX : value + by;
}

/* Infinities, and what is near them, stay the greatest and the least. */
static int32_t within_int(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < -INT32_MAX ? -INT32_MAX : (int32_t)value;
}

static int64_t from_datetime(double days)
{
    double ms = nearbyint(days * 86400e3) + (double)QLI_EPOCH_S * 1e3;
    return ms * 1e6 >= 0x1p63 ? INT64_MAX : ms * 1e6 <= -0x1p63 ? -INT64_MAX : (int64_t)ms * 1000000;
}

static int32_t from_int(int32_t type, int32_t value)
{
    if (value == INT32_MAX || value <= -INT32_MAX)
        return value;
    switch (type) {
    case QL_Q_MONTH:
        return within_int(qli_arrow_days(value));
    case QL_Q_DATE:
        return within_int((int64_t)value + QLI_EPOCH_DAYS);
    default:
        return within_int((int64_t)value * 60); /* a minute */
    }
}

/* Those that differ. */
static int make_numbers(holder *all, const ql_q_value *column, const void **made)
{
    size_t count = column->count, width = column->type == QL_Q_DATETIME ? 8 : ql_q_width(column->type);
    void *to = own(all, column->type == QL_Q_BOOLEAN ? count / 8 + 1 : count * width);
    *made = to;
    if (!to)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (column->type == QL_Q_BOOLEAN)
            ((uint8_t *)to)[i / 8] |= (uint8_t)((column->bytes[i] != 0) << i % 8);
        else if (column->type == QL_Q_TIMESTAMP)
            ((int64_t *)to)[i] = shift_long(column->longs[i], QLI_EPOCH_S * INT64_C(1000000000));
        else if (column->type == QL_Q_DATETIME)
            ((int64_t *)to)[i] = isnan(column->floats[i]) ? INT64_MIN : from_datetime(column->floats[i]);
        else
            ((int32_t *)to)[i] = from_int(column->type, column->ints[i]);
    }
    return 0;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

/* `count` texts as offsets and bytes. */
typedef struct texts {
    const char *(*get)(const void *from, size_t i, size_t *length);
    const void *from;
    size_t count;
} texts;

static const char *get_character(const void *from, size_t i, size_t *length)
{
    *length = 1;
    return (const char *)from + i;
}

static const char *get_symbol(const void *from, size_t i, size_t *length)
{
    const char *symbol = ((const char *const *)from)[i];
    *length = strlen(symbol);
    return symbol;
}

static const char *get_text(const void *from, size_t i, size_t *length)
{
    const ql_q_value *item = (const ql_q_value *)from + i;
    *length = item->type == QL_Q_LIST ? 0 : item->count;
    return item->type == -QL_Q_CHAR ? &item->character : item->text;
}

/* *format is u, or z where it is no UTF-8; in capitals where it is long. */
static int make_texts(holder *all, const texts *list, const void **buffers, const char **format)
{
    size_t total = 0, length;
    bool utf8 = true;
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->get(list->from, i, &length);
        total += length;
        utf8 = utf8 && qli_arrow_is_utf8(text, length);
    }
    bool is_long = total > INT32_MAX;
    *format = is_long ? utf8 ? "U" : "Z" : utf8 ? "u" : "z";
    char *bytes = own(all, total), *offsets = own(all, (list->count + 1) * (is_long ? 8 : 4));
    if (!bytes || !offsets)
        return -ENOMEM;
    int64_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->get(list->from, i, &length);
        if (length)
            memcpy(bytes + at, text, length);
        at += (int64_t)length;
        if (is_long)
            ((int64_t *)(void *)offsets)[i + 1] = at;
        else
            ((int32_t *)(void *)offsets)[i + 1] = (int32_t)at;
    }
    buffers[1] = offsets;
    buffers[2] = bytes;
    return 0;
}

/* ---- Symbols: a number for each, and the texts once ---------------------------------------------------------------- */

static int make_symbols(holder *all, const ql_q_value *column, const void **numbers, texts *distinct)
{
    qli_q_symbols met = {0};
    int32_t *to = own(all, column->count * sizeof(*to));
    int code = to ? qli_q_symbols_begin(&met) : -ENOMEM;
    for (size_t i = 0; i < column->count && !code; i++)
        code = qli_q_symbols_add(&met, column->symbols[i]);
    const char **kept = code ? NULL : own(all, met.count * sizeof(*kept));
    code = code ? code : kept ? 0 : -ENOMEM;
    for (size_t i = 0; i < met.count && !code; i++) {
        kept[i] = met.order[i];
        qli_q_symbols_slot(&met, kept[i])->offset = (uint32_t)i;
    }
    for (size_t i = 0; i < column->count && !code; i++)
        to[i] = (int32_t)qli_q_symbols_slot(&met, column->symbols[i])->offset;
    *numbers = to;
    *distinct = (texts){get_symbol, kept, met.count};
    qli_q_symbols_fini(&met);
    return code;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------- */

static void set_array(holder *all, struct ArrowArray *array, const void **buffers, int64_t buffers_count,
                      size_t length)
{
    *array = (struct ArrowArray){.length = (int64_t)length,
                                 .n_buffers = buffers_count,
                                 .buffers = buffers,
                                 .release = release_array,
                                 .private_data = all};
    all->references++;
}

static int make_dictionary(holder *all, const ql_q_value *column, size_t place, size_t width,
                           const char **format)
{
    texts distinct;
    const void **buffers = all->buffers[width + place];
    struct ArrowArray *array = &all->columns[width + place];
    int code = make_symbols(all, column, &all->buffers[place][1], &distinct);
    if (!code)
        code = make_texts(all, &distinct, buffers, format);
    if (code)
        return code;
    set_array(all, array, buffers, 3, distinct.count);
    all->columns[place].dictionary = array;
    return 0;
}

static bool all_texts(const ql_q_value *column)
{
    for (size_t i = 0; i < column->count; i++) {
        const ql_q_value *item = &column->items[i];
        if (item->type != QL_Q_CHAR && item->type != -QL_Q_CHAR && (item->type != QL_Q_LIST || item->count))
            return false;
    }
    return true;
}

static int make_column(holder *all, const ql_q_value *column, const char *name, size_t place, size_t width,
                       const char **format, ql_error *error)
{
    const void **buffers = all->buffers[place];
    bool text = column->type == QL_Q_LIST || column->type == QL_Q_CHAR;
    int64_t nulls;
    if (column->type == QL_Q_LIST && !all_texts(column))
        return qli_error_set(error, -ENOTSUP, "column '%.64s' has lists that are no texts", name);
    *format = qli_arrow_format(column->type);
    int code = make_validity(all, column, &buffers[0], &nulls);
    set_array(all, &all->columns[place], buffers, text ? 3 : 2, column->count);
    all->columns[place].null_count = nulls;
    if (code)
        return qli_error_set(error, code, "no memory for column '%.64s'", name);
    texts list = {column->type == QL_Q_LIST ? get_text : get_character, column->data, column->count};
    buffers[1] = column->data;
    if (text)
        code = make_texts(all, &list, buffers, format);
    else if (column->type == QL_Q_SYMBOL)
        code = make_dictionary(all, column, place, width, format + width);
    else if (qli_arrow_differs(column->type))
        code = make_numbers(all, column, &buffers[1]);
    return code ? qli_error_set(error, code, "no memory for column '%.64s'", name) : 0;
}

static holder *make_holder(size_t width)
{
    holder *all = calloc(1, sizeof(*all));
    if (!all)
        return NULL;
    all->references = 1;
    all->columns = calloc(2 * width + 1, sizeof(*all->columns));
    all->children = calloc(width + 1, sizeof(struct ArrowArray *));
    all->buffers = calloc(2 * width + 1, sizeof(*all->buffers));
    all->owned = calloc(6 * width + 1, sizeof(void *)); /* a column makes at most six */
    if (all->columns && all->children && all->buffers && all->owned)
        return all;
    destroy(all);
    return NULL;
}

int ql_q_to_arrow(ql_q_value *table, struct ArrowSchema *schema, struct ArrowArray *array, ql_error *error)
{
    qli_arrow_fields fields;
    int code = qli_arrow_find_fields(table, &fields, error);
    if (code)
        return code;
    size_t width = fields.width;
    const char **formats = calloc(2 * width + 1, sizeof(*formats)); /* then the dictionaries' */
    holder *all = make_holder(width);
    if (!all || !formats)
        code = qli_error_set(error, -ENOMEM, "no memory for %zu columns", width);
    for (size_t i = 0; i < width && !code; i++) {
        all->children[i] = &all->columns[i];
        code = make_column(all, qli_arrow_column(&fields, i), qli_arrow_name(&fields, i), i, width,
                           &formats[i], error);
    }
    if (!code)
        code = qli_arrow_make_schema(&fields, formats, schema, error);
    free(formats);
    if (code) {
        if (all)
            destroy(all);
        return code;
    }
    set_array(all, array, &all->no_buffer, 1, fields.rows);
    all->references--; /* its own was there from the start */
    array->n_children = (int64_t)width;
    array->children = all->children;
    all->table = table;
    return 0;
}
