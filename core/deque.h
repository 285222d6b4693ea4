/* The fork deque: one worker's forked children. The owner's end is inlined into user code (qlane/impl/deque.h) and
 * touches nothing shared; thieves ask for work in the owner's limit and floor, and the owner answers at its next fork or join
 * by moving the split up.
 *
 *     entries:  stolen | may be stolen | private | free
 *                     tail           split     head
 *
 *              owner's calls  steal  ask
 *   owner's       NO           yes   yes
 *   steal         yes          yes   yes
 *
 * Tail and split are one word: the owner moves the split, thieves the tail, each by compare and swap, so an entry goes to
 * exactly one of them and no fence is needed. Model: tests/models/deque_model. */
#ifndef QLANE_CORE_DEQUE_H
#define QLANE_CORE_DEQUE_H

#include "core/atomics.h"
#include "qlane/impl/deque.h"

enum { QLI_CHILD_FREE = 0, QLI_CHILD_DONE = 1, QLI_JOIN_SLEEPS = 2 };

typedef struct qli_deque {
    /* Thieves and owner. */
    QLI_ALIGNED uint64_t bounds; /* tail in the low half, split in the high half */

    /* Set before the first fork. */
    QLI_ALIGNED ql_worker *owner;
    qli_entry *entries;
    qli_entry *end;
} qli_deque;

/* `entries`: depth + 1 of them, zeroed: the last is for children that find the deque full. */
void qli_deque_init(qli_deque *deque, ql_worker *owner, qli_entry *entries, unsigned depth);

/* Owner: after a fork found its limit. The entry for its child, or NULL: the deque is full. */
qli_entry *qli_deque_next(qli_deque *deque);

/* Owner: all below the new head is filled in: share half of what is private, as thieves have asked. True if there is something
 * to steal. Where nothing is private they go on asking. */
bool qli_deque_move_head(qli_deque *deque, qli_entry *head);

/* Owner: let thieves have all children. True if there is something to steal. */
bool qli_deque_share_all(qli_deque *deque);

/* Owner: the youngest child, at `entry`, is not private. True: it is again, and popped. False: it is with a thief: wait
 * until the entry's state is QLI_CHILD_DONE, then qli_deque_forget(). */
bool qli_deque_pop_slow(qli_deque *deque, qli_entry *entry);
void qli_deque_forget(qli_deque *deque, qli_entry *entry);

/* Thieves: take the oldest child there is, or NULL. */
qli_entry *qli_deque_steal(qli_deque *deque, ql_worker *thief);

/* Thieves: there was nothing; ask the owner to share at its next fork or join. */
void qli_deque_ask(qli_deque *deque);

/* Thieves: is there anything to steal? */
bool qli_deque_has_work(const qli_deque *deque);

#endif
