#include "core/waits.h"

#include <errno.h>

#include "core/executor.h"
#include "core/future.h"

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

/* With the lock: end this context's wait, if it is for a single future that has not settled. The waiter finds the token that the
 * future would have given. */
static bool refuse(qli_context *who, int code)
{
    if (who->waits_for_count != 1 ||
        !qli_future_unregister(who->waits_for[0].future, &who->parker, QLI_PARKER))
        return false;
    who->waits_for_count = 0;
    who->refused = code;
    qli_unpark(&who->parker);
    return true;
}

typedef struct walk {
    qli_waits *waits;
    qli_context *self; /* does anything lead here? */
    bool breaks;       /* then refuse the first wait on the way that can be */
} walk;

/* Depth first through all that `from` waits for. Each that waits keeps alive what it waits for until it has left, which
 * takes the lock. The depth is that of the chain of waits. */
static bool leads_back(walk *of, qli_context *from)
{
    if (!from || from == of->self)
        return from;
    if (from->walk == of->waits->walks)
        return false;
    from->walk = of->waits->walks;
    if (leads_back(of, from->waits_for_context))
        return true;
    for (size_t i = 0; i < from->waits_for_count; i++) {
        if (!leads_back(of, settler(of->self->runtime, (ql_task *)from->waits_for[i].future)))
            continue;
        if (of->breaks)
            of->breaks = !refuse(from, -EDEADLK);
        return true;
    }
    return false;
}

int qli_waits_enter(qli_waits *waits, qli_context *self, const ql_member *members, size_t count)
{
    walk of = {.waits = waits, .self = self};
    bool cycle = false;
    pthread_mutex_lock(&waits->lock);
    waits->walks++;
    for (size_t i = 0; i < count && !cycle; i++)
        cycle = leads_back(&of, settler(self->runtime, (ql_task *)members[i].future));
    if (!cycle) {
        self->waits_for = members;
        self->waits_for_count = count;
    }
    pthread_mutex_unlock(&waits->lock);
    return cycle ? -EDEADLK : 0;
}

void qli_waits_enter_join(qli_waits *waits, qli_context *self, qli_context *thief)
{
    walk of = {.waits = waits, .self = self, .breaks = true};
    pthread_mutex_lock(&waits->lock);
    waits->walks++;
    (void)leads_back(&of, thief);
    self->waits_for_context = thief;
    pthread_mutex_unlock(&waits->lock);
}

int qli_waits_leave(qli_waits *waits, qli_context *self)
{
    pthread_mutex_lock(&waits->lock);
    int refused = self->refused;
    self->refused = 0;
    self->waits_for_context = NULL;
    self->waits_for_count = 0;
    pthread_mutex_unlock(&waits->lock);
    return refused;
}

bool qli_waits_refuse(qli_waits *waits, qli_context *who)
{
    pthread_mutex_lock(&waits->lock);
    ql_task *task = who->waits_for_count == 1 ? (ql_task *)who->waits_for[0].future : NULL;
    bool queues = task && task->qli_runtime == who->runtime && !settler(who->runtime, task);
    bool refused = queues && refuse(who, -EAGAIN);
    pthread_mutex_unlock(&waits->lock);
    return refused;
}
