/* How long tasks wait and run: sampled, and counted by the thread that ran them. A task that is sampled carries the time of
 * its submit where it needs nothing while it queues. */
#ifndef QLANE_CORE_TIMES_H
#define QLANE_CORE_TIMES_H

#include "core/atomics.h"
#include "qlane/metrics.h"

/* `bench/cost_of metrics` builds without them, to show what they cost. */
#ifndef QLI_METERS
#define QLI_METERS 1
#endif

/* One in so many is sampled: three readings of the clock, 25 ns each, and a look at the task's second line are then below a
 * hundredth of a call through a lane. A prime: a thread that hands tasks to several executors in turns has some of each sampled. */
enum { QLI_SAMPLED_EVERY = 127 };

/* Its own thread counts, anyone reads. */
static inline void qli_histogram_count(ql_histogram *histogram, int64_t ns)
{
    qli_count(&histogram->buckets[ql_histogram_bucket(ns)]);
    qli_store(&histogram->sum_ns, histogram->sum_ns + ns, __ATOMIC_RELAXED);
    qli_count(&histogram->count);
}

/* In qli_place, beside what task.c and future.h have there. */
enum { QLI_SAMPLED = 32 };

/* The task is about to be submitted, and is sampled. */
void qli_sample(ql_task *task);
/* It begins: count how long it has waited. Returns the time. */
int64_t qli_sample_begins(ql_times *times, const ql_task *task);

void qli_times_add(ql_times *sum, const ql_times *times);

#endif
