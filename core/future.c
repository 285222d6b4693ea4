#include "core/future.h"
#include "core/atfork.h"

#include <errno.h>

bool ql_future_settled(const ql_future *future)
{
    return future && qli_future_is_settled(future);
}

int qli_future_register(ql_future *future, const void *what, uintptr_t tag)
{
    uintptr_t word = QLI_PENDING;
    if (qli_is_orphan(((const ql_task *)future)->qli_runtime) && !ql_future_settled(future))
        return -ECHILD;
    /* ORDER future:register (release): what is registered, for the settler that will touch it. On failure acquire, as
     * future:see. */
    if (qli_cas(&future->qli_word, &word, (uintptr_t)what | tag, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
        return 0;
    if (word == QLI_SETTLED)
        return 1;
    return word == QLI_FRESH ? -EINVAL : -EBUSY;
}

bool qli_future_unregister(ql_future *future, const void *what, uintptr_t tag)
{
    uintptr_t word = (uintptr_t)what | tag;
    return qli_cas(&future->qli_word, &word, QLI_PENDING, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Returns the future that must settle next, for the same reason: a continuation that nobody would take; or NULL. */
static ql_future *follow_one(ql_future *future, uintptr_t word)
{
    void *what = (void *)(word & ~(uintptr_t)QLI_WORD_TAG);
    switch (word & QLI_WORD_TAG) {
    case QLI_PARKER:
        qli_unpark(what);
        break;
    case QLI_GROUP:
        qli_group_arrive(what);
        break;
    case QLI_NEXT:
        return qli_task_follow(what) ? NULL : &((ql_task *)what)->future;
    case QLI_COMPLETION:
        qli_completion_arrive(what);
        break;
    case QLI_HOOKED:
        ((qli_hooked *)(void *)future)->settled((qli_hooked *)(void *)future);
        break;
    default:
        break;
    }
    return NULL;
}

void qli_future_follow(ql_future *future, uintptr_t word)
{
    while ((future = follow_one(future, word)))
        word = qli_future_exchange(future);
}
