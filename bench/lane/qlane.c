#include "bench/lane/qlane.h"

#include <stdlib.h>

#include "bench/harness/wakes.h"
#include "bench/lane/contender.h"

static ql_runtime *runtime;
static ql_lane *lane;

static int operate(ql_task *task)
{
    return ql_task_return(task, (ql_value){.u64 = lane_operate((uintptr_t)task->arg)});
}

static void start(bool blocking)
{
    ql_error error = {.code = 0};
    ql_lane_config config = {.size = sizeof(config), .name = "bench"};
    runtime = start_lane_runtime(blocking);
    must(ql_lane_open(runtime, &config, &lane, &error), "ql_lane_open", error.text);
}

static void stop(void)
{
    stop_runtime(runtime);
}

/* Aligned, so that all that a queueing task needs is in one line. */
static void *open_caller(size_t slots)
{
    ql_task *tasks = aligned_alloc(64, slots * sizeof(*tasks));
    must(tasks ? 0 : -1, "aligned_alloc", NULL);
    for (size_t i = 0; i < slots; i++)
        ql_task_init(&tasks[i], operate, NULL);
    return tasks;
}

static inline uint64_t call(void *caller, uint64_t key)
{
    ql_task *task = caller;
    task->arg = (void *)(uintptr_t)key;
    must(ql_lane_call(lane, task), "ql_lane_call", NULL);
    return task->future.value.u64;
}

static inline void submit(void *caller, size_t slot, uint64_t key)
{
    ql_task *task = (ql_task *)caller + slot;
    task->arg = (void *)(uintptr_t)key;
    must(ql_lane_submit(lane, task), "ql_lane_submit", NULL);
}

static inline uint64_t reap(void *caller, size_t slot)
{
    ql_task *task = (ql_task *)caller + slot;
    must(ql_future_wait(&task->future), "ql_future_wait", NULL);
    return task->future.value.u64;
}

LANE_LOOPS(call, submit, reap)

const lane_contender lane_this = {
    .name = "qlane",
    .version = "tree",
    .works = LANE_ALL_WORKS "call_park,idle",
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = free,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
    .wakes = bench_wakes,
};
