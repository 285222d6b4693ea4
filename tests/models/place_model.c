/* A lane with one place, and two producers who wait for it. Nobody waits for ever, and the close refuses nobody who got in. ABANDON:
 * one producer, and the lane is abandoned with a task in that place; who gets no place is told. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

#ifdef ABANDON
enum { PRODUCERS = 1, TASKS = 1 };
#else
enum { PRODUCERS = 2, TASKS = 2 };
#endif

static ql_lane *lane;
static int ran; /* the lane's */

static int run(ql_task *task)
{
    (void)task;
    ran++;
    return 0;
}

static void *produce(void *arg)
{
    (void)arg;
    for (int i = 0; i < TASKS; i++) {
        ql_task *task = malloc(sizeof(*task));
        ql_task_init(task, run, NULL);
        int code = ql_lane_submit_until(lane, task, QL_FOREVER);
#ifdef ABANDON
        assert(!code || code == -ESHUTDOWN);
#else
        assert(!code);
#endif
        if (!code)
            assert(!ql_future_wait(&task->future));
        free(task);
    }
    return NULL;
}

int main(void)
{
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .capacity_tasks = 1};
    pthread_t threads[PRODUCERS];
    ql_error error;
    assert(!ql_lane_open_begin(runtime, &config, &lane, &error));
#ifdef ABANDON
    const qli_executor_ops *ops = lane->executor.ops;
    const char *stuck = NULL;
    ql_task first;
    ql_task_init(&first, run, NULL);
    assert(!ql_lane_submit(lane, &first));
#endif
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, NULL);
#ifdef ABANDON
    ops->abandon(&lane->executor, ESHUTDOWN);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert(!ops->end(&lane->executor, QL_FOREVER, &stuck));
    ops->destroy(&lane->executor);
#else
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert(!ql_lane_close(lane, NULL, NULL, &error));
    assert(ran == PRODUCERS * TASKS && !lane->inbox.queued);
    assert(!ql_lane_free(lane));
#endif
    no_pool_stop(runtime);
    return 0;
}
