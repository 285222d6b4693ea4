/* The whole runtime, from start to stop: a thread of the host and a task hand tasks to two workers. */
#include <assert.h>

#include "qlane/runtime.h"

static int ran[3];

static int inner(ql_task *task)
{
    ran[*(int *)task->arg]++;
    return ql_task_return(task, (ql_value){.i64 = *(int *)task->arg});
}

static int outer(ql_task *task)
{
    int one = 1;
    ql_task child;
    ql_task_init(&child, inner, &one);
    assert(!ql_submit(task->on, &child));
    assert(!ql_future_wait(&child.future));
    assert(child.future.value.i64 == 1);
    ran[0]++;
    return 0;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof config, .fork_depth = 8, .spares_max = 2};
    ql_runtime *runtime;
    ql_error error;
    int two = 2;
    assert(!ql_runtime_start(&config, &runtime, &error));
    ql_task first, second;
    ql_task_init(&first, outer, NULL);
    ql_task_init(&second, inner, &two);
    assert(!ql_submit(ql_runtime_pool(runtime), &first));
    assert(!ql_submit(ql_runtime_pool(runtime), &second));
    assert(!ql_future_wait(&first.future));
    assert(!ql_runtime_stop(runtime, NULL, &error));
    assert(ql_future_settled(&second.future));
    assert(ran[0] == 1 && ran[1] == 1 && ran[2] == 1);
    return 0;
}
