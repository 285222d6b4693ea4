/* A child waits for the task that forked it, which joins it: the wait is refused, whichever of the two comes to sleep first,
 * and whoever runs the child. */
#include <assert.h>
#include <errno.h>

#include "qlane/fork.h"
#include "qlane/runtime.h"

QL_FORK_VOID_1(wait_for_root, w, ql_task *, root)
{
    (void)w;
    assert(ql_future_wait(&root->future) == -EDEADLK);
}

QL_FORK_VOID_1(nothing, w, int, unused)
{
    (void)w, (void)unused;
}

static int root(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    wait_for_root_child first;
    nothing_child second;
    wait_for_root_fork(w, &first, task);
    nothing_fork(w, &second, 0); /* answers whoever asked for work meanwhile */
    nothing_join(w, &second);
    wait_for_root_join(w, &first);
    return 0;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 4, .spares_max = 2};
    ql_runtime *runtime;
    ql_error error;
    ql_task task;
    assert(!ql_runtime_start(&config, &runtime, &error));
    ql_task_init(&task, root, NULL);
    assert(!ql_submit(ql_runtime_pool(runtime), &task));
    assert(!ql_runtime_stop(runtime, NULL, &error));
    assert(ql_future_settled(&task.future));
    return 0;
}
