/* The future's word: what is registered with it, in the low bits, and by whom.
 *
 *   FRESH --submit--> PENDING --settle--> SETTLED --submit--> PENDING
 *                     PENDING --a waiter registers--> PARKER --it takes itself out--> PENDING
 *                     PARKER  --settle--> SETTLED, and the parker gets its token
 *                     SPAWNED --settle--> freed
 *
 * Settling is one exchange, the runtime's last access to the task. What is still to do follows from the word that the
 * exchange returned, and touches only what that names. Model: tests/models/future_model */
#ifndef QLANE_CORE_FUTURE_H
#define QLANE_CORE_FUTURE_H

#include "core/context.h"

enum { QLI_FRESH = 0, QLI_PENDING = 1, QLI_PARKER = 2, QLI_SPAWNED = 3, QLI_SETTLED = 7, QLI_WORD_TAG = 7 };

static inline const char *qli_task_name(const ql_task *task)
{
    return task->name ? task->name : "task";
}

/* Register `parker` as the one waiter. 0, or 1: it has settled. -EBUSY. */
int qli_future_register(ql_future *future, qli_parker *parker);
/* Take the waiter out again. False: it has settled and the parker has, or will get, its token. */
bool qli_future_unregister(ql_future *future, qli_parker *parker);
/* The exchange, and what follows from it; `code` and `text` are written before. `spawned` tells that the task was freed. */
void qli_future_settle(ql_future *future);

#endif
