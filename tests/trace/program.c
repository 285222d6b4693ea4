/* program FILE [EVENTS]: hands over a known number of tasks of each kind, and writes the trace to FILE: trace_test.py reads it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "qlane/lane.h"
#include "qlane/trace.h"

enum { FLOOD = 100, TASKS = 300, FAILED = 20, CANCELLED = 10, FOLLOWED = 30, EVENTS = 4096 };

static uint32_t taken;
static ql_task reused;
static ql_task plain[TASKS], failing[FAILED], cancelled[CANCELLED], first[FOLLOWED], next[FOLLOWED],
    many[TASKS];

static void must(int code)
{
    if (code) {
        fprintf(stderr, "program: %d\n", code);
        exit(1);
    }
}

static int work(ql_task *task)
{
    (void)task;
    for (int64_t until_ns = ql_now_ns() + 2000; ql_now_ns() < until_ns;)
        ;
    return 0;
}

static int fail(ql_task *task)
{
    (void)task;
    return -EIO;
}

/* Waits, so that its worker sleeps, and the lane has a caller that is a task. */
static int call_lane(ql_task *task)
{
    ql_task inner;
    ql_task_init(&inner, work, NULL);
    inner.name = "in\"ner\\\t";
    return ql_lane_call(task->arg, &inner);
}

static int take(ql_task *task)
{
    (void)task;
    __atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
    return 0;
}

/* What it has submitted queues behind it: only another worker can have run that. */
static int be_robbed(ql_task *task)
{
    static ql_task robbed;
    ql_task_init(&robbed, take, NULL);
    robbed.name = "robbed";
    must(ql_submit(task->arg, &robbed));
    while (!__atomic_load_n(&taken, __ATOMIC_ACQUIRE))
        sched_yield();
    return ql_future_wait(&robbed.future);
}

static void init(ql_task *tasks, int count, const char *name, ql_task_fn *fn, void *arg)
{
    for (int i = 0; i < count; i++) {
        ql_task_init(&tasks[i], fn, arg);
        tasks[i].name = name;
    }
}

static void hand_over(ql_executor *on, ql_task *tasks, int count)
{
    for (int i = 0; i < count; i++)
        must(ql_submit(on, &tasks[i]));
}

static void await(ql_task *tasks, int count)
{
    for (int i = 0; i < count; i++)
        must(ql_future_wait(&tasks[i].future));
}

/* The same memory as a task for the second time. What follows makes this thread forget that, and no other. */
static int again(ql_task *task)
{
    static ql_task flood[FLOOD];
    ql_task_init(&reused, work, NULL);
    reused.name = "reused";
    must(ql_lane_call(task->arg, &reused));
    init(flood, FLOOD, "flood", work, NULL);
    hand_over(task->on, flood, FLOOD);
    await(flood, FLOOD);
    return 0;
}

static int hold(ql_task *task)
{
    const uint32_t *go = task->arg;
    while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
        ;
    return 0;
}

static int no_batch(void *self, unsigned tasks, ql_error *error)
{
    (void)self, (void)tasks, (void)error;
    return 0;
}

static int commit(void *self, ql_error *error)
{
    (void)self, (void)error;
    return 0;
}

static const ql_engine_ops engine = {
    .size = sizeof(engine), .name = "none", .batch_begin = no_batch, .batch_end = commit};

static void run_all(ql_executor *pool, ql_lane *lane)
{
    uint32_t go = 0;
    ql_task held, robbed, *list[TASKS];
    init(&held, 1, "held", hold, &go);
    init(&robbed, 1, "victim", be_robbed, pool);
    init(plain, TASKS, "plain", call_lane, lane);
    init(failing, FAILED, "failing", fail, NULL);
    init(cancelled, CANCELLED, "cancelled", work, NULL);
    init(first, FOLLOWED, "first", work, NULL);
    init(next, FOLLOWED, "next", work, NULL);
    init(many, TASKS, "many", work, NULL);
    must(ql_submit(pool, &robbed));
    await(&robbed, 1);
    must(ql_lane_submit(lane, &held));
    hand_over(ql_lane_executor(lane), cancelled, CANCELLED);
    hand_over(ql_lane_executor(lane), first, FOLLOWED);
    for (int i = 0; i < CANCELLED; i++)
        must(ql_task_cancel(&cancelled[i]));
    for (int i = 0; i < FOLLOWED; i++) {
        next[i].on = pool;
        must(ql_future_then(&first[i].future, &next[i]));
    }
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    hand_over(pool, plain, TASKS);
    hand_over(pool, failing, FAILED);
    for (int i = 0; i < TASKS; i++)
        list[i] = &many[i];
    must(ql_submit_many(pool, list, TASKS));
    await(&held, 1);
    await(plain, TASKS);
    await(failing, FAILED);
    await(many, TASKS);
    await(next, FOLLOWED);
    init(&reused, 1, "reused", work, NULL);
    must(ql_lane_submit(lane, &reused));
    await(&reused, 1);
    init(&robbed, 1, "again", again, lane);
    must(ql_submit(pool, &robbed));
    await(&robbed, 1);
}

int main(int argc, char **argv)
{
    ql_affinity_config affinity = {.size = sizeof(affinity), .workers = "2"};
    ql_runtime_config config = {.size = sizeof(config),
                                .affinity = &affinity,
                                .trace_events = argc > 2 ? (unsigned)atoi(argv[2]) : EVENTS};
    ql_lane_config lane_config = {.size = sizeof(lane_config), .name = "q", .engine = &engine};
    ql_runtime *runtime;
    ql_lane *lane;
    FILE *out = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (!out)
        return 2;
    must(ql_runtime_start(&config, &runtime, NULL));
    must(ql_lane_open(runtime, &lane_config, &lane, NULL));
    run_all(ql_runtime_pool(runtime), lane);
    must(ql_lane_close(lane, NULL, NULL, NULL));
    /* What settles is seen before it is in the trace: an idle pool has written all it had. */
    ql_stats stats = {.size = sizeof(stats)};
    do
        ql_runtime_stats(runtime, &stats);
    while (stats.settled < stats.accepted);
    must(ql_trace_write(runtime, out));
    must(fclose(out));
    printf("{\"reused\": 2, \"again\": 1, \"flood\": %d, \"victim\": 1, \"robbed\": 1, \"held\": 1, "
           "\"plain\": %d, \"in\\\"ner\\\\\\t\": %d, \"failing\": "
           "%d, \"cancelled\": %d, "
           "\"first\": %d, "
           "\"next\": %d, \"many\": %d}\n",
           FLOOD, TASKS, TASKS, FAILED, CANCELLED, FOLLOWED, FOLLOWED, TASKS);
    return ql_runtime_stop(runtime, NULL, NULL) != 0;
}
