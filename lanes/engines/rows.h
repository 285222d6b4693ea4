/* Rows on their way out of an engine: gathered on the lane, handed out as one block of plain memory. */
#ifndef QLANE_LANES_ENGINES_ROWS_H
#define QLANE_LANES_ENGINES_ROWS_H

#include "qlane/sqlite.h"

/* Scratch memory that its lane uses again and again. While rows are gathered the bytes of a cell, and the names, are kept as
 * offsets. */
typedef struct qli_rows {
    unsigned columns; /* 0: none are gathered */
    size_t cells_count, cells_room;
    ql_sqlite_cell *cells; /* the names first, as text */
    size_t bytes_count, bytes_room;
    char *bytes;
} qli_rows;

void qli_rows_fini(qli_rows *rows);

/* Begin anew. */
void qli_rows_clear(qli_rows *rows);

/* First `columns` names, then cells row by row, all copied. -ENOMEM. */
int qli_rows_add(qli_rows *rows, const ql_sqlite_cell *cell);

/* All in one block; NULL: no memory. */
ql_sqlite_rows *qli_rows_finish(const qli_rows *rows);

#endif
