/* Futures that settle into an event loop. Instead of waiting for a future, a loop registers it here; what has settled comes
 * out in batches, and a descriptor that any loop can poll says when to look.
 *
 *   struct request { ql_task task; ql_completion done; ... };        zeroed before its first use
 *
 *   ql_completions_create(&done);  then watch ql_completions_fd(done) for reading
 *   ql_submit(pool, &request->task) == 0 && ql_completions_add(done, &request->task.future, &request->done)
 *   when it is readable:  while ((entry = ql_completions_next(done))) finish((struct request *)entry->future);
 *  (where the task does not stand first, as of two, less its offsetof)
 *
 * The descriptor is an eventfd: readable while there is, or was a moment ago, something to take; only ql_completions_next()
 * resets it, when it has found nothing. So a loop may stop after a few and come back when it is told again; one that is told
 * of edges only must go on until NULL. It costs one write for each time that the consumer had found nothing, however many
 * settle meanwhile.
 *
 * A consumer that never looks holds up nobody: no thread waits for it, nothing is allocated, what has settled hangs together
 * through the entries, one for each task.
 *
 * In a child of fork() it is still the parent's, which notices nothing: every call here answers -ECHILD, ql_completions_next()
 * NULL, and the descriptor, which is closed by exec, is not to be polled. A child makes one of its own. */
#ifndef QLANE_COMPLETIONS_H
#define QLANE_COMPLETIONS_H

#include "qlane/future.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ql_completions ql_completions;

/* One future on its way into a loop; the caller's memory, zeroed before its first use. From ql_completions_add() until
 * ql_completions_next() returns it, it is the runtime's, and so is the task: also after its future has settled. */
typedef struct ql_completion {
    ql_future *future; /* what has settled; a pointer to its task */
    ql_completions *qli_to;
    struct ql_completion *qli_next;
} ql_completion;

/** Errors: -EINVAL NULL; -ENOMEM; -EMFILE and the like: no descriptor to be had. */
QL_MUST_USE int ql_completions_create(ql_completions **completions);

/** The descriptor to poll for reading, close-on-exec. Neither read nor write nor close it. -EINVAL: NULL. */
int ql_completions_fd(const ql_completions *completions);

/** Let `future` come out here once it settles; at once if it has.
 *  Threads: any. Never blocks, allocates nothing.
 *  Owns:    see ql_completion. The runtime may be stopped meanwhile, that settles everything; `completions` must stay.
 *  Order:   what the caller wrote before, the consumer sees. Futures that one thread settles, such as a lane's, come out in
 *           that order.
 *  Errors:  -EINVAL NULL, or a future never submitted; -EBUSY a waiter, group or continuation holds its slot, or the entry
 *           is in use. After an error nothing was changed. */
QL_MUST_USE int ql_completions_add(ql_completions *completions, ql_future *future, ql_completion *entry);

/** The next one that has settled; entry, future and task are the caller's again. NULL: none, and the descriptor tells when
 *  there is one.
 *  Threads: the consumer: one at a time. Never blocks.
 *  Order:   what the task wrote is seen. */
ql_completion *ql_completions_next(ql_completions *completions);

/** Close the descriptor and free the memory. Waits, at most, for a thread that is about to write the descriptor.
 *  Threads: the consumer; no other is in ql_completions_add().
 *  Errors:  -EBUSY a future that was added has not come out of ql_completions_next(): drain it first, and stop the runtime
 *           before that if need be. NULL is allowed. */
int ql_completions_destroy(ql_completions *completions);

#ifdef __cplusplus
}
#endif
#endif
