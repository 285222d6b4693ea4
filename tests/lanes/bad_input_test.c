/* Every public function of lanes with what it cannot take: NULL, closed, the wrong thread, zero and huge sizes. What each
 * answers is documented; nothing is lost, and nothing is left behind (the harness counts threads and descriptors). */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "qlane/sqlite.h"
#include "qlane/watch.h"
#include "tests/lanes/lanes.h"

static char misuse_text[512];

static void misused(void *context, const char *sentence)
{
    (void)context;
    snprintf(misuse_text, sizeof(misuse_text), "%s", sentence);
}

static ql_runtime *start(void)
{
    return qlt_runtime_with(1, (ql_runtime_config){.on_misuse = misused});
}

QLT(bad_input, null_is_refused_everywhere)
{
    ql_runtime *runtime = start();
    ql_lane *lane = (ql_lane *)1;
    ql_error error;
    ql_task task;
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_sqlite_call call;
    ql_lane_config config = {.size = sizeof(config)};
    ql_task_init(&task, nothing, NULL);
    qlt_eq_int(ql_lane_open_begin(NULL, &config, &lane, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_lane_open: the runtime is NULL");
    qlt_eq_ptr(lane, NULL);
    qlt_eq_int(ql_lane_open_begin(runtime, NULL, &lane, NULL), -EINVAL);
    qlt_eq_int(ql_lane_open_begin(runtime, NULL, &lane, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_lane_open: the config is NULL");
    qlt_eq_int(ql_lane_open_begin(runtime, &config, NULL, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_lane_open: the place for the lane is NULL");
    qlt_eq_int(ql_lane_close(NULL, NULL, NULL, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_lane_close: the lane is NULL");
    qlt_eq_int(ql_submit(ql_lane_executor(NULL), &task), -EINVAL);
    qlt_eq_int(ql_future_wait(ql_lane_opened(NULL)), -EINVAL);
    ql_lane_stats_get(NULL, &stats);
    qlt_eq_uint(stats.settled, 0);
    qlt_eq_ptr(ql_lane_slot(NULL, NULL), NULL);
    qlt_eq_int(ql_lane_run(NULL), -EINVAL);
    qlt_eq_int(ql_lane_poll(NULL, 0), -EINVAL);
    qlt_eq_ptr(ql_engine_here(NULL), NULL);
    qlt_eq_int(ql_timer_start(NULL, 0, 0), -EINVAL);
    qlt_eq_int(ql_timer_stop(NULL), -EINVAL);
    qlt_eq_int(ql_watch_start(NULL, 0, QL_READABLE), -EINVAL);
    qlt_eq_int(ql_watch_stop(NULL), -EINVAL);
    qlt_eq_int(ql_client_close(NULL), 0);
    ql_sqlite_call_init(NULL, "SELECT 1");
    ql_sqlite_call_init(&call, NULL);
    ql_sqlite_rows_free(NULL);
    qlt_eq_int(ql_sqlite_run(NULL, "SELECT 1", NULL, 0, NULL, &error), -EPERM);
    qlt_eq_ptr(ql_sqlite_handle(NULL), NULL);
    qlt_eq_int(ql_sqlite_changes(NULL), 0);
    lane = open_lane(runtime, (ql_lane_config){.name = ""});
    ql_lane_stats_get(lane, NULL);
    qlt_check(ql_lane_slot(lane, NULL) || ql_plan_lanes(ql_runtime_plan(runtime)) == 0);
    qlt_eq_int(ql_lane_close(lane, NULL, NULL, NULL), 0);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

QLT(bad_input, a_closed_lane_says_so)
{
    ql_runtime *runtime = start();
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "shut"});
    ql_error error;
    ql_task task, *tasks[] = {&task}, first;
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_client *client;
    void *engine;
    qlt_eq_int(ql_client_open(lane, "c", 1, QL_FULL_REFUSES, &client), 0);
    qlt_eq_int(ql_lane_close(lane, NULL, NULL, &error), 0);
    ql_task_init(&task, nothing, NULL);
    qlt_eq_int(ql_lane_submit(lane, &task), -ESHUTDOWN);
    qlt_eq_str(misuse_text, "ql_submit: lane 'shut' is closed, task 'task' was refused");
    qlt_eq_int(ql_lane_submit_until(lane, &task, QL_FOREVER), -ESHUTDOWN);
    qlt_eq_int(ql_lane_call(lane, &task), -ESHUTDOWN);
    qlt_eq_int(ql_submit_many(ql_lane_executor(lane), tasks, 1), -ESHUTDOWN);
    qlt_eq_int(ql_future_wait(&task.future), -EINVAL);
    qlt_eq_int(ql_spawn(ql_lane_executor(lane), nothing, NULL), -ESHUTDOWN);
    qlt_eq_int(ql_client_submit_until(client, &task, QL_FOREVER), -ESHUTDOWN);
    task.deadline_ns = ql_after_ns(1000);
    qlt_eq_int(ql_lane_submit(lane, &task), -ESHUTDOWN);
    qlt_eq_int(ql_task_cancel(&task), -EINVAL); /* it was never taken */
    ql_task_init(&first, nothing, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &first), 0);
    await(&first);
    task.deadline_ns = 0;
    task.on = ql_lane_executor(lane);
    qlt_eq_int(ql_future_then(&first.future, &task), -ESHUTDOWN);
    qlt_eq_int(ql_lane_engine(lane, &engine), -EPERM);
    qlt_eq_ptr(engine, NULL);
    qlt_eq_int(ql_lane_close(lane, NULL, NULL, &error), -EALREADY);
    qlt_eq_str(error.text, "ql_lane_close: lane 'shut' is closed");
    ql_lane_stats_get(lane, &stats);
    qlt_eq_uint(stats.queued, 0);
    qlt_eq_int(ql_future_wait(ql_lane_opened(lane)), 0);
    qlt_eq_str(ql_lane_problem(lane), "");
    qlt_eq_int(ql_client_close(client), 0);
    qlt_eq_int(ql_client_open(lane, "late", 1, QL_FULL_REFUSES, &client), 0);
    qlt_eq_int(ql_submit(ql_client_executor(client), &task), -ESHUTDOWN);
    qlt_eq_int(ql_lane_free(lane), 0); /* and its client */
    qlt_runtime_stop(runtime);
}

QLT(bad_input, numbers_without_their_size_are_not_taken_for_zero)
{
    ql_runtime *runtime = start();
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_lane_stats of_lane = {.size = 0};
    ql_stats of_all = {.size = sizeof(of_all) + 1};
    ql_lane_stats_get(lane, &of_lane);
    qlt_has_str(misuse_text, "ql_lane_stats_get: expected stats->size to be sizeof(ql_lane_stats), ");
    ql_runtime_stats(runtime, &of_all);
    qlt_has_str(misuse_text, "ql_runtime_stats: expected stats->size to be sizeof(ql_stats), ");
    qlt_runtime_stop(runtime);
}

/* On a worker: everything that is a lane's own. */
static int on_worker(ql_task *task)
{
    ql_lane *lane = task->arg;
    void *engine;
    ql_timer timer = {.fn = NULL};
    qlt_eq_int(ql_lane_engine(lane, &engine), -EPERM);
    qlt_eq_str(misuse_text,
               "ql_lane_engine: expected the thread of lane 'q', found pool; hand the lane a task instead");
    qlt_eq_ptr(ql_engine_here(&recorder_ops), NULL);
    qlt_eq_ptr(ql_sqlite_here(), NULL);
    qlt_eq_int(ql_timer_start(&timer, 0, 0), -EINVAL);
    ql_batch_end_soon();
    return 0;
}

static int on_other_lane(ql_task *task)
{
    void *engine;
    qlt_eq_int(ql_lane_engine(task->arg, &engine), -EPERM);
    qlt_eq_ptr(ql_engine_here(&recorder_ops), NULL);
    return 0;
}

QLT(bad_input, the_wrong_thread_is_told)
{
    ql_runtime *runtime = start();
    recorder engine = {.count = 0};
    ql_lane *lane =
        open_lane(runtime, (ql_lane_config){.name = "q", .engine = &recorder_ops, .engine_arg = &engine});
    ql_lane *other = open_lane(runtime, (ql_lane_config){.name = "other"});
    ql_task task;
    void *found;
    qlt_eq_int(ql_lane_engine(lane, &found), -EPERM);
    qlt_has_str(misuse_text, "found a thread of the host");
    qlt_eq_ptr(ql_engine_here(&recorder_ops), NULL);
    ql_batch_end_soon();
    ql_task_init(&task, on_worker, lane);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    await(&task);
    ql_task_init(&task, on_other_lane, lane);
    call(other, &task);
    qlt_eq_int(ql_lane_run(lane), -EINVAL);
    close_lane(lane);
    close_lane(other);
    qlt_runtime_stop(runtime);
}

QLT(bad_input, sizes_of_zero_and_huge_ones)
{
    ql_runtime *runtime = start();
    ql_lane *lane;
    ql_error error;
    ql_task task;
    char long_name[1000];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = 0;
    ql_lane_config config = {.size = 0};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    config.size = SIZE_MAX;
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    config = (ql_lane_config){.size = sizeof(config), .flags = UINT_MAX};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "config.flags has an unknown value");
    config = (ql_lane_config){.size = sizeof(config), .full = (ql_full)77};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    recorder engine = {.count = 0};
    lane = open_lane(runtime, (ql_lane_config){.name = long_name,
                                               .engine = &recorder_ops,
                                               .engine_arg = &engine,
                                               .capacity_tasks = SIZE_MAX,
                                               .batch_tasks = UINT_MAX,
                                               .batch_us = UINT_MAX});
    qlt_check(strlen(ql_executor_name(ql_lane_executor(lane))) < 64);
    ql_task_init(&task, nothing, NULL);
    call(lane, &task);
    ql_task *none[1] = {NULL};
    qlt_eq_int(ql_submit_many(ql_lane_executor(lane), none, 0), 0);
    qlt_eq_int(ql_submit_many(ql_lane_executor(lane), NULL, SIZE_MAX), -EINVAL);
    qlt_eq_int(ql_submit_many(ql_lane_executor(lane), none, 1), -EINVAL);
    task.klass = UINT8_MAX;
    qlt_eq_int(ql_lane_submit(lane, &task), -EINVAL);
    ql_task_init(&task, NULL, NULL);
    qlt_eq_int(ql_lane_call(lane, &task), -EINVAL);
    ql_lane_stats too_large = {.size = sizeof(too_large) + 1, .done = 7}, none_of_it = {.size = 0, .done = 7};
    ql_lane_stats_get(lane, &too_large);
    ql_lane_stats_get(lane, &none_of_it);
    qlt_eq_uint(too_large.done, 7);
    qlt_eq_uint(none_of_it.done, 7);
    ql_stop patience = {.size = SIZE_MAX};
    ql_lane_report report = {.size = 0};
    qlt_eq_int(ql_lane_close(lane, &patience, NULL, &error), -EINVAL);
    qlt_eq_int(ql_lane_close(lane, NULL, &report, &error), -EINVAL);
    patience = (ql_stop){.size = sizeof(patience), .drain_until_ns = INT64_MIN, .give_up_ns = INT64_MAX};
    qlt_eq_int(ql_lane_close(lane, &patience, NULL, &error), 0);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

/* One statement; its code, and SQLite's or our words. */
static int run(ql_lane *lane, const char *sql, const ql_sqlite_cell *params, unsigned count, char text[128])
{
    ql_sqlite_call query;
    ql_sqlite_call_init(&query, sql);
    query.params = params;
    query.params_count = count;
    query.task.text_buffer = text;
    query.task.text_size = 128;
    call(lane, &query.task);
    ql_sqlite_rows_free(query.rows);
    return query.task.future.code;
}

QLT(bad_input, sqlite_refuses_what_it_cannot_bind_or_run)
{
    ql_runtime *runtime = start();
    ql_lane *lane;
    ql_error error;
    char text[128];
    ql_sqlite_config config = {.size = sizeof(config), .synchronous = (ql_sqlite_sync)99};
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, &lane, &error), -EINVAL);
    config = (ql_sqlite_config){.size = sizeof(config), .statements_max = UINT_MAX};
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, &lane, &error), -EINVAL);
    config = (ql_sqlite_config){.size = sizeof(config), .busy_timeout_ms = INT_MAX, .statements_max = 1};
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, &lane, &error), 0);
    ql_sqlite_cell odd = {.type = (ql_sqlite_type)99}, bytes = {.type = QL_SQLITE_TEXT, .text = {NULL, 0}};
    ql_sqlite_cell lost = {.type = QL_SQLITE_BLOB, .text = {NULL, 5}};
    ql_sqlite_cell huge = {.type = QL_SQLITE_BLOB, .text = {"x", SIZE_MAX}};
    qlt_check(run(lane, "SELECT ?1", NULL, 1, text) < 0);
    qlt_check(run(lane, "SELECT ?1", NULL, UINT_MAX, text) < 0);
    qlt_check(run(lane, "SELECT 1", &odd, 1, text) < 0);
    qlt_eq_int(run(lane, "SELECT ?1", &odd, 1, text), -EINVAL);
    qlt_eq_int(run(lane, "SELECT ?1", &lost, 1, text), -EINVAL);
    qlt_eq_int(run(lane, "SELECT ?1", &huge, 1, text), -E2BIG);
    qlt_eq_int(run(lane, "SELECT ?1", &bytes, 1, text), 0);
    qlt_eq_int(run(lane, "", NULL, 0, text), -EINVAL);
    qlt_eq_int(run(lane, ";;  -- nothing", NULL, 0, text), -EINVAL);
    qlt_eq_int(run(lane, "SELECT 1; SELECT 2", NULL, 0, text), -EINVAL);
    qlt_eq_int(run(lane, "BEGIN", NULL, 0, text), -EINVAL);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
