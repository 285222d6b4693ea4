#include "core/atfork.h"

#include <pthread.h>

#include "core/runtime.h"

ql_runtime *qli_orphans;
unsigned qli_forks;

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    int code;
    ql_runtime *runtimes; /* linked by next_at_fork, with the lock */
} list = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

bool qli_is_listed(const ql_runtime *runtime, const ql_runtime *of)
{
    while (of && of != runtime)
        of = of->next_at_fork;
    return of;
}

/* The child shall find whole lists. */
static void before_fork(void)
{
    pthread_mutex_lock(&list.lock);
    for (ql_runtime *runtime = list.runtimes; runtime; runtime = runtime->next_at_fork)
        pthread_mutex_lock(&runtime->lock);
}

static void unlock_all(void)
{
    for (ql_runtime *runtime = list.runtimes; runtime; runtime = runtime->next_at_fork)
        pthread_mutex_unlock(&runtime->lock);
    pthread_mutex_unlock(&list.lock);
}

/* In the child, whose only thread this is. It may have been a worker's or a lane's: now it is the host's. */
static void in_child(void)
{
    unlock_all();
    qli_store(&qli_forks, qli_forks + 1, __ATOMIC_RELAXED);
    qli_context_enter(NULL);
    ql_runtime **end = &list.runtimes;
    for (; *end; end = &(*end)->next_at_fork)
        for (ql_executor *executor = (*end)->executors; executor; executor = executor->next)
            if (executor->ops->fork_child)
                executor->ops->fork_child(executor);
    /* Those that it has inherited from its parent's parent come after. */
    *end = qli_orphans;
    qli_store(&qli_orphans, list.runtimes, __ATOMIC_RELAXED);
    list.runtimes = NULL;
}

static void register_handlers(void)
{
    list.code = -pthread_atfork(before_fork, unlock_all, in_child);
}

int qli_atfork_begin(void)
{
    pthread_once(&list.once, register_handlers);
    return list.code;
}

int qli_atfork_add(ql_runtime *runtime)
{
    int code = qli_atfork_begin();
    if (code)
        return code;
    pthread_mutex_lock(&list.lock);
    runtime->next_at_fork = list.runtimes;
    list.runtimes = runtime;
    pthread_mutex_unlock(&list.lock);
    return 0;
}

void qli_atfork_remove(ql_runtime *runtime)
{
    pthread_mutex_lock(&list.lock);
    ql_runtime **link = &list.runtimes;
    while (*link && *link != runtime)
        link = &(*link)->next_at_fork;
    if (*link)
        *link = runtime->next_at_fork;
    pthread_mutex_unlock(&list.lock);
}
