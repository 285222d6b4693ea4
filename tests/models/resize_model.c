/* Workers are put out of use and back while tasks come in and wait for others: what queues on a seat that is out of use is not
 * lost, and whoever waits there comes back. */
#include <assert.h>
#include <pthread.h>

#include "qlane/runtime.h"

enum { TASKS = 2 };

static ql_runtime *runtime;
static ql_task outers[TASKS], inners[TASKS];
static int ran[TASKS]; /* plain: each task writes its own */

static int inner(ql_task *task)
{
    ran[task - inners]++;
    return 0;
}

static int outer(ql_task *task)
{
    ql_task *child = &inners[task - outers];
    assert(!ql_submit(task->on, child));
    assert(!ql_future_wait(&child->future));
    assert(ran[task - outers] == 1);
    return 0;
}

static void *resize(void *unused)
{
    assert(!ql_runtime_resize(runtime, 1));
    assert(!ql_runtime_resize(runtime, 2));
    assert(!ql_runtime_resize(runtime, 1));
    return unused;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 2, .spares_max = TASKS};
    pthread_t resizer;
    ql_error error;
    assert(!ql_runtime_start(&config, &runtime, &error));
    pthread_create(&resizer, NULL, resize, NULL);
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&inners[i], inner, NULL);
        ql_task_init(&outers[i], outer, NULL);
        assert(!ql_submit(ql_runtime_pool(runtime), &outers[i]));
    }
    for (int i = 0; i < TASKS; i++)
        assert(!ql_future_wait(&outers[i].future));
    pthread_join(resizer, NULL);
    assert(!ql_runtime_stop(runtime, NULL, &error));
    return 0;
}
