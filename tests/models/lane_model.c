/* A lane that takes all that queues at once, a canceller that takes tasks out of its slots, and a close in between. Whoever
 * sees a task settled frees it at once. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

enum { TASKS = 3 };

typedef struct job {
    ql_task task; /* first */
    int number;   /* plain: written before the submit, read by the lane */
} job;

static ql_lane *lane;
static job *jobs[TASKS];
static int ran;    /* the lane's */
static int opened; /* plain: written by the lane's open, read by its close */

static int run(ql_task *task)
{
    assert(((job *)(void *)task)->number);
    ran++;
    return 0;
}

static int open_it(void *self, ql_error *error)
{
    (void)self, (void)error;
    qli_lane_of(qli_context_current()->executor)->take_next = TASKS;
    opened = 1;
    return 0;
}

static int closed_by; /* plain: written before ql_lane_close() */

static void close_it(void *self)
{
    (void)self;
    assert(opened && closed_by);
}

static void *cancel_last(void *arg)
{
    int *cancelled = arg;
    for (int i = TASKS - 1; i > 0; i--) {
        int code = ql_task_cancel(&jobs[i]->task);
        assert(code == 0 || code == -EALREADY || code == -ENOTSUP);
        *cancelled += code == 0;
        assert(!ql_future_wait(&jobs[i]->task.future));
        assert(jobs[i]->task.future.code == (code == 0 ? -ECANCELED : 0));
        free(jobs[i]);
    }
    return NULL;
}

int main(void)
{
    static const ql_engine_ops ops = {
        .size = sizeof(ops), .name = "model", .open = open_it, .close = close_it};
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    ql_lane_report report = {.size = sizeof(report)};
    pthread_t canceller;
    int cancelled = 0;
    ql_error error;
    assert(!ql_lane_open_begin(runtime, &config, &lane, &error));
    for (int i = 0; i < TASKS; i++) {
        jobs[i] = malloc(sizeof(job));
        ql_task_init(&jobs[i]->task, run, NULL);
        jobs[i]->number = i + 1;
        assert(!ql_lane_submit(lane, &jobs[i]->task));
    }
    pthread_create(&canceller, NULL, cancel_last, &cancelled);
    closed_by = 1;
    assert(!ql_lane_close(lane, NULL, &report, &error));
    pthread_join(canceller, NULL);
    assert(ql_future_settled(&jobs[0]->task.future));
    free(jobs[0]);
    assert(ran + cancelled == TASKS);
    assert(!ql_lane_free(lane));
    no_pool_stop(runtime);
    return 0;
}
