/* Clients of a lane, each with a bound of its own. */
#include <errno.h>
#include <pthread.h>

#include "lanes/lane.h"
#include "tests/lanes/lanes.h"

static ql_client *open_client(ql_lane *lane, size_t capacity, ql_full full)
{
    ql_client *client;
    qlt_eq_int(ql_client_open(lane, "flood", capacity, full, &client), 0);
    return client;
}

static int hand(ql_client *client, ql_task *task)
{
    ql_task_init(task, nothing, NULL);
    return ql_submit(ql_client_executor(client), task);
}

QLT(client, one_that_floods_leaves_room_for_others)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .capacity_tasks = 10});
    ql_client *flood = open_client(lane, 3, QL_FULL_REFUSES), *other = open_client(lane, 5, QL_FULL_REFUSES);
    blocker first;
    ql_task tasks[12];
    block(lane, &first);
    for (int i = 0; i < 3; i++)
        qlt_eq_int(hand(flood, &tasks[i]), 0);
    qlt_eq_int(hand(flood, &tasks[3]), -EAGAIN);
    for (int i = 4; i < 9; i++)
        qlt_eq_int(hand(other, &tasks[i]), 0);
    qlt_eq_int(hand(other, &tasks[9]), -EAGAIN);
    /* The lane's own bound holds too. */
    for (int i = 9; i < 11; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        submit(lane, &tasks[i]);
    }
    ql_client *late = open_client(lane, 3, QL_FULL_REFUSES);
    qlt_eq_int(hand(late, &tasks[11]), -EAGAIN);
    qlt_eq_int(ql_client_close(flood), -EBUSY);
    /* A task that is cancelled leaves its place. */
    qlt_eq_int(ql_task_cancel(&tasks[1]), 0);
    qlt_eq_int(hand(flood, &tasks[3]), 0);
    unblock(&first);
    await(&tasks[3]);
    qlt_eq_int(hand(flood, &tasks[3]), 0);
    await(&tasks[3]);
    qlt_eq_str(ql_executor_name(ql_client_executor(flood)), "flood");
    qlt_eq_int(ql_client_close(flood), 0);
    close_lane(lane); /* with the others' doors */
    for (int i = 4; i < 11; i++)
        qlt_check(ql_future_settled(&tasks[i].future));
    qlt_runtime_stop(runtime);
}

QLT(client, may_drop_the_oldest_of_its_own)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .capacity_tasks = 6});
    ql_client *flood = open_client(lane, 2, QL_FULL_DROPS_OLDEST);
    blocker first;
    ql_task others[3], tasks[5], urgent;
    block(lane, &first);
    ql_task_init(&others[0], nothing, NULL);
    submit(lane, &others[0]);
    qlt_eq_int(hand(flood, &tasks[0]), 0);
    ql_task_init(&others[1], nothing, NULL);
    submit(lane, &others[1]);
    for (int i = 1; i < 5; i++)
        qlt_eq_int(hand(flood, &tasks[i]), 0);
    for (int i = 0; i < 3; i++) {
        qlt_check(ql_future_settled(&tasks[i].future));
        qlt_eq_int(tasks[i].future.code, -ENOBUFS);
    }
    /* What is dropped leaves room in the lane: 4 of 6 queue. */
    ql_task_init(&others[2], nothing, NULL);
    submit(lane, &others[2]);
    /* Nothing more urgent than the newcomer is dropped. */
    ql_task_init(&urgent, nothing, NULL);
    urgent.klass = QL_BACKGROUND;
    qlt_eq_int(ql_submit(ql_client_executor(flood), &urgent), -EAGAIN);
    unblock(&first);
    close_lane(lane);
    for (int i = 0; i < 3; i++)
        qlt_eq_int(others[i].future.code, 0);
    qlt_eq_int(tasks[3].future.code, 0);
    qlt_eq_int(tasks[4].future.code, 0);
    qlt_runtime_stop(runtime);
}

/* A producer that waits for a place; the test knows that it does once it stands in the list. */
typedef struct producer {
    pthread_t thread;
    ql_client *client;
    ql_task task;
    int64_t deadline_ns;
    int code;
    qlt_gate begun;
} producer;

static void *produce(void *arg)
{
    producer *self = arg;
    ql_task_init(&self->task, nothing, NULL);
    qlt_gate_open(&self->begun, 1);
    self->code = ql_client_submit_until(self->client, &self->task, self->deadline_ns);
    return NULL;
}

static void begin(producer *self, ql_client *client)
{
    *self = (producer){.client = client, .deadline_ns = QL_FOREVER};
    pthread_create(&self->thread, NULL, produce, self);
    qlt_gate_wait(&self->begun, 1);
}

QLT(client, a_waiting_producer_is_woken_by_space_cancel_and_close)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_client *client = open_client(lane, 1, QL_FULL_REFUSES);
    blocker first;
    producer space, cancel, shut;
    ql_task task, impatient;
    block(lane, &first);
    qlt_eq_int(hand(client, &task), 0);
    begin(&space, client);
    ql_task_init(&impatient, nothing, NULL);
    qlt_eq_int(ql_client_submit_until(client, &impatient, ql_after_ns(1000000)), -ETIMEDOUT);
    unblock(&first); /* the task runs: there is space */
    pthread_join(space.thread, NULL);
    qlt_eq_int(space.code, 0);
    await(&space.task);
    block(lane, &first);
    qlt_eq_int(hand(client, &task), 0);
    begin(&cancel, client);
    qlt_eq_int(ql_task_cancel(&task), 0);
    pthread_join(cancel.thread, NULL);
    qlt_eq_int(cancel.code, 0);
    begin(&shut, client);
    qlt_gate_open(&first.gate, 2);
    ql_stop now = {.size = sizeof(now), .drain_until_ns = 1};
    ql_error error;
    qlt_eq_int(ql_lane_close(lane, &now, NULL, &error), 0);
    pthread_join(shut.thread, NULL);
    qlt_check(shut.code == 0 || shut.code == -ESHUTDOWN);
    qlt_check(shut.code || ql_future_settled(&shut.task.future));
    qlt_eq_int(ql_client_submit_until(client, &task, QL_FOREVER), -ESHUTDOWN);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

/* With its task still running at the time of the close, a waiting producer can only be woken by that. */
QLT(client, a_close_alone_wakes_a_waiting_producer)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_client *client = open_client(lane, 1, QL_FULL_REFUSES);
    blocker held = {.gate = QLT_GATE_INIT};
    producer waits;
    block(lane, &held);
    ql_task task;
    qlt_eq_int(hand(client, &task), 0);
    begin(&waits, client);
    qli_lane_refuse(lane); /* what every close begins with */
    pthread_join(waits.thread, NULL);
    qlt_eq_int(waits.code, -ESHUTDOWN);
    unblock(&held);
    close_lane(lane);
    qlt_eq_int(task.future.code, 0);
    qlt_runtime_stop(runtime);
}

enum { CLIENTS = 3, EACH = 2, ROUNDS = 2000 };

typedef struct crowd {
    ql_lane *lane;
    ql_client *clients[CLIENTS];
    long counter;
} crowd;

typedef struct member {
    pthread_t thread;
    ql_client *client;
    crowd *of;
} member;

static void *flood(void *arg)
{
    member *self = arg;
    ql_task tasks[4];
    for (int i = 0; i < ROUNDS; i += 4) {
        for (int j = 0; j < 4; j++) {
            ql_task_init(&tasks[j], count_up, &self->of->counter);
            qlt_eq_int(ql_client_submit_until(self->client, &tasks[j], QL_FOREVER), 0);
        }
        for (int j = 0; j < 4; j++)
            await(&tasks[j]);
    }
    return NULL;
}

QLT(client, a_crowd_that_waits_for_places_loses_nothing)
{
    ql_runtime *runtime = qlt_runtime(1);
    crowd all = {.lane = open_lane(runtime, (ql_lane_config){.name = "q", .capacity_tasks = 4})};
    member members[CLIENTS * EACH];
    for (int i = 0; i < CLIENTS; i++)
        all.clients[i] = open_client(all.lane, 2, QL_FULL_REFUSES);
    for (int i = 0; i < CLIENTS * EACH; i++) {
        members[i] = (member){.client = all.clients[i % CLIENTS], .of = &all};
        pthread_create(&members[i].thread, NULL, flood, &members[i]);
    }
    for (int i = 0; i < CLIENTS * EACH; i++)
        pthread_join(members[i].thread, NULL);
    for (int i = 0; i < CLIENTS; i++)
        qlt_eq_int(ql_client_close(all.clients[i]), 0);
    qlt_eq_int(all.counter, CLIENTS * EACH * ROUNDS);
    qlt_eq_uint(all.lane->inbox.queued, 0);
    close_lane(all.lane);
    qlt_runtime_stop(runtime);
}

static int wait_on_itself(ql_task *task)
{
    ql_client *client = task->arg;
    ql_task first, second;
    qlt_eq_int(hand(client, &first), -EAGAIN); /* the caller has its place */
    ql_task_init(&second, nothing, NULL);
    return ql_client_submit_until(client, &second, QL_FOREVER);
}

QLT(client, takes_continuations_and_many_and_refuses_what_cannot_be)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_client *client, *none;
    qlt_eq_int(ql_client_open(NULL, "c", 1, QL_FULL_REFUSES, &none), -EINVAL);
    qlt_eq_ptr(none, NULL);
    qlt_eq_int(ql_client_open(lane, "c", 1, QL_FULL_REFUSES, NULL), -EINVAL);
    qlt_eq_int(ql_client_open(lane, "c", 0, QL_FULL_REFUSES, &none), -EINVAL);
    qlt_eq_int(ql_client_open(lane, "c", 1, (ql_full)7, &none), -EINVAL);
    qlt_eq_int(ql_client_open(lane, NULL, SIZE_MAX, QL_FULL_REFUSES, &client), 0);
    qlt_eq_int(ql_client_close(client), 0);
    qlt_eq_int(ql_client_close(NULL), 0);
    qlt_eq_ptr(ql_client_executor(NULL), NULL);
    client = open_client(lane, 2, QL_FULL_REFUSES);
    ql_task a, b, c, *three[] = {&a, &b, &c};
    for (int i = 0; i < 3; i++)
        ql_task_init(three[i], nothing, NULL);
    qlt_eq_int(ql_submit_many(ql_client_executor(client), three, 3), -EAGAIN);
    for (int i = 0; i < 3; i++)
        qlt_eq_int(ql_future_wait(&three[i]->future), -EINVAL);
    qlt_eq_int(ql_submit_many(ql_client_executor(client), three, 2), 0);
    await(&a);
    await(&b);
    blocker first;
    block(lane, &first);
    for (int i = 0; i < 3; i++)
        three[i]->on = ql_client_executor(client);
    qlt_eq_int(ql_future_then(&first.task.future, &a), 0);
    qlt_eq_int(ql_submit(ql_client_executor(client), &b), 0);
    qlt_eq_int(ql_submit(ql_client_executor(client), &c), -EAGAIN); /* a place is kept for `a` */
    qlt_gate_open(&first.gate, 2);
    await(&a);
    await(&b);
    qlt_eq_int(ql_client_close(client), 0);
    client = open_client(lane, 1, QL_FULL_REFUSES);
    ql_task_init(&a, wait_on_itself, client);
    qlt_eq_int(ql_submit(ql_client_executor(client), &a), 0);
    await(&a);
    qlt_eq_int(a.future.code, -EDEADLK);
    qlt_eq_int(ql_client_submit_until(NULL, &a, 0), -EINVAL);
    qlt_eq_int(ql_client_submit_until(client, NULL, 0), -EINVAL);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
