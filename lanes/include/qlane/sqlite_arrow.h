/* What a query found as Arrow's C data interface, which pyarrow, pandas, Polars and DuckDB read without knowing us.
 *
 *   ql_sqlite_to_arrow(call.rows, &schema, &array, &error);     a reader takes both and releases them, on any thread
 *
 *   integers l   reals, or reals and integers g   text U   blobs Z   nothing but NULL n */
#ifndef QLANE_SQLITE_ARROW_H
#define QLANE_SQLITE_ARROW_H

#include "qlane/arrow_c.h"
#include "qlane/error.h"
#include "qlane/sqlite.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Make a struct array, with a child for each column, by copying: the rows stay the caller's. SQLite has types by value, Arrow by
 *  column, so a column's is that of what stands in it.
 *  Threads: any. Both results may be released, and columns moved out of them, on any other.
 *  Errors:  -EINVAL text, blobs and numbers in one column: *error names it; -ENOMEM. */
QL_MUST_USE int ql_sqlite_to_arrow(const ql_sqlite_rows *rows, struct ArrowSchema *schema,
                                   struct ArrowArray *array, ql_error *error);

#ifdef __cplusplus
}
#endif
#endif
