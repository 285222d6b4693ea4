/* A task: a function, its argument, and where it must run. The caller owns the memory: embed it in a struct, put it on
 * the stack, or keep an array of them. Submitting allocates nothing.
 *
 *   ql_task task;
 *   ql_task_init(&task, parse_line, &line);
 *   if (ql_submit(ql_runtime_pool(runtime), &task) == 0 && ql_future_wait(&task.future) == 0)
 *       use(task.future.value.i64, task.future.code);
 *
 * From submit until its future settles the task belongs to the runtime: do not read, move, free or submit it again. */
#ifndef QLANE_TASK_H
#define QLANE_TASK_H

#include <stddef.h>

#include "qlane/future.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ql_task ql_task;
typedef struct ql_executor ql_executor;
typedef struct ql_runtime ql_runtime;
typedef struct ql_scope ql_scope;

/** A task's function. Returns 0, or -errno, which becomes the future's code, as it is. A C++ exception must not leave it, nor may it end
 *  its thread: the process would end. */
typedef int ql_task_fn(ql_task *task);

/** Who goes first where tasks queue up: at a lane, and at the pool's door for outside threads. */
typedef enum ql_class { QL_NORMAL, QL_URGENT, QL_BACKGROUND } ql_class;
enum { QL_CLASSES = 3 };

enum {
    QL_DEADLINE_RUNS = 1 << 0, /* the deadline covers running too: a running task is asked to end */
    QL_OWN_COMMIT = 1 << 1,    /* a lane: commit before and after this task, not with its neighbours */
};

struct ql_task {
    ql_future future; /* first: a pointer to one is a pointer to the other */

    /* The caller's, between ql_task_init and submit. */
    ql_task_fn *fn;
    uint32_t text_size; /* bytes in text_buffer */
    uint8_t klass;      /* enum ql_class */
    uint8_t flags;      /* QL_DEADLINE_RUNS, QL_OWN_COMMIT; other bits mean nothing */
    uint8_t qli_place;
    uint8_t qli_spin_us;
    void *arg;
    ql_executor *on; /* where it runs: what ql_submit was given */

    /* 64 bytes up to here. What follows is touched once it runs only where it is used. */
    const char *name;    /* static text for dumps, traces and errors; may be NULL */
    ql_scope *scope;     /* see ql_scope_cancel(); may be NULL */
    char *text_buffer;   /* where ql_task_fail may write; may be NULL */
    int64_t deadline_ns; /* 0 none; past it a task that has not begun settles with -ETIMEDOUT */

    /* The runtime's. */
    ql_runtime *qli_runtime;
    ql_task *qli_heap[3]; /* in the runtime's heap of deadlines; a lane's list of what it holds */
};

/** Make a task of `fn` and `arg`; every other member is zero and may be set before submit.
 *  Threads: the one that owns the memory. */
void ql_task_init(ql_task *task, ql_task_fn *fn, void *arg);

/** Hand a task to an executor: the pool, or a lane's (see lane.h for its order and bounds).
 *  Threads: any. Never blocks, allocates nothing.
 *  Owns:    the task is the runtime's until its future settles, then the caller's again; it may then be submitted again
 *           as it is.
 *  Order:   what the caller wrote before this call, the task sees.
 *  Errors:  -EINVAL NULL, no function, or an unknown class; -EBUSY it is submitted already; -ESHUTDOWN closed or stopped; -EAGAIN full.
 *           After an error the task was not touched. */
QL_MUST_USE int ql_submit(ql_executor *on, ql_task *task);

/** Hand over several at once, in this order, all or none: one hand-over and at most one wake-up for all of them.
 *  Threads, Owns, Order: as ql_submit.
 *  Errors:  as ql_submit; -EINVAL also when their classes differ; -EBUSY also when one stands there twice. After an error none
 *           was accepted, wherever in the list the cause stood, and each counts as never submitted (a wait for it answers
 *           -EINVAL), but for one that was submitted before and has not settled. */
QL_MUST_USE int ql_submit_many(ql_executor *on, ql_task *const *tasks, size_t count);

/** Allocate a task, submit it and forget it: it frees itself when it settles. An error it returns goes to the runtime's
 *  log.
 *  Errors:  as ql_submit; -ENOMEM. */
QL_MUST_USE int ql_spawn(ql_executor *on, ql_task_fn *fn, void *arg);

/** Submit `next` to next->on as soon as `future` settles, with whatever code; at once if it has. What the first task left can be
 *  read from its future inside the second, if the caller keeps it. `next` is the runtime's from this call on, and settles after
 *  the first: a stop that waits for the one waits for the other, also when a thread of the host cancels the first meanwhile.
 *  It runs also where the first failed or was cancelled, so let it look at the first's code. It may be waited for, cancelled
 *  (and then settles with the first) or added to completions at once.
 *  Threads: any; a future has one waiter, group or continuation.
 *  Owns:    where the two are of different runtimes, that of `next` must not have stopped before `future` settles.
 *  Order:   what the first task wrote, `next` sees.
 *  Errors:  -EINVAL NULL, no function, no executor in next->on, or a future never submitted; -EBUSY either is taken; what
 *           ql_submit answers, when it was submitted at once or its place could not be reserved (-EAGAIN). Where
 *           next->on has closed before the future settles, a lane by ql_lane_close(), all by a stop whose patience has ended (or,
 *           where the future is of another runtime, by one that has begun), `next` settles with -ESHUTDOWN and never runs. */
QL_MUST_USE int ql_future_then(ql_future *future, ql_task *next);

/** Ask a task to end. Whoever is first decides: a queued task settles with -ECANCELED and never runs, a running one is
 *  told (ql_task_cancelled, and the engine's interrupt on a lane) and settles when its function returns.
 *  Threads: any that knows that the task's memory and its runtime live meanwhile.
 *  Errors:  two are none: 0 it will not run, -EINPROGRESS it runs and was told; -ENOTSUP it runs on an engine that cannot be
 *           interrupted, and was told; -EALREADY it has settled; -EINVAL never submitted. */
int ql_task_cancel(ql_task *task);

/** Inside a task's function: was it asked to end? 0, or why, as an errno: ECANCELED, ETIMEDOUT, ESHUTDOWN. The function answers with
 *  its negative, `return -ql_task_cancelled(task)`, or goes on. */
int ql_task_cancelled(const ql_task *task);

/** Inside a task's function: leave a value for the future. Returns 0, for `return ql_task_return(task, v);`. */
int ql_task_return(ql_task *task, ql_value value);

/** Inside a task's function: leave an error text. Returns `code`. The text is formatted into text_buffer; without one,
 *  `format` itself is kept, so it must be static. */
int ql_task_fail(ql_task *task, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** The task that the calling thread runs now; NULL outside of one.
 *  Threads: any. */
ql_task *ql_task_current(void);

/** Inside a task: what follows may block outside of the runtime (a read, a lock of one's own). On a worker the seat goes to a
 *  spare thread until ql_blocking_end(); elsewhere, and on a worker that has no spare to give it to, nothing changes.
 *  In between, neither fork nor join. The two must stand in pairs, in one task; a task that returns in between has its seat
 *  back, and on_misuse is told. */
void ql_blocking_begin(void);
void ql_blocking_end(void);

/* A tree of tasks that can be asked to end together: set task->scope before submit. The caller's memory, for as long as one
 * of its tasks or child scopes lives. */
struct ql_scope {
    ql_scope *qli_parent;
    uint32_t qli_reason;
};

/** `parent` may be NULL: a scope is cancelled when it is, or when one above it is. */
void ql_scope_init(ql_scope *scope, ql_scope *parent);

/** Ask all tasks of the scope, and of those below it, to end: queued ones settle with -ECANCELED when their turn comes, running
 *  ones see it in ql_task_cancelled().
 *  Threads: any. */
void ql_scope_cancel(ql_scope *scope);

#ifdef __cplusplus
}
#endif
#endif
