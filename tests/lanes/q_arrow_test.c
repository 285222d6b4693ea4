/* Tables of q through Arrow's C data interface and back. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "qlane/arrow.h"
#include "tests/support/harness.h"

enum { ROWS = 5 };

static const char *const symbols[ROWS] = {"a", "bc", "", "a", "bc"};
static const int64_t longs[ROWS] = {1, QL_Q_NULL_LONG, QL_Q_INFINITE_LONG, -QL_Q_INFINITE_LONG, -7};
static const int32_t ints[ROWS] = {0, QL_Q_NULL_INT, QL_Q_INFINITE_INT, -QL_Q_INFINITE_INT, -13};
static const int16_t shorts[ROWS] = {1, QL_Q_NULL_SHORT, QL_Q_INFINITE_SHORT, -QL_Q_INFINITE_SHORT, 5};
static const double floats[ROWS] = {1.5, NAN, INFINITY, -INFINITY, -0.25};
static const float reals[ROWS] = {1.5F, NAN, INFINITY, -INFINITY, -0.25F};
static const uint8_t bytes[ROWS] = {0, 1, 255, 128, 7};
static const uint8_t booleans[ROWS] = {0, 1, 1, 0, 1};
static const ql_q_guid guids[ROWS] = {{{1, 2, 3}}, {{0}}, {{255}}, {{9}}, {{8}}};
/* Seconds and times of day: what Arrow and q have alike. */
static const int32_t days[ROWS] = {0, QL_Q_NULL_INT, 86399, 1, 59};

enum { COLUMNS = 19 };
static const char *const names[COLUMNS] = {
    "boolean",   "guid",  "byte", "short",    "int",      "long",   "real",   "float", "char", "symbol",
    "timestamp", "month", "date", "datetime", "timespan", "minute", "second", "time",  "text"};

/* As q gives it: what is freed is one block; the rest of this one is static. */
static ql_q_value *make_table(void)
{
    static ql_q_value texts[ROWS];
    texts[0] = ql_q_text("one");
    texts[1] = ql_q_text("");
    texts[2] = ql_q_text("z\xc3\xbcrich");
    texts[3] = ql_q_vector(QL_Q_LIST, NULL, 0);
    texts[4] = ql_q_text("five");
    const ql_q_value columns[COLUMNS] = {
        ql_q_vector(QL_Q_BOOLEAN, booleans, ROWS), ql_q_vector(QL_Q_GUID, guids, ROWS),
        ql_q_vector(QL_Q_BYTE, bytes, ROWS),       ql_q_vector(QL_Q_SHORT, shorts, ROWS),
        ql_q_vector(QL_Q_INT, ints, ROWS),         ql_q_vector(QL_Q_LONG, longs, ROWS),
        ql_q_vector(QL_Q_REAL, reals, ROWS),       ql_q_vector(QL_Q_FLOAT, floats, ROWS),
        ql_q_vector(QL_Q_CHAR, "ab de", ROWS),     ql_q_vector(QL_Q_SYMBOL, symbols, ROWS),
        ql_q_vector(QL_Q_TIMESTAMP, longs, ROWS),  ql_q_vector(QL_Q_MONTH, ints, ROWS),
        ql_q_vector(QL_Q_DATE, ints, ROWS),        ql_q_vector(QL_Q_DATETIME, floats, ROWS),
        ql_q_vector(QL_Q_TIMESPAN, longs, ROWS),   ql_q_vector(QL_Q_MINUTE, ints, ROWS),
        ql_q_vector(QL_Q_SECOND, days, ROWS),      ql_q_vector(QL_Q_TIME, days, ROWS),
        ql_q_vector(QL_Q_LIST, texts, ROWS),
    };
    ql_q_value *block = malloc(sizeof(*block) + sizeof(columns));
    qlt_check(block);
    memcpy(block + 1, columns, sizeof(columns));
    *block = ql_q_table(names, block + 1, COLUMNS);
    return block;
}

static void same_column(const ql_q_value *found, const ql_q_value *expected, const char *name)
{
    if (found->type != expected->type || found->count != expected->count)
        qlt_fail("column %s: type %d, %zu rows", name, found->type, found->count);
    for (size_t i = 0; i < found->count; i++) {
        size_t width = ql_q_width(found->type);
        if (found->type == QL_Q_SYMBOL)
            qlt_eq_str(found->symbols[i], expected->symbols[i]);
        else if (found->type == QL_Q_FLOAT || found->type == QL_Q_DATETIME)
            qlt_check(found->floats[i] == expected->floats[i] ||
                      (isnan(found->floats[i]) && isnan(expected->floats[i])));
        else if (found->type == QL_Q_REAL)
            qlt_check(found->reals[i] == expected->reals[i] ||
                      (isnan(found->reals[i]) && isnan(expected->reals[i])));
        else if (found->type == QL_Q_LIST) {
            qlt_eq_uint(found->items[i].count, expected->items[i].count);
            qlt_check(!found->items[i].count ||
                      memcmp(found->items[i].text, expected->items[i].text, found->items[i].count) == 0);
        } else if (memcmp(found->bytes + i * width, expected->bytes + i * width, width) != 0)
            qlt_fail("column %s: row %zu differs", name, i);
    }
}

static void to_arrow(ql_q_value *table, struct ArrowSchema *schema, struct ArrowArray *array)
{
    ql_error error;
    if (ql_q_to_arrow(table, schema, array, &error))
        qlt_fail("%s", error.text);
}

static void *release_both(void *arg)
{
    struct ArrowArray *array = arg;
    array->release(array);
    return NULL;
}

QLT(q_arrow, keeps_every_type_null_and_infinity)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_q_value *back;
    ql_error error;
    to_arrow(make_table(), &schema, &array);
    qlt_eq_int(array.n_children, COLUMNS);
    qlt_eq_int(array.length, ROWS);
    if (ql_q_from_arrow(&schema, &array, &back, &error))
        qlt_fail("%s", error.text);
    ql_q_value *table = make_table();
    qlt_eq_uint(back->width, COLUMNS);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        qlt_eq_str(back->table.names[i], names[i]);
        same_column(&back->table.columns[i], &table->table.columns[i], names[i]);
    }
    schema.release(&schema);
    array.release(&array);
    qlt_check(!schema.release && !array.release);
    ql_q_free(back);
    ql_q_free(table);
}

QLT(q_arrow, nulls_are_arrows_nulls)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    to_arrow(make_table(), &schema, &array);
    for (int i = 0; i < COLUMNS; i++) {
        const struct ArrowArray *column = array.children[i];
        int64_t expected = strcmp(names[i], "boolean") == 0 || strcmp(names[i], "byte") == 0 ||
                                   strcmp(names[i], "char") == 0 || strcmp(names[i], "text") == 0
                               ? 0
                               : 1;
        if (column->null_count != expected)
            qlt_fail("column %s has %d nulls", names[i], (int)column->null_count);
        qlt_check(
            !expected ||
            !(((const uint8_t *)column->buffers[0])[0] >> (strcmp(names[i], "symbol") == 0 ? 2 : 1) & 1));
    }
    schema.release(&schema);
    array.release(&array);
}

QLT(q_arrow, a_column_moved_out_lives_on_and_is_released_on_any_thread)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    pthread_t thread;
    to_arrow(make_table(), &schema, &array);
    struct ArrowArray moved = *array.children[9];
    array.children[9]->release = NULL;
    schema.release(&schema);
    array.release(&array);
    const int32_t *number = moved.buffers[1];
    const int32_t *offsets = moved.dictionary->buffers[1];
    const char *text = moved.dictionary->buffers[2];
    qlt_eq_int(number[1], number[4]);
    qlt_check(memcmp(text + offsets[number[1]], "bc", 2) == 0);
    qlt_eq_int(pthread_create(&thread, NULL, release_both, &moved), 0);
    qlt_eq_int(pthread_join(thread, NULL), 0);
    qlt_check(!moved.release);
}

QLT(q_arrow, refuses_what_has_no_counterpart)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_error error;
    ql_q_value atom = ql_q_long(QL_Q_LONG, 1),
               lists[2] = {ql_q_vector(QL_Q_LONG, longs, 2), ql_q_vector(QL_Q_LONG, longs, 3)};
    ql_q_value column = ql_q_vector(QL_Q_LIST, lists, 2), table = ql_q_table(names, &column, 1);
    qlt_eq_int(ql_q_to_arrow(&atom, &schema, &array, &error), -EINVAL);
    qlt_eq_int(ql_q_to_arrow(&table, &schema, &array, &error), -ENOTSUP);
    qlt_has_str(error.text, "boolean");
}

QLT(q_arrow, refuses_arrays_that_contradict_themselves)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_q_value *back;
    ql_error error;
    to_arrow(make_table(), &schema, &array);
    array.children[0]->length = 4;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -EINVAL);
    qlt_has_str(error.text, "boolean");
    array.children[0]->length = ROWS;
    array.children[5]->n_buffers = 1;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -EINVAL);
    array.children[5]->n_buffers = 2;
    ((int32_t *)(uintptr_t)array.children[9]->buffers[1])[0] = 17;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -EINVAL);
    qlt_has_str(error.text, "dictionary");
    ((int32_t *)(uintptr_t)array.children[9]->buffers[1])[0] = 0;
    ((int32_t *)(uintptr_t)array.children[18]->buffers[1])[1] = -1;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -EINVAL);
    ((int32_t *)(uintptr_t)array.children[18]->buffers[1])[1] = 3;
    const char *format = schema.children[7]->format;
    schema.children[7]->format = "+l";
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -ENOTSUP);
    schema.children[7]->format = format;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), 0);
    ql_q_free(back);
    schema.release(&schema);
    array.release(&array);
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -EINVAL);
}

QLT(q_arrow, a_keyed_table_has_its_keys_first)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_error error;
    const ql_q_value columns[] = {ql_q_vector(QL_Q_SYMBOL, symbols, ROWS),
                                  ql_q_vector(QL_Q_LONG, longs, ROWS), ql_q_vector(QL_Q_INT, ints, ROWS)};
    const char *const titles[] = {"key", "long", "int"};
    ql_q_value *block = malloc(3 * sizeof(*block)), wrong[2] = {columns[0], columns[1]};
    qlt_check(block);
    block[1] = ql_q_table(titles, columns, 1);
    block[2] = ql_q_table(titles + 1, columns + 1, 2);
    block[0] = ql_q_dictionary(block + 1);
    block[0].count = ROWS;
    to_arrow(block, &schema, &array);
    qlt_eq_int(schema.n_children, 3);
    qlt_eq_int(array.n_children, 3);
    for (int i = 0; i < 3; i++)
        qlt_eq_str(schema.children[i]->name, titles[i]);
    qlt_eq_ptr(array.children[1]->buffers[1], longs);
    qlt_eq_ptr(array.children[2]->buffers[1], ints);
    schema.release(&schema);
    array.release(&array);
    ql_q_value dictionary = ql_q_dictionary(wrong);
    qlt_eq_int(ql_q_to_arrow(&dictionary, &schema, &array, &error), -EINVAL);
}

QLT(q_arrow, a_schemas_dictionary_may_be_released_before_it)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    to_arrow(make_table(), &schema, &array);
    struct ArrowSchema *dictionary = schema.children[9]->dictionary;
    dictionary->release(dictionary);
    qlt_check(!dictionary->release);
    schema.release(&schema);
    array.release(&array);
}

QLT(q_arrow, text_that_is_no_utf8_is_bytes)
{
    static const struct {
        const char *text, *format;
    } cases[] = {
        {"\xe2\x82\xac", "u"},
        {"\xf0\x9f\x98\x80", "u"},
        {"\xf4\x8f\xbf\xbf", "u"},
        {"\xed\x9f\xbf", "u"},
        {"\xff", "z"},
        {"\xf5\x80\x80\x80", "z"},
        {"\xc3", "z"},
        {"\xc3(", "z"},
        {"\xc1\xbf", "z"},
        {"\xe0\x9f\xbf", "z"},
        {"\xed\xa0\x80", "z"},
        {"\xf0\x8f\xbf\xbf", "z"},
        {"\xf4\x90\x80\x80", "z"},
        {"\x80", "z"},
    };
    static const char *const title[] = {"text"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ArrowSchema schema;
        struct ArrowArray array;
        ql_q_value text = ql_q_text(cases[i].text), column = ql_q_vector(QL_Q_LIST, &text, 1);
        ql_q_value *block = malloc(sizeof(*block));
        qlt_check(block);
        *block = ql_q_table(title, &column, 1);
        to_arrow(block, &schema, &array);
        if (strcmp(schema.children[0]->format, cases[i].format) != 0)
            qlt_fail("text %zu has the format %s", i, schema.children[0]->format);
        schema.release(&schema);
        array.release(&array);
    }
}

enum { MANY = 24000 };

/* Each month's first day, and the last one of the month before. */
QLT(q_arrow, a_day_is_in_its_month_for_two_thousand_years)
{
    static const char *const title[] = {"month"};
    static int32_t all[MANY];
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_error error;
    for (int32_t i = 0; i < MANY; i++)
        all[i] = i - MANY / 2;
    ql_q_value column = ql_q_vector(QL_Q_MONTH, all, MANY), *block = malloc(sizeof(*block)), *back;
    qlt_check(block);
    *block = ql_q_table(title, &column, 1);
    to_arrow(block, &schema, &array);
    int32_t *first = (int32_t *)(uintptr_t)array.children[0]->buffers[1];
    qlt_eq_int(first[MANY / 2], 10957);
    for (int32_t before = 0; before < 2; before++) {
        for (int32_t i = 0; i < MANY; i++)
            first[i] -= before;
        qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), 0);
        for (int32_t i = 0; i < MANY; i++)
            if (back->table.columns[0].ints[i] != all[i] - before)
                qlt_fail("day %d is in month %d", (int)first[i], (int)back->table.columns[0].ints[i]);
        ql_q_free(back);
    }
    schema.release(&schema);
    array.release(&array);
}

QLT(q_arrow, more_symbols_than_a_table_of_them_begins_with)
{
    enum { WORDS = 1000 };
    static const char *const title[] = {"word"};
    static char words[WORDS][8];
    static const char *column_of[2 * WORDS];
    struct ArrowSchema schema;
    struct ArrowArray array;
    for (int i = 0; i < 2 * WORDS; i++) {
        snprintf(words[i % WORDS], sizeof(*words), "w%d", i % WORDS);
        column_of[i] = words[i % WORDS];
    }
    ql_q_value column = ql_q_vector(QL_Q_SYMBOL, column_of, 2 * WORDS), *block = malloc(sizeof(*block));
    qlt_check(block);
    *block = ql_q_table(title, &column, 1);
    to_arrow(block, &schema, &array);
    const struct ArrowArray *dictionary = array.children[0]->dictionary;
    const int32_t *numbers = array.children[0]->buffers[1], *offsets = dictionary->buffers[1];
    qlt_eq_int(dictionary->length, WORDS);
    for (int i = 0; i < 2 * WORDS; i++) {
        qlt_eq_int(numbers[i], i % WORDS);
        qlt_check(memcmp((const char *)dictionary->buffers[2] + offsets[numbers[i]], column_of[i],
                         strlen(column_of[i])) == 0);
    }
    schema.release(&schema);
    array.release(&array);
}

QLT(q_arrow, refuses_rows_that_are_null_and_columns_without_a_field)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_q_value *back;
    ql_error error;
    to_arrow(make_table(), &schema, &array);
    const void **none = array.buffers, *bits = bytes;
    array.null_count = 1;
    array.buffers = &bits;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -ENOTSUP);
    qlt_has_str(error.text, "no null rows");
    array.null_count = 0;
    array.buffers = none;
    schema.n_children--;
    qlt_eq_int(ql_q_from_arrow(&schema, &array, &back, &error), -EINVAL);
    qlt_has_str(error.text, "not the same columns");
    schema.n_children++;
    schema.release(&schema);
    array.release(&array);
}
