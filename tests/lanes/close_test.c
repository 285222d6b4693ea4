/* Closing a lane, and a runtime with lanes. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lanes/lane.h"
#include "tests/lanes/lanes.h"

enum { TASKS = 1000 };
static ql_task tasks[TASKS];
static long counter;

static void submit_all(ql_lane *lane)
{
    counter = 0;
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], count_up, &counter);
        submit(lane, &tasks[i]);
    }
}

static void all_settled_with(int code)
{
    for (int i = 0; i < TASKS; i++) {
        qlt_check(ql_future_settled(&tasks[i].future));
        qlt_eq_int(tasks[i].future.code, code);
    }
}

typedef struct closer {
    ql_lane *lane;
    ql_lane_report report;
    pthread_t thread;
} closer;

static void *close_it(void *arg)
{
    closer *self = arg;
    ql_error error;
    self->report.size = sizeof(self->report);
    if (ql_lane_close(self->lane, NULL, &self->report, &error))
        qlt_fail("%s", error.text);
    return NULL;
}

QLT(close, drains_by_default_and_reports)
{
    ql_runtime *runtime = qlt_runtime(1);
    recorder engine = {.count = 0};
    closer with = {
        .lane = open_lane(runtime,
                          (ql_lane_config){.name = "q", .engine = &recorder_ops, .engine_arg = &engine})};
    ql_error error;
    blocker first;
    block(with.lane, &first);
    submit_all(with.lane);
    pthread_create(&with.thread, NULL, close_it, &with);
    while (!qli_inbox_is_closed(&with.lane->inbox))
        sched_yield();
    qlt_eq_int(ql_lane_submit(with.lane, &first.task), -EBUSY);
    ql_task late;
    ql_task_init(&late, nothing, NULL);
    qlt_eq_int(ql_lane_submit(with.lane, &late), -ESHUTDOWN);
    qlt_eq_int(ql_lane_close(with.lane, NULL, NULL, &error), -EBUSY);
    qlt_gate_open(&first.gate, 2);
    pthread_join(with.thread, NULL);
    all_settled_with(0);
    qlt_eq_int(counter, TASKS);
    qlt_eq_int(with.report.done, TASKS + 1);
    qlt_eq_int(with.report.failed + with.report.cancelled + with.report.expired + with.report.shut, 0);
    qlt_eq_str(engine.calls + engine.count - 2, "cx");
    qlt_eq_int(ql_lane_submit(with.lane, &late), -ESHUTDOWN);
    qlt_eq_int(ql_lane_call(with.lane, &late), -ESHUTDOWN);
    qlt_eq_int(ql_lane_submit_until(with.lane, &late, QL_FOREVER), -ESHUTDOWN);
    qlt_eq_int(ql_lane_close(with.lane, NULL, NULL, &error), -EALREADY);
    qlt_eq_int(ql_lane_free(with.lane), 0);
    qlt_runtime_stop(runtime);
}

/* The held task is asked to end; what queues is refused at once, although that one runs on. */
QLT(close, past_its_deadline_it_settles_what_queues_and_names_what_runs)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_lane_report report = {.size = sizeof(report)};
    ql_error error;
    blocker first;
    block(lane, &first);
    submit_all(lane);
    ql_stop at_once = {.size = sizeof(at_once), .drain_until_ns = 1, .give_up_ns = 1};
    qlt_eq_int(ql_lane_close(lane, &at_once, &report, &error), -ETIMEDOUT);
    qlt_has_str(error.text, "lane 'q' is still in task 'task'");
    all_settled_with(-ESHUTDOWN);
    qlt_eq_str(tasks[0].future.text, "not run: its runtime, lane or strand was closed first");
    qlt_eq_int(counter, 0);
    qlt_eq_int(report.shut, TASKS);
    qlt_eq_int(report.done, 0);
    qlt_gate_open(&first.gate, 2);
    qlt_eq_int(ql_lane_close(lane, NULL, &report, &error), 0);
    await(&first.task);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

static int until_asked(ql_task *task)
{
    while (!ql_task_cancelled(task))
        sched_yield();
    return -ql_task_cancelled(task);
}

static qlt_gate interruptible_runs = QLT_GATE_INIT;

/* Deaf to the token: only the engine's interrupt ends it. */
static int until_interrupted(ql_task *task)
{
    recorder *engine = task->arg;
    qlt_gate_open(&interruptible_runs, 1);
    while (!__atomic_load_n(&engine->interrupts, __ATOMIC_ACQUIRE))
        sched_yield();
    return -ql_task_cancelled(task);
}

QLT(close, asks_what_runs_to_end)
{
    ql_runtime *runtime = qlt_runtime(1);
    recorder engine = {.count = 0};
    ql_lane *lane = open_lane(
        runtime, (ql_lane_config){.name = "q", .engine = &recorder_interruptible_ops, .engine_arg = &engine});
    ql_error error;
    ql_task task;
    ql_task_init(&task, until_interrupted, &engine);
    submit(lane, &task);
    qlt_gate_wait(&interruptible_runs, 1);
    ql_stop soon = {.size = sizeof(soon), .drain_until_ns = ql_after_ns(2000000)};
    qlt_eq_int(ql_lane_close(lane, &soon, NULL, &error), 0);
    qlt_eq_int(task.future.code, -ESHUTDOWN);
    qlt_eq_int(engine.interrupts, 1);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

static int close_self(ql_task *task)
{
    ql_error error;
    return ql_lane_close(task->arg, NULL, NULL, &error);
}

QLT(close, from_its_own_task_is_refused)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    ql_task_init(&task, close_self, lane);
    call(lane, &task);
    qlt_eq_int(task.future.code, -EDEADLK);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static void closes_from_worker(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    submit_all(lane);
    ql_task_init(&task, close_self, lane);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    await(&task);
    qlt_eq_int(task.future.code, 0);
    all_settled_with(0);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

QLT(close, may_come_from_a_worker)
{
    qlt_workers_each(closes_from_worker);
}

/* ---- Under fire ------------------------------------------------------------------------------------------------ */

enum { PRODUCERS = 20, EACH = 100, FLOOD = 10000 };

static ql_task flood[FLOOD];

typedef struct producer {
    ql_lane *lane;
    ql_task tasks[EACH];
    int accepted;
    pthread_t thread;
} producer;

static producer producers[PRODUCERS];
static qlt_gate all_submit = QLT_GATE_INIT;

static void *submit_until_refused(void *arg)
{
    producer *self = arg;
    self->accepted = 0;
    qlt_gate_arrive(&all_submit);
    for (int i = 0; i < EACH; i++) {
        ql_task_init(&self->tasks[i], nothing, NULL);
        int code = ql_lane_submit(self->lane, &self->tasks[i]);
        qlt_check(code == 0 || code == -ESHUTDOWN);
        if (code)
            break;
        self->accepted++;
    }
    return NULL;
}

static void ignore(void *context, const char *sentence)
{
    (void)context;
    (void)sentence;
}

/* 200 times; QLT_CLOSES says otherwise. */
static int rounds_wanted(void)
{
    const char *wanted = getenv("QLT_CLOSES");
    return wanted ? atoi(wanted) : 200;
}

QLT(close, loses_nothing_with_10000_queued_while_20_threads_submit)
{
    ql_runtime *runtime = qlt_runtime_with(2, (ql_runtime_config){.on_misuse = ignore});
    int rounds = rounds_wanted();
    for (int round = 0; round < rounds; round++) {
        ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
        ql_error error;
        long count = 0;
        for (int i = 0; i < FLOOD; i++) {
            ql_task_init(&flood[i], count_up, &count);
            submit(lane, &flood[i]);
        }
        all_submit = (qlt_gate)QLT_GATE_INIT;
        for (int i = 0; i < PRODUCERS; i++) {
            producers[i].lane = lane;
            pthread_create(&producers[i].thread, NULL, submit_until_refused, &producers[i]);
        }
        qlt_gate_wait(&all_submit, (unsigned)round % PRODUCERS);
        ql_stop stop = {.size = sizeof(stop), .drain_until_ns = round % 2 ? 1 : 0};
        ql_lane_report report = {.size = sizeof(report)};
        qlt_eq_int(ql_lane_close(lane, &stop, &report, &error), 0);
        for (int i = 0; i < PRODUCERS; i++) {
            pthread_join(producers[i].thread, NULL);
            for (int k = 0; k < producers[i].accepted; k++) {
                qlt_check(ql_future_settled(&producers[i].tasks[k].future));
                int code = producers[i].tasks[k].future.code;
                qlt_check(code == 0 || (round % 2 && code == -ESHUTDOWN));
            }
        }
        uint64_t done = 0, shut = 0;
        for (int i = 0; i < FLOOD; i++) {
            qlt_check(ql_future_settled(&flood[i].future));
            done += flood[i].future.code == 0;
            shut += flood[i].future.code == -ESHUTDOWN;
        }
        qlt_eq_uint(done + shut, FLOOD);
        qlt_eq_int(count, (long)done);
        qlt_check(!shut || round % 2);
        qlt_eq_int(ql_lane_free(lane), 0);
    }
    qlt_runtime_stop(runtime);
}

/* ---- The runtime stops ----------------------------------------------------------------------------------------- */

static void stops(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    ql_lane *open = open_lane(runtime, (ql_lane_config){.name = "open"});
    ql_lane *closed = open_lane(runtime, (ql_lane_config){.name = "closed"});
    ql_error error;
    qlt_eq_int(ql_lane_close(closed, NULL, NULL, &error), 0);
    submit_all(open);
    qlt_runtime_stop(runtime);
    all_settled_with(0);
}

QLT(close, a_stop_drains_lanes_and_frees_them)
{
    qlt_workers_each(stops);
}

QLT(close, a_stop_past_its_deadline_settles_what_queues_on_lanes)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task asked;
    ql_error error;
    ql_task_init(&asked, until_asked, NULL);
    submit(lane, &asked);
    submit_all(lane);
    ql_stop soon = {.size = sizeof(soon), .drain_until_ns = ql_after_ns(1000000)};
    qlt_eq_int(ql_runtime_stop(runtime, &soon, &error), 0);
    all_settled_with(-ESHUTDOWN);
    qlt_eq_int(asked.future.code, -ESHUTDOWN);
}

/* What others settled for a lane that is gone still counts, or a stop would wait for ever. */
QLT(close, a_stop_after_lanes_are_gone_finds_every_task_settled)
{
    ql_runtime *runtime = qlt_runtime(1);
    for (int i = 0; i < 3; i++) {
        ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
        blocker first;
        block(lane, &first);
        submit_all(lane);
        for (int k = 0; k < TASKS; k += 2)
            qlt_eq_int(ql_task_cancel(&tasks[k]), 0);
        unblock(&first);
        close_lane(lane);
    }
    ql_stats stats = {.size = sizeof(stats)};
    ql_runtime_stats(runtime, &stats);
    qlt_eq_int(stats.accepted, 3 * (TASKS + 1));
    qlt_eq_int(stats.settled, stats.accepted);
    qlt_runtime_stop(runtime);
}

static void *stop_it(void *runtime)
{
    qlt_runtime_stop(runtime);
    return NULL;
}

static void no_misuse(void *context, const char *sentence)
{
    (void)context;
    qlt_fail("%s", sentence);
}

QLT(close, who_submits_while_the_runtime_stops_is_refused_and_not_blamed)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_misuse = no_misuse});
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "shut"});
    blocker first;
    pthread_t thread;
    int code;
    block(lane, &first);
    qlt_eq_int(pthread_create(&thread, NULL, stop_it, runtime), 0);
    while (!(code = ql_spawn(ql_lane_executor(lane), nothing, NULL)))
        sched_yield();
    qlt_eq_int(code, -ESHUTDOWN);
    unblock(&first);
    pthread_join(thread, NULL);
}

static qlt_gate ending = QLT_GATE_INIT;

static int hangs(void *self, ql_error *error)
{
    (void)self;
    (void)error;
    qlt_gate_open(&ending, 1);
    qlt_gate_wait(&ending, 2);
    return 0;
}

/* In a child: the lane's thread stays in its engine, in no task that could be named. */
static void leave_a_commit_behind(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "hangs", .batch_end = hangs};
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "slow", .engine = &ops});
    ql_stop now = {.size = sizeof(now), .drain_until_ns = 1, .give_up_ns = 1};
    ql_error error;
    ql_task task;
    ql_task_init(&task, nothing, NULL);
    submit(lane, &task);
    qlt_gate_wait(&ending, 1);
    qlt_eq_int(ql_lane_close(lane, &now, NULL, &error), -ETIMEDOUT);
    qlt_eq_str(error.text, "ql_lane_close: give_up_ns had passed before lane 'slow' had ended");
    qlt_eq_int(ql_runtime_stop(runtime, &now, &error), -ETIMEDOUT);
    fprintf(stderr, "%s\n", error.text);
    abort();
}

QLT(close, that_gives_up_names_no_task_where_there_is_none)
{
    qlt_dies_with(leave_a_commit_behind, "give_up_ns had passed before the threads had ended");
}
