/* Lanes with a bound: refuse, wait, or drop the oldest. */
#include <errno.h>
#include <pthread.h>

#include "tests/lanes/lanes.h"

enum { CAPACITY = 4 };

/* A full lane, held. */
typedef struct full {
    ql_runtime *runtime;
    ql_lane *lane;
    blocker first;
    ql_task queued[CAPACITY], extra;
    long counter;
} full;

static void fill(full *at, ql_full what)
{
    at->runtime = qlt_runtime(1);
    at->counter = 0;
    at->lane =
        open_lane(at->runtime, (ql_lane_config){.name = "q", .capacity_tasks = CAPACITY, .full = what});
    block(at->lane, &at->first);
    for (int i = 0; i < CAPACITY; i++) {
        ql_task_init(&at->queued[i], count_up, &at->counter);
        submit(at->lane, &at->queued[i]);
    }
    ql_task_init(&at->extra, count_up, &at->counter);
}

static void finish(full *at)
{
    close_lane(at->lane);
    qlt_runtime_stop(at->runtime);
}

QLT(bounds, a_full_lane_refuses_and_takes_again_when_there_is_room)
{
    full at;
    fill(&at, QL_FULL_REFUSES);
    qlt_eq_int(ql_lane_submit(at.lane, &at.extra), -EAGAIN);
    qlt_eq_int(ql_lane_call(at.lane, &at.extra), -EAGAIN);
    qlt_eq_int(ql_task_cancel(&at.queued[2]), 0);
    qlt_eq_int(ql_lane_submit(at.lane, &at.extra), 0);
    unblock(&at.first);
    await(&at.extra);
    qlt_eq_int(at.extra.future.value.i64, CAPACITY);
    finish(&at);
}

QLT(bounds, a_full_lane_may_drop_the_oldest)
{
    full at;
    ql_task background, urgent;
    fill(&at, QL_FULL_DROPS_OLDEST);
    qlt_eq_int(ql_lane_submit(at.lane, &at.extra), 0);
    await(&at.queued[0]);
    qlt_eq_int(at.queued[0].future.code, -ENOBUFS);
    qlt_eq_str(at.queued[0].future.text, "dropped, the lane was full");
    qlt_check(!ql_future_settled(&at.queued[1].future));
    /* Never a more urgent one. */
    ql_task_init(&background, nothing, NULL);
    background.klass = QL_BACKGROUND;
    qlt_eq_int(ql_lane_submit(at.lane, &background), -EAGAIN);
    ql_task_init(&urgent, nothing, NULL);
    urgent.klass = QL_URGENT;
    qlt_eq_int(ql_lane_submit(at.lane, &urgent), 0);
    qlt_eq_int(at.queued[1].future.code, -ENOBUFS);
    unblock(&at.first);
    await(&at.extra);
    qlt_eq_int(at.counter, CAPACITY - 1);
    await(&urgent);
    finish(&at);
}

typedef struct producer {
    full *at;
    ql_task task;
    int64_t deadline_ns;
    int code;
    qlt_gate *begun;
    pthread_t thread;
} producer;

static void *submit_waiting(void *arg)
{
    producer *self = arg;
    ql_task_init(&self->task, count_up, &self->at->counter);
    qlt_gate_arrive(self->begun);
    self->code = ql_lane_submit_until(self->at->lane, &self->task, self->deadline_ns);
    return NULL;
}

enum { PRODUCERS = 8 };

static void start_producers(full *at, producer producers[PRODUCERS], qlt_gate *begun, int64_t deadline_ns)
{
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (producer){.at = at, .deadline_ns = deadline_ns, .begun = begun};
        pthread_create(&producers[i].thread, NULL, submit_waiting, &producers[i]);
    }
    qlt_gate_wait(begun, PRODUCERS);
}

QLT(bounds, a_producer_may_wait_for_room)
{
    full at;
    producer producers[PRODUCERS];
    qlt_gate begun = QLT_GATE_INIT;
    fill(&at, QL_FULL_REFUSES);
    start_producers(&at, producers, &begun, QL_FOREVER);
    unblock(&at.first);
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        qlt_eq_int(producers[i].code, 0);
        await(&producers[i].task);
    }
    qlt_eq_int(at.counter, CAPACITY + PRODUCERS);
    finish(&at);
}

QLT(bounds, a_waiting_producer_gives_up_at_its_deadline)
{
    full at;
    fill(&at, QL_FULL_REFUSES);
    qlt_eq_int(ql_lane_submit_until(at.lane, &at.extra, 0), -ETIMEDOUT);
    qlt_eq_int(ql_lane_submit_until(at.lane, &at.extra, ql_after_ns(2000000)), -ETIMEDOUT);
    unblock(&at.first);
    for (int i = 0; i < CAPACITY; i++)
        await(&at.queued[i]);
    qlt_eq_int(ql_lane_submit_until(at.lane, &at.extra, 0), 0);
    await(&at.extra);
    finish(&at);
}

QLT(bounds, who_gives_up_behind_others_takes_nobody_along)
{
    full at;
    producer producers[PRODUCERS];
    qlt_gate begun = QLT_GATE_INIT;
    fill(&at, QL_FULL_REFUSES);
    start_producers(&at, producers, &begun, QL_FOREVER);
    for (int i = 0; i < 3; i++)
        qlt_eq_int(ql_lane_submit_until(at.lane, &at.extra, ql_after_ns(20000000)), -ETIMEDOUT);
    unblock(&at.first);
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        qlt_eq_int(producers[i].code, 0);
        await(&producers[i].task);
    }
    qlt_eq_int(at.counter, CAPACITY + PRODUCERS);
    finish(&at);
}

QLT(bounds, a_waiting_producer_is_woken_by_a_cancel_that_makes_room)
{
    full at;
    producer one = {.at = &at, .deadline_ns = QL_FOREVER};
    qlt_gate begun = QLT_GATE_INIT;
    one.begun = &begun;
    fill(&at, QL_FULL_REFUSES);
    pthread_create(&one.thread, NULL, submit_waiting, &one);
    qlt_gate_wait(&begun, 1);
    qlt_eq_int(ql_task_cancel(&at.queued[1]), 0);
    pthread_join(one.thread, NULL);
    qlt_eq_int(one.code, 0);
    unblock(&at.first);
    await(&one.task);
    finish(&at);
}

QLT(bounds, waiting_producers_are_woken_by_close)
{
    full at;
    producer producers[PRODUCERS];
    qlt_gate begun = QLT_GATE_INIT;
    ql_error error;
    fill(&at, QL_FULL_REFUSES);
    start_producers(&at, producers, &begun, QL_FOREVER);
    ql_stop soon = {.size = sizeof(soon), .drain_until_ns = 1, .give_up_ns = 1};
    qlt_eq_int(ql_lane_close(at.lane, &soon, NULL, &error), -ETIMEDOUT);
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        qlt_eq_int(producers[i].code, -ESHUTDOWN);
    }
    unblock(&at.first);
    finish(&at);
}

static int submit_to_full_self(ql_task *task)
{
    full *at = task->arg;
    for (int i = 0; i < CAPACITY; i++) {
        ql_task_init(&at->queued[i], count_up, &at->counter);
        submit(at->lane, &at->queued[i]);
    }
    ql_task_init(&at->extra, nothing, NULL);
    return ql_lane_submit_until(at->lane, &at->extra, QL_FOREVER);
}

QLT(bounds, a_lane_does_not_wait_for_room_in_itself)
{
    full at;
    ql_task task;
    fill(&at, QL_FULL_REFUSES);
    unblock(&at.first);
    for (int i = 0; i < CAPACITY; i++)
        await(&at.queued[i]);
    ql_task_init(&task, submit_to_full_self, &at);
    call(at.lane, &task);
    qlt_eq_int(task.future.code, -EDEADLK);
    finish(&at);
}
