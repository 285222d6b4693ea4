/* The inside of an executor: what the runtime asks of the pool and of every lane. Lanes embed a ql_executor and register
 * it; core knows nothing else of them. */
#ifndef QLANE_CORE_EXECUTOR_H
#define QLANE_CORE_EXECUTOR_H

#include <stdio.h>

#include "core/context.h"
#include "qlane/runtime.h"

/* A thread of an executor, as others see it. */
typedef struct qli_look {
    const qli_context *context;
    const char *thread;
    const char *name; /* a lane's; NULL: a worker */
    bool spare;
    bool idle;
    bool holds;      /* its seat, or its lane: nobody else works there meanwhile */
    uint64_t queued; /* behind it: its run queue, or its lane's inbox */
    int64_t busy_ns;
    uint64_t batches;
    uint64_t ends[QLI_ENDS]; /* a lane's: what it and others have settled */
} qli_look;

typedef void qli_look_fn(const qli_look *look, void *arg);

typedef struct qli_executor_ops {
    /* Take the task; see ql_submit. `context` is the submitting thread's, NULL for a thread that is not ours. On an error a
     * reservation is given back. */
    int (*submit)(ql_executor *executor, ql_task *task, qli_context *context, bool reserved);
    /* Take `n` of them, linked by qli_next from the newest to the oldest, all or none. */
    int (*submit_many)(ql_executor *executor, ql_task *newest, ql_task *oldest, size_t n,
                       qli_context *context);
    /* Where there is a bound: keep a place for one task, or -EAGAIN; give it back. NULL: there is none. */
    int (*reserve)(ql_executor *executor);
    void (*unreserve)(ql_executor *executor);
    /* End a task with this errno: settle it if it queues, tell it if it runs; see ql_task_cancel for the answers. With ETIMEDOUT
     * also -EAGAIN: its submit has not come to its end; ask again. */
    int (*cancel)(ql_executor *executor, ql_task *task, int reason);
    /* Refuse submissions from outside: see qli_is_outside(). */
    void (*shut)(ql_executor *executor);
    /* Refuse all submissions, settle what queues with -reason, tell what runs. */
    void (*abandon)(ql_executor *executor, int reason);
    /* Add up its counters. `accepted` must be exact for all that happened before the call. */
    void (*tally)(ql_executor *executor, ql_stats *sum);
    /* After quiet or abandon: end its threads and join them, at most until the deadline. 0, or -ETIMEDOUT: *stuck is the
     * task that does not return, or NULL. */
    int (*end)(ql_executor *executor, int64_t deadline_ns, const char **stuck);
    /* Free its memory; only after end returned 0. */
    void (*destroy)(ql_executor *executor);
    void (*dump)(ql_executor *executor, FILE *out);
    /* Show each of its threads. NULL: it has none of its own. */
    void (*look)(ql_executor *executor, qli_look_fn *each, void *arg);
    /* In a fork's child: nothing may be touched any more but the executor's own words. */
    void (*fork_child)(ql_executor *executor);
} qli_executor_ops;

/* In qli_place: a continuation of a task of the same runtime. A stop waits for that one, and so for this, whoever settles it. */
enum { QLI_FOLLOWS = 64 };

/* Is a stop to refuse this submission by the thread that `context` is of? */
static inline bool qli_is_outside(const ql_runtime *runtime, const ql_task *task, const qli_context *context)
{
    return (!context || context->runtime != runtime) && !(task->qli_place & QLI_FOLLOWS);
}

struct ql_executor {
    const qli_executor_ops *ops;
    ql_runtime *runtime;
    const char *name;
    qli_context *context; /* a lane's only one; NULL for the pool */
    ql_task *runner;      /* a strand's: the task of the pool that runs its tasks; else NULL */
    bool absent;          /* its thread is the host's, and may not come back: see begin_stop() */
    ql_executor *next;    /* the runtime's list, under its lock */
};

#endif
