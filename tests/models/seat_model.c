/* Tasks that wait for tasks which queue on the seat that they leave. With one seat one thread at a time runs tasks, and
 * each sees what the one before it wrote: two on one seat are a race, a seat that nobody sits on is a deadlock. With
 * SPARES spare threads, for PLAN_WORKERS seats. */
#include <assert.h>
#include <errno.h>

#include "qlane/runtime.h"

enum { TASKS = 2 };

static ql_task outers[TASKS], inners[TASKS];
static int ran; /* plain, where one seat allows it */

static void step(void)
{
#if PLAN_WORKERS == 1
    ran++;
#else
    __atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
#endif
}

static int inner(ql_task *task)
{
    (void)task;
    step();
    return 0;
}

static int outer(ql_task *task)
{
    ql_task *child = task->arg;
    step();
    assert(!ql_submit(task->on, child));
    int code = ql_future_wait(&child->future);
    assert(!code || (SPARES < TASKS && code == -EAGAIN));
    step();
    return 0;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 2, .spares_max = SPARES};
    ql_runtime *runtime;
    ql_error error;
    assert(!ql_runtime_start(&config, &runtime, &error));
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&inners[i], inner, NULL);
        ql_task_init(&outers[i], outer, &inners[i]);
        assert(!ql_submit(ql_runtime_pool(runtime), &outers[i]));
    }
    for (int i = 0; i < TASKS; i++)
        assert(!ql_future_wait(&outers[i].future) && !outers[i].future.code);
    assert(!ql_runtime_stop(runtime, NULL, &error));
    assert(ran == 3 * TASKS);
    return 0;
}
