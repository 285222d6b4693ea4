/* qlane with a lane, as a contender for idle only: the default plan, one lane, workers on what is left. Its tasks go through
 * both. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/runtime.h"
#include "bench/pool/contender.h"
#include "qlane/lane.h"

static ql_runtime *runtime;
static ql_lane *lane;

static void start(unsigned workers)
{
    char affinity[64];
    ql_error error = {.code = 0};
    ql_lane_config lane_config = {.size = sizeof(lane_config), .name = "q"};
    snprintf(affinity, sizeof(affinity), "workers=%u", workers);
    runtime = start_runtime(affinity);
    must(ql_lane_open(runtime, &lane_config, &lane, &error), "ql_lane_open", error.text);
}

static void stop(void)
{
    stop_runtime(runtime);
}

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

static void *prepare(size_t count)
{
    ql_task *tasks = malloc(count * sizeof(*tasks));
    for (size_t i = 0; i < count; i++)
        ql_task_init(&tasks[i], nothing, NULL);
    return tasks;
}

static void produce(void *prepared, size_t first, size_t end)
{
    ql_task *tasks = prepared;
    for (size_t i = first; i < end; i++)
        must(ql_submit(i % 2 ? ql_runtime_pool(runtime) : ql_lane_executor(lane), &tasks[i]), "ql_submit",
             NULL);
    for (size_t i = first; i < end; i++)
        must(ql_future_wait(&tasks[i].future), "ql_future_wait", NULL);
}

const bench_contender bench_this = {
    .name = "qlane+lane",
    .version = "tree",
    .start = start,
    .stop = stop,
    .outside_prepare = prepare,
    .outside_produce = produce,
    .outside_finish = free,
};
