/* Who waits for whom. A context that is about to sleep in a wait says for what; the wait that would close a cycle is
 * refused instead of sleeping for ever. Waits that spin, submits and settles never come here.
 *
 * A queued task counts as its lane's to settle, a running one as its runner's. Tasks that queue at the pool can be run by
 * anyone, so they close no cycle: when no seat works any more, leaving the last one is refused (qli_seat_leave), and so is a
 * wait by a lane for what queues there (qli_seat_none_works).
 *
 * A join cannot be refused. Where one closes a cycle, or takes the last seat, a wait that sleeps already is ended instead. */
#ifndef QLANE_CORE_WAITS_H
#define QLANE_CORE_WAITS_H

#include <pthread.h>

#include "core/context.h"

typedef struct qli_waits {
    pthread_mutex_t lock;
    uint64_t walks; /* numbers them, so that a walk visits a context once */
} qli_waits;

/* 0, or -EDEADLK: one of these futures can only settle after `self` goes on; on_misuse gets the cycle in words. They must stay until leave. */
int qli_waits_enter(qli_waits *waits, qli_context *self, const ql_member *members, size_t count);
/* The same for a joiner, whose child runs on `thief`: a wait in the cycle ends with -EDEADLK, if there is one. */
void qli_waits_enter_join(qli_waits *waits, qli_context *self, qli_context *thief);
/* 0, or why others have ended the wait. */
int qli_waits_leave(qli_waits *waits, qli_context *self);

/* What a context waits for, for a person: "" if it does not. Waits for no lock. */
void qli_waits_describe(qli_waits *waits, const qli_context *who, char *text, size_t size);

/* Nobody can run what queues at the pool: if `who` waits for that, its wait ends with -EAGAIN. True: it does. */
bool qli_waits_refuse(qli_waits *waits, qli_context *who);

#endif
