/* qlane with a lane, as a contender for idle only: the default plan, one lane, workers on what is left. Its tasks go through
 * both. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/pool/contender.h"
#include "qlane/lane.h"

static ql_runtime *runtime;
static ql_lane *lane;

static void check(int code, const char *what, const char *text)
{
    if (!code)
        return;
    fprintf(stderr, "%s: %d %s\n", what, code, text);
    exit(1);
}

static void start(unsigned workers)
{
    char text[64];
    ql_error error = {.code = 0};
    snprintf(text, sizeof(text), "workers=%u", workers);
    ql_affinity_config affinity = {.size = sizeof(affinity), .text = text};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &affinity};
    ql_lane_config lane_config = {.size = sizeof(lane_config), .name = "q"};
    check(ql_runtime_start(&config, &runtime, &error), "ql_runtime_start", error.text);
    check(ql_lane_open(runtime, &lane_config, &lane, &error), "ql_lane_open", error.text);
}

static void stop(void)
{
    ql_error error = {.code = 0};
    check(ql_runtime_stop(runtime, NULL, &error), "ql_runtime_stop", error.text);
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
        check(ql_submit(i % 2 ? ql_runtime_pool(runtime) : ql_lane_executor(lane), &tasks[i]), "ql_submit",
              "");
    for (size_t i = first; i < end; i++)
        check(ql_future_wait(&tasks[i].future), "ql_future_wait", "");
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
