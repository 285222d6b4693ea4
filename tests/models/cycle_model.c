/* Two tasks that wait for each other: one of them, and only one, is told so.
 * SPARE: nobody waits in a circle, but what is waited for may run on a spare thread, whose context was made while the
 * thread that looks at it was already running. */
#include <assert.h>
#include <errno.h>

#include "qlane/runtime.h"

enum { LEFT, RIGHT, LAST, TASKS };

static ql_task tasks[TASKS];
static int codes[TASKS];

static int wait_for(ql_task *task)
{
    codes[task - tasks] = ql_future_wait(task->arg);
    return 0;
}

/* Takes some steps, so that it runs when the last one looks who runs it. */
static int plain(ql_task *task)
{
    static int steps;
    (void)task;
    for (int i = 0; i < 16; i++)
        __atomic_add_fetch(&steps, 1, __ATOMIC_RELAXED);
    return 0;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 2, .spares_max = TASKS};
    ql_runtime *runtime;
    ql_error error;
    ql_task *const all[TASKS] = {&tasks[LEFT], &tasks[RIGHT], &tasks[LAST]};
    assert(!ql_runtime_start(&config, &runtime, &error));
#ifdef SPARE
    ql_task_init(&tasks[LEFT], wait_for, &tasks[LAST].future);
    ql_task_init(&tasks[RIGHT], plain, NULL);
    ql_task_init(&tasks[LAST], wait_for, &tasks[RIGHT].future);
#else
    ql_task_init(&tasks[LEFT], wait_for, &tasks[RIGHT].future);
    ql_task_init(&tasks[RIGHT], wait_for, &tasks[LEFT].future);
    ql_task_init(&tasks[LAST], plain, NULL);
#endif
    /* All at once: nobody waits for a task that was not handed over yet. */
    assert(!ql_submit_many(ql_runtime_pool(runtime), all, TASKS));
    assert(!ql_runtime_stop(runtime, NULL, &error));
    assert(codes[LEFT] == 0 || codes[LEFT] == -EDEADLK);
    assert(codes[RIGHT] == 0 || codes[RIGHT] == -EDEADLK);
    assert(codes[LEFT] == 0 || codes[RIGHT] == 0);
#ifdef SPARE
    assert(!codes[LEFT] && !codes[LAST]);
#endif
    return 0;
}
