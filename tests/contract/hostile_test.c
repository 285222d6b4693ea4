/* A host that is stopped and starved, and users who are careless: everything is answered nevertheless. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "qlane/qlane.h"
#include "tests/affinity/real.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { TASKS = 32, ROUNDS = 20 };

static ql_runtime *runtime;
static ql_lane *lane;
static uint64_t on_lane; /* the lane's */

QL_FORK_1(unsigned, tree, w, unsigned, level)
{
    if (!level)
        return 1;
    tree_child left;
    tree_fork(w, &left, level - 1);
    unsigned right = tree(w, level - 1);
    return right + tree_join(w, &left);
}

static int increment(ql_task *task)
{
    return ql_task_return(task, (ql_value){.u64 = ++on_lane});
}

/* Forks, a call to the lane, and a wait for another task. */
static int busy(ql_task *task)
{
    ql_task call, next;
    qlt_eq_uint(tree(ql_worker_self(), 6), 64);
    ql_task_init(&call, increment, NULL);
    qlt_eq_int(ql_lane_call(lane, &call), 0);
    ql_task_init(&next, increment, NULL);
    qlt_eq_int(ql_lane_submit(lane, &next), 0);
    qlt_eq_int(ql_future_wait(&next.future), 0);
    return ((void)task, 0);
}

static void start(unsigned workers)
{
    ql_lane_config config = {.size = sizeof(config)};
    ql_error error;
    on_lane = 0;
    runtime = qlt_runtime(workers);
    if (ql_lane_open(runtime, &config, &lane, &error))
        qlt_fail("%s", error.text);
}

static void work_round(void)
{
    ql_task tasks[TASKS];
    uint64_t before = on_lane;
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], busy, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &tasks[i]), 0);
    }
    for (int i = 0; i < TASKS; i++) {
        qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
        qlt_eq_int(tasks[i].future.code, 0);
    }
    qlt_eq_uint(on_lane - before, 2 * TASKS);
}

static void work_rounds(unsigned workers)
{
    start(workers);
    for (int i = 0; i < ROUNDS; i++)
        work_round();
    qlt_runtime_stop(runtime);
}

/* ---- Stopped ------------------------------------------------------------------------------------------------------ */

/* Works until nobody reads what it has done. */
static void work_until_told(int report)
{
    signal(SIGPIPE, SIG_IGN);
    start(2);
    do
        work_round();
    while (write(report, "r", 1) == 1);
    qlt_runtime_stop(runtime);
}

static void await_round(int reports)
{
    char byte;
    qlt_eq_int(read(reports, &byte, 1), 1);
}

QLT(hostile, goes_on_after_being_stopped_twenty_times)
{
    int report[2], status;
    qlt_eq_int(pipe2(report, O_CLOEXEC), 0);
    pid_t child = fork();
    qlt_check(child >= 0);
    if (!child) {
        close(report[0]);
        work_until_told(report[1]);
        _exit(0);
    }
    close(report[1]);
    for (int i = 0; i < 20; i++) {
        await_round(report[0]);
        qlt_eq_int(kill(child, SIGSTOP), 0);
        qlt_eq_int(waitpid(child, &status, WUNTRACED), child);
        qlt_check(WIFSTOPPED(status));
        qlt_eq_int(kill(child, SIGCONT), 0);
    }
    await_round(report[0]);
    close(report[0]);
    qlt_eq_int(waitpid(child, &status, 0), child);
    qlt_eq_int(status, 0);
}

/* ---- Starved ------------------------------------------------------------------------------------------------------ */

static void with_a_tenth_of_a_cpu(void)
{
    if (!group_enter("cpu"))
        return;
    group_write("cpu.cfs_period_us", "100000");
    group_write("cpu.cfs_quota_us", "10000");
    start(2);
    work_round();
    qlt_runtime_stop(runtime);
    group_leave();
}

QLT(hostile, works_with_a_tenth_of_a_cpu)
{
    in_child(with_a_tenth_of_a_cpu);
}

static void on_the_first_cpu(void)
{
    if (with_mask("0"))
        work_rounds(4);
}

QLT(hostile, works_on_one_core_with_four_workers)
{
    in_child(on_the_first_cpu);
}

QLT(hostile, works_with_64_workers)
{
    work_rounds(64);
}

static int go_first(ql_task *task)
{
    struct sched_param priority = {.sched_priority = 1};
    (void)task;
    return -pthread_setschedparam(pthread_self(), SCHED_RR, &priority);
}

QLT(hostile, a_lane_of_real_time_starves_nobody)
{
    ql_task task;
    start(2);
    ql_task_init(&task, go_first, NULL);
    qlt_eq_int(ql_lane_call(lane, &task), 0);
    if (task.future.code)
        fprintf(stderr, "skipped: SCHED_RR is refused here (%d)\n", task.future.code);
    for (int i = 0; i < ROUNDS && !task.future.code; i++)
        work_round();
    qlt_runtime_stop(runtime);
}

/* ---- A task that takes its time ------------------------------------------------------------------------------------ */

static qlt_gate long_one;

static int takes_ten_seconds(ql_task *task)
{
    qlt_gate_open(&long_one, 1);
    struct timespec left = {.tv_sec = 10};
    while (nanosleep(&left, &left))
        ;
    return ql_task_return(task, (ql_value){.i64 = 10});
}

/* It holds its worker; the others go on, and a patient stop waits for it. */
QLT(hostile, a_task_may_run_for_ten_seconds)
{
    ql_task task;
    long_one = (qlt_gate)QLT_GATE_INIT;
    start(2);
    ql_task_init(&task, takes_ten_seconds, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_gate_wait(&long_one, 1);
    for (int i = 0; i < ROUNDS; i++)
        work_round();
    qlt_check(!ql_future_settled(&task.future));
    qlt_runtime_stop(runtime);
    qlt_check(ql_future_settled(&task.future));
    qlt_eq_int(task.future.value.i64, 10);
}

/* ---- Careless users ----------------------------------------------------------------------------------------------- */

/* The continuation has what it follows, and throws it away. */
static int throw_away(ql_task *task)
{
    ql_task *first = task->arg;
    qlt_check(ql_future_settled(&first->future));
    free(first);
    return 0;
}

QLT(hostile, a_callback_may_throw_its_future_away)
{
    static ql_task last[1000];
    start(2);
    for (int i = 0; i < 1000; i++) {
        ql_task *first = malloc(sizeof(*first));
        qlt_check(first);
        ql_task_init(first, increment, NULL);
        ql_task_init(&last[i], throw_away, first);
        last[i].on = i % 2 ? ql_runtime_pool(runtime) : ql_lane_executor(lane);
        qlt_eq_int(ql_lane_submit(lane, first), 0);
        qlt_eq_int(ql_future_then(&first->future, &last[i]), 0);
    }
    for (int i = 0; i < 1000; i++)
        qlt_eq_int(ql_future_wait(&last[i].future), 0);
    qlt_eq_uint(on_lane, 1000);
    qlt_runtime_stop(runtime);
}

static int never_works(void *self, ql_task *task)
{
    (void)self;
    return ql_task_fail(task, -EIO, "the engine is broken");
}

QLT(hostile, an_engine_that_fails_every_task_fails_just_them)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "broken", .run = never_works};
    static ql_task tasks[100];
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    ql_lane_report report = {.size = sizeof(report)};
    ql_lane *broken;
    ql_error error;
    start(2);
    qlt_eq_int(ql_lane_open(runtime, &config, &broken, &error), 0);
    for (int i = 0; i < 100; i++) {
        ql_task_init(&tasks[i], increment, NULL);
        qlt_eq_int(ql_lane_submit(broken, &tasks[i]), 0);
    }
    work_round(); /* the other lane and the pool do not mind */
    qlt_eq_int(ql_lane_close(broken, NULL, &report, &error), 0);
    for (int i = 0; i < 100; i++) {
        qlt_eq_int(tasks[i].future.code, -EIO);
        qlt_eq_str(tasks[i].future.text, "the engine is broken");
    }
    qlt_eq_uint(on_lane, 2 * TASKS);
    qlt_runtime_stop(runtime);
}
