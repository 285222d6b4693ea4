/* What bench/cost_of plays, as a library: one process holds the runtime with a part of it and the one without, and takes turns
 * between them by the millisecond. */
#include <stdlib.h>
#include <time.h>

#include "bench/harness/runtime.h"
#include "qlane/fork.h"
#include "qlane/lane.h"

#define EXPORT __attribute__((visibility("default")))

typedef struct turns {
    ql_runtime *runtime;
    ql_lane *lane;
    uint64_t counter;
} turns;

EXPORT turns *turns_open(const char *affinity);
EXPORT void turns_close(turns *self);
/* How long it took, in ns. */
EXPORT int64_t turns_call(turns *self, int64_t times);
EXPORT int64_t turns_fib(turns *self, int64_t n);

static int64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

turns *turns_open(const char *affinity)
{
    turns *self = calloc(1, sizeof(*self));
    must(self ? 0 : -1, "calloc", NULL);
    self->runtime = start_runtime(affinity);
    ql_error error = {.code = 0};
    ql_lane_config config = {.size = sizeof(config), .name = "turns"};
    must(ql_lane_open(self->runtime, &config, &self->lane, &error), "ql_lane_open", error.text);
    return self;
}

void turns_close(turns *self)
{
    stop_runtime(self->runtime);
    free(self);
}

static int count(ql_task *task)
{
    return ql_task_return(task, (ql_value){.u64 = ++*(uint64_t *)task->arg});
}

int64_t turns_call(turns *self, int64_t times)
{
    ql_task task;
    ql_task_init(&task, count, &self->counter);
    for (int i = 0; i < 500; i++) /* the lane was asleep */
        must(ql_lane_call(self->lane, &task), "ql_lane_call", NULL);
    int64_t began_ns = now_ns();
    for (int64_t i = 0; i < times; i++)
        must(ql_lane_call(self->lane, &task), "ql_lane_call", NULL);
    return now_ns() - began_ns;
}

QL_FORK_1(long, fib, w, int, n)
{
    if (n < 2)
        return n;
    fib_child left;
    fib_fork(w, &left, n - 1);
    long right = fib(w, n - 2);
    return fib_join(w, &left) + right;
}

static int time_fib(ql_task *task)
{
    int64_t n = *(int64_t *)task->arg, began_ns;
    fib(ql_worker_self(), (int)n - 6); /* the other workers were asleep */
    began_ns = now_ns();
    fib(ql_worker_self(), (int)n);
    return ql_task_return(task, (ql_value){.i64 = now_ns() - began_ns});
}

int64_t turns_fib(turns *self, int64_t n)
{
    ql_task task;
    ql_task_init(&task, time_fib, &n);
    must(ql_submit(ql_runtime_pool(self->runtime), &task), "ql_submit", NULL);
    must(ql_future_wait(&task.future), "ql_future_wait", NULL);
    return task.future.value.i64;
}
