#ifndef AFFINITY_STEAL_H
#define AFFINITY_STEAL_H

#include "affinity/plan.h"

/* One range of a ring, and what makes it a ring: the part of the machine it completes, and the NUMA distance (0 = unknown, or as near as its own). */
typedef struct qli_steal_step {
    ql_steal_range range;
    qli_part_type within;
    uint64_t distance;
} qli_steal_step;

/* Calls `add` for each range, near to far. */
void qli_steal_walk(const ql_plan *plan, unsigned worker,
                    void (*add)(void *context, const qli_steal_step *step), void *context);

#endif
