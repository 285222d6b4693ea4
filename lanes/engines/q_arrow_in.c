/* Arrow to a table of q: a copy in one block. As with q's objects it is measured first, then filled, by the same code. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "affinity/error.h"
#include "lanes/engines/q_arrow.h"

typedef struct walk {
    ql_error *error;
    char *block; /* NULL: it measures */
    size_t used;
} walk;

/* A column of the struct. */
typedef struct source {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    const char *name;
    size_t offset, rows;           /* with the struct's own offset */
    int32_t type;                  /* of q */
    int64_t multiply, divide, add; /* from Arrow's number to q's: x * multiply / divide + add */
    unsigned width;                /* of Arrow's number in bytes; 0: it is none */
    bool is_signed, is_float;
} source;

static void *take(walk *at, size_t size)
{
    void *to = at->block ? at->block + at->used : NULL;
    at->used += (size + 7) & ~(size_t)7;
    return to;
}

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

typedef struct format {
    const char *format; /* its beginning, where it ends with ':' */
    int32_t type;
    unsigned width;
    bool is_signed, is_float;
    int64_t multiply, divide, add;
} format;

#define DAY_NS INT64_C(86400000000000)
static const format formats[] = {
    {"b", QL_Q_BOOLEAN, 0, false, false, 1, 1, 0},
    {"c", QL_Q_SHORT, 1, true, false, 1, 1, 0},
    {"C", QL_Q_BYTE, 1, false, false, 1, 1, 0},
    {"s", QL_Q_SHORT, 2, true, false, 1, 1, 0},
    {"S", QL_Q_INT, 2, false, false, 1, 1, 0},
    {"i", QL_Q_INT, 4, true, false, 1, 1, 0},
    {"I", QL_Q_LONG, 4, false, false, 1, 1, 0},
    {"l", QL_Q_LONG, 8, true, false, 1, 1, 0},
    {"L", QL_Q_LONG, 8, false, false, 1, 1, 0},
    {"f", QL_Q_REAL, 4, true, true, 1, 1, 0},
    {"g", QL_Q_FLOAT, 8, true, true, 1, 1, 0},
    {"w:16", QL_Q_GUID, 16, false, false, 1, 1, 0},
    {"u", QL_Q_LIST, 0, false, false, 1, 1, 0},
    {"U", QL_Q_LIST, 0, false, false, 1, 1, 0},
    {"z", QL_Q_LIST, 0, false, false, 1, 1, 0},
    {"Z", QL_Q_LIST, 0, false, false, 1, 1, 0},
    {"tdD", QL_Q_DATE, 4, true, false, 1, 1, -QLI_EPOCH_DAYS},
    {"tdm", QL_Q_TIMESTAMP, 8, true, false, 1000000, 1, -QLI_EPOCH_DAYS *DAY_NS},
    {"tss:", QL_Q_TIMESTAMP, 8, true, false, 1000000000, 1, -QLI_EPOCH_DAYS *DAY_NS},
    {"tsm:", QL_Q_TIMESTAMP, 8, true, false, 1000000, 1, -QLI_EPOCH_DAYS *DAY_NS},
    {"tsu:", QL_Q_TIMESTAMP, 8, true, false, 1000, 1, -QLI_EPOCH_DAYS *DAY_NS},
    {"tsn:", QL_Q_TIMESTAMP, 8, true, false, 1, 1, -QLI_EPOCH_DAYS *DAY_NS},
    {"tts", QL_Q_SECOND, 4, true, false, 1, 1, 0},
    {"ttm", QL_Q_TIME, 4, true, false, 1, 1, 0},
    {"ttu", QL_Q_TIMESPAN, 8, true, false, 1000, 1, 0},
    {"ttn", QL_Q_TIMESPAN, 8, true, false, 1, 1, 0},
    {"tDs", QL_Q_TIMESPAN, 8, true, false, 1000000000, 1, 0},
    {"tDm", QL_Q_TIMESPAN, 8, true, false, 1000000, 1, 0},
    {"tDu", QL_Q_TIMESPAN, 8, true, false, 1000, 1, 0},
    {"tDn", QL_Q_TIMESPAN, 8, true, false, 1, 1, 0},
};

static const format *find_format(const char *text)
{
    for (size_t i = 0; text && i < sizeof(formats) / sizeof(*formats); i++) {
        size_t length = strlen(formats[i].format);
        bool open = formats[i].format[length - 1] == ':';
        if (open ? strncmp(text, formats[i].format, length) == 0 : strcmp(text, formats[i].format) == 0)
            return &formats[i];
    }
    return NULL;
}

/* What q had, where that goes with the format. */
static void apply_stated_type(source *from)
{
    int32_t stated = qli_arrow_stated_type(from->schema->metadata);
    if ((from->type == QL_Q_DATE && stated == QL_Q_MONTH) ||
        (from->type == QL_Q_TIMESTAMP && stated == QL_Q_DATETIME) ||
        (from->type == QL_Q_LIST && (stated == QL_Q_CHAR || stated == QL_Q_SYMBOL)))
        from->type = stated;
    if (from->type == QL_Q_SECOND && stated == QL_Q_MINUTE) {
        from->type = stated;
        from->divide = 60;
    }
}

static int check_array(walk *at, const source *from, const struct ArrowArray *array, int64_t buffers,
                       size_t until)
{
    bool whole = array && array->length >= 0 && array->offset >= 0 && array->n_buffers == buffers &&
                 array->buffers && array->length <= INT64_MAX / 32 - array->offset &&
                 (size_t)(array->offset + array->length) >= until;
    for (int64_t i = 1; whole && i < buffers; i++)
        whole = array->buffers[i] || !until;
    return whole ? 0
                 : qli_error_set(
                       at->error, -EINVAL,
                       "the array of column '%.64s' is too short, or its buffers are not those of its format",
                       from->name);
}

static int describe(walk *at, source *from)
{
    const format *found = find_format(from->schema->format);
    if (!found || from->schema->n_children)
        return qli_error_set(at->error, -ENOTSUP,
                             "column '%.64s' has the format '%.32s', which q has no type for", from->name,
                             from->schema->format ? from->schema->format : "");
    from->type = found->type;
    from->width = found->width;
    from->is_signed = found->is_signed;
    from->is_float = found->is_float;
    from->multiply = found->multiply;
    from->divide = found->divide;
    from->add = found->add;
    apply_stated_type(from);
    bool text = found->type == QL_Q_LIST;
    int code = check_array(at, from, from->array, text ? 3 : 2, from->offset + from->rows);
    if (code || !from->schema->dictionary)
        return code;
    const char *values = from->schema->dictionary->format;
    if (!from->width || from->width > 8 || from->is_float || !values || strlen(values) != 1 ||
        !strchr("uUzZ", *values))
        return qli_error_set(at->error, -ENOTSUP,
                             "column '%.64s' is encoded by a dictionary that is not of text", from->name);
    from->type = QL_Q_SYMBOL;
    const struct ArrowArray *dictionary = from->array->dictionary;
    return check_array(at, from, dictionary, 3, dictionary ? (size_t)dictionary->offset : 0);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool is_valid(const source *from, size_t i)
{
    const uint8_t *bits = from->array->null_count ? from->array->buffers[0] : NULL;
    i += from->offset;
    return !bits || (bits[i / 8] >> i % 8 & 1);
}

static bool read_integer(const source *from, size_t i, int64_t *number)
{
    const char *data = (const char *)from->array->buffers[1] + (i + from->offset) * from->width;
    uint64_t bits = 0;
    memcpy(&bits, data, from->width);
    unsigned unused = 64 - 8 * from->width;
    *number = from->is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
    return from->is_signed || *number >= 0;
}

/* Text i of an array of them; false: it lies outside of what the array says it has. */
static bool read_text(const struct ArrowArray *array, bool is_long, size_t i, const char **text,
                      size_t *length)
{
    const int32_t *small = array->buffers[1];
    const int64_t *large = array->buffers[1];
    int64_t begin = is_long ? large[i] : small[i], end = is_long ? large[i + 1] : small[i + 1];
    *text = (const char *)array->buffers[2] + begin;
    *length = (size_t)(end - begin);
    return begin >= 0 && end >= begin && (end == begin || array->buffers[2]);
}

static int refuse(walk *at, const source *from, size_t i, int code, const char *why)
{
    return qli_error_set(at->error, code, "row %zu of column '%.64s' %s", i, from->name, why);
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

static void store(void *to, size_t i, unsigned width, int64_t number)
{
    /* The low bytes come first on every machine that q runs on. */
    memcpy((char *)to + i * width, &number, width);
}

static int64_t null_of(int32_t type)
{
    return type == QL_Q_SHORT ? QL_Q_NULL_SHORT : ql_q_width(type) == 4 ? QL_Q_NULL_INT : QL_Q_NULL_LONG;
}

/* The greatest and the least stay that: infinities. False: beyond what q has room for. */
static bool convert(const source *from, int64_t in, int64_t *out)
{
    bool four = from->width == 4;
    int64_t most = four ? INT32_MAX : INT64_MAX;
    if (from->is_signed && from->width >= 4 && (from->add || from->divide > 1) &&
        (in == most || in == -most)) {
        *out = in;
        return true;
    }
    if (from->type == QL_Q_MONTH) {
        *out = qli_arrow_month(in);
        return true;
    }
    if (__builtin_mul_overflow(in, from->multiply, out))
        return false;
    *out /= from->divide;
    if (__builtin_add_overflow(*out, from->add, out))
        return false;
    return ql_q_width(from->type) != 4 || (*out >= INT32_MIN && *out <= INT32_MAX);
}

static int fill_integers(walk *at, const source *from, void *to)
{
    unsigned width = (unsigned)ql_q_width(from->type);
    for (size_t i = 0; i < from->rows; i++) {
        int64_t in = 0, out = 0;
        if (!is_valid(from, i)) {
            if (from->type == QL_Q_BYTE)
                return refuse(at, from, i, -EINVAL, "is null, and q's bytes have none");
            out = null_of(from->type);
        } else if (!read_integer(from, i, &in) || !convert(from, in, &out)) {
            return refuse(at, from, i, -ERANGE, "is beyond what q has room for");
        }
        store(to, i, width, out);
    }
    return 0;
}

static void fill_floats(const source *from, void *to)
{
    const char *data = (const char *)from->array->buffers[1] + from->offset * from->width;
    if (from->rows)
        memcpy(to, data, from->rows * from->width);
    for (size_t i = 0; i < from->rows; i++) {
        if (is_valid(from, i))
            continue;
        if (from->type == QL_Q_REAL)
            ((float *)to)[i] = NAN;
        else
            ((double *)to)[i] = NAN;
    }
}

static int fill_datetimes(const source *from, double *to)
{
    for (size_t i = 0; i < from->rows; i++) {
        int64_t in = 0;
        bool valid = is_valid(from, i) && read_integer(from, i, &in);
        double ms = nearbyint((double)in * (double)from->multiply / 1e6) - (double)QLI_EPOCH_S * 1e3;
        to[i] = !valid ? NAN : in == INT64_MAX ? INFINITY : in == -INT64_MAX ? -INFINITY : ms / 86400e3;
    }
    return 0;
}

static int fill_booleans(walk *at, const source *from, uint8_t *to)
{
    const uint8_t *bits = from->array->buffers[1];
    for (size_t i = 0; i < from->rows; i++) {
        size_t place = i + from->offset;
        if (!is_valid(from, i))
            return refuse(at, from, i, -EINVAL, "is null, and q's booleans have none");
        to[i] = bits[place / 8] >> place % 8 & 1;
    }
    return 0;
}

static void fill_guids(const source *from, ql_q_guid *to)
{
    const ql_q_guid *data = (const ql_q_guid *)from->array->buffers[1] + from->offset;
    for (size_t i = 0; i < from->rows; i++)
        to[i] = is_valid(from, i) ? data[i] : (ql_q_guid){{0}};
}

static int read_numbers(walk *at, const source *from, ql_q_value *value)
{
    void *to = take(at, from->rows * ql_q_width(from->type));
    value->data = to;
    if (!to)
        return 0;
    if (from->type == QL_Q_BOOLEAN)
        return fill_booleans(at, from, to);
    if (from->type == QL_Q_DATETIME)
        return fill_datetimes(from, to);
    if (from->type != QL_Q_GUID && !from->is_float)
        return fill_integers(at, from, to);
    if (from->type == QL_Q_GUID)
        fill_guids(from, to);
    else
        fill_floats(from, to);
    return 0;
}

/* ---- Text and symbols ---------------------------------------------------------------------------------------------- */

static bool is_long_text(const struct ArrowSchema *schema)
{
    return *schema->format == 'U' || *schema->format == 'Z';
}

static int read_texts(walk *at, const source *from, ql_q_value *value)
{
    ql_q_value *items = take(at, from->rows * sizeof(*items));
    value->items = items;
    for (size_t i = 0; i < from->rows; i++) {
        const char *text = NULL;
        size_t length = 0;
        if (is_valid(from, i) &&
            !read_text(from->array, is_long_text(from->schema), i + from->offset, &text, &length))
            return refuse(at, from, i, -EINVAL, "lies outside of its array");
        char *to = take(at, length + 1);
        if (!to)
            continue;
        if (length)
            memcpy(to, text, length);
        to[length] = 0;
        items[i] = ql_q_vector(QL_Q_CHAR, to, length);
    }
    return 0;
}

static int read_characters(walk *at, const source *from, ql_q_value *value)
{
    char *to = take(at, from->rows + 1);
    value->text = to;
    for (size_t i = 0; i < from->rows && to; i++) {
        const char *text = " ";
        size_t length = 1;
        if (is_valid(from, i) &&
            !read_text(from->array, is_long_text(from->schema), i + from->offset, &text, &length))
            return refuse(at, from, i, -EINVAL, "lies outside of its array");
        if (length != 1)
            return refuse(at, from, i, -EINVAL, "is no single character");
        to[i] = *text;
    }
    if (to)
        to[from->rows] = 0;
    return 0;
}

/* A symbol's text into the block. */
static int keep_symbol(walk *at, const source *from, size_t i, const struct ArrowArray *array, bool is_long,
                       size_t place, const char **kept)
{
    const char *text;
    size_t length;
    if (!read_text(array, is_long, place, &text, &length))
        return refuse(at, from, i, -EINVAL, "lies outside of its array");
    if (length > QL_Q_SYMBOL_MAX || (length && memchr(text, 0, length)))
        return refuse(at, from, i, -EINVAL,
                      "has a zero byte, or more than 65,536 bytes: it can be no symbol");
    char *to = take(at, length + 1);
    if (to && length)
        memcpy(to, text, length);
    if (to)
        to[length] = 0;
    *kept = to;
    return 0;
}

static int read_plain_symbols(walk *at, const source *from, ql_q_value *value)
{
    const char **to = take(at, from->rows * sizeof(*to)), *none = take(at, 1), *kept = NULL;
    int code = 0;
    if (none)
        *(char *)(uintptr_t)none = 0;
    value->symbols = to;
    for (size_t i = 0; i < from->rows && !code; i++) {
        kept = none;
        if (is_valid(from, i))
            code = keep_symbol(at, from, i, from->array, is_long_text(from->schema), i + from->offset, &kept);
        if (to)
            to[i] = kept;
    }
    return code;
}

static int read_symbols(walk *at, const source *from, ql_q_value *value)
{
    const struct ArrowArray *dictionary = from->array->dictionary;
    size_t count = (size_t)dictionary->length;
    const char **texts = take(at, count * sizeof(*texts)), *kept = NULL;
    const char **to = take(at, from->rows * sizeof(*to)), *none = take(at, 1);
    source words = {.array = dictionary, .offset = (size_t)dictionary->offset};
    value->symbols = to;
    if (none)
        *(char *)(uintptr_t)none = 0;
    for (size_t i = 0; i < count; i++) {
        kept = none;
        int code = !is_valid(&words, i)
                       ? 0
                       : keep_symbol(at, from, i, dictionary, is_long_text(from->schema->dictionary),
                                     i + words.offset, &kept);
        if (code)
            return code;
        if (texts)
            texts[i] = kept;
    }
    for (size_t i = 0; i < from->rows; i++) {
        int64_t number = 0;
        bool valid = is_valid(from, i);
        if (valid && (!read_integer(from, i, &number) || number < 0 || (uint64_t)number >= count))
            return refuse(at, from, i, -EINVAL, "is not in its dictionary");
        if (to)
            to[i] = valid ? texts[number] : none;
    }
    return 0;
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

static int read_column(walk *at, source *from, ql_q_value *value)
{
    int code = describe(at, from);
    if (code)
        return code;
    *value = ql_q_vector((ql_q_type)from->type, NULL, from->rows);
    if (from->schema->dictionary)
        return read_symbols(at, from, value);
    if (from->type == QL_Q_SYMBOL)
        return read_plain_symbols(at, from, value);
    if (from->type == QL_Q_CHAR)
        return read_characters(at, from, value);
    return from->type == QL_Q_LIST ? read_texts(at, from, value) : read_numbers(at, from, value);
}

static int read_table(walk *at, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    size_t width = (size_t)schema->n_children;
    ql_q_value *table = take(at, sizeof(*table)), *columns = take(at, width * sizeof(*columns));
    const char **names = take(at, width * sizeof(*names));
    int code = 0;
    for (size_t i = 0; i < width && !code; i++) {
        ql_q_value ignored;
        const char *name = schema->children[i]->name ? schema->children[i]->name : "";
        source from = {.schema = schema->children[i],
                       .array = array->children[i],
                       .name = name,
                       .offset = (size_t)(array->offset + array->children[i]->offset),
                       .rows = (size_t)array->length};
        size_t size = strlen(name) + 1;
        char *copy = take(at, size);
        if (copy)
            names[i] = memcpy(copy, name, size);
        code = read_column(at, &from, columns ? &columns[i] : &ignored);
    }
    if (table) {
        *table = ql_q_table(names, columns, (uint32_t)width);
        table->count = (size_t)array->length;
    }
    return code;
}

static int check_struct(const struct ArrowSchema *schema, const struct ArrowArray *array, ql_error *error)
{
    if (!schema || !array || !schema->release || !array->release || !schema->format ||
        strcmp(schema->format, "+s") != 0)
        return qli_error_set(error, -EINVAL,
                             "only an array of structs that is not released can become a table");
    bool whole = array->length >= 0 && array->offset >= 0 && array->length <= INT64_MAX / 32 &&
                 array->offset <= INT64_MAX / 32 && schema->n_children == array->n_children &&
                 array->n_children >= 1 && array->n_children <= 1 << 20 && schema->children &&
                 array->children;
    for (int64_t i = 0; whole && i < array->n_children; i++)
        whole = schema->children[i] && array->children[i] && array->children[i]->offset >= 0 &&
                array->children[i]->offset <= INT64_MAX / 32;
    if (!whole)
        return qli_error_set(error, -EINVAL, "the array and its schema have not the same columns, or none");
    if (array->null_count && array->n_buffers >= 1 && array->buffers && array->buffers[0])
        return qli_error_set(error, -ENOTSUP, "a table has no null rows");
    return 0;
}

int ql_q_from_arrow(const struct ArrowSchema *schema, const struct ArrowArray *array, ql_q_value **table,
                    ql_error *error)
{
    walk at = {.error = error};
    int code = check_struct(schema, array, error);
    *table = NULL;
    if (!code)
        code = read_table(&at, schema, array);
    if (code)
        return code;
    at.block = malloc(at.used);
    if (!at.block)
        return qli_error_set(error, -ENOMEM, "no memory for a table of %zu bytes", at.used);
    at.used = 0;
    *table = (ql_q_value *)(void *)at.block;
    code = read_table(&at, schema, array);
    if (code) {
        free(at.block);
        *table = NULL;
    }
    return code;
}
