/* Forks on two seats, where a child waits for a task of its own: the seats pass to a spare thread while children are
 * with thieves, and the joiners sleep. */
#include <assert.h>

#include "qlane/fork.h"
#include "qlane/runtime.h"

static ql_executor *pool;

static int inner(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = 1});
}

/* The results are plain: one that is read too early is a race. */
QL_FORK_1(int, branch, w, int, level)
{
    if (!level) {
        ql_task task;
        ql_task_init(&task, inner, NULL);
        assert(!ql_submit(pool, &task));
        assert(!ql_future_wait(&task.future));
        return (int)task.future.value.i64;
    }
    branch_child left, right;
    branch_fork(w, &left, level - 1);
    branch_fork(w, &right, level - 1);
    int sum = branch_join(w, &right);
    return sum + branch_join(w, &left);
}

static int root(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = branch(ql_worker_self(), 1)});
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 4, .spares_max = 3};
    ql_runtime *runtime;
    ql_error error;
    ql_task task;
    assert(!ql_runtime_start(&config, &runtime, &error));
    pool = ql_runtime_pool(runtime);
    ql_task_init(&task, root, NULL);
    assert(!ql_submit(pool, &task));
    assert(!ql_future_wait(&task.future));
    assert(task.future.value.i64 == 2);
    assert(!ql_runtime_stop(runtime, NULL, &error));
    return 0;
}
