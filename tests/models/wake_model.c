/* A lane is abandoned while a producer is between its push and the wake that this owes the lane: the lane is not gone before
 * the producer is out of it. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

static ql_lane *lane;
static ql_task task;

static int nothing(ql_task *of)
{
    return ((void)of, 0);
}

static void *produce(void *arg)
{
    (void)arg;
    ql_task_init(&task, nothing, NULL);
    assert(!ql_lane_submit(lane, &task));
    return NULL;
}

int main(void)
{
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config)};
    pthread_t producer;
    const char *stuck = NULL;
    ql_error error;
    assert(!ql_lane_open(runtime, &config, &lane, &error));
    const qli_executor_ops *ops = lane->executor.ops;
    pthread_create(&producer, NULL, produce, NULL);
    bool accepted = qli_inbox_accepted(&lane->inbox);
    if (!accepted)
        pthread_join(producer, NULL);
    /* As a stop does that has run out of patience. */
    ops->shut(&lane->executor);
    ops->abandon(&lane->executor, ESHUTDOWN);
    assert(!ops->end(&lane->executor, QL_FOREVER, &stuck));
    assert(ql_future_settled(&task.future));
    ops->destroy(&lane->executor);
    if (accepted)
        pthread_join(producer, NULL);
    no_pool_stop(runtime);
    return 0;
}
