/* Two workers, and no spare thread to be had. A child that has lent its seat waits for what queues at the pool while the task that
 * forked it goes to sleep in the join. Nobody is left to run that then: the wait is refused, whichever of the two comes first. */
#include <assert.h>
#include <errno.h>

#include "core/runtime.h"
#include "qlane/fork.h"

static ql_task queued;

static int plain(ql_task *task)
{
    (void)task;
    return 0;
}

QL_FORK_VOID_1(wait_while_lent, w, ql_executor *, pool)
{
    (void)w;
    ql_blocking_begin();
    ql_task_init(&queued, plain, NULL);
    assert(!ql_submit(pool, &queued));
    int code = ql_future_wait(&queued.future);
    assert(!code || code == -EAGAIN);
    ql_blocking_end();
}

QL_FORK_VOID_1(nothing, w, int, unused)
{
    (void)w, (void)unused;
}

static int root(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    wait_while_lent_child first;
    nothing_child second;
    wait_while_lent_fork(w, &first, task->on);
    nothing_fork(w, &second, 0); /* answers whoever asked for work meanwhile */
    nothing_join(w, &second);
    wait_while_lent_join(w, &first);
    return 0;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 4, .spares_max = 1};
    ql_runtime *runtime;
    ql_error error;
    ql_task task;
    assert(!ql_runtime_start(&config, &runtime, &error));
    runtime->pool->workers_max = runtime->pool->seats_count;
    ql_task_init(&task, root, NULL);
    assert(!ql_submit(ql_runtime_pool(runtime), &task));
    assert(!ql_runtime_stop(runtime, NULL, &error));
    assert(ql_future_settled(&task.future) && ql_future_settled(&queued.future));
    return 0;
}
