/* What a lane does besides tasks: its timers, and the descriptors that it watches (qlane/watch.h). Its thread only. */
#ifndef QLANE_LANES_EVENTS_H
#define QLANE_LANES_EVENTS_H

#include "qlane/lane.h"
#include "qlane/watch.h"

typedef struct qli_events {
    ql_task *timers; /* the earliest: the root of core's heap of deadlines */
    ql_watch *watches;
    int epoll_fd, wake_fd; /* -1 before the first watch; from then on until the lane ends */
    bool running;          /* one of their functions is */
    int64_t polled_ns;     /* when the descriptors were last looked at */

    /* What the last look has found; NULL in place of one that was stopped meanwhile. */
    unsigned ready_count;
    unsigned ready_for[16];
    ql_watch *ready[16];
} qli_events;

void qli_events_init(qli_events *events);

static inline bool qli_events_any(const qli_events *events)
{
    return events->timers || events->watches;
}

/* Is it time for some of them? It looks at the descriptors if that was long ago. */
bool qli_events_look(qli_events *events, int64_t now_ns);
/* Call a few of those whose time it is. No batch is open. */
void qli_events_run(ql_lane *lane);
/* Sleep until the lane is woken, a timer is due, a descriptor is ready or the deadline has come. True: it was woken, and has
 * taken the token. */
bool qli_events_sleep(ql_lane *lane, int64_t deadline_ns);
/* Stop them all. */
void qli_events_drop(qli_events *events);
/* Only close what was opened for them. */
void qli_events_forget(qli_events *events);

#endif
