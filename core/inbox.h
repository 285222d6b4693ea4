/* Work from any thread, in order and by class: behind each lane, and at the pool's door for outside threads.
 *
 * The front is one word: a stack of the newest tasks, with flags in its low bits. Producers push with one compare and
 * swap. Behind it stand doubly linked lists, one for each class, under a lock that is held for list surgery only. A task that
 * is all there is need not go through them: a single consumer pops it, with one compare and swap and no lock.
 *
 *              push  take  remove  close  pop  sleep
 *   push        yes   yes   yes     yes   yes   yes
 *   take        yes   yes   yes     yes   NO    NO     pop and sleep are a single consumer's own: then take is too
 *   remove      yes   yes   yes     yes   yes   yes    every other call that locks is like remove
 *   pop         yes   NO    yes     yes   NO    NO
 *
 * Order: if push(a) happens before push(b), same class, a is taken first. Between classes urgent goes before normal
 * before background, but a class that was passed over QLI_INBOX_AGE times in a row gives one task next. */
#ifndef QLANE_CORE_INBOX_H
#define QLANE_CORE_INBOX_H

#include <pthread.h>

#include "core/atomics.h"
#include "qlane/task.h"

enum { QLI_INBOX_AGE = 32 };

enum {
    QLI_INBOX_SHUT_OUTSIDE = 1, /* pushes marked `outside` are refused */
    QLI_INBOX_CLOSED = 2,       /* all pushes are refused */
    QLI_INBOX_MORE = 4,         /* perhaps more than one task: the lists have some, or the front has two */
    QLI_INBOX_FLAGS = 7,
    QLI_INBOX_ASLEEP =
        8, /* in a task's place: nothing queues, the consumer sleeps, whoever pushes next wakes it */
};

/* Where a task stands: FRONT from submit on, the others written under the lock. */
enum { QLI_PLACE_FRONT, QLI_PLACE_LISTED, QLI_PLACE_TAKEN, QLI_PLACE_MASK = 3 };

typedef struct qli_list {
    ql_task *first, *last;
} qli_list;

typedef struct qli_inbox {
    /* Producers write, the consumer reads: a line of its own. */
    QLI_ALIGNED uintptr_t front;
    size_t queued; /* counted only where a capacity is set */

    /* Set before the first push. */
    QLI_ALIGNED size_t capacity; /* 0: no bound */

    /* Under the lock. */
    pthread_mutex_t lock;
    qli_list lists[QL_CLASSES];
    unsigned passed[QL_CLASSES];
    uint64_t accepted; /* tasks that went through the lists */
    size_t listed;     /* in the lists; read without the lock it is a hint */

    /* The single consumer's; others read it, with the lock. */
    QLI_ALIGNED uint64_t popped;
} qli_inbox;

void qli_inbox_init(qli_inbox *inbox, size_t capacity);
void qli_inbox_fini(qli_inbox *inbox);

/* Push a chain of `n` tasks, linked by qli_next from the newest to the oldest. 0, or 1: the consumer slept and the caller must
 * wake it. -ESHUTDOWN, -EAGAIN full: no task was touched but for its links, and a reservation is given back. */
int qli_inbox_push_many(qli_inbox *inbox, ql_task *newest, ql_task *oldest, size_t n, bool outside,
                        bool reserved);

static inline int qli_inbox_push(qli_inbox *inbox, ql_task *task, bool outside, bool reserved)
{
    return qli_inbox_push_many(inbox, task, task, 1, outside, reserved);
}

/* Where there is a capacity: keep a place for a later push. False: full. */
bool qli_inbox_reserve(qli_inbox *inbox);
void qli_inbox_unreserve(qli_inbox *inbox, size_t n);

/* Take up to `max` tasks in order; they are written to `tasks` under the lock. Returns how many. */
size_t qli_inbox_take(qli_inbox *inbox, ql_task **tasks, size_t max);

/* The single consumer: take the one task that is there without the lock. NULL: there is none, or more. Its place is still
 * QLI_PLACE_FRONT. */
ql_task *qli_inbox_pop(qli_inbox *inbox);

/* Take this one task, wherever it queues. False: it was taken before. The task must be one pushed here. */
bool qli_inbox_remove(qli_inbox *inbox, ql_task *task);

/* Was it taken, or removed? False also while its push is still to come, and when it was popped. */
bool qli_inbox_was_taken(qli_inbox *inbox, const ql_task *task);

/* Take the oldest task of the least urgent class that queues, if that is not more urgent than `klass`; else NULL. Its place
 * stays reserved, for the one that takes it. `on`: only of those that were handed to this one; NULL: of all. */
ql_task *qli_inbox_drop(qli_inbox *inbox, uint8_t klass, const ql_executor *on);

/* Set QLI_INBOX_SHUT_OUTSIDE or QLI_INBOX_CLOSED for good. True: closing has found the consumer asleep, and must wake it; no
 * push will. */
bool qli_inbox_shut(qli_inbox *inbox, uintptr_t flags);

/* The single consumer is about to sleep. False: there is work, or it was told to close. */
bool qli_inbox_sleep(qli_inbox *inbox);

/* The single consumer has slept: nobody needs to wake it now. False: somebody pushed meanwhile, and wakes it, or is about to. */
bool qli_inbox_awake(qli_inbox *inbox);

/* A hint, without the lock: is there anything to take? It may miss tasks that another thread is just listing. */
bool qli_inbox_has_work(const qli_inbox *inbox);

/* The same, exactly, for whoever is about to sleep on the answer. */
bool qli_inbox_empty(qli_inbox *inbox);

/* Exact, under the lock: how many tasks were ever accepted. */
uint64_t qli_inbox_accepted(qli_inbox *inbox);

/* A hint: would a push be refused now? */
static inline bool qli_inbox_refuses(const qli_inbox *inbox, bool outside)
{
    uintptr_t refused = QLI_INBOX_CLOSED | (outside ? QLI_INBOX_SHUT_OUTSIDE : 0);
    return qli_load(&inbox->front, __ATOMIC_RELAXED) & refused;
}

static inline bool qli_inbox_is_closed(const qli_inbox *inbox)
{
    /* relaxed: what the closer wrote is seen by whoever then takes or looks with the lock, by inbox:seen. */
    return qli_load(&inbox->front, __ATOMIC_RELAXED) & QLI_INBOX_CLOSED;
}

#endif
