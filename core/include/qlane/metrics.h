/* What a runtime has done and does, in numbers: the counters of ql_runtime_stats() and ql_lane_stats_get() as text for
 * Prometheus, and how long tasks waited and ran. docs/metrics.md says what each number means.
 *
 * Times are sampled: of the tasks that one thread hands over the first and then every 127th, so that no clock is read for the
 * others. */
#ifndef QLANE_METRICS_H
#define QLANE_METRICS_H

#include <stdio.h>

#include "qlane/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Eight buckets for each doubling, so a bucket is at most an eighth wide: the first takes 0 ns, the last all from 128 s on. */
enum { QL_HISTOGRAM_BUCKETS = 280 };

typedef struct ql_histogram {
    uint64_t count;
    int64_t sum_ns;
    uint64_t buckets[QL_HISTOGRAM_BUCKETS];
} ql_histogram;

/** The bucket that counts `ns`; the least time that a bucket counts.
 *  Threads: any. */
unsigned ql_histogram_bucket(int64_t ns);
int64_t ql_histogram_least_ns(unsigned bucket);

/** A time that the share `of` (0 to 1) of those counted does not exceed, an eighth too long at most; 0 where none was counted.
 *  Threads: any. */
int64_t ql_histogram_quantile_ns(const ql_histogram *histogram, double of);

/* Of the tasks that were timed; set `size`. */
typedef struct ql_times {
    size_t size;
    ql_histogram
        wait; /* from submit to the call of its function; a continuation's begins when what it waited for settles */
    ql_histogram run; /* from the call of its function to its return */
} ql_times;

/** The times of the tasks that the threads of an executor, the pool or a lane, have run since start; each thread writes its
 *  own, and they are added up here.
 *  Threads: any, while the executor lives.
 *  Errors:  -EINVAL NULL, or another size; -ENOTSUP an executor without threads of its own, a strand or a client; -ECHILD. */
QL_MUST_USE int ql_executor_times(ql_executor *executor, ql_times *times);

/** Write all metrics as Prometheus' text format 0.0.4, and then a line "# EOF", which says that the snapshot is whole.
 *  Threads: any, while the runtime lives. Takes short locks of the runtime, never one that is held while a task runs.
 *  Errors:  -EINVAL NULL; -ENOMEM; -EIO `out` has an error; -ECHILD. */
QL_MUST_USE int ql_metrics_write(ql_runtime *runtime, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
