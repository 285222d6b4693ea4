/* Waits on workers: seats that pass on, waits that would close a cycle, and what happens when no spare thread is left. */
#include <errno.h>
#include <string.h>

#include "qlane/fork.h"
#include "qlane/runtime.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static ql_runtime *runtime;
static qlt_gate gate;

static void submit(ql_task *task, ql_task_fn *fn, void *arg)
{
    ql_task_init(task, fn, arg);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), task), 0);
}

/* A test that hangs should say so. */
static void wait_for(ql_task *task)
{
    qlt_eq_int(ql_future_wait_until(&task->future, ql_after_ns(30000000000)), 0);
}

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

/* ---- Seats ---- */

static int nest(ql_task *task)
{
    int depth = *(int *)task->arg - 1;
    ql_task inner;
    if (!depth)
        return 0;
    submit(&inner, nest, &depth);
    qlt_eq_int(ql_future_wait(&inner.future), 0);
    return inner.future.code;
}

/* A worker that never parks on its own account, where the machine allows that, still gives its seat away. */
static void spins(unsigned workers)
{
    char count[16];
    snprintf(count, sizeof(count), "%u", workers);
    ql_affinity_config affinity = {
        .size = sizeof(affinity), .workers = count, .lane = "off", .worker_idle = "spin"};
    runtime = qlt_runtime_with(workers, (ql_runtime_config){.affinity = &affinity});
    int depth = 20;
    ql_task task;
    submit(&task, nest, &depth);
    wait_for(&task);
    qlt_runtime_stop(runtime);
}

QLT(wait, on_a_worker_that_may_spin_for_ever_gives_the_seat_away)
{
    qlt_workers_each(spins);
}

static int wait_a_little(ql_task *task)
{
    qlt_eq_int(ql_future_wait_until(task->arg, ql_after_ns(1000000)), -ETIMEDOUT);
    qlt_gate_open(&gate, 1);
    qlt_eq_int(ql_future_wait(task->arg), 0);
    return 0;
}

static int until_gate(ql_task *task)
{
    (void)task;
    qlt_gate_wait(&gate, 1);
    return 0;
}

static void times_out(unsigned workers)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    runtime = qlt_runtime(workers);
    ql_task held, waits;
    submit(&held, until_gate, NULL);
    submit(&waits, wait_a_little, &held.future);
    if (workers > 1)
        wait_for(&waits);
    else
        qlt_gate_open(&gate, 1);
    qlt_runtime_stop(runtime);
}

QLT(wait, on_a_worker_ends_in_time_and_may_be_tried_again)
{
    times_out(2);
    times_out(4);
}

static int block_and_wait(ql_task *task)
{
    ql_task inner;
    ql_blocking_begin();
    submit(&inner, nothing, NULL);
    int code = ql_future_wait(&inner.future);
    ql_blocking_end();
    (void)task;
    return code;
}

static void waits_while_lent(unsigned workers)
{
    runtime = qlt_runtime(workers);
    ql_task task;
    for (int i = 0; i < 100; i++) {
        submit(&task, block_and_wait, NULL);
        wait_for(&task);
        qlt_eq_int(task.future.code, 0);
    }
    qlt_runtime_stop(runtime);
}

QLT(wait, with_the_seat_lent_already)
{
    qlt_workers_each(waits_while_lent);
}

enum { SUBMITTED = 2000 };
static ql_task submitted[SUBMITTED], blocks;
static int busy_until; /* atomic */

static int be_busy(ql_task *task)
{
    while (!__atomic_load_n(&busy_until, __ATOMIC_ACQUIRE))
        ;
    return ((void)task, 0);
}

static int block_and_submit(ql_task *task)
{
    ql_blocking_begin();
    for (int i = 0; i < SUBMITTED; i++)
        submit(&submitted[i], nothing, NULL);
    ql_blocking_end();
    return ((void)task, 0);
}

static int wait_for_blocked(ql_task *task)
{
    submit(&blocks, block_and_submit, NULL);
    int code = ql_future_wait_until(&blocks.future, ql_after_ns((intptr_t)task->arg));
    qlt_check(!code || code == -ETIMEDOUT);
    return 0;
}

/* The only spare thread sits on the waiter's seat, and has lent it without another: the waiter comes back for it at any moment. */
QLT(wait, that_ends_takes_the_seat_from_a_spare_that_submits)
{
    runtime = qlt_runtime_with(2, (ql_runtime_config){.spares_max = 1});
    for (intptr_t i = 0; i < 50; i++) {
        ql_task busy, waits;
        busy_until = 0;
        submit(&busy, be_busy, NULL);
        submit(&waits, wait_for_blocked, (void *)(20000 + i * 2000));
        wait_for(&waits);
        wait_for(&blocks);
        __atomic_store_n(&busy_until, 1, __ATOMIC_RELEASE);
        wait_for(&busy);
        for (int j = 0; j < SUBMITTED; j++)
            wait_for(&submitted[j]);
    }
    qlt_runtime_stop(runtime);
}

/* ---- Forks in waits in forks ---- */

static int sum_task(ql_task *task);

/* The number of leaves below `level`, where each second level is a task of its own. */
QL_FORK_1(long, leaves, w, long, level)
{
    if (level == 0)
        return 1;
    if (level % 2) {
        ql_task task;
        submit(&task, sum_task, &level);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        return (long)task.future.value.i64;
    }
    leaves_child left, right;
    leaves_fork(w, &left, level - 1);
    leaves_fork(w, &right, level - 1);
    long sum = leaves(w, level - 1);
    sum += leaves_join(w, &right);
    return sum + leaves_join(w, &left);
}

static int sum_task(ql_task *task)
{
    long level = *(long *)task->arg - 1;
    ql_worker *w = ql_worker_self();
    leaves_child child;
    leaves_fork(w, &child, level);
    long sum = leaves(ql_worker_self(), level);
    return ql_task_return(task, (ql_value){.i64 = sum + leaves_join(w, &child)});
}

static void forks_and_waits(unsigned workers)
{
    long level = 5;
    runtime = qlt_runtime_with(workers, (ql_runtime_config){.fork_depth = workers == 2 ? 3 : 0});
    for (int i = 0; i < 20; i++) {
        ql_task task;
        submit(&task, sum_task, &level);
        wait_for(&task);
        qlt_eq_int(task.future.value.i64, 2 * 3 * 2 * 3 * 2);
    }
    qlt_runtime_stop(runtime);
}

QLT(wait, in_forks_in_waits_in_forks)
{
    qlt_workers_each(forks_and_waits);
}

/* ---- Cycles ---- */

enum { RING = 10 }; /* more than the sentence names */
static ql_task ring[RING];
static qlt_gate over;
static int refused;

static int wait_for_next(ql_task *task)
{
    qlt_gate_wait(&gate, 1);
    int code = ql_future_wait(&ring[(task - ring + 1) % RING].future);
    if (code == -EDEADLK)
        __atomic_fetch_add(&refused, 1, __ATOMIC_RELAXED);
    else
        qlt_eq_int(code, 0);
    qlt_gate_arrive(&over);
    return 0;
}

static void breaks_ring(unsigned workers)
{
    runtime = qlt_runtime(workers);
    for (int i = 0; i < 50; i++) {
        gate = over = (qlt_gate)QLT_GATE_INIT;
        refused = 0;
        for (int j = 0; j < RING; j++)
            submit(&ring[j], wait_for_next, NULL);
        qlt_gate_open(&gate, 1);
        qlt_gate_wait(&over, RING);
        for (int j = 0; j < RING; j++)
            wait_for(&ring[j]);
        qlt_eq_int(refused, 1);
    }
    qlt_runtime_stop(runtime);
}

QLT(wait, in_a_circle_is_refused_to_exactly_one)
{
    qlt_workers_each(breaks_ring);
}

static int wait_for_self(ql_task *task)
{
    qlt_eq_int(ql_future_wait(&task->future), -EDEADLK);
    qlt_eq_int(ql_future_wait_until(&task->future, ql_after_ns(1000000000)), -EDEADLK);
    qlt_gate_arrive(&over);
    return 0;
}

QLT(wait, for_oneself_is_refused)
{
    over = (qlt_gate)QLT_GATE_INIT;
    runtime = qlt_runtime(1);
    ql_task task;
    submit(&task, wait_for_self, NULL);
    qlt_gate_wait(&over, 1); /* until then the one place for a waiter is its own */
    wait_for(&task);
    qlt_runtime_stop(runtime);
}

static int started, code_in_child;

QL_FORK_VOID_1(wait_for_root, w, ql_task *, root)
{
    (void)w;
    __atomic_store_n(&started, 1, __ATOMIC_RELEASE);
    code_in_child = ql_future_wait(&root->future);
}

QL_FORK_VOID_1(tiny, w, int, unused)
{
    (void)w, (void)unused;
}

/* Forks until a thief has asked and has taken what was forked first. */
static void let_steal(ql_worker *w, const int *taken)
{
    int64_t until_ns = ql_after_ns(20000000000);
    while (!__atomic_load_n(taken, __ATOMIC_ACQUIRE) && ql_now_ns() < until_ns) {
        tiny_child child;
        tiny_fork(w, &child, 0);
        tiny_join(w, &child);
    }
    qlt_check(__atomic_load_n(taken, __ATOMIC_ACQUIRE));
}

static int join_who_waits(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    wait_for_root_child child;
    wait_for_root_fork(w, &child, task);
    let_steal(w, &started);
    wait_for_root_join(w, &child);
    qlt_gate_arrive(&over);
    return 0;
}

QLT(wait, of_a_stolen_child_for_its_own_root_is_refused)
{
    runtime = qlt_runtime(2);
    for (int i = 0; i < 100; i++) {
        ql_task task;
        started = 0;
        code_in_child = 1;
        over = (qlt_gate)QLT_GATE_INIT;
        submit(&task, join_who_waits, NULL);
        qlt_gate_wait(&over, 1);
        wait_for(&task);
        qlt_eq_int(code_in_child, -EDEADLK);
    }
    qlt_runtime_stop(runtime);
}

/* ---- No spare thread ---- */

static int last_code;

static int wait_without_spare(ql_task *task)
{
    static ql_task third;
    submit(&third, nothing, NULL);
    last_code = ql_future_wait(&third.future);
    (void)task;
    return 0;
}

static int wait_with_spare(ql_task *task)
{
    ql_task inner;
    submit(&inner, wait_without_spare, NULL);
    qlt_eq_int(ql_future_wait(&inner.future), 0);
    (void)task;
    return 0;
}

QLT(wait, of_the_last_worker_is_refused_when_no_spare_can_be_had)
{
    runtime = qlt_runtime_with(1, (ql_runtime_config){.spares_max = 1});
    ql_task task;
    submit(&task, wait_with_spare, NULL);
    wait_for(&task);
    qlt_eq_int(last_code, -EAGAIN);
    qlt_runtime_stop(runtime);
}

static ql_runtime *other;
static ql_task elsewhere, queued;
static int resumed;

/* Runs on the only spare thread. As long as its root has not come back, there is nobody to leave the seat to. Once it
 * has, the seat passes to it; it joins, and then nobody is left to run what this one waits for. */
QL_FORK_VOID_1(wait_as_last, w, int, unused)
{
    (void)w, (void)unused;
    submit(&queued, nothing, NULL);
    qlt_gate_open(&gate, 1); /* lets `elsewhere` settle */
    do
        code_in_child = ql_future_wait(&queued.future);
    while (code_in_child == -EAGAIN && !__atomic_load_n(&resumed, __ATOMIC_ACQUIRE));
}

static int fork_wait_join(ql_task *task)
{
    wait_as_last_child child;
    ql_worker *w = ql_worker_self();
    wait_as_last_fork(w, &child, 0);
    qlt_eq_int(ql_future_wait(&elsewhere.future), 0);
    __atomic_store_n(&resumed, 1, __ATOMIC_RELEASE);
    wait_as_last_join(w, &child);
    (void)task;
    return 0;
}

QLT(wait, is_refused_later_when_a_join_takes_the_last_worker)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    other = qlt_runtime(1);
    runtime = qlt_runtime_with(1, (ql_runtime_config){.spares_max = 1});
    ql_task_init(&elsewhere, until_gate, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(other), &elsewhere), 0);
    ql_task task;
    submit(&task, fork_wait_join, NULL);
    wait_for(&task);
    qlt_eq_int(code_in_child, -EAGAIN);
    qlt_runtime_stop(runtime);
    qlt_runtime_stop(other);
    qlt_check(ql_future_settled(&queued.future));
}
