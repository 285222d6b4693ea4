/* Who sleeps and who is woken. A sleeper is a seat's place in bed: its node on a stack, and the parker of the thread to
 * wake. Two counts in one word say how many sleep and how many search for work.
 *
 *   busy --search--> searching --found--> busy
 *                    searching --enter--> asleep --leave--> searching       it looked again and there was work
 *                                         asleep --post's wake--> searching
 *
 * Rules: a post wakes one sleeper, and only if nobody searches; the last searcher that finds work wakes the next one if there
 * is more; at most half of the seats search. So a burst wakes all, one after the other, and one task wakes one.
 *
 * Forked children are seen by others only when they are asked for, so: while somebody sleeps and nobody searches, every
 * worker has been asked (qli_ask_all, by whoever went to bed or stopped the search last) or has published since, and posts.
 *
 * No wake-up is lost: a poster publishes its work, then reads the counts; a sleeper publishes its count, then looks at
 * all work once more. Each has a full fence in between (FENCE sleep:A, FENCE sleep:B), so one of them sees the other.
 * Model: tests/models/sleep_model */
#ifndef QLANE_CORE_SLEEP_H
#define QLANE_CORE_SLEEP_H

#include <pthread.h>

#include "core/park.h"

typedef struct qli_sleeper {
    qli_parker *parker; /* whom to wake */
    struct qli_sleeper *next;
    bool asleep; /* on the stack */
} qli_sleeper;

typedef struct qli_sleep {
    QLI_ALIGNED uint64_t counts; /* sleepers in the low half, searchers in the high half */
    uint64_t wakes;              /* with the lock */
    QLI_ALIGNED pthread_mutex_t lock;
    qli_sleeper *top;
    unsigned searchers_max;
} qli_sleep;

void qli_sleep_init(qli_sleep *sleep, unsigned seats);
void qli_sleep_fini(qli_sleep *sleep);

/* Work was published: see to it that somebody comes. */
void qli_sleep_post(qli_sleep *sleep);

/* Start to search. False: enough do; go to bed. */
bool qli_sleep_search(qli_sleep *sleep);

/* A searcher found work. True: it was the last while others sleep, and posters that saw it woke nobody: if there is more work,
 * the caller posts it for them, else it asks. */
bool qli_sleep_found(qli_sleep *sleep);

/* To bed; with the lock held. Afterwards, without the lock, look at all work once more, then park or leave. */
void qli_sleep_enter(qli_sleep *sleep, qli_sleeper *sleeper, bool searching);

/* Out of bed, with the lock held: true, and the caller is `searching`, or not; false: a post was first, a token comes,
 * and its taker is searching. */
bool qli_sleep_leave(qli_sleep *sleep, qli_sleeper *sleeper, bool searching);

/* With the lock: a thread that was not in bed is woken, and counts as a searcher. */
void qli_sleep_rouse(qli_sleep *sleep);

#endif
