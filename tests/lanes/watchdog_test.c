/* A task that holds its worker or lane for too long is named, once. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "lanes/lane.h"
#include "qlane/fork.h"
#include "qlane/strand.h"
#include "qlane/watch.h"
#include "tests/lanes/lanes.h"

/* Patient: where nobody shall be told of, however busy the machine is. */
enum { ALLOWED_NS = 20000000, PATIENT_NS = 250000000, SHORT_NS = 1000000 };

static struct {
    unsigned count, children;
    ql_overrun last;
} told;

static void tell(void *context, const ql_overrun *overrun)
{
    (void)context;
    told.last = *overrun;
    told.children += !strcmp(overrun->task, "a forked child");
    __atomic_fetch_add(&told.count, 1, __ATOMIC_RELEASE);
}

static ql_runtime *watched_for(unsigned workers, int64_t allowed_ns)
{
    told.count = told.children = 0;
    return qlt_runtime_with(workers, (ql_runtime_config){.overrun_ns = allowed_ns, .on_overrun = tell});
}

static ql_runtime *watched(unsigned workers)
{
    return watched_for(workers, ALLOWED_NS);
}

static unsigned told_so_far(void)
{
    return __atomic_load_n(&told.count, __ATOMIC_ACQUIRE);
}

static void await_told(unsigned count)
{
    while (told_so_far() < count)
        sched_yield();
}

static void busy(int64_t ns)
{
    for (int64_t until_ns = ql_now_ns() + ns; ql_now_ns() < until_ns;)
        ;
}

QLT(watchdog, names_a_task_that_holds_a_lane_and_what_waits_behind_it)
{
    ql_runtime *runtime = watched(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    blocker held;
    ql_task behind[3];
    for (unsigned incident = 1; incident <= 2; incident++) {
        held.gate = (qlt_gate)QLT_GATE_INIT;
        int64_t began_ns = ql_now_ns();
        block(lane, &held);
        for (int i = 0; i < 3; i++) {
            ql_task_init(&behind[i], nothing, NULL);
            submit(lane, &behind[i]);
        }
        await_told(incident);
        qlt_check(told.last.age_ns >= ALLOWED_NS && told.last.age_ns <= ql_now_ns() - began_ns);
        qlt_eq_str(told.last.task, "task");
        qlt_eq_str(told.last.thread, "ql-lane-q");
        qlt_eq_uint(told.last.behind, 3);
        busy(2 * ALLOWED_NS); /* long enough to be told twice */
        unblock(&held);
        for (int i = 0; i < 3; i++)
            await(&behind[i]);
        qlt_eq_uint(told_so_far(), incident);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static int hold_worker(ql_task *task)
{
    (void)task;
    await_told(1);
    busy(2 * ALLOWED_NS);
    return 0;
}

QLT(watchdog, names_a_task_that_holds_a_worker)
{
    ql_runtime *runtime = watched(1);
    ql_task task;
    ql_task_init(&task, hold_worker, NULL);
    task.name = "slow";
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    await(&task);
    qlt_eq_uint(told_so_far(), 1);
    qlt_eq_str(told.last.task, "slow");
    qlt_eq_str(told.last.thread, "ql-w0");
    qlt_runtime_stop(runtime);
}

static int wait_for_lane(ql_task *task)
{
    ql_task inner;
    ql_task_init(&inner, nothing, NULL);
    return ql_lane_call(task->arg, &inner);
}

/* The worker is lent; only the lane's task is told of. The watchdog falls asleep between the tasks, and is woken. */
QLT(watchdog, has_nothing_against_a_task_that_waits_or_short_ones)
{
    ql_runtime *runtime = watched(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    blocker held;
    ql_task waits, small;
    block(lane, &held);
    ql_task_init(&waits, wait_for_lane, lane);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &waits), 0);
    for (int64_t until_ns = ql_now_ns() + 4 * ALLOWED_NS; ql_now_ns() < until_ns;) {
        ql_task_init(&small, nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &small), 0);
        await(&small);
    }
    await_told(1);
    qlt_eq_str(told.last.thread, "ql-lane-q");
    unblock(&held);
    await(&waits);
    qlt_eq_uint(told_so_far(), 1);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static unsigned long_children; /* on a busy machine a child may lose its core, and is told of with reason */

QL_FORK_VOID_1(short_child, w, int, unused)
{
    int64_t began_ns = ql_now_ns();
    (void)w, (void)unused;
    busy(10 * SHORT_NS);
    if (ql_now_ns() - began_ns >= PATIENT_NS)
        __atomic_fetch_add(&long_children, 1, __ATOMIC_RELAXED);
}

static int fork_short_ones(ql_task *task)
{
    enum { CHILDREN = 16 };
    ql_worker *worker = ql_worker_self();
    short_child_child children[CHILDREN];
    (void)task;
    for (int64_t until_ns = ql_now_ns() + 4 * PATIENT_NS; ql_now_ns() < until_ns;) {
        for (int i = 0; i < CHILDREN; i++)
            short_child_fork(worker, &children[i], 0);
        for (int i = CHILDREN; i--;)
            short_child_join(worker, &children[i]);
    }
    return 0;
}

QLT(watchdog, has_nothing_against_a_thief_of_short_children)
{
    ql_runtime *runtime = watched_for(2, PATIENT_NS);
    ql_task root;
    ql_task_init(&root, fork_short_ones, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &root), 0);
    await(&root);
    qlt_runtime_stop(runtime);
    qlt_check(told.children <= long_children);
}

static int short_one(ql_task *task)
{
    busy(10 * SHORT_NS);
    return ((void)task, 0);
}

QLT(watchdog, has_nothing_against_short_tasks_of_a_strand)
{
    enum { TASKS = 40 };
    static ql_task tasks[TASKS];
    ql_runtime *runtime = watched_for(1, PATIENT_NS);
    ql_strand *strand;
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], short_one, NULL);
        qlt_eq_int(ql_submit(ql_strand_executor(strand), &tasks[i]), 0);
    }
    for (int i = 0; i < TASKS; i++)
        await(&tasks[i]);
    qlt_eq_uint(told_so_far(), 0);
    ql_strand_release(strand);
    qlt_runtime_stop(runtime);
}

static struct {
    ql_timer timer;
    int64_t until_ns;
    qlt_gate over;
} ticks;

/* Due at once again, but not in this round, so that the lane does nothing else. */
static void tick(ql_timer *timer)
{
    busy(SHORT_NS);
    if (ql_now_ns() < ticks.until_ns)
        qlt_eq_int(ql_timer_start(timer, ql_now_ns(), 0), 0);
    else
        qlt_gate_open(&ticks.over, 1);
}

static int start_ticks(ql_task *task)
{
    (void)task;
    return ql_timer_start(&ticks.timer, 0, 0);
}

QLT(watchdog, has_nothing_against_timers_that_fire_one_after_the_other)
{
    ql_runtime *runtime = watched_for(1, PATIENT_NS);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    ticks.timer = (ql_timer){.fn = tick};
    ticks.over = (qlt_gate)QLT_GATE_INIT;
    ticks.until_ns = ql_now_ns() + 2 * PATIENT_NS;
    ql_task_init(&task, start_ticks, NULL);
    submit(lane, &task);
    qlt_gate_wait(&ticks.over, 1);
    close_lane(lane);
    qlt_eq_uint(told_so_far(), 0);
    qlt_runtime_stop(runtime);
}

static struct {
    unsigned count;
    char line[160];
} logged;

static void note(void *context, ql_level level, const char *line)
{
    (void)context;
    if (level != QL_WARNING || !strstr(line, "has held"))
        return;
    snprintf(logged.line, sizeof(logged.line), "%s", line);
    __atomic_fetch_add(&logged.count, 1, __ATOMIC_RELEASE);
}

static int hold_until_logged(ql_task *task)
{
    (void)task;
    while (!__atomic_load_n(&logged.count, __ATOMIC_ACQUIRE))
        sched_yield();
    return 0;
}

QLT(watchdog, says_so_in_the_log_without_a_callback_too)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.overrun_ns = ALLOWED_NS, .log = note});
    ql_task task;
    ql_task_init(&task, hold_until_logged, NULL);
    task.name = "reload";
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    await(&task);
    qlt_runtime_stop(runtime);
    qlt_eq_uint(logged.count, 1);
    qlt_has_str(logged.line, "task 'reload' has held ql-w0 for ");
    qlt_has_str(logged.line, " ms; 0 tasks wait behind it");
}

QLT(watchdog, is_never_awake_where_it_is_off)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_overrun = tell});
    ql_task small;
    told.count = 0;
    for (int i = 0; i < 100; i++) {
        ql_task_init(&small, nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &small), 0);
        await(&small);
        qlt_check(!runtime->watchdog.awake);
    }
    qlt_eq_uint(told_so_far(), 0);
    qlt_runtime_stop(runtime);
}

QLT(watchdog, sleeps_when_nothing_runs)
{
    ql_runtime *runtime = watched(2);
    ql_task small;
    ql_task_init(&small, nothing, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &small), 0);
    await(&small);
    for (bool awake = true; awake; sched_yield()) {
        pthread_mutex_lock(&runtime->watchdog.lock);
        awake = runtime->watchdog.awake;
        pthread_mutex_unlock(&runtime->watchdog.lock);
    }
    qlt_runtime_stop(runtime);
}

QLT(watchdog, refuses_a_time_below_zero)
{
    ql_runtime_config config = {.size = sizeof(config), .overrun_ns = -1};
    ql_runtime *runtime;
    ql_error error;
    qlt_eq_int(ql_runtime_start(&config, &runtime, &error), -EINVAL);
    qlt_has_str(error.text, "overrun_ns");
}
