/* Engines that fail, hang, exit or are interrupted by a signal: whoever waits is told, the rest of the process goes on. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qlane/lane.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { MILLISECOND_NS = 1000000 };

static ql_runtime *runtime;
static ql_error problem;

static int nothing(ql_task *task)
{
    return ((void)task, 0);
}

/* The other lane and the pool do not mind. */
static void check_others(ql_lane *other)
{
    ql_task task;
    ql_task_init(&task, nothing, NULL);
    qlt_eq_int(ql_lane_call(other, &task), 0);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_eq_int(task.future.code, 0);
}

static ql_lane *open_with(const ql_engine_ops *ops)
{
    ql_lane *lane;
    ql_lane_config config = {.size = sizeof(config), .engine = ops, .engine_arg = &problem};
    if (ql_lane_open(runtime, &config, &lane, &problem))
        qlt_fail("%s", problem.text);
    return lane;
}

/* ---- Fail -------------------------------------------------------------------------------------------------------- */

static int code_of_hook;
static unsigned exits;

static int fails(void *self, ql_error *error)
{
    (void)self;
    snprintf(error->text, sizeof(error->text), code_of_hook ? "the engine is broken" : "");
    return code_of_hook;
}

static void counts_exit(void *self)
{
    (void)self;
    exits++;
}

QLT(engine, that_fails_in_open_leaves_nothing_and_says_why)
{
    static const ql_engine_ops ops[] = {
        {.size = sizeof(*ops), .name = "opens", .open = fails, .thread_exit = counts_exit},
        {.size = sizeof(*ops), .name = "prepares", .prepare = fails, .thread_exit = counts_exit}};
    runtime = qlt_runtime(2);
    ql_lane *other = open_with(NULL), *lane = other;
    exits = 0;
    for (unsigned i = 0; i < 4; i++) {
        ql_lane_config config = {.size = sizeof(config), .engine = &ops[i % 2]};
        code_of_hook =
            i < 2 ? -EIO : -EINVAL; /* which stands for a config that was refused, and is not believed */
        qlt_eq_int(ql_lane_open(runtime, &config, &lane, &problem), i < 2 ? -EIO : -EPROTO);
        qlt_eq_int(problem.code, i < 2 ? -EIO : -EPROTO);
        qlt_has_str(problem.text, "the engine is broken");
        qlt_eq_ptr(lane, NULL);
        qlt_eq_uint(exits, i + 1);
    }
    check_others(other);
    qlt_runtime_stop(runtime);
}

QLT(engine, that_fails_in_commit_fails_its_tasks_until_it_works_again)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "commits", .batch_end = fails};
    static ql_task tasks[200];
    runtime = qlt_runtime(2);
    ql_lane *other = open_with(NULL), *lane = open_with(&ops);
    for (int round = 0; round < 3; round++) {
        code_of_hook = round == 1 ? -ENOSPC : 0;
        for (int i = 0; i < 200; i++) {
            ql_task_init(&tasks[i], nothing, NULL);
            qlt_eq_int(ql_lane_submit(lane, &tasks[i]), 0);
        }
        for (int i = 0; i < 200; i++) {
            qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
            qlt_eq_int(tasks[i].future.code, code_of_hook);
            if (code_of_hook)
                qlt_eq_str(tasks[i].future.text, "its batch could not be committed");
        }
        check_others(other);
    }
    qlt_runtime_stop(runtime);
}

/* ---- Hang -------------------------------------------------------------------------------------------------------- */

static qlt_gate gate;

static int waits_in_open(void *self, ql_error *error)
{
    (void)self, (void)error;
    qlt_gate_wait(&gate, 1);
    return 0;
}

static void waits_in_close(void *self)
{
    (void)self;
    qlt_gate_wait(&gate, 1);
}

QLT(engine, that_hangs_in_close_is_named_and_may_be_closed_later)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "stays", .close = waits_in_close};
    gate = (qlt_gate)QLT_GATE_INIT;
    runtime = qlt_runtime(1);
    ql_lane *other = open_with(NULL), *lane = open_with(&ops);
    ql_stop patience = {.size = sizeof(patience), .give_up_ns = ql_after_ns(20 * MILLISECOND_NS)};
    qlt_eq_int(ql_lane_close(lane, &patience, NULL, &problem), -ETIMEDOUT);
    qlt_has_str(problem.text, "'close of the engine'");
    check_others(other);
    qlt_gate_open(&gate, 1);
    qlt_eq_int(ql_lane_close(lane, NULL, NULL, &problem), 0);
    qlt_runtime_stop(runtime);
}

static void stop_impatiently(void)
{
    ql_stop patience = {.size = sizeof(patience), .give_up_ns = ql_after_ns(20 * MILLISECOND_NS)};
    if (ql_runtime_stop(runtime, &patience, &problem) == -ETIMEDOUT)
        fprintf(stderr, "%s\n", problem.text);
    abort(); /* the thread is left behind, on purpose */
}

static void hang_in_close(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "stays", .close = waits_in_close};
    runtime = qlt_runtime(1);
    open_with(&ops);
    stop_impatiently();
}

static void hang_in_open(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "ponders", .open = waits_in_open};
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    ql_lane *lane;
    runtime = qlt_runtime(1);
    if (!ql_lane_open_begin(runtime, &config, &lane, &problem))
        stop_impatiently();
}

QLT(engine, that_hangs_in_open_or_close_is_named_by_a_stop)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_dies_with(hang_in_close, "task 'close of the engine' has not returned");
    qlt_dies_with(hang_in_open, "task 'open of the engine' has not returned");
}

/* ---- Exit -------------------------------------------------------------------------------------------------------- */

static int exits_in_hook(void *self, ql_error *error)
{
    (void)self, (void)error;
    exit(7);
}

static int exits_in_run(void *self, ql_task *task)
{
    (void)self, (void)task;
    exit(7);
}

static void exits_in_close(void *self)
{
    (void)self;
    exit(7);
}

/* Opens, runs a task, closes: one of these ends the process, with workers and another lane at work. */
static void live(const ql_engine_ops *ops)
{
    ql_task task;
    ql_lane *lane;
    ql_lane_config config = {.size = sizeof(config), .engine = ops};
    runtime = qlt_runtime(2);
    check_others(open_with(NULL));
    if (ql_lane_open(runtime, &config, &lane, &problem))
        return;
    ql_task_init(&task, nothing, NULL);
    if (!ql_lane_call(lane, &task))
        (void)!ql_lane_close(lane, NULL, NULL, &problem);
}

static void exit_in_open(void)
{
    live(&(ql_engine_ops){.size = sizeof(ql_engine_ops), .name = "exits", .open = exits_in_hook});
}

static void exit_in_run(void)
{
    live(&(ql_engine_ops){.size = sizeof(ql_engine_ops), .name = "exits", .run = exits_in_run});
}

static void exit_in_commit(void)
{
    live(&(ql_engine_ops){.size = sizeof(ql_engine_ops), .name = "exits", .batch_end = exits_in_hook});
}

static void exit_in_close(void)
{
    live(&(ql_engine_ops){.size = sizeof(ql_engine_ops), .name = "exits", .close = exits_in_close});
}

QLT(engine, may_exit_in_any_of_its_hooks)
{
    qlt_ends_with(exit_in_open, 7 << 8);
    qlt_ends_with(exit_in_run, 7 << 8);
    qlt_ends_with(exit_in_commit, 7 << 8);
    qlt_ends_with(exit_in_close, 7 << 8);
}

/* ---- A signal of its own ----------------------------------------------------------------------------------------- */

static struct {
    pthread_t thread;
    int fds[2]; /* the handler's bytes */
    uint32_t caught;
} told;

static void tell(int number)
{
    (void)number;
    __atomic_fetch_add(&told.caught, 1, __ATOMIC_RELAXED);
    if (write(told.fds[1], "x", 1) != 1)
        _exit(1);
}

/* All are blocked here but those of crashes; this one is the engine's. */
static int opens_for_signal(void *self, ql_error *error)
{
    sigset_t mine;
    (void)self, (void)error;
    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR2);
    told.thread = pthread_self();
    return -pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

static int interrupts_by_signal(void *self)
{
    (void)self;
    return -pthread_kill(told.thread, SIGUSR2);
}

static int until_told(ql_task *task)
{
    char byte;
    qlt_gate_open(task->arg, 1);
    while (read(told.fds[0], &byte, 1) < 0)
        qlt_eq_int(errno, EINTR);
    return -ql_task_cancelled(task);
}

QLT(engine, may_be_interrupted_by_a_signal_that_it_unblocks)
{
    static const ql_engine_ops ops = {.size = sizeof(ops),
                                      .name = "listens",
                                      .prepare = opens_for_signal,
                                      .interrupt = interrupts_by_signal};
    qlt_eq_int(pipe(told.fds), 0);
    signal(SIGUSR2, tell);
    runtime = qlt_runtime(2);
    ql_lane *other = open_with(NULL), *lane = open_with(&ops);
    for (int i = 0; i < 100; i++) {
        ql_task task;
        qlt_gate begun = QLT_GATE_INIT;
        ql_task_init(&task, until_told, &begun);
        qlt_eq_int(ql_lane_submit(lane, &task), 0);
        qlt_gate_wait(&begun, 1);
        qlt_eq_int(ql_task_cancel(&task), -EINPROGRESS);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_eq_int(task.future.code, -ECANCELED);
        check_others(other);
    }
    qlt_eq_uint(__atomic_load_n(&told.caught, __ATOMIC_RELAXED), 100);
    /* One that comes while the lane sleeps, or is about to, is the engine's business too. */
    for (int i = 0; i < 1000; i++) {
        qlt_eq_int(pthread_kill(told.thread, SIGUSR2), 0);
        check_others(lane);
    }
    qlt_runtime_stop(runtime);
    signal(SIGUSR2, SIG_DFL);
    close(told.fds[0]);
    close(told.fds[1]);
}
