/* What runs tasks: one for each worker thread and each lane. The calling thread's own is the only thread-local of the
 * library; threads that are not ours have none. */
#ifndef QLANE_CORE_CONTEXT_H
#define QLANE_CORE_CONTEXT_H

#include "core/park.h"
#include "core/spin.h"
#include "core/times.h"
#include "core/trace.h"
#include "qlane/runtime.h"

/* A task that has begun on a worker has that one's number in the upper bits of its qli_cancel. */
enum { QLI_RUNNER_SHIFT = 17, QLI_WORKERS_MAX = 0x7fff };

typedef enum qli_context_kind { QLI_WORKER, QLI_LANE } qli_context_kind;

/* What a task's end counts as. */
typedef enum qli_end {
    QLI_END_DONE,
    QLI_END_FAILED,
    QLI_END_CANCELLED,
    QLI_END_EXPIRED,
    QLI_END_SHUT,
    QLI_ENDS
} qli_end;

qli_end qli_end_of(int code);
/* `ours`: only the calling thread writes these. */
void qli_count_error(uint64_t ends[QLI_ENDS], bool ours, int code);

typedef struct qli_context {
    /* Set before the thread starts, then read by anyone. */
    qli_context_kind kind;
    ql_runtime *runtime;
    ql_executor *executor; /* the pool, or the lane */
    qli_spin spin;         /* before it parks in a wait */
    qli_ring *ring;        /* NULL: there is no trace */
    uint32_t number;       /* of a worker, from 1; 0: a lane */

    /* The thread's own to write; anyone may read them, relaxed, for a report. */
    ql_task *task;         /* the innermost task it runs; never followed by others */
    const char *task_name; /* its name, which is static text, or "task" */

    /* The watchdog's: what it saw at its last look, and since when. */
    struct {
        uint64_t turn;
        int64_t since_ns;
        bool told;
    } watched;

    uint32_t abandon; /* anyone: the errno that all of its tasks are asked to end with */

    /* Counters: the thread's own to write. */
    uint64_t accepted, settled, steals, parks, wakes, spins;
    uint64_t begun;          /* tasks that began when none ran, rounds of a lane's timers and watches */
    uint64_t ends[QLI_ENDS]; /* of the settled; those that are done are the rest */
    int64_t born_ns;         /* a worker's */
    int64_t idle_since_ns;   /* a worker's; 0: it works */
    int64_t idle_ns;         /* a worker's: up to then */
    bool lent_for_blocking;  /* a worker's: its seat is, between ql_blocking_begin() and its end */
    int64_t sampled_ns;      /* the task that it is about to call is sampled, and began then; else 0 */
    ql_times times;

    /* With the runtime's waits lock (waits.h). */
    struct qli_context *waits_for_context;
    const ql_member *waits_for;
    size_t waits_for_count;
    int refused; /* the wait was ended by others, with this error */
    uint64_t walk;

    qli_parker parker;
} qli_context;

/* NULL on a thread that is not ours. */
qli_context *qli_context_current(void);
void qli_context_enter(qli_context *context);

/* Run a task that was taken from a queue, here and now, and settle it; or only settle it, if it was asked to end before. */
void qli_run_task(qli_context *context, ql_task *task);

/* ql_submit() of a task that has passed its checks, where a place was reserved for it; the place is used or given back. */
int qli_submit_reserved(ql_executor *on, ql_task *task);

/* The beginning of that, for a lane, which calls its engine and settles later. False: it was asked to end, *code says why. */
bool qli_task_begin(qli_context *context, ql_task *task, int *code);

/* What the runtime says when it ends a task with -`reason` itself: one sentence each. */
const char *qli_reason_text(int reason);

/* The task's last access: afterwards it is the caller's memory. `context` is the calling thread's, or NULL. `text` is
 * static, or NULL to keep what the task left. */
void qli_settle(qli_context *context, ql_task *task, int code, const char *text);

/* A task of our own with something to do once it has settled: its memory is ours again by then. */
typedef struct qli_hooked {
    ql_task task; /* first */
    void (*settled)(struct qli_hooked *hooked);
} qli_hooked;

/* `follows`: see QLI_FOLLOWS. */
int qli_hooked_submit(ql_executor *on, qli_hooked *hooked, bool follows);

/* `name` has returned, and has lent its seat and not asked it back (lent_for_blocking): it has it again. */
void qli_blocking_over(qli_context *context, const char *name);

/* Ask a task to end, if nobody did before. True: it has not begun and will not. */
bool qli_task_ask(ql_task *task, int reason);
bool qli_task_has_begun(const ql_task *task);

/* A worker has nothing to do from now on, or waits; it has something again. Twice in a row counts once. */
static inline void qli_idle_begin(qli_context *context, int64_t now_ns)
{
    if (QLI_METERS && !context->idle_since_ns)
        qli_store(&context->idle_since_ns, now_ns, __ATOMIC_RELAXED);
}

void qli_idle_over(qli_context *context);

/* A worker has taken a task or forked child from another. */
static inline void qli_stole(qli_context *context, const void *what)
{
    qli_count(&context->steals);
    QLI_PROBE(steal, what, context->executor);
    if (context->ring)
        qli_ring_add(context->ring, QLI_EVENT_STEAL, ql_now_ns(), NULL, NULL, 0);
}

/* A thread of ours goes to sleep; it was woken, or its time was over. */
static inline int64_t qli_park_begin(qli_context *context)
{
    qli_count(&context->parks);
    QLI_PROBE(park, context->executor, context->task_name);
    return context->ring ? ql_now_ns() : 0;
}

static inline void qli_park_end(qli_context *context, int64_t began_ns)
{
    QLI_PROBE(wake, context->executor, context->task_name);
    if (context->ring)
        qli_ring_add(context->ring, QLI_EVENT_PARK, began_ns, NULL, NULL, 0);
}

void qli_ends_add(const uint64_t ends[QLI_ENDS], ql_stats *sum);
/* Add the context's counters to `sum`; write a line about what it does. */
void qli_context_tally(const qli_context *context, ql_stats *sum);
void qli_context_dump(const qli_context *context, const char *name, FILE *out);

#endif
