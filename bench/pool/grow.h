/* Does a task cost more where many queue, or many workers are? Told as CPU time: threads beyond the cores take turns. */
#ifndef BENCH_GROW_H
#define BENCH_GROW_H

#include "bench/harness/harness.h"

/* Measure and tell "pending" (10^3 to 10^7 tasks handed over, then waited for; beside a plain queue), "crowd_outside" and
 * "crowd_tree" (1 to 64 workers). False: it failed, and it was said how. */
bool bench_grow(const bench_options *options, const bench_program *own, const bench_program *queue);

#endif
