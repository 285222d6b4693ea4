#include "examples/feeds/q_rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "examples/words.h"

/* The columns of an answer: those of at most two tables, or vectors. */
typedef struct part {
    const ql_q_value *values; /* `count` columns */
    const char *const *names;
    size_t count;
} part;

static size_t find_parts(const ql_q_value *value, part parts[2], size_t *rows)
{
    static const char *const key_value[] = {"key", "value"};
    *rows = value->type < 0 || value->type == QL_Q_NIL ? 1 : value->count;
    if (value->type == QL_Q_TABLE) {
        parts[0] = (part){value->table.columns, value->table.names, value->width};
        return 1;
    }
    if (value->type != QL_Q_DICTIONARY) {
        parts[0] = (part){value, key_value + 1, 1};
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        const ql_q_value *half = &value->items[i];
        parts[i] = half->type == QL_Q_TABLE ? (part){half->table.columns, half->table.names, half->width}
                                            : (part){half, key_value + i, 1};
    }
    return 2;
}

static ql_sqlite_cell integer(int64_t number, bool null)
{
    return (ql_sqlite_cell){.type = null ? QL_SQLITE_NULL : QL_SQLITE_INTEGER, .integer = null ? 0 : number};
}

static ql_sqlite_cell real(double number)
{
    return isnan(number) ? (ql_sqlite_cell){.type = QL_SQLITE_NULL}
                         : (ql_sqlite_cell){.type = QL_SQLITE_REAL, .real = number};
}

static ql_sqlite_cell text(const char *bytes, size_t length)
{
    return length ? (ql_sqlite_cell){.type = QL_SQLITE_TEXT, .text = {bytes, length}}
                  : (ql_sqlite_cell){.type = QL_SQLITE_NULL};
}

/* An item of a type, which lies at `data`. */
static ql_sqlite_cell cell_at(int32_t type, const void *data)
{
    ql_q_value item = {0};
    memcpy(&item.i64, data, ql_q_width(type) < 8 ? ql_q_width(type) : 8);
    switch (type) {
    case QL_Q_BOOLEAN:
    case QL_Q_BYTE:
        return integer(item.byte, false);
    case QL_Q_SHORT:
        return integer(item.i16, item.i16 == QL_Q_NULL_SHORT);
    case QL_Q_REAL:
        return real((double)item.f32);
    case QL_Q_FLOAT:
    case QL_Q_DATETIME:
        return real(item.f64);
    case QL_Q_CHAR:
        return text(data, 1);
    case QL_Q_SYMBOL:
        return text(item.symbol, strlen(item.symbol));
    default:
        if (ql_q_width(type) == 4)
            return integer(item.i32, item.i32 == QL_Q_NULL_INT);
        return ql_q_width(type) == 8 ? integer(item.i64, item.i64 == QL_Q_NULL_LONG) : text("(other)", 7);
    }
}

static ql_sqlite_cell cell_of(const ql_q_value *column, size_t i)
{
    if (column->type == QL_Q_NIL)
        return (ql_sqlite_cell){.type = QL_SQLITE_NULL};
    if (column->type < 0)
        return cell_at(-column->type,
                       column->type == -QL_Q_SYMBOL ? (const void *)&column->symbol : &column->i64);
    if (column->type != QL_Q_LIST)
        return cell_at(column->type, column->bytes + i * ql_q_width(column->type));
    const ql_q_value *item = &column->items[i];
    if (item->type == QL_Q_CHAR)
        return text(item->text, item->count);
    return item->type < 0 || item->type == QL_Q_NIL ? cell_of(item, 0) : text("(list)", 6);
}

/* A text on its column only is one cell. */
static bool is_text(const ql_q_value *value)
{
    return value->type == QL_Q_CHAR;
}

static void fill(ql_sqlite_rows *rows, ql_sqlite_cell *cells, const char **names, char *bytes,
                 const part *parts, size_t parts_count, bool one_text)
{
    size_t column = 0;
    for (size_t p = 0; p < parts_count; p++)
        for (size_t c = 0; c < parts[p].count; c++, column++) {
            names[column] = bytes;
            bytes = stpcpy(bytes, parts[p].names[c]) + 1;
            for (size_t i = 0; i < rows->count; i++) {
                const ql_q_value *values = &parts[p].values[c];
                ql_sqlite_cell cell = one_text ? text(values->text, values->count) : cell_of(values, i);
                if (cell.type == QL_SQLITE_TEXT) {
                    memcpy(bytes, cell.text.bytes, cell.text.length);
                    bytes[cell.text.length] = 0;
                    cell.text.bytes = bytes;
                    bytes += cell.text.length + 1;
                }
                cells[i * rows->columns + column] = cell;
            }
        }
}

static size_t measure(const part *parts, size_t parts_count, size_t rows, bool one_text, size_t *columns)
{
    size_t bytes = 0;
    *columns = 0;
    for (size_t p = 0; p < parts_count; p++)
        for (size_t c = 0; c < parts[p].count; c++, ++*columns) {
            bytes += strlen(parts[p].names[c]) + 1;
            for (size_t i = 0; i < rows; i++) {
                const ql_q_value *values = &parts[p].values[c];
                ql_sqlite_cell cell = one_text ? text(values->text, values->count) : cell_of(values, i);
                bytes += cell.type == QL_SQLITE_TEXT ? cell.text.length + 1 : 0;
            }
        }
    return bytes;
}

int q_rows_make(const ql_q_value *value, ql_sqlite_rows **rows, ql_error *error)
{
    part parts[2];
    size_t count, columns, parts_count = find_parts(value, parts, &count);
    bool one_text = is_text(value);
    count = one_text ? 1 : count;
    size_t bytes = measure(parts, parts_count, count, one_text, &columns);
    ql_sqlite_rows *made =
        malloc(sizeof(*made) + count * columns * sizeof(ql_sqlite_cell) + columns * sizeof(char *) + bytes);
    if (!made)
        return refuse(error, -ENOMEM, "no memory for the answer");
    ql_sqlite_cell *cells = (ql_sqlite_cell *)(void *)(made + 1);
    const char **names = (const char **)(void *)(cells + count * columns);
    *made = (ql_sqlite_rows){.columns = (unsigned)columns, .count = count, .names = names, .cells = cells};
    fill(made, cells, names, (char *)(names + columns), parts, parts_count, one_text);
    *rows = made;
    return 0;
}
