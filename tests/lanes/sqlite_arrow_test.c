/* Rows as Arrow, read as its specification says. DuckDB reads them in //tests/examples:python_arrow_test. */
#include "qlane/sqlite_arrow.h"

#include <errno.h>
#include <string.h>

#include "tests/support/harness.h"

#define INTEGER(n)                                \
    {                                             \
        .type = QL_SQLITE_INTEGER, .integer = (n) \
    }
#define REAL(x)                             \
    {                                       \
        .type = QL_SQLITE_REAL, .real = (x) \
    }
#define TEXT(s)                                               \
    {                                                         \
        .type = QL_SQLITE_TEXT, .text = {(s), sizeof(s) - 1 } \
    }
#define BLOB(s)                                               \
    {                                                         \
        .type = QL_SQLITE_BLOB, .text = {(s), sizeof(s) - 1 } \
    }
#define NOTHING                \
    {                          \
        .type = QL_SQLITE_NULL \
    }

enum { COLUMNS = 6, ROWS = 3 };

static const char *const names[COLUMNS] = {"integer", "real", "mixed", "text", "blob", "nothing"};
static const ql_sqlite_cell cells[ROWS * COLUMNS] = {
    INTEGER(-1), REAL(0.5), INTEGER(2), TEXT("one"), BLOB("\0\xff"), NOTHING,
    NOTHING,     REAL(1.5), REAL(2.5),  NOTHING,     BLOB(""),       NOTHING,
    INTEGER(3),  REAL(2.5), NOTHING,    TEXT("two"), NOTHING,        NOTHING,
};
static const ql_sqlite_rows rows = {.columns = COLUMNS, .count = ROWS, .names = names, .cells = cells};

static struct ArrowSchema schema;
static struct ArrowArray array;

static void convert(const ql_sqlite_rows *from)
{
    ql_error error;
    if (ql_sqlite_to_arrow(from, &schema, &array, &error))
        qlt_fail("%s", error.text);
}

static void release(void)
{
    schema.release(&schema);
    array.release(&array);
    qlt_check(!schema.release && !array.release);
}

static bool is_null(const struct ArrowArray *column, size_t row)
{
    const unsigned char *valid = column->buffers[0];
    return valid && !(valid[row / 8] >> row % 8 & 1);
}

QLT(sqlite_arrow, has_a_child_for_each_column)
{
    static const char *const formats[COLUMNS] = {"l", "g", "g", "U", "Z", "n"};
    static const int64_t nulls[COLUMNS] = {1, 0, 1, 1, 1, ROWS}, buffers[COLUMNS] = {2, 2, 2, 3, 3, 0};
    convert(&rows);
    qlt_eq_str(schema.format, "+s");
    qlt_eq_int(schema.n_children, COLUMNS);
    qlt_eq_int(array.n_children, COLUMNS);
    qlt_eq_int(array.length, ROWS);
    for (int i = 0; i < COLUMNS; i++) {
        qlt_eq_str(schema.children[i]->name, names[i]);
        qlt_eq_str(schema.children[i]->format, formats[i]);
        qlt_eq_int(schema.children[i]->flags, ARROW_FLAG_NULLABLE);
        qlt_eq_int(array.children[i]->length, ROWS);
        qlt_eq_int(array.children[i]->null_count, nulls[i]);
        qlt_eq_int(array.children[i]->n_buffers, buffers[i]);
    }
    release();
}

QLT(sqlite_arrow, has_each_value_and_each_null)
{
    convert(&rows);
    const int64_t *integers = array.children[0]->buffers[1];
    const double *reals = array.children[1]->buffers[1], *mixed = array.children[2]->buffers[1];
    const int64_t *text_at = array.children[3]->buffers[1], *blob_at = array.children[4]->buffers[1];
    qlt_check(integers[0] == -1 && integers[2] == 3);
    qlt_check(reals[0] == 0.5 && reals[1] == 1.5 && reals[2] == 2.5);
    qlt_check(mixed[0] == 2 && mixed[1] == 2.5);
    qlt_check(text_at[0] == 0 && text_at[1] == 3 && text_at[2] == 3 && text_at[3] == 6);
    qlt_check(memcmp(array.children[3]->buffers[2], "onetwo", 6) == 0);
    qlt_check(blob_at[0] == 0 && blob_at[1] == 2 && blob_at[2] == 2 && blob_at[3] == 2);
    qlt_check(memcmp(array.children[4]->buffers[2], "\0\xff", 2) == 0);
    for (size_t i = 0; i < COLUMNS - 1; i++)
        for (size_t row = 0; row < ROWS; row++)
            qlt_eq_int(is_null(array.children[i], row), cells[row * COLUMNS + i].type == QL_SQLITE_NULL);
    release();
}

QLT(sqlite_arrow, finds_a_null_beyond_the_first_word)
{
    enum { MANY = 200 };
    ql_sqlite_cell many[MANY];
    for (int i = 0; i < MANY; i++)
        many[i] = (ql_sqlite_cell){.type = i == 130 ? QL_SQLITE_NULL : QL_SQLITE_INTEGER, .integer = i};
    convert(&(ql_sqlite_rows){.columns = 1, .count = MANY, .names = names, .cells = many});
    for (size_t i = 0; i < MANY; i++) {
        qlt_eq_int(is_null(array.children[0], i), i == 130);
        qlt_check(i == 130 || ((const int64_t *)array.children[0]->buffers[1])[i] == (int64_t)i);
    }
    release();
}

QLT(sqlite_arrow, lets_a_column_outlive_its_table)
{
    convert(&rows);
    struct ArrowArray text = *array.children[3];
    struct ArrowSchema field = *schema.children[3];
    array.children[3]->release = NULL;
    schema.children[3]->release = NULL;
    release();
    qlt_eq_str(field.name, "text");
    qlt_check(memcmp(text.buffers[2], "onetwo", 6) == 0);
    text.release(&text);
    field.release(&field);
}

QLT(sqlite_arrow, is_empty_where_nothing_was_found)
{
    convert(&(ql_sqlite_rows){.columns = 2, .count = 0, .names = names, .cells = cells});
    qlt_eq_int(array.length, 0);
    qlt_eq_str(schema.children[1]->format, "n");
    release();
}

QLT(sqlite_arrow, names_a_column_that_has_no_type)
{
    static const ql_sqlite_cell wrong[][2] = {{INTEGER(1), TEXT("one")}, {TEXT("one"), BLOB("one")}};
    ql_error error;
    for (int i = 0; i < 2; i++) {
        ql_sqlite_rows mixed = {.columns = 1, .count = 2, .names = names, .cells = wrong[i]};
        qlt_eq_int(ql_sqlite_to_arrow(&mixed, &schema, &array, &error), -EINVAL);
        qlt_eq_str(error.text, "column 'integer' has values of different types, as of row 2");
    }
    qlt_eq_int(ql_sqlite_to_arrow(NULL, &schema, &array, &error), -EINVAL);
}
