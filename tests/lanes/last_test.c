/* One seat, one spare thread. A task's child runs on the spare; when the task joins it, the last worker sleeps, and nobody is left
 * to run what queues at the pool. Whoever waits for that is told so: -EAGAIN. */
#include <errno.h>
#include <sched.h>

#include "core/runtime.h"
#include "qlane/fork.h"
#include "tests/lanes/lanes.h"

enum { PATIENCE_NS = 1000000000, QUEUED = 2 };

static ql_runtime *runtime, *other;
static ql_lane *lane;
static ql_task elsewhere, on_lane, queued[QUEUED];
static qlt_gate begun, may_wait, may_settle;
static uint64_t parks_before;
static bool together, lane_waits_first;
static int code;

static uint64_t lane_parks(void)
{
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_lane_stats_get(lane, &stats);
    return stats.parks;
}

static void await_last_worker(void)
{
    while (!qli_load(&runtime->pool->held, __ATOMIC_RELAXED))
        sched_yield();
}

static int wait_for_queued(void)
{
    ql_member members[QUEUED];
    for (int i = 0; i < QUEUED; i++) {
        members[i] = (ql_member){.future = &queued[i].future};
        ql_task_init(&queued[i], nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &queued[i]), 0);
    }
    return together ? ql_wait_all(members, QUEUED, QL_FOREVER) : ql_future_wait(&queued[0].future);
}

static int wait_on_lane(ql_task *task)
{
    parks_before = lane_parks();
    qlt_gate_open(&begun, 1);
    qlt_gate_wait(&may_wait, 1);
    code = wait_for_queued();
    return ((void)task, 0);
}

static int until_gate(ql_task *task)
{
    qlt_gate_wait(&may_settle, 1);
    return ((void)task, 0);
}

/* As long as its root has not come back, there is nobody to leave the seat to. */
QL_FORK_VOID_1(wait_for_lane, w, int, unused)
{
    int refused;
    (void)w, (void)unused;
    ql_task_init(&on_lane, wait_on_lane, NULL);
    submit(lane, &on_lane);
    qlt_gate_wait(&begun, 1);
    if (lane_waits_first) {
        qlt_gate_open(&may_wait, 1);
        while (lane_parks() == parks_before)
            sched_yield();
    }
    qlt_gate_open(&may_settle, 1);
    do
        refused = ql_future_wait(&on_lane.future);
    while (refused == -EAGAIN);
    qlt_eq_int(refused, 0);
}

QL_FORK_VOID_1(wait_while_lent, w, int, unused)
{
    const qli_worker *worker = (const qli_worker *)(const void *)w;
    (void)unused;
    qlt_gate_open(&may_settle, 1);
    do
        ql_blocking_begin();
    while (!worker->context.lent_for_blocking);
    await_last_worker();
    code = wait_for_queued();
    ql_blocking_end();
}

/* Its wait is for another runtime's, so that the spare thread takes the seat, and the child. */
static int fork_wait_join_lane(ql_task *task)
{
    wait_for_lane_child child;
    ql_worker *w = ql_worker_self();
    wait_for_lane_fork(w, &child, 0);
    qlt_eq_int(ql_future_wait(&elsewhere.future), 0);
    wait_for_lane_join(w, &child);
    return ((void)task, 0);
}

static int fork_wait_join_lent(ql_task *task)
{
    wait_while_lent_child child;
    ql_worker *w = ql_worker_self();
    wait_while_lent_fork(w, &child, 0);
    qlt_eq_int(ql_future_wait(&elsewhere.future), 0);
    wait_while_lent_join(w, &child);
    return ((void)task, 0);
}

static void ends(ql_task_fn *fn, bool all, bool lane_first)
{
    ql_task root;
    begun = may_wait = may_settle = (qlt_gate)QLT_GATE_INIT;
    together = all;
    lane_waits_first = lane_first;
    code = 1;
    other = qlt_runtime(1);
    runtime = qlt_runtime_with(1, (ql_runtime_config){.spares_max = 1});
    lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task_init(&elsewhere, until_gate, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(other), &elsewhere), 0);
    ql_task_init(&root, fn, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &root), 0);
    if (fn == fork_wait_join_lane && !lane_first) {
        await_last_worker();
        qlt_gate_open(&may_wait, 1);
    }
    if (ql_future_wait_until(&root.future, ql_after_ns(20 * (int64_t)PATIENCE_NS)))
        qlt_fail("all wait for what nobody can run");
    qlt_eq_int(code, -EAGAIN);
    qlt_runtime_stop(runtime);
    qlt_runtime_stop(other);
    for (int i = 0; i < QUEUED; i++)
        qlt_check(ql_future_settled(&queued[i].future) && !queued[i].future.code);
}

QLT(last, a_lane_that_waits_for_what_nobody_can_run_is_told)
{
    ends(fork_wait_join_lane, false, true);
    ends(fork_wait_join_lane, true, true);
}

QLT(last, a_lane_that_is_about_to_wait_for_it_is_told)
{
    ends(fork_wait_join_lane, false, false);
    ends(fork_wait_join_lane, true, false);
}

QLT(last, a_worker_that_has_lent_its_seat_is_told)
{
    ends(fork_wait_join_lent, false, false);
    ends(fork_wait_join_lent, true, false);
}

/* ---- A wait for several that a join makes a cycle --------------------------------------------------------------- */

static ql_task *root_task;
static int child_begun, child_code;

static bool somebody_waits(void)
{
    bool waits = false;
    pthread_mutex_lock(&runtime->waits.lock);
    for (unsigned i = 0; i < qli_load(&runtime->pool->workers_count, __ATOMIC_ACQUIRE); i++)
        waits |= runtime->pool->workers[i]->context.waits_for_count;
    pthread_mutex_unlock(&runtime->waits.lock);
    return waits;
}

QL_FORK_VOID_1(wait_for_root, w, int, unused)
{
    ql_member members[] = {{.future = &root_task->future}, {.future = &elsewhere.future}};
    (void)w, (void)unused;
    __atomic_store_n(&child_begun, 1, __ATOMIC_RELEASE);
    child_code = ql_wait_all(members, 2, QL_FOREVER);
}

QL_FORK_VOID_1(tiny, w, int, unused)
{
    (void)w, (void)unused;
}

static int join_who_waits(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    wait_for_root_child child;
    root_task = task;
    wait_for_root_fork(w, &child, 0);
    while (!__atomic_load_n(&child_begun, __ATOMIC_ACQUIRE)) {
        tiny_child bait;
        tiny_fork(w, &bait, 0);
        tiny_join(w, &bait);
    }
    while (!somebody_waits())
        sched_yield();
    wait_for_root_join(w, &child);
    return 0;
}

QLT(last, a_join_that_closes_a_cycle_ends_a_wait_for_several)
{
    ql_task root;
    may_settle = (qlt_gate)QLT_GATE_INIT;
    other = qlt_runtime(1);
    runtime = qlt_runtime(2);
    ql_task_init(&elsewhere, until_gate, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(other), &elsewhere), 0);
    ql_task_init(&root, join_who_waits, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &root), 0);
    int64_t until_ns = ql_after_ns(20 * (int64_t)PATIENCE_NS);
    while (!ql_future_settled(&root.future)) { /* its place for a waiter is the child's */
        if (ql_now_ns() > until_ns)
            qlt_fail("a join and a wait for several wait for each other for ever");
        sched_yield();
    }
    qlt_eq_int(child_code, -EDEADLK);
    qlt_gate_open(&may_settle, 1);
    qlt_runtime_stop(runtime);
    qlt_runtime_stop(other);
}
