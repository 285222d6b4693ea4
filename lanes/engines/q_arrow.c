#include "lanes/engines/q_arrow.h"

#include <errno.h>
#include <stdlib.h>

#include "affinity/error.h"

/* ---- The columns ------------------------------------------------------------------------------------------------- */

int qli_arrow_find_fields(const ql_q_value *table, qli_arrow_fields *fields, ql_error *error)
{
    *fields = (qli_arrow_fields){0};
    if (table && table->type == QL_Q_TABLE) {
        fields->parts[fields->count++] = table;
    } else if (table && table->type == QL_Q_DICTIONARY && table->items[0].type == QL_Q_TABLE &&
               table->items[1].type == QL_Q_TABLE) {
        fields->parts[fields->count++] = &table->items[0];
        fields->parts[fields->count++] = &table->items[1];
    }
    for (unsigned i = 0; i < fields->count; i++)
        fields->width += fields->parts[i]->width;
    fields->rows = table ? table->count : 0;
    return fields->count ? 0 : qli_error_set(error, -EINVAL, "only a table can become Arrow");
}

static const ql_q_value *part_of(const qli_arrow_fields *fields, size_t *i)
{
    const ql_q_value *first = fields->parts[0];
    if (*i < first->width)
        return first;
    *i -= first->width;
    return fields->parts[1];
}

const ql_q_value *qli_arrow_column(const qli_arrow_fields *fields, size_t i)
{
    const ql_q_value *part = part_of(fields, &i);
    return &part->table.columns[i];
}

const char *qli_arrow_name(const qli_arrow_fields *fields, size_t i)
{
    const ql_q_value *part = part_of(fields, &i);
    return part->table.names[i];
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */

const char *qli_arrow_format(int32_t type)
{
    static const char *const formats[] = {
        [QL_Q_BOOLEAN] = "b",     [QL_Q_GUID] = "w:16",      [QL_Q_BYTE] = "C",     [QL_Q_SHORT] = "s",
        [QL_Q_INT] = "i",         [QL_Q_LONG] = "l",         [QL_Q_REAL] = "f",     [QL_Q_FLOAT] = "g",
        [QL_Q_SYMBOL] = "i",      [QL_Q_TIMESTAMP] = "tsn:", [QL_Q_MONTH] = "tdD",  [QL_Q_DATE] = "tdD",
        [QL_Q_DATETIME] = "tsn:", [QL_Q_TIMESPAN] = "tDn",   [QL_Q_MINUTE] = "tts", [QL_Q_SECOND] = "tts",
        [QL_Q_TIME] = "ttm",
    };
    return type >= 0 && (size_t)type < sizeof(formats) / sizeof(*formats) ? formats[type] : NULL;
}

bool qli_arrow_differs(int32_t type)
{
    return type == QL_Q_BOOLEAN || type == QL_Q_TIMESTAMP || type == QL_Q_MONTH || type == QL_Q_DATE ||
           type == QL_Q_DATETIME || type == QL_Q_MINUTE;
}

/* ---- Schemas ----------------------------------------------------------------------------------------------------- */

/* As Arrow has it: numbers of the machine's order, each before its text. */
static const char type_key[] = "q.type";
typedef struct metadata {
    char bytes[4 + 4 + sizeof(type_key) - 1 + 4 + 4];
} metadata;

static void make_metadata(metadata *made, int32_t type)
{
    const int32_t pairs = 1, key_length = sizeof(type_key) - 1, value_length = 2;
    char *to = made->bytes;
    memcpy(to, &pairs, 4);
    memcpy(to + 4, &key_length, 4);
    memcpy(to + 8, type_key, sizeof(type_key) - 1);
    to += 8 + key_length;
    memcpy(to, &value_length, 4);
    to[4] = (char)('0' + type / 10);
    to[5] = (char)('0' + type % 10);
}

int32_t qli_arrow_stated_type(const char *text)
{
    int32_t pairs, length;
    if (!text)
        return 0;
    memcpy(&pairs, text, 4);
    text += 4;
    for (int32_t i = 0; i < pairs; i++) {
        memcpy(&length, text, 4);
        bool ours = length == sizeof(type_key) - 1 && memcmp(text + 4, type_key, sizeof(type_key) - 1) == 0;
        text += 4 + length;
        memcpy(&length, text, 4);
        if (ours && length == 2)
            return (text[4] - '0') * 10 + (text[5] - '0');
        text += 4 + length;
    }
    return 0;
}

/* A field, with what it points at; each is freed by its own release, so that it can be moved. */
typedef struct field {
    struct ArrowSchema schema, dictionary; /* schema first */
    metadata meta;
    char name[];
} field;

static void release_dictionary(struct ArrowSchema *schema)
{
    schema->release = NULL; /* it lies in its field */
}

static void release_field(struct ArrowSchema *schema)
{
    void *made = schema->private_data;
    schema->release = NULL;
    free(made);
}

/* The children's structs lie in their fields, whose release frees them, moved or not: so they are looked up here. */
typedef struct fields_memory {
    struct ArrowSchema **children;
    struct ArrowSchema shells[];
} fields_memory;

static void release_struct(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    fields_memory *memory = schema->private_data;
    schema->release = NULL;
    free(memory->children);
    free(memory);
}

static int make_field(struct ArrowSchema *to, const ql_q_value *column, const char *name, const char *format,
                      const char *dictionary_format)
{
    size_t length = strlen(name) + 1;
    field *made = calloc(1, sizeof(*made) + length);
    if (!made)
        return -ENOMEM;
    memcpy(made->name, name, length);
    make_metadata(&made->meta, column->type);
    *to = (struct ArrowSchema){.format = format,
                               .name = made->name,
                               .metadata = made->meta.bytes,
                               .flags = ARROW_FLAG_NULLABLE,
                               .release = release_field,
                               .private_data = made};
    made->dictionary =
        (struct ArrowSchema){.format = dictionary_format, .name = "", .release = release_dictionary};
    if (column->type == QL_Q_SYMBOL)
        to->dictionary = &made->dictionary;
    return 0;
}

int qli_arrow_make_schema(const qli_arrow_fields *fields, const char *const *formats,
                          struct ArrowSchema *schema, ql_error *error)
{
    size_t width = fields->width;
    fields_memory *memory = calloc(1, sizeof(*memory) + width * sizeof(struct ArrowSchema));
    struct ArrowSchema **children = calloc(width + 1, sizeof(struct ArrowSchema *));
    struct ArrowSchema made = {
        .format = "+s", .name = "", .children = children, .release = release_struct, .private_data = memory};
    int code = memory && children ? 0 : -ENOMEM;
    if (!code)
        memory->children = children;
    for (size_t i = 0; i < width && !code; i++) {
        children[i] = &memory->shells[i];
        made.n_children = (int64_t)i + 1;
        code = make_field(children[i], qli_arrow_column(fields, i), qli_arrow_name(fields, i), formats[i],
                          formats[width + i]);
    }
    if (code) {
        if (memory && children)
            release_struct(&made);
        else
            free(children), free(memory);
        return qli_error_set(error, code, "no memory for a schema of %zu columns", width);
    }
    *schema = made;
    return 0;
}

/* ---- Text and days ----------------------------------------------------------------------------------------------- */

/* How long the sequence at `text` is; 0: it is none. */
static size_t sequence(const unsigned char *text, size_t left)
{
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xc2 ? 0
                    : text[0] < 0xe0 ? 2
                    : text[0] < 0xf0 ? 3
                    : text[0] < 0xf5 ? 4
                                     : 0;
    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool surrogate = text[0] == 0xed && text[1] > 0x9f, beyond = text[0] == 0xf4 && text[1] > 0x8f;
    return length > 1 && (overlong || surrogate || beyond) ? 0 : length;
}

bool qli_arrow_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text;
    for (size_t step; length; at += step, length -= step) {
        step = sequence(at, length);
        if (!step)
            return false;
    }
    return true;
}

/* A year that begins in March ends with its leap day. */
int64_t qli_arrow_days(int32_t month)
{
    int64_t months = (int64_t)month + 2000 * 12 - 2;
    int64_t year = months >= 0 ? months / 12 : -((11 - months) / 12), in_year = months - year * 12;
    int64_t century = year >= 0 ? year / 100 : -((99 - year) / 100);
    int64_t fours = year >= 0 ? year / 4 : -((3 - year) / 4),
            eras = century >= 0 ? century / 4 : -((3 - century) / 4);
    return year * 365 + fours - century + eras + (in_year * 153 + 2) / 5 - 719468;
}

int64_t qli_arrow_month(int64_t days)
{
    /* Near enough, then to the month. */
    int64_t month = (days - QLI_EPOCH_DAYS) * 4800 / 146097;
    while (qli_arrow_days((int32_t)month) > days)
        month--;
    while (qli_arrow_days((int32_t)month + 1) <= days)
        month++;
    return month;
}
