/* What //bench:lane tells. */
#ifndef BENCH_LANE_REPORT_H
#define BENCH_LANE_REPORT_H

#include "bench/harness/harness.h"

typedef enum lane_value { LANE_TIME, LANE_P99, LANE_CPU, LANE_WAKES } lane_value;

/* What qlane must reach, as a ratio to `reference` in the same round; NULL: the best peer; "": it is no ratio. */
typedef struct lane_mark {
    const char *key, *reference;
    lane_value value;
    double mark; /* 0: only told */
} lane_mark;

enum { LANE_MARKS = 3 };

void lane_report(const bench_options *options, const bench_match *match, const lane_mark marks[LANE_MARKS]);

#endif
