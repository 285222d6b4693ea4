/* qlane's lane as a contender, as its user would write it: what qlane.c (the counter), qlane_sqlite.c and qlane_q.c share. */
#ifndef BENCH_LANE_QLANE_H
#define BENCH_LANE_QLANE_H

#include <stdbool.h>

#include "bench/harness/runtime.h"
#include "qlane/lane.h"

/* `blocking`: nobody shall spin while he waits. */
ql_runtime *start_lane_runtime(bool blocking);

#endif
