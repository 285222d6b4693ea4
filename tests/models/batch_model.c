/* A lane runs the first of two tasks in a batch that waits for the second, which a canceller takes away. The batch must end all the
 * same: nobody else would wake the lane. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

static bool in_batch; /* the lane's */

static int begin(void *self, unsigned tasks_max, ql_error *error)
{
    (void)self, (void)tasks_max, (void)error;
    assert(!in_batch);
    in_batch = true;
    return 0;
}

static int end(void *self, ql_error *error)
{
    (void)self, (void)error;
    assert(in_batch);
    in_batch = false;
    return 0;
}

static int run(ql_task *task)
{
    (void)task;
    assert(in_batch);
    return 0;
}

static void *cancel(void *arg)
{
    ql_task *task = arg;
    int code = ql_task_cancel(task);
    assert(code == 0 || code == -EALREADY || code == -ENOTSUP);
    assert(!ql_future_wait(&task->future));
    assert(task->future.code == (code == 0 ? -ECANCELED : 0));
    return NULL;
}

int main(void)
{
    static const ql_engine_ops ops = {
        .size = sizeof(ops), .name = "model", .batch_begin = begin, .batch_end = end};
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    ql_task tasks[2];
    pthread_t canceller;
    ql_lane *lane;
    assert(!ql_lane_open_begin(runtime, &config, &lane, NULL));
    for (int i = 0; i < 2; i++) {
        ql_task_init(&tasks[i], run, NULL);
        assert(!ql_lane_submit(lane, &tasks[i]));
    }
    pthread_create(&canceller, NULL, cancel, &tasks[1]);
    assert(!ql_future_wait(&tasks[0].future) && tasks[0].future.code == 0);
    pthread_join(canceller, NULL);
    assert(!ql_lane_close(lane, NULL, NULL, NULL));
    assert(!in_batch);
    assert(!ql_lane_free(lane));
    no_pool_stop(runtime);
    return 0;
}
