#include "lanes/engines/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a query may leave behind for the next one. */
enum { KEEP_BYTES = 1 << 20 };

void qli_rows_fini(qli_rows *rows)
{
    free(rows->cells);
    free(rows->bytes);
}

void qli_rows_clear(qli_rows *rows)
{
    if (rows->bytes_room + rows->cells_room * sizeof(ql_sqlite_cell) > KEEP_BYTES) {
        qli_rows_fini(rows);
        *rows = (qli_rows){0};
    }
    rows->columns = 0;
    rows->cells_count = rows->bytes_count = 0;
}

static bool has_bytes(const ql_sqlite_cell *cell)
{
    return cell->type == QL_SQLITE_TEXT || cell->type == QL_SQLITE_BLOB;
}

/* Room for `more` beyond `count`, of elements of this size; doubles, so that n elements cost O(n). */
static void *grow(void *memory, size_t *room, size_t count, size_t more, size_t size)
{
    if (*room - count >= more)
        return memory;
    size_t bigger = *room * 2 > count + more ? *room * 2 : count + more + 64;
    void *moved = realloc(memory, bigger * size);
    if (moved)
        *room = bigger;
    return moved;
}

int qli_rows_add(qli_rows *rows, const ql_sqlite_cell *cell)
{
    ql_sqlite_cell *cells = grow(rows->cells, &rows->cells_room, rows->cells_count, 1, sizeof(*cells));
    if (!cells)
        return -ENOMEM;
    rows->cells = cells;
    ql_sqlite_cell copy = *cell;
    if (has_bytes(cell)) {
        size_t length = cell->text.length;
        char *bytes = grow(rows->bytes, &rows->bytes_room, rows->bytes_count, length + 1, 1);
        if (!bytes)
            return -ENOMEM;
        rows->bytes = bytes;
        if (length)
            memcpy(bytes + rows->bytes_count, cell->text.bytes, length);
        bytes[rows->bytes_count + length] = 0;
        copy.text.bytes = (const char *)rows->bytes_count;
        rows->bytes_count += length + 1;
    }
    cells[rows->cells_count++] = copy;
    return 0;
}

ql_sqlite_rows *qli_rows_finish(const qli_rows *rows)
{
    size_t cells_count = rows->cells_count - rows->columns;
    size_t names_size = rows->columns * sizeof(char *), cells_size = cells_count * sizeof(ql_sqlite_cell);
    ql_sqlite_rows *block = malloc(sizeof(*block) + cells_size + names_size + rows->bytes_count);
    if (!block)
        return NULL;
    ql_sqlite_cell *cells = (ql_sqlite_cell *)(block + 1);
    const char **names = (const char **)(void *)(cells + cells_count);
    char *bytes = (char *)names + names_size;
    if (rows->bytes_count)
        memcpy(bytes, rows->bytes, rows->bytes_count);
    for (unsigned i = 0; i < rows->columns; i++)
        names[i] = bytes + (size_t)rows->cells[i].text.bytes;
    for (size_t i = 0; i < cells_count; i++) {
        cells[i] = rows->cells[rows->columns + i];
        if (has_bytes(&cells[i]))
            cells[i].text.bytes = bytes + (size_t)cells[i].text.bytes;
    }
    *block = (ql_sqlite_rows){.columns = rows->columns,
                              .count = rows->columns ? cells_count / rows->columns : 0,
                              .names = names,
                              .cells = cells};
    return block;
}

void ql_sqlite_rows_free(ql_sqlite_rows *rows)
{
    free(rows);
}
