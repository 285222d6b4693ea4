/* Rows as Arrow. A column, its struct apart, is one block of memory, so that it lives on when it is moved out. */
#include "qlane/sqlite_arrow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"

/* What a column is made of. */
typedef struct shape {
    ql_sqlite_type type; /* QL_SQLITE_NULL: nothing but that */
    size_t nulls, bytes; /* of text and blobs together */
} shape;

static const ql_sqlite_cell *cell_at(const ql_sqlite_rows *rows, size_t row, unsigned column)
{
    return &rows->cells[row * rows->columns + column];
}

static bool has_bytes(ql_sqlite_type type)
{
    return type == QL_SQLITE_TEXT || type == QL_SQLITE_BLOB;
}

/* The type that has room for both; false: there is none. */
static bool unite(ql_sqlite_type *all, ql_sqlite_type one)
{
    if (*all == QL_SQLITE_NULL || *all == one)
        *all = one;
    else if (has_bytes(*all) || has_bytes(one))
        return false;
    else
        *all = QL_SQLITE_REAL;
    return true;
}

static int find_shape(const ql_sqlite_rows *rows, unsigned column, shape *found, ql_error *error)
{
    *found = (shape){QL_SQLITE_NULL, 0, 0};
    for (size_t row = 0; row < rows->count; row++) {
        const ql_sqlite_cell *cell = cell_at(rows, row, column);
        if (cell->type == QL_SQLITE_NULL)
            found->nulls++;
        else if (!unite(&found->type, cell->type))
            return qli_error_set(error, -EINVAL,
                                 "column '%.64s' has values of different types, as of row %zu",
                                 rows->names[column], row + 1);
        if (has_bytes(cell->type))
            found->bytes += cell->text.length;
    }
    return 0;
}

/* ---- The array --------------------------------------------------------------------------------------------------- */

/* Then the bits that say what is valid, offsets or numbers, and bytes. */
typedef struct column {
    const void *buffers[3];
    int64_t memory[];
} column;

static void release_block(struct ArrowArray *array)
{
    array->release = NULL;
    free(array->private_data);
}

static void fill_numbers(const ql_sqlite_rows *rows, unsigned number, ql_sqlite_type type, void *numbers)
{
    int64_t *integers = numbers;
    double *reals = numbers;
    for (size_t row = 0; row < rows->count; row++) {
        const ql_sqlite_cell *cell = cell_at(rows, row, number);
        if (cell->type == QL_SQLITE_NULL)
            integers[row] = 0;
        else if (type == QL_SQLITE_INTEGER)
            integers[row] = cell->integer;
        else
            reals[row] = cell->type == QL_SQLITE_REAL ? cell->real : (double)cell->integer;
    }
}

static void fill_bytes(const ql_sqlite_rows *rows, unsigned number, int64_t *offsets, char *bytes)
{
    offsets[0] = 0;
    for (size_t row = 0; row < rows->count; row++) {
        const ql_sqlite_cell *cell = cell_at(rows, row, number);
        size_t length = has_bytes(cell->type) ? cell->text.length : 0;
        if (length)
            memcpy(bytes + offsets[row], cell->text.bytes, length);
        offsets[row + 1] = offsets[row] + (int64_t)length;
    }
}

static int make_column(const ql_sqlite_rows *rows, unsigned number, const shape *of, struct ArrowArray *to)
{
    size_t words = rows->count / 64 + 1; /* of validity */
    column *made = calloc(1, sizeof(*made) + 8 * (words + rows->count + 1) + of->bytes);
    if (!made)
        return -ENOMEM;
    unsigned char *valid = (unsigned char *)made->memory;
    int64_t *values = made->memory + words;
    for (size_t row = 0; row < rows->count; row++)
        if (cell_at(rows, row, number)->type != QL_SQLITE_NULL)
            valid[row / 8] = (unsigned char)(valid[row / 8] | 1u << row % 8);
    made->buffers[0] = of->nulls ? valid : NULL;
    made->buffers[1] = values;
    made->buffers[2] = values + rows->count + 1;
    if (has_bytes(of->type))
        fill_bytes(rows, number, values, (char *)(values + rows->count + 1));
    else
        fill_numbers(rows, number, of->type, values);
    *to = (struct ArrowArray){.length = (int64_t)rows->count,
                              .null_count = (int64_t)of->nulls,
                              .n_buffers = of->type == QL_SQLITE_NULL ? 0
                                           : has_bytes(of->type)      ? 3
                                                                      : 2,
                              .buffers = made->buffers,
                              .release = release_block,
                              .private_data = made};
    return 0;
}

/* The structs of the columns, which may have been moved out of here. */
typedef struct table {
    const void *no_buffer;
    struct ArrowArray **children;
    struct ArrowArray columns[];
} table;

static void release_array(struct ArrowArray *array)
{
    table *made = array->private_data;
    for (int64_t i = 0; i < array->n_children; i++)
        if (made->columns[i].release)
            made->columns[i].release(&made->columns[i]);
    array->release = NULL;
    free(made->children);
    free(made);
}

static int make_array(const ql_sqlite_rows *rows, const shape *shapes, struct ArrowArray *array)
{
    table *made = calloc(1, sizeof(*made) + rows->columns * sizeof(made->columns[0]));
    struct ArrowArray **children = calloc(rows->columns + 1, sizeof(struct ArrowArray *));
    if (!made || !children) {
        free(made);
        free(children);
        return -ENOMEM;
    }
    made->children = children;
    *array = (struct ArrowArray){.length = (int64_t)rows->count,
                                 .n_buffers = 1,
                                 .buffers = &made->no_buffer,
                                 .children = children,
                                 .release = release_array,
                                 .private_data = made};
    for (unsigned i = 0; i < rows->columns; i++) {
        children[i] = &made->columns[i];
        array->n_children = (int64_t)i + 1;
        int code = make_column(rows, i, &shapes[i], children[i]);
        if (code) {
            release_array(array);
            return code;
        }
    }
    return 0;
}

/* ---- The schema -------------------------------------------------------------------------------------------------- */

typedef struct fields {
    struct ArrowSchema **children;
    struct ArrowSchema columns[];
} fields;

static void release_name(struct ArrowSchema *schema)
{
    schema->release = NULL;
    free(schema->private_data);
}

static void release_schema(struct ArrowSchema *schema)
{
    fields *made = schema->private_data;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (made->columns[i].release)
            made->columns[i].release(&made->columns[i]);
    schema->release = NULL;
    free(made->children);
    free(made);
}

static int make_schema(const ql_sqlite_rows *rows, const shape *shapes, struct ArrowSchema *schema)
{
    static const char *const formats[] = {
        [QL_SQLITE_NULL] = "n", [QL_SQLITE_INTEGER] = "l", [QL_SQLITE_REAL] = "g",
        [QL_SQLITE_TEXT] = "U", [QL_SQLITE_BLOB] = "Z",
    };
    fields *made = calloc(1, sizeof(*made) + rows->columns * sizeof(made->columns[0]));
    struct ArrowSchema **children = calloc(rows->columns + 1, sizeof(struct ArrowSchema *));
    if (!made || !children) {
        free(made);
        free(children);
        return -ENOMEM;
    }
    made->children = children;
    *schema = (struct ArrowSchema){
        .format = "+s", .name = "", .children = children, .release = release_schema, .private_data = made};
    for (unsigned i = 0; i < rows->columns; i++) {
        char *name = strdup(rows->names[i]);
        if (!name) {
            release_schema(schema);
            return -ENOMEM;
        }
        made->columns[i] = (struct ArrowSchema){.format = formats[shapes[i].type],
                                                .name = name,
                                                .flags = ARROW_FLAG_NULLABLE,
                                                .release = release_name,
                                                .private_data = name};
        children[i] = &made->columns[i];
        schema->n_children = (int64_t)i + 1;
    }
    return 0;
}

int ql_sqlite_to_arrow(const ql_sqlite_rows *rows, struct ArrowSchema *schema, struct ArrowArray *array,
                       ql_error *error)
{
    if (!rows || !schema || !array)
        return qli_error_set(error, -EINVAL, "rows, schema or array is NULL");
    shape *shapes = calloc(rows->columns + 1, sizeof(*shapes));
    int code = shapes ? 0 : -ENOMEM;
    for (unsigned i = 0; i < rows->columns && !code; i++)
        code = find_shape(rows, i, &shapes[i], error);
    if (code == -EINVAL) {
        free(shapes);
        return code;
    }
    if (!code)
        code = make_array(rows, shapes, array);
    if (!code && (code = make_schema(rows, shapes, schema)))
        array->release(array);
    free(shapes);
    return code ? qli_error_set(error, code, "no memory for %zu rows as Arrow", rows->count) : 0;
}
