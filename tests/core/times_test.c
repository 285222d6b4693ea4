#include "core/times.h"

#include <errno.h>

#include "qlane/strand.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

QLT(times, every_bucket_begins_where_the_one_before_it_ends)
{
    for (unsigned i = 0; i < QL_HISTOGRAM_BUCKETS; i++) {
        int64_t least = ql_histogram_least_ns(i);
        qlt_eq_uint(ql_histogram_bucket(least), i);
        if (i)
            qlt_eq_uint(ql_histogram_bucket(least - 1), i - 1);
        if (i > 8)
            qlt_check(ql_histogram_least_ns(i + 1) == QL_FOREVER ||
                      ql_histogram_least_ns(i + 1) - least <= least / 8);
    }
    qlt_eq_uint(ql_histogram_bucket(-1), 0);
    qlt_eq_uint(ql_histogram_bucket(INT64_MAX), QL_HISTOGRAM_BUCKETS - 1);
    qlt_eq_int(ql_histogram_least_ns(QL_HISTOGRAM_BUCKETS - 1), 128849018880);
}

QLT(times, a_quantile_is_at_most_an_eighth_too_long)
{
    static ql_histogram histogram;
    qlt_eq_int(ql_histogram_quantile_ns(&histogram, 0.5), 0);
    for (int64_t ns = 1; ns <= 10000; ns++)
        qli_histogram_count(&histogram, ns);
    qlt_eq_uint(histogram.count, 10000);
    qlt_eq_int(histogram.sum_ns, 50005000);
    const double shares[] = {0.01, 0.5, 0.99, 1};
    for (int i = 0; i < 4; i++) {
        double found = (double)ql_histogram_quantile_ns(&histogram, shares[i]), exact = shares[i] * 10000;
        qlt_check(found >= exact && found <= exact * 1.125);
    }
    qli_histogram_count(&histogram, INT64_MAX / 2);
    qlt_eq_int(ql_histogram_quantile_ns(&histogram, 1), 128849018880);
}

static int long_enough(ql_task *task)
{
    int64_t until_ns = ql_now_ns() + *(int64_t *)task->arg;
    while (ql_now_ns() < until_ns)
        ;
    return 0;
}

/* One worker: so that what is handed over while it is in a task has to wait for that. */
QLT(times, one_task_in_127_of_a_thread_is_timed)
{
    enum { TASKS = 256, BEHIND = 2000000 };
    static ql_task tasks[TASKS];
    static ql_times times = {.size = sizeof(times)};
    ql_runtime *runtime = qlt_runtime(1);
    ql_executor *pool = ql_runtime_pool(runtime);
    int64_t first_ns = BEHIND, rest_ns = 10000;
    ql_task first;
    ql_task_init(&first, long_enough, &first_ns);
    qlt_eq_int(ql_submit(pool, &first), 0);
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], long_enough, &rest_ns);
        qlt_eq_int(ql_submit(pool, &tasks[i]), 0);
    }
    int64_t submitted_ns = ql_now_ns();
    for (int i = 0; i < TASKS; i++) {
        qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
        qlt_eq_int(tasks[i].future.value.i64, 0);
    }
    int64_t all_ns = ql_now_ns() - submitted_ns;
    qlt_eq_int(ql_executor_times(pool, &times), 0);
    /* The first may be one of them, or not. */
    uint64_t timed = times.wait.count;
    qlt_check(timed == TASKS / QLI_SAMPLED_EVERY || timed == TASKS / QLI_SAMPLED_EVERY + 1);
    qlt_eq_uint(times.run.count, timed);
    qlt_check(ql_histogram_quantile_ns(&times.run, 0) >= rest_ns);
    qlt_check(times.wait.sum_ns > 0 && ql_histogram_quantile_ns(&times.wait, 0) <= 2 * (all_ns + BEHIND));
    qlt_runtime_stop(runtime);
}

static int leaves_value(ql_task *task)
{
    qlt_eq_int(task->future.value.i64, 0); /* the time of its submit is gone */
    return 0;
}

QLT(times, no_task_sees_the_time_in_its_value)
{
    enum { TASKS = 200 };
    static ql_task tasks[TASKS], *many[TASKS];
    ql_runtime *runtime = qlt_runtime(2);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TASKS; i++) {
            ql_task_init(&tasks[i], leaves_value, NULL);
            many[i] = &tasks[i];
            tasks[i].deadline_ns = round == 2; /* long past: it never runs */
        }
        if (round == 1)
            qlt_eq_int(ql_submit_many(ql_runtime_pool(runtime), many, TASKS), 0);
        for (int i = 0; i < TASKS; i++) {
            if (round != 1)
                qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &tasks[i]), 0);
            qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
            qlt_eq_int(tasks[i].future.value.i64, 0);
        }
    }
    qlt_runtime_stop(runtime);
}

QLT(times, are_those_of_executors_with_threads)
{
    static ql_times times = {.size = sizeof(times)};
    ql_runtime *runtime = qlt_runtime(1);
    ql_strand *strand;
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    qlt_eq_int(ql_executor_times(ql_strand_executor(strand), &times), -ENOTSUP);
    qlt_eq_int(ql_executor_times(NULL, &times), -EINVAL);
    qlt_eq_int(ql_executor_times(ql_runtime_pool(runtime), NULL), -EINVAL);
    times.size--;
    qlt_eq_int(ql_executor_times(ql_runtime_pool(runtime), &times), -EINVAL);
    ql_strand_release(strand);
    qlt_runtime_stop(runtime);
}
