/* What fork() leaves in a child: the runtimes of its parent, without any of their threads. They are orphans, for ever: their
 * memory stays, their locks and queues may be in any state, and every call answers -ECHILD without looking at them.
 *
 * The list of runtimes is the one that a process has: an exception to "no globals" that fork() forces upon us. */
#ifndef QLANE_CORE_ATFORK_H
#define QLANE_CORE_ATFORK_H

#include "core/atomics.h"
#include "qlane/runtime.h"

/* See to forks from now on. Errors: -ENOMEM no handler can be registered. */
int qli_atfork_begin(void);
/* The same, and a runtime has started; or it is about to be freed. */
int qli_atfork_add(ql_runtime *runtime);
void qli_atfork_remove(ql_runtime *runtime);

/* How many forks lie between this process and the first one: what was made at another count belongs to a parent. */
extern unsigned qli_forks;

/* Only for the next one: a child's orphans, linked by next_at_fork; NULL in every other process. */
extern ql_runtime *qli_orphans;
bool qli_is_listed(const ql_runtime *runtime, const ql_runtime *list);

/* `runtime` need not be there any more: it is compared, not read. */
static inline bool qli_is_orphan(const ql_runtime *runtime)
{
    /* relaxed: it was written before this process had a second thread. */
    const ql_runtime *orphans = qli_load(&qli_orphans, __ATOMIC_RELAXED);
    return __builtin_expect(orphans != NULL, 0) && qli_is_listed(runtime, orphans);
}

#endif
