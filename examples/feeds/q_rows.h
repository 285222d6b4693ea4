/* What q answers as rows of cells, which the report prints whatever the engine. */
#ifndef EXAMPLES_FEEDS_Q_ROWS_H
#define EXAMPLES_FEEDS_Q_ROWS_H

#include "qlane/q_value.h"
#include "qlane/sqlite.h"

/* A table as it is; a keyed one with its keys first; a dictionary as two columns; anything else as one. What has no number and
 * is no text becomes a text that says so. -ENOMEM. */
int q_rows_make(const ql_q_value *value, ql_sqlite_rows **rows, ql_error *error);

#endif
