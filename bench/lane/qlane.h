/* qlane's lane as a contender, as its user would write it: what qlane.c (the counter) and qlane_sqlite.c share. */
#ifndef BENCH_LANE_QLANE_H
#define BENCH_LANE_QLANE_H

#include <stdbool.h>

#include "qlane/lane.h"

/* End the program if `code` is an error. */
void must(int code, const char *what, const char *text);
ql_runtime *start_runtime(bool blocking);
void stop_runtime(ql_runtime *runtime);

#endif
