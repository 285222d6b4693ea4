/* A call that a lane has begun cannot be taken back: where it closes a circle of waits, another wait in it is refused. */
#include <errno.h>

#include "qlane/lane.h"
#include "tests/lanes/lanes.h"

enum { TIMES = 100 };

static ql_lane *front, *back;
static ql_task outer, inner, behind;
static int call_code, wait_code;

/* On the lane at the back: waits for what queues in front, behind the one that called. */
static int wait_for_front(ql_task *task)
{
    (void)task;
    ql_task_init(&behind, nothing, NULL);
    qlt_eq_int(ql_lane_submit(front, &behind), 0);
    wait_code = ql_future_wait(&behind.future);
    return 0;
}

static int call_back(ql_task *task)
{
    (void)task;
    ql_task_init(&inner, wait_for_front, NULL);
    call_code = ql_lane_call(back, &inner);
    return 0;
}

static void quiet(void *context, const char *sentence)
{
    (void)context, (void)sentence;
}

static void circle(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime_with(workers, (ql_runtime_config){.on_misuse = quiet});
    ql_lane_config config = {.size = sizeof(config)};
    ql_error error;
    qlt_eq_int(ql_lane_open(runtime, &config, &front, &error), 0);
    qlt_eq_int(ql_lane_open(runtime, &config, &back, &error), 0);
    for (int i = 0; i < TIMES; i++) {
        ql_task_init(&outer, call_back, NULL);
        qlt_eq_int(ql_lane_submit(front, &outer), 0);
        if (ql_future_wait_until(&outer.future, ql_after_ns(20000000000)))
            qlt_fail("two lanes wait for one another for ever");
        qlt_eq_int(call_code, 0);
        qlt_eq_int(wait_code, -EDEADLK);
        qlt_eq_int(ql_future_wait(&behind.future), 0);
        qlt_eq_int(behind.future.code, 0);
    }
    qlt_runtime_stop(runtime);
}

QLT(circle, is_broken_where_it_can_be)
{
    qlt_workers_each(circle);
}

enum { QUEUED = 2 };

/* On a worker: all that it waits for queue on one lane, which is looked at once. */
static int wait_a_while_for_all(ql_task *task)
{
    ql_task *queued = task->arg;
    ql_member members[QUEUED] = {{.future = &queued[0].future}, {.future = &queued[1].future}};
    return ql_wait_all(members, QUEUED, ql_after_ns(1000000));
}

QLT(circle, is_not_where_two_waits_meet)
{
    ql_runtime *runtime = qlt_runtime(1);
    blocker first;
    ql_task queued[QUEUED], waiting;
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "front"});
    block(lane, &first);
    for (int i = 0; i < QUEUED; i++) {
        ql_task_init(&queued[i], nothing, NULL);
        submit(lane, &queued[i]);
    }
    ql_task_init(&waiting, wait_a_while_for_all, queued);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &waiting), 0);
    await(&waiting);
    qlt_eq_int(waiting.future.code, -ETIMEDOUT);
    unblock(&first);
    for (int i = 0; i < QUEUED; i++)
        await(&queued[i]);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
