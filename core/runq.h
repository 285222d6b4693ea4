/* A worker's own tasks: a bounded ring that its seat's thread pushes to and anyone takes from, oldest first. When it is
 * full the task goes to the pool's door instead, so nothing is ever allocated.
 *
 *            push  take
 *   push      NO    yes     push: the seat's own thread
 *   take      yes   yes
 *
 * Indexes only grow, so a compare and swap on `first` cannot be fooled by a slot that was used again. */
#ifndef QLANE_CORE_RUNQ_H
#define QLANE_CORE_RUNQ_H

#include "core/atomics.h"
#include "qlane/task.h"

enum { QLI_RUNQ_TASKS = 256 };

typedef struct qli_runq {
    QLI_ALIGNED uint64_t first; /* takers: the oldest task */
    QLI_ALIGNED uint64_t end;   /* the pusher: one past the newest */
    ql_task *tasks[QLI_RUNQ_TASKS];
} qli_runq;

/* The pusher: how many more fit. It can only grow until the next push. */
static inline size_t qli_runq_room(const qli_runq *queue)
{
    /* ORDER runq:room (acquire): with runq:leave, a slot is written again only after its last reader has moved `first` past it.
     * order kept: for a load that would return what a later push stores, which no model shows */
    return QLI_RUNQ_TASKS - (size_t)(queue->end - qli_load(&queue->first, __ATOMIC_ACQUIRE));
}

/* There must be room. */
static inline void qli_runq_push(qli_runq *queue, ql_task *task)
{
    uint64_t end = qli_load(&queue->end, __ATOMIC_RELAXED);
    qli_store(&queue->tasks[end % QLI_RUNQ_TASKS], task, __ATOMIC_RELAXED);
    /* ORDER runq:push (release): the slot and the task's fields, for the taker's acquire of `end`. */
    qli_store(&queue->end, end + 1, __ATOMIC_RELEASE);
}

static inline ql_task *qli_runq_take(qli_runq *queue)
{
    /* relaxed: a stale one fails below. */
    uint64_t first = qli_load(&queue->first, __ATOMIC_RELAXED);
    for (;;) {
        /* ORDER runq:take (acquire): see runq:push. */
        if (first >= qli_load(&queue->end, __ATOMIC_ACQUIRE))
            return NULL;
        ql_task *task = qli_load(&queue->tasks[first % QLI_RUNQ_TASKS], __ATOMIC_RELAXED);
        /* ORDER runq:leave (release): the slot was read before the pusher may see it free (runq:room). All takers are one release
         * sequence. order kept: as runq:room */
        if (qli_cas(&queue->first, &first, first + 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return task;
    }
}

/* A hint: how many there are. */
static inline uint64_t qli_runq_count(const qli_runq *queue)
{
    uint64_t first = qli_load(&queue->first, __ATOMIC_RELAXED), end = qli_load(&queue->end, __ATOMIC_RELAXED);
    return first < end ? end - first : 0;
}

/* A hint; exact for a thread that saw the push. */
static inline bool qli_runq_has_work(const qli_runq *queue)
{
    return qli_load(&queue->first, __ATOMIC_RELAXED) < qli_load(&queue->end, __ATOMIC_RELAXED);
}

#endif
