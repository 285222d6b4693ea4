#include "core/waits.h"

#include <errno.h>

#include "core/executor.h"

/* Whose thread must act for this task to settle; NULL: nobody in particular, or another runtime, which may be gone as
 * soon as the task has settled. */
static qli_context *settler(ql_runtime *runtime, ql_task *task)
{
    if (task->qli_runtime != runtime || ql_future_settled(&task->future))
        return NULL;
    /* ORDER waits:runner (acquire): its context, with task:runner; a spare thread's may be younger than this thread. */
    qli_context *runner = qli_load(&task->qli_runner, __ATOMIC_ACQUIRE);
    return runner ? runner : task->on->context;
}

/* Depth first through all that `from` waits for: does it lead to `self`? Each that waits keeps alive what it waits for until
 * it has left, which takes the lock. The depth is that of the chain of waits. */
static bool leads_to(qli_waits *waits, qli_context *from, qli_context *self)
{
    if (!from || from == self)
        return from;
    if (from->walk == waits->walks)
        return false;
    from->walk = waits->walks;
    if (leads_to(waits, from->waits_for_context, self))
        return true;
    for (size_t i = 0; i < from->waits_for_count; i++)
        if (leads_to(waits, settler(self->runtime, (ql_task *)from->waits_for[i].future), self))
            return true;
    return false;
}

static int enter(qli_waits *waits, qli_context *self, qli_context *thief, const ql_member *members,
                 size_t count)
{
    pthread_mutex_lock(&waits->lock);
    waits->walks++;
    bool cycle = leads_to(waits, thief, self);
    for (size_t i = 0; i < count && !cycle; i++)
        cycle = leads_to(waits, settler(self->runtime, (ql_task *)members[i].future), self);
    if (!cycle) {
        self->waits_for_context = thief;
        self->waits_for = members;
        self->waits_for_count = count;
    }
    pthread_mutex_unlock(&waits->lock);
    return cycle ? -EDEADLK : 0;
}

int qli_waits_enter(qli_waits *waits, qli_context *self, const ql_member *members, size_t count)
{
    return enter(waits, self, NULL, members, count);
}

int qli_waits_enter_join(qli_waits *waits, qli_context *self, qli_context *thief)
{
    return enter(waits, self, thief, NULL, 0);
}

void qli_waits_leave(qli_waits *waits, qli_context *self)
{
    pthread_mutex_lock(&waits->lock);
    self->waits_for_context = NULL;
    self->waits_for_count = 0;
    pthread_mutex_unlock(&waits->lock);
}
