#include <errno.h>

#include "qlane/runtime.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { MEMBERS = 50 };

static ql_runtime *runtime;
static qlt_gate gate;

static int number(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = (int64_t)(intptr_t)task->arg});
}

static int wait_for_gate(ql_task *task)
{
    qlt_gate_wait(&gate, (unsigned)(intptr_t)task->arg);
    return 0;
}

static void submit(ql_task *task, ql_task_fn *fn, intptr_t arg)
{
    ql_task_init(task, fn, (void *)arg);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), task), 0);
}

static void waits_for_all(unsigned workers)
{
    runtime = qlt_runtime(workers);
    ql_task tasks[MEMBERS];
    ql_member members[MEMBERS];
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < MEMBERS; i++) {
            submit(&tasks[i], number, i);
            members[i].future = &tasks[i].future;
        }
        qlt_eq_int(ql_wait_all(members, MEMBERS, QL_FOREVER), 0);
        for (int i = 0; i < MEMBERS; i++)
            qlt_eq_int(tasks[i].future.value.i64, i);
    }
    qlt_runtime_stop(runtime);
}

QLT(group, all_returns_when_every_member_has_settled)
{
    qlt_workers_each(waits_for_all);
}

static void waits_for_any(unsigned workers)
{
    runtime = qlt_runtime(workers);
    for (int round = 0; round < 200; round++) {
        ql_task tasks[MEMBERS];
        ql_member members[MEMBERS];
        for (int i = 0; i < MEMBERS; i++) {
            submit(&tasks[i], number, i);
            members[i].future = &tasks[i].future;
        }
        size_t which = MEMBERS;
        qlt_eq_int(ql_wait_any(members, MEMBERS, QL_FOREVER, &which), 0);
        qlt_check(ql_future_settled(&tasks[which].future));
        qlt_eq_int(ql_wait_all(members, MEMBERS, QL_FOREVER), 0);
    }
    qlt_runtime_stop(runtime);
}

QLT(group, any_names_a_member_that_has_settled_and_leaves_the_others_waitable)
{
    qlt_workers_each(waits_for_any);
}

QLT(group, a_deadline_leaves_every_future_as_it_was)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task held;
    submit(&held, wait_for_gate, 1);
    ql_member member = {.future = &held.future};
    size_t which;
    qlt_eq_int(ql_wait_all(&member, 1, ql_after_ns(1000000)), -ETIMEDOUT);
    qlt_eq_int(ql_wait_any(&member, 1, ql_after_ns(1000000), &which), -ETIMEDOUT);
    qlt_check(!ql_future_settled(&held.future));
    qlt_gate_open(&gate, 1);
    qlt_eq_int(ql_future_wait(&held.future), 0);
    qlt_runtime_stop(runtime);
}

QLT(group, a_bad_member_is_refused_and_the_good_ones_stay_waitable)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task held, fresh;
    submit(&held, wait_for_gate, 1);
    ql_task_init(&fresh, number, NULL);
    ql_member members[2] = {{.future = &held.future}, {.future = &fresh.future}};
    size_t which;
    qlt_eq_int(ql_wait_all(members, 2, QL_FOREVER), -EINVAL);
    qlt_eq_int(ql_wait_any(members, 2, QL_FOREVER, &which), -EINVAL);
    qlt_eq_int(ql_wait_any(members, 0, QL_FOREVER, &which), -EINVAL);
    qlt_eq_int(ql_wait_all(NULL, 0, QL_FOREVER), 0);
    qlt_gate_open(&gate, 1);
    qlt_eq_int(ql_future_wait(&held.future), 0);
    qlt_runtime_stop(runtime);
}

/* Members settle at the very time at which the deadline comes. */
QLT(group, a_race_of_deadline_and_settling_loses_no_token)
{
    runtime = qlt_runtime(2);
    gate = (qlt_gate)QLT_GATE_INIT;
    uint64_t stream = qlt_seed();
    for (int round = 0; round < 3000; round++) {
        ql_task tasks[3];
        ql_member members[3];
        for (int i = 0; i < 3; i++) {
            submit(&tasks[i], number, i);
            members[i].future = &tasks[i].future;
        }
        size_t which;
        int64_t deadline_ns = ql_after_ns((int64_t)(qlt_random(&stream) % 60000));
        int code =
            round % 2 ? ql_wait_all(members, 3, deadline_ns) : ql_wait_any(members, 3, deadline_ns, &which);
        qlt_check(code == 0 || code == -ETIMEDOUT);
        qlt_eq_int(ql_wait_all(members, 3, QL_FOREVER), 0);
    }
    qlt_runtime_stop(runtime);
}

static int sum_before(ql_task *task)
{
    ql_future *before = task->arg;
    return ql_task_return(task, (ql_value){.i64 = before->value.i64 + 1});
}

static void follows(unsigned workers)
{
    runtime = qlt_runtime(workers);
    for (int round = 0; round < 300; round++) {
        ql_task chain[MEMBERS];
        for (int i = 1; i < MEMBERS; i++) {
            ql_task_init(&chain[i], sum_before, &chain[i - 1].future);
            chain[i].on = ql_runtime_pool(runtime);
        }
        submit(&chain[0], number, 1);
        for (int i = 1; i < MEMBERS; i++)
            qlt_eq_int(ql_future_then(&chain[i - 1].future, &chain[i]), 0);
        qlt_eq_int(ql_future_wait(&chain[MEMBERS - 1].future), 0);
        qlt_eq_int(chain[MEMBERS - 1].future.value.i64, MEMBERS);
    }
    qlt_runtime_stop(runtime);
}

QLT(then, a_chain_runs_in_order)
{
    qlt_workers_each(follows);
}

QLT(then, refuses_what_cannot_follow)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task held, next, other;
    submit(&held, wait_for_gate, 1);
    ql_task_init(&next, number, NULL);
    qlt_eq_int(ql_future_then(&held.future, &next), -EINVAL);
    next.on = ql_runtime_pool(runtime);
    qlt_eq_int(ql_future_then(NULL, &next), -EINVAL);
    qlt_eq_int(ql_future_then(&held.future, &next), 0);
    ql_task_init(&other, number, NULL);
    other.on = next.on;
    qlt_eq_int(ql_future_then(&held.future, &other), -EBUSY);
    qlt_eq_int(ql_future_then(&other.future, &other), -EINVAL);
    qlt_gate_open(&gate, 1);
    qlt_eq_int(ql_future_wait(&next.future), 0);
    qlt_runtime_stop(runtime);
}

QLT(then, stop_waits_for_continuations)
{
    runtime = qlt_runtime(2);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task held, next;
    submit(&held, wait_for_gate, 1);
    ql_task_init(&next, number, (void *)7);
    next.on = ql_runtime_pool(runtime);
    qlt_eq_int(ql_future_then(&held.future, &next), 0);
    qlt_gate_open(&gate, 1);
    qlt_runtime_stop(runtime);
    qlt_check(ql_future_settled(&next.future));
    qlt_eq_int(next.future.code, 0);
    qlt_eq_int(next.future.value.i64, 7);
}
