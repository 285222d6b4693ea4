#include "core/waits.h"

#include <errno.h>

#include "core/executor.h"

/* Whose thread must act for this task to settle; NULL: nobody in particular, or another runtime, which may be gone as
 * soon as the task has settled. */
static qli_context *settler(ql_runtime *runtime, ql_task *task)
{
    if (task->qli_runtime != runtime || ql_future_settled(&task->future))
        return NULL;
    qli_context *runner = qli_load(&task->qli_runner, __ATOMIC_ACQUIRE);
    return runner ? runner : task->on->context;
}

static int enter(qli_waits *waits, qli_context *self, qli_context *thief, ql_task *task)
{
    int code = 0;
    pthread_mutex_lock(&waits->lock);
    qli_context *next = thief ? thief : settler(self->runtime, task);
    while (next && next != self) {
        /* Each that waits keeps what it waits for alive until it has left, which takes the lock. */
        if (next->waits_for_context)
            next = next->waits_for_context;
        else
            next = next->waits_for_task ? settler(self->runtime, next->waits_for_task) : NULL;
    }
    if (next) {
        code = -EDEADLK;
    } else {
        self->waits_for_context = thief;
        self->waits_for_task = task;
    }
    pthread_mutex_unlock(&waits->lock);
    return code;
}

int qli_waits_enter(qli_waits *waits, qli_context *self, ql_task *task)
{
    return enter(waits, self, NULL, task);
}

int qli_waits_enter_join(qli_waits *waits, qli_context *self, qli_context *thief)
{
    return enter(waits, self, thief, NULL);
}

void qli_waits_leave(qli_waits *waits, qli_context *self)
{
    pthread_mutex_lock(&waits->lock);
    self->waits_for_context = NULL;
    self->waits_for_task = NULL;
    pthread_mutex_unlock(&waits->lock);
}
