/* Two workers, and a task that forks until somebody has taken a child of its. The other worker may go to bed at any moment:
 * then the next fork must wake it, or the task never ends. */
#include <assert.h>

#include "qlane/fork.h"
#include "qlane/runtime.h"

static unsigned taken;

QL_FORK_VOID_1(note, w, ql_worker *, forker)
{
    if (w != forker)
        __atomic_store_n(&taken, 1, __ATOMIC_RELAXED);
}

static int fork_until_taken(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    (void)task;
    while (!__atomic_load_n(&taken, __ATOMIC_RELAXED)) {
        note_child first, second;
        note_fork(w, &first, w);
        note_fork(w, &second, w);
        note_join(w, &second);
        note_join(w, &first);
    }
    return 0;
}

int main(void)
{
    ql_runtime *runtime;
    ql_task task;
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 8, .spares_max = 1};
    assert(!ql_runtime_start(&config, &runtime, NULL));
    ql_task_init(&task, fork_until_taken, NULL);
    assert(!ql_submit(ql_runtime_pool(runtime), &task));
    assert(!ql_future_wait(&task.future));
    assert(!ql_runtime_stop(runtime, NULL, NULL));
    return 0;
}
