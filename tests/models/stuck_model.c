/* A lane is abandoned as it begins a task that only an interrupt ends: the task is refused, or interrupted. CANCEL: the same where
 * the task is cancelled. */
#include <assert.h>
#include <errno.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

static qli_parker query;

static int interrupt(void *self)
{
    (void)self;
    qli_unpark(&query);
    return 0;
}

static int run(ql_task *task)
{
    (void)task;
    qli_park(&query, QL_FOREVER);
    return -EINTR;
}

int main(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "model", .interrupt = interrupt};
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    const char *stuck = NULL;
    ql_lane *lane;
    ql_task task;
    ql_error error;
    assert(!ql_lane_open_begin(runtime, &config, &lane, &error));
    ql_task_init(&task, run, NULL);
    assert(!ql_lane_submit(lane, &task));
    const qli_executor_ops *of = lane->executor.ops;
#ifdef CANCEL
    int code = ql_task_cancel(&task), end = code ? -EINTR : -ECANCELED;
    assert(code == 0 || code == -EINPROGRESS);
#else
    int end = -ESHUTDOWN;
    of->abandon(&lane->executor, ESHUTDOWN);
#endif
    assert(!of->end(&lane->executor, QL_FOREVER, &stuck));
    assert(task.future.code == -EINTR || task.future.code == end);
    of->destroy(&lane->executor);
    no_pool_stop(runtime);
    return 0;
}
