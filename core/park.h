/* Block one thread until another says go. A parker belongs to one thread at a time; what wakes it is a token, so a wake
 * that comes first is not lost, and each park takes exactly one. The futex is used here and nowhere else.
 *
 *            park  unpark
 *   park      NO    yes       one thread parks on a parker at a time, polling or not
 *   unpark    yes   yes       two tokens that nobody took are one */
#ifndef QLANE_CORE_PARK_H
#define QLANE_CORE_PARK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/atomics.h"

/* Aligned, so that a pointer to one has its low bits free for a tag, and that neighbours do not share its line. */
typedef struct qli_parker {
    uint32_t word;
} QLI_ALIGNED qli_parker;

/* Wait for a token, at most until the deadline (ql_now_ns() time; QL_FOREVER for none). True: a token was taken, and
 * what its giver wrote is seen. */
bool qli_park(qli_parker *parker, int64_t deadline_ns);

/* Park in a sleep of one's own, epoll_wait() or the like, that ends when `event_fd` can be read: an eventfd, zero and
 * blocking. False: a token was there, and is taken; do not sleep. Else qli_park_polled() must follow, whatever ended the
 * sleep: true if it was a token. A giver writes to the descriptor only if it finds the thread between the two; the second
 * call waits for that write, so the descriptor is zero again, and may be closed. */
bool qli_park_polling(qli_parker *parker, int event_fd);
bool qli_park_polled(qli_parker *parker, int event_fd);

/* Give a token. That is the last access to the parker's memory: whoever takes the token may free it at once. The system
 * call that follows uses the address only; at worst it wakes somebody for no reason, which every futex user bears. */
void qli_unpark(qli_parker *parker);

#endif
