/* The inside of a lane. lane.c: its life; serve.c: its loop; events.c: its timers and descriptors; task.c: one task,
 * and its end; calls.c: what others call;
 * executor.c: what the runtime asks of it. */
#ifndef QLANE_LANES_LANE_H
#define QLANE_LANES_LANE_H

#include "core/executor.h"
#include "core/future.h"
#include "core/inbox.h"
#include "core/runtime.h"
#include "core/thread.h"
#include "lanes/events.h"
#include "qlane/lane.h"

/*   NEW --its thread starts--> OPENING --engine open--> SERVING --closed and empty--> CLOSING --engine closed--> CLOSED
 *                                `------engine refused--> FAILED ----what waited is settled-----------------------^
 * Every arrow is the lane's own thread's, and only qli_lane_move() writes it. Closing comes from any thread, as a bit in the
 * inbox, which the lane acts upon when it has nothing more to run. */
typedef enum qli_lane_state {
    QLI_LANE_NEW,     /* tasks may queue */
    QLI_LANE_OPENING, /* tasks may queue */
    QLI_LANE_SERVING, /* tasks run */
    QLI_LANE_FAILED,  /* tasks are refused, and settle with the engine's error */
    QLI_LANE_CLOSING, /* nothing runs, nothing queues and nothing will */
    QLI_LANE_CLOSED   /* the engine is gone; the thread returns */
} qli_lane_state;

/* How many tasks the lane takes out of its inbox at a time, at most. They stand in slots, each of which the lane, a canceller
 * or an abandon empties by an atomic exchange: so a taken task can still be cancelled while the one before it runs. */
enum { QLI_LANE_TAKE = 32 };

/* The low bits of `running`, beside the task. */
enum { QLI_INTERRUPTING = 1, QLI_AWAITED = 2, QLI_RUNNING_TAG = 3 };

/* A thread that waits for a place in a full lane; on its stack. */
typedef struct qli_place_waiter {
    ql_task task; /* pending until a place is its, or the lane is closed; never queues */
    struct qli_place_waiter *next, *prev;
    bool granted;
} qli_place_waiter;

typedef struct qli_places {
    pthread_mutex_t lock;
    qli_place_waiter *first, *last; /* who waits, the oldest first */
} qli_places;

struct ql_lane {
    ql_executor executor; /* first */

    /* Set before the thread starts, then read by anyone. */
    ql_engine_ops engine;
    const ql_engine_ops *engine_ops; /* what it was copied from: for comparison only */
    void *engine_self;
    ql_full full;
    unsigned batch_tasks;
    int64_t batch_ns;
    unsigned flags;
    const ql_slot *slot; /* NULL: it shares cores */
    unsigned slot_index;
    char name[48];

    qli_inbox inbox;

    /* The lane's thread writes; others may read, atomically. */
    QLI_ALIGNED qli_lane_state state;
    uint64_t batches;
    int64_t busy_ns;
    int64_t opened_ns;
    int64_t busy_since_ns;   /* 0: idle */
    uint64_t ends[QLI_ENDS]; /* tasks that its own thread settled */
    unsigned lost;           /* how often it was found off its core */

    /* The lane's thread only. */
    ql_bound bound;
    qli_spin spin; /* before it sleeps */
    ql_task *inline_task;
    unsigned depth;     /* tasks that run inside one another */
    unsigned take_next; /* how many to take at a time */
    unsigned in_batch;  /* tasks begun in the open batch */
    bool batch_open, batch_ends;
    unsigned awake_rounds; /* since it looked whether it lost its core */
    int64_t batch_began_ns;
    qli_events events;
    ql_task *held, **held_end; /* ran, and wait for the batch's end; linked by qli_heap[0] */

    /* The lane fills them, with the inbox's lock; whoever empties one has its task. */
    QLI_ALIGNED ql_task *taken[QLI_LANE_TAKE];

    /* The outermost task that runs, where the engine can be interrupted: see task.c. */
    QLI_ALIGNED uintptr_t running;

    /* Anyone's. */
    uint64_t ends_elsewhere[QLI_ENDS]; /* tasks that other threads settled */
    uint32_t closing;   /* a ql_lane_close() is at work; it and the next only refuse, and order nothing */
    bool joined;        /* its thread has been joined, or the caller's is done with it */
    qli_places places;  /* first is also read without the lock, after FENCE lane:place */
    ql_client *clients; /* with that lock */

    ql_task opened, ended; /* never queue: futures of the two ends of its life */
    ql_error problem;      /* written before `opened` settles, like the next */
    ql_bound bound_first;

    qli_context context;
    qli_parker bed; /* where it sleeps for lack of work, or waits for an interrupt to be over */
    qli_thread thread;
};

static inline ql_lane *qli_lane_of(ql_executor *executor)
{
    return (ql_lane *)(void *)executor;
}

/* ---- lane.c */

/* The lane's thread only. */
void qli_lane_move(ql_lane *lane, qli_lane_state from, qli_lane_state to);
/* For who has found it asleep, and nobody else: the lane waits for this token, and may be gone after it. */
void qli_lane_wake(ql_lane *lane);
/* A task that never queues but is waited for. */
void qli_lane_pending(ql_lane *lane, ql_task *task);
/* Free a lane that has ended, or never began. */
void qli_lane_delete(ql_lane *lane);

/* Its thread: the engine opens; 0, or why it did not. The engine closes; with the very last access to a lane. */
int qli_lane_begin_life(ql_lane *lane);
void qli_lane_end_life(ql_lane *lane);

/* ---- caller.c */

/* A lane on the caller's thread, and this is the one, outside of its tasks. */
bool qli_lane_is_callers(const ql_lane *lane);
/* There: be the lane until it has closed, else until the deadline; or with `once` for one round. 0: it has closed; only its
 * owner may touch it now. Else -ETIMEDOUT. */
int qli_lane_live_until(ql_lane *lane, int64_t deadline_ns, bool once);

/* ---- serve.c: until it is closed and nothing queues, or the deadline; or for one round. True: it is closed. */
bool qli_lane_serve(ql_lane *lane, int64_t deadline_ns, bool once);
/* Run one that nothing queues behind, outside of any batch but its own, and settle it. */
void qli_lane_run_alone(ql_lane *lane, ql_task *task);
/* Settle all that queues or was taken. Any thread. */
void qli_lane_settle_queued(ql_lane *lane, int code, const char *text, const ql_error *error);

/* ---- task.c */

/* Run a task whose slot the lane has emptied; false: it was asked to end before. Then it settles, or is held. */
bool qli_lane_run_task(ql_lane *lane, ql_task *task, int *code);
/* Settle a task of this lane, from any thread. `error` has a sentence for the task's text buffer, `text` is static. */
void qli_lane_settle(ql_lane *lane, ql_task *task, int code, const char *text, const ql_error *error);
/* The same on the lane's own thread, with the text that the task left. */
void qli_lane_settle_own(ql_lane *lane, ql_task *task, int code);
int qli_lane_cancel(ql_executor *executor, ql_task *task, int reason);
/* Interrupt the engine if it runs `task`, or, with NULL, any. 0, or -ENOTSUP. */
int qli_lane_interrupt(ql_lane *lane, const ql_task *task);

/* ---- calls.c */

/* Places may have become free, or the lane was closed: see to those who wait for one. */
void qli_lane_places(ql_lane *lane);
/* Close it for all who submit, and tell those who wait. */
void qli_lane_refuse(ql_lane *lane);
/* 0, or -EDEADLK on its own thread. */
int qli_lane_may_wait(const ql_lane *lane, const char *function);
/* 0: a place is reserved. The oldest waiter gets the first place that becomes free. */
int qli_lane_await_place(ql_lane *lane, int64_t deadline_ns);
/* With the lock: one more waits; the oldest has its place, or is refused, and may be gone. */
void qli_places_enlist(qli_places *places, qli_place_waiter *waiter);
void qli_places_grant(qli_places *places, bool granted);
/* Wait, once enlisted. 0, -ESHUTDOWN refused, or what ql_future_wait_until() answers. */
int qli_places_await(qli_places *places, qli_place_waiter *waiter, int64_t deadline_ns);
void qli_lane_count_ends(const ql_lane *lane, uint64_t ends[QLI_ENDS]);

/* ---- client.c */

/* One of its tasks is about to settle. */
void qli_client_settles(ql_executor *executor);
/* The lane was closed: refuse those who wait. */
void qli_clients_shut(ql_lane *lane);
void qli_clients_free(ql_lane *lane);

/* ---- executor.c */
extern const qli_executor_ops qli_lane_ops;

#endif
