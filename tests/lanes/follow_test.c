/* What follows an accepted task is accepted with it: a patient stop waits for both, also when the first is settled by a thread of
 * the host, which may submit nothing any more. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "qlane/strand.h"
#include "tests/lanes/lanes.h"

enum { ON_POOL, ON_STRAND, ON_LANE, ON_CLIENT, PLACES };

static ql_runtime *runtime;

static int answer(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = 42});
}

static void *stop(void *arg)
{
    qlt_runtime_stop(arg);
    return NULL;
}

/* Returns once the host is refused. The stop goes on for as long as something is held. */
static pthread_t begin_stop(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, stop, runtime);
    while (ql_spawn(ql_runtime_pool(runtime), nothing, NULL) == 0)
        sched_yield();
    return thread;
}

static int hold(ql_task *task)
{
    qlt_gate *gate = task->arg;
    qlt_gate_open(gate, 1);
    qlt_gate_wait(gate, 2);
    return 0;
}

static void hold_worker(ql_task *task, qlt_gate *gate)
{
    ql_task_init(task, hold, gate);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), task), 0);
    qlt_gate_wait(gate, 1);
}

/* A first task that queues at `on`, and what shall follow it. */
static void follow(ql_executor *on, int64_t deadline_ns, ql_task *first, ql_executor *next_on, ql_task *next)
{
    ql_task_init(first, answer, NULL);
    first->deadline_ns = deadline_ns;
    qlt_eq_int(ql_submit(on, first), 0);
    ql_task_init(next, answer, NULL);
    next->on = next_on;
    qlt_eq_int(ql_future_then(&first->future, next), 0);
}

static void check_ran(const ql_task *task)
{
    qlt_check(ql_future_settled(&task->future));
    qlt_eq_int(task->future.code, 0);
    qlt_eq_int(task->future.value.i64, 42);
}

/* A runtime with an executor of each kind; the strand is to be released. */
static ql_strand *open_places(ql_executor *on[PLACES])
{
    ql_strand *strand;
    ql_client *client;
    runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    qlt_eq_int(ql_client_open(lane, NULL, 1, QL_FULL_REFUSES, &client), 0);
    on[ON_POOL] = ql_runtime_pool(runtime);
    on[ON_STRAND] = ql_strand_executor(strand);
    on[ON_LANE] = ql_lane_executor(lane);
    on[ON_CLIENT] = ql_client_executor(client);
    return strand;
}

QLT(follow, a_patient_stop_runs_what_follows_a_task_that_the_host_cancels)
{
    qlt_gate gate = QLT_GATE_INIT;
    ql_task holder, first[PLACES], next[PLACES];
    ql_executor *on[PLACES];
    ql_strand *strand = open_places(on);
    hold_worker(&holder, &gate);
    for (int i = 0; i < PLACES; i++)
        follow(on[ON_POOL], 0, &first[i], on[i], &next[i]);
    pthread_t stopping = begin_stop();
    for (int i = 0; i < PLACES; i++) {
        qlt_eq_int(ql_task_cancel(&first[i]), 0);
        qlt_eq_int(first[i].future.code, -ECANCELED);
    }
    ql_strand_release(strand);
    qlt_gate_open(&gate, 2);
    pthread_join(stopping, NULL);
    for (int i = 0; i < PLACES; i++)
        check_ran(&next[i]);
}

QLT(follow, a_patient_stop_runs_what_follows_a_task_on_a_lane)
{
    blocker first_on_lane;
    ql_task first, next;
    runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .capacity_tasks = 2});
    block(lane, &first_on_lane);
    follow(ql_lane_executor(lane), 0, &first, ql_runtime_pool(runtime), &next);
    pthread_t stopping = begin_stop();
    qlt_eq_int(ql_task_cancel(&first), 0);
    unblock(&first_on_lane);
    pthread_join(stopping, NULL);
    check_ran(&next);
}

/* By the timer's thread, which is no worker. On a slow machine its time may come before the stop does. */
QLT(follow, a_patient_stop_runs_what_follows_a_task_that_expires)
{
    qlt_gate gate = QLT_GATE_INIT;
    ql_task holder, first, next;
    runtime = qlt_runtime(1);
    hold_worker(&holder, &gate);
    follow(ql_runtime_pool(runtime), ql_after_ns(50000000), &first, ql_runtime_pool(runtime), &next);
    pthread_t stopping = begin_stop();
    while (!ql_future_settled(&first.future))
        sched_yield();
    qlt_eq_int(first.future.code, -ETIMEDOUT);
    qlt_gate_open(&gate, 2);
    pthread_join(stopping, NULL);
    check_ran(&next);
}

/* Nothing is to follow what has settled: it is a submission like any other. */
QLT(follow, a_stop_refuses_what_comes_after_a_task_that_has_settled)
{
    qlt_gate gate = QLT_GATE_INIT;
    ql_task holder, first, next;
    ql_executor *on[PLACES];
    ql_strand *strand = open_places(on);
    ql_task_init(&first, answer, NULL);
    qlt_eq_int(ql_submit(on[ON_LANE], &first), 0);
    await(&first);
    hold_worker(&holder, &gate);
    pthread_t stopping = begin_stop();
    for (int i = 0; i < PLACES; i++) {
        ql_task_init(&next, answer, NULL);
        next.on = on[i];
        qlt_eq_int(ql_future_then(&first.future, &next), -ESHUTDOWN);
    }
    ql_strand_release(strand);
    qlt_gate_open(&gate, 2);
    pthread_join(stopping, NULL);
}

/* It does not wait for tasks of others, so what follows those is refused once it has begun. */
QLT(follow, a_stop_refuses_what_follows_a_task_of_another_runtime)
{
    qlt_gate gate = QLT_GATE_INIT, other_gate = QLT_GATE_INIT;
    ql_task holder, other_holder, first, next;
    ql_runtime *other = qlt_runtime(1);
    runtime = other;
    hold_worker(&other_holder, &other_gate);
    runtime = qlt_runtime(1);
    hold_worker(&holder, &gate);
    follow(ql_runtime_pool(other), 0, &first, ql_runtime_pool(runtime), &next);
    pthread_t stopping = begin_stop();
    qlt_eq_int(ql_task_cancel(&first), 0);
    qlt_check(ql_future_settled(&next.future));
    qlt_eq_int(next.future.code, -ESHUTDOWN);
    qlt_gate_open(&gate, 2);
    qlt_gate_open(&other_gate, 2);
    pthread_join(stopping, NULL);
    qlt_runtime_stop(other);
}
