/* What is counted, and the text for Prometheus. */
#include "qlane/metrics.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lanes/lanes.h"
#include "tests/support/prometheus.h"

static struct {
    unsigned count;
    int code;
    char task[32], text[64];
} unobserved;

static void see(void *context, const char *task, int code, const char *text)
{
    (void)context;
    unobserved.count++;
    unobserved.code = code;
    snprintf(unobserved.task, sizeof(unobserved.task), "%s", task);
    snprintf(unobserved.text, sizeof(unobserved.text), "%s", text ? text : "");
}

static int fail(ql_task *task)
{
    return ql_task_fail(task, -EIO, "as asked");
}

static char *written(ql_runtime *runtime)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    qlt_eq_int(ql_metrics_write(runtime, out), 0);
    fclose(out);
    prometheus_check(text);
    return text;
}

static void has(const char *text, const char *series, double value)
{
    double found = prometheus_value(text, series);
    if (found != value)
        qlt_fail("%s is %.9g, not %.9g", series, found, value);
}

enum { DONE = 128, FAILED = 7, CANCELLED = 5, EXPIRED = 3 };
static ql_task done[DONE], failed[FAILED], cancelled[CANCELLED], expired[EXPIRED];

static void init_all(ql_task *tasks, int count, ql_task_fn *fn, int64_t deadline_ns)
{
    static long counter;
    for (int i = 0; i < count; i++) {
        ql_task_init(&tasks[i], fn, &counter);
        tasks[i].deadline_ns = deadline_ns;
    }
}

static void submit_all(ql_lane *lane, ql_task *tasks, int count)
{
    for (int i = 0; i < count; i++)
        submit(lane, &tasks[i]);
}

static void await_all(ql_task *tasks, int count)
{
    for (int i = 0; i < count; i++)
        await(&tasks[i]);
}

/* Behind a task that is held, so that the numbers are known while they queue, and afterwards. */
QLT(metrics, count_a_known_work_exactly)
{
    ql_runtime *runtime = qlt_runtime_with(2, (ql_runtime_config){.on_unobserved = see});
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q \"1\"\\\n"});
    blocker held;
    init_all(done, DONE, count_up, 0);
    init_all(failed, FAILED, fail, 0);
    init_all(cancelled, CANCELLED, nothing, 0);
    init_all(expired, EXPIRED, nothing, 1);
    block(lane, &held);
    submit_all(lane, done, DONE);
    submit_all(lane, failed, FAILED);
    submit_all(lane, cancelled, CANCELLED);

    ql_stats stats = {.size = sizeof(stats)};
    ql_runtime_stats(runtime, &stats);
    qlt_eq_uint(stats.accepted, 1 + DONE + FAILED + CANCELLED);
    qlt_eq_uint(stats.settled, 0);
    qlt_eq_uint(stats.running, 1);
    qlt_eq_uint(stats.queued, DONE + FAILED + CANCELLED);
    char *text = written(runtime);
    has(text, "qlane_tasks_queued", DONE + FAILED + CANCELLED);
    has(text, "qlane_tasks_running", 1);
    has(text, "qlane_lane_queued{lane=\"q \\\"1\\\"\\\\\\n\"}", DONE + FAILED + CANCELLED);
    free(text);

    for (int i = 0; i < CANCELLED; i++)
        qlt_eq_int(ql_task_cancel(&cancelled[i]), 0);
    submit_all(lane, expired, EXPIRED);
    await_all(expired, EXPIRED);
    unblock(&held);
    await_all(done, DONE);
    await_all(failed, FAILED);
    qlt_eq_int(ql_spawn(ql_lane_executor(lane), fail, NULL), 0);
    init_all(done, 1, count_up, 0);
    call(lane, &done[0]); /* it is behind what was spawned */
    text = written(runtime);
    has(text, "qlane_lane_settled_total{lane=\"q \\\"1\\\"\\\\\\n\",cause=\"done\"}", 2 + DONE);
    has(text, "qlane_lane_settled_total{lane=\"q \\\"1\\\"\\\\\\n\",cause=\"failed\"}", 1 + FAILED);
    has(text, "qlane_lane_queued{lane=\"q \\\"1\\\"\\\\\\n\"}", 0);
    free(text);
    close_lane(lane);
    qlt_eq_uint(unobserved.count, 1);
    qlt_eq_int(unobserved.code, -EIO);
    qlt_eq_str(unobserved.text, "as asked");

    ql_runtime_stats(runtime, &stats);
    qlt_eq_uint(stats.done, 2 + DONE);
    qlt_eq_uint(stats.failed, FAILED + 1);
    qlt_eq_uint(stats.cancelled, CANCELLED);
    qlt_eq_uint(stats.expired, EXPIRED);
    qlt_eq_uint(stats.shut, 0);
    qlt_eq_uint(stats.unobserved, 1);
    qlt_eq_uint(stats.settled, stats.accepted);
    qlt_eq_uint(stats.queued + stats.running, 0);
    text = written(runtime);
    has(text, "qlane_tasks_accepted_total", 3 + DONE + FAILED + CANCELLED + EXPIRED);
    has(text, "qlane_tasks_settled_total{cause=\"done\"}", 2 + DONE);
    has(text, "qlane_tasks_settled_total{cause=\"failed\"}", FAILED + 1);
    has(text, "qlane_tasks_settled_total{cause=\"cancelled\"}", CANCELLED);
    has(text, "qlane_tasks_settled_total{cause=\"expired\"}", EXPIRED);
    has(text, "qlane_errors_unobserved_total", 1);
    has(text, "qlane_workers", 2);
    has(text, "qlane_tasks_queued", 0);
    free(text);
    qlt_runtime_stop(runtime);
}

/* 508 in a row from one thread have exactly four that are timed, wherever its count stood; in turns, two of each executor. */
QLT(metrics, have_the_times_of_one_task_in_127_of_each_executor)
{
    enum { IN_TURNS = 4 * 127 };
    static ql_task tasks[IN_TURNS];
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    static ql_times times = {.size = sizeof(times)};
    for (int i = 0; i < IN_TURNS; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        qlt_eq_int(ql_submit(i % 2 ? ql_runtime_pool(runtime) : ql_lane_executor(lane), &tasks[i]), 0);
    }
    await_all(tasks, IN_TURNS);
    qlt_eq_int(ql_executor_times(ql_lane_executor(lane), &times), 0);
    qlt_eq_uint(times.wait.count, 2);
    qlt_eq_uint(times.run.count, 2);
    char *text = written(runtime);
    has(text, "qlane_task_wait_seconds_count{on=\"q\"}", 2);
    has(text, "qlane_task_run_seconds_bucket{on=\"q\",le=\"+Inf\"}", 2);
    has(text, "qlane_task_run_seconds_count{on=\"pool\"}", 2);
    free(text);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(metrics, count_a_continuation_that_nobody_will_run)
{
    unobserved.count = 0;
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_unobserved = see});
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"}),
            *closed = open_lane(runtime, (ql_lane_config){.name = "gone"});
    blocker held;
    ql_task first, next;
    block(lane, &held);
    ql_task_init(&first, nothing, NULL);
    submit(lane, &first);
    ql_task_init(&next, nothing, NULL);
    next.on = ql_lane_executor(closed);
    next.name = "next";
    qlt_eq_int(ql_future_then(&first.future, &next), 0);
    qlt_eq_int(ql_lane_close(closed, NULL, NULL, NULL), 0);
    unblock(&held);
    close_lane(lane);
    qlt_check(ql_future_settled(&next.future));
    qlt_eq_uint(unobserved.count, 1);
    qlt_eq_int(unobserved.code, -ESHUTDOWN);
    qlt_eq_str(unobserved.task, "next");
    qlt_runtime_stop(runtime);
}

/* What a thread was busy with is less than what has passed, and as much as a task has taken. */
QLT(metrics, know_how_busy_a_lane_and_a_worker_were)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    int64_t began_ns = ql_now_ns();
    blocker held;
    block(lane, &held);
    int64_t in_task_ns = ql_now_ns();
    ql_stats stats = {.size = sizeof(stats)};
    while (ql_now_ns() < in_task_ns + 5000000)
        ;
    unblock(&held);
    int64_t settled_ns = ql_now_ns();
    ql_lane_stats of_lane = {.size = sizeof(of_lane)};
    ql_lane_stats_get(lane, &of_lane);
    qlt_check(of_lane.busy_ns >= 5000000);
    ql_runtime_stats(runtime, &stats);
    /* The pool had nothing to do but to start. */
    qlt_check(stats.busy_ns < stats.up_ns && stats.up_ns >= settled_ns - began_ns);
    char *text = written(runtime);
    qlt_check(prometheus_value(text, "qlane_lane_busy_seconds_total{lane=\"q\"}") >= 0.005);
    qlt_check(prometheus_value(text, "qlane_worker_busy_seconds_total{worker=\"ql-w0\"}") <
              prometheus_value(text, "qlane_up_seconds"));
    free(text);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(metrics, of_lanes_of_one_name_are_one_series)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *a = open_lane(runtime, (ql_lane_config){.name = "q"}),
            *b = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    ql_task_init(&task, nothing, NULL);
    call(a, &task);
    call(b, &task);
    char *text = written(runtime);
    has(text, "qlane_lane_settled_total{lane=\"q\",cause=\"done\"}", 2);
    free(text);
    close_lane(a);
    close_lane(b);
    qlt_runtime_stop(runtime);
}

static int calls(ql_task *task)
{
    ql_lane *lane = task->arg;
    ql_task inner;
    ql_task_init(&inner, nothing, NULL);
    inner.name = "inner";
    return ql_lane_call(lane, &inner);
}

QLT(metrics, dump_names_what_is_waited_for)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    blocker held;
    ql_task caller;
    block(lane, &held);
    ql_task_init(&caller, calls, lane);
    caller.name = "caller";
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &caller), 0);
    for (bool seen = false; !seen;) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        ql_runtime_dump(runtime, out);
        fclose(out);
        seen = strstr(text, "runs caller, waits for 'inner' on q,");
        if (seen)
            qlt_has_str(text, "lane 'q': serving, 1 tasks wait");
        free(text);
    }
    unblock(&held);
    await(&caller);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(metrics, refuse_what_cannot_be_written)
{
    ql_runtime *runtime = qlt_runtime(1);
    FILE *full = fopen("/dev/full", "w");
    qlt_eq_int(ql_metrics_write(runtime, full), -EIO);
    fclose(full);
    qlt_eq_int(ql_metrics_write(NULL, stdout), -EINVAL);
    qlt_eq_int(ql_metrics_write(runtime, NULL), -EINVAL);
    qlt_runtime_stop(runtime);
}
