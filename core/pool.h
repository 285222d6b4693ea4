/* The pool: seats, the worker threads that sit on them, and the door for tasks from outside.
 *
 * A seat is a run queue and a place on the machine; at most one thread sits on it at a time. A worker is a thread with
 * its fork deque. A worker that must block in a wait passes its seat on and later waits for it to come back:
 *
 *   SEATED --wait--> BLOCKED --settled--> RETURNING --seat free--> SEATED
 *   SPARE --seat passed on--> SEATED --a worker returns--> SPARE
 *
 * The seat passes with its run queue; the deque stays with its thread, whose stack holds the children, and thieves may
 * still take from it. */
#ifndef QLANE_CORE_POOL_H
#define QLANE_CORE_POOL_H

#include "core/deque.h"
#include "core/executor.h"
#include "core/inbox.h"
#include "core/runq.h"
#include "core/sleep.h"
#include "core/thread.h"
#include "qlane/affinity.h"

typedef struct qli_worker qli_worker;
typedef struct qli_pool qli_pool;

typedef struct qli_seat {
    qli_runq runq;

    /* Set before the workers start. */
    QLI_ALIGNED const ql_slot *slot;
    unsigned index;
    unsigned victims_count;
    unsigned *victims;   /* other seats, near to far */
    unsigned *ring_ends; /* victims before ring_ends[0] are nearest; the last is victims_count */

    qli_worker *sitter; /* written with the sleep lock; thieves read it: its deque is stolen from */

    /* With the sleep lock. */
    qli_sleeper sleeper;
    qli_worker *returning; /* oldest first */
    bool off; /* out of use after a resize: its thread parks, and only a resize or a return wakes it */
} qli_seat;

struct qli_worker {
    ql_worker hot; /* first: a ql_worker is a qli_worker */
    size_t size;   /* of this, with the entries of its deque */
    qli_deque deque;
    qli_context context;
    qli_thread thread;
    qli_pool *pool;

    /* The thread's own. */
    ql_bound bound;
    const ql_slot *bound_to; /* NULL at first */
    uint64_t random;
    unsigned tick;

    /* With the sleep lock. */
    qli_seat *seat;   /* NULL: spare, blocked or returning; its own thread may read it without */
    qli_worker *next; /* in the pool's spares, or a seat's returning */
    unsigned index;   /* in pool->workers */
    bool holds_seat;  /* blocked on its seat, because no spare could be had */
    qli_seat *left;   /* the thread's own: the seat to come back to */
};

struct qli_pool {
    ql_executor executor; /* first */
    const ql_plan *plan;
    qli_inbox door;
    qli_sleep sleep;

    /* Set before the workers start. */
    unsigned seats_count, workers_max;
    unsigned fork_depth;
    qli_seat **seats;     /* each on the memory of its slot's node; so are the workers */
    qli_worker **workers; /* workers_count of them; entries never change once counted */

    QLI_ALIGNED unsigned workers_count; /* written with the sleep lock, read by thieves */
    unsigned away;                      /* workers blocked or returning: thieves look at their deques too */
    unsigned active;                    /* seats in use: those below it; written with the sleep lock */
    int64_t quota_due_ns;               /* when to look at the quota again; QL_FOREVER: never */
    bool ending;                        /* every queue is empty and stays so: threads leave */

    /* With the sleep lock. */
    qli_worker *spares;
    unsigned wanted, allowed; /* seats: by the last resize, by the quota; the fewer are in use */
    unsigned held;            /* seats whose worker blocks on them */
    unsigned bound;           /* workers that have bound themselves, during start */
    int bind_code;            /* the first refusal under bind=require */
    const char *bind_problem;
    pthread_cond_t bound_changed;
};

/* Start the pool's threads, as the runtime's plan and config say. On an error nothing is left running. */
int qli_pool_create(ql_runtime *runtime, qli_pool **pool, ql_error *error);

/* A first worker has bound itself to its seat, or not. */
void qli_pool_bound(qli_pool *pool, const ql_bound *bound, int code);

/* worker.c: one thread's life, near a seat: on it, or as a spare, which parks. -EAGAIN, -ENOMEM: *worker is NULL. */
int qli_worker_create(qli_pool *pool, qli_seat *near, bool seated, qli_worker **worker);
void qli_worker_free(qli_worker *worker);

/* How many entries of `workers` there are. */
static inline unsigned qli_pool_workers_count(const qli_pool *pool)
{
    /* ORDER workers:seen (acquire): the entries and what they name, with workers:made. */
    return qli_load(&pool->workers_count, __ATOMIC_ACQUIRE);
}

/* The worker of the calling thread if it is one of `context`, else NULL. */
static inline qli_worker *qli_worker_of(qli_context *context)
{
    return context && context->kind == QLI_WORKER
               ? (qli_worker *)(void *)((char *)context - offsetof(qli_worker, context))
               : NULL;
}

/* seat.c: a worker is about to sleep in a wait. 0: its seat is passed on, or held with others still working, or it
 * `must`. -EAGAIN: it is the last one that works, and no spare thread can be had. */
int qli_seat_leave(qli_worker *worker, bool must);
/* Does every worker sleep on its seat? Then a wait that leaves no seat, and that the last of them has not found, must end. */
bool qli_seat_none_works(qli_pool *pool);
/* The wait is over: get the seat back. */
void qli_seat_return(qli_worker *worker);
/* With the sleep lock, between two tasks: if a worker waits for this seat, give it up, release the lock, and answer true;
 * the caller is a spare then, and parks. */
bool qli_seat_pass(qli_worker *worker);
/* Use the first `wanted` seats, or as many of them as are allowed. */
void qli_pool_resize(qli_pool *pool, unsigned wanted);
/* If it is time to: allow as many seats as the CPU quota of this moment does. */
void qli_pool_follow_quota(qli_pool *pool);

/* steal.c: something to run. */
typedef struct qli_work {
    ql_task *task;
    qli_entry *entry; /* a forked child, and whose */
    qli_worker *victim;
} qli_work;

/* Own queue, the door, then the other seats, near to far. */
bool qli_find_work(qli_worker *worker, qli_work *work);
/* Exact, after FENCE sleep:B: is there anything that find would find? */
bool qli_pool_has_work(qli_pool *pool);
/* After FENCE sleep:B, for those who sleep: the next fork or join of each worker shares, and wakes one of them. */
void qli_ask_all(qli_pool *pool);
/* The worker has run something that began with this head: aborts if it left forked children behind. */
void qli_check_joined(qli_worker *worker, const qli_entry *head);
/* Run a stolen child and tell its joiner. */
void qli_run_child(qli_worker *thief, qli_worker *victim, qli_entry *entry);

#endif
