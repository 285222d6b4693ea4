/* Start and stop. A runtime is a set of workers, placed by affinity's plan, that run the pool's tasks, and the lanes
 * opened on it (lane.h). Many runtimes may live in one process; none is ever implied.
 *
 * After fork() the parent goes on as before. Its child has none of its threads: there every call with a runtime, executor,
 * lane, strand, completions or unsettled future that it has inherited answers -ECHILD (counters are left as they were), nothing is freed, and
 * engines are told (fork_child). A runtime that the child starts is its own. A task may fork too; its child must not return
 * from it, but _exit() or exec. */
#ifndef QLANE_RUNTIME_H
#define QLANE_RUNTIME_H

#include <stdio.h>

#include "qlane/affinity.h"
#include "qlane/executor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ql_level { QL_INFO, QL_WARNING, QL_ERROR } ql_level;

/* A task that holds a worker or a lane for too long. */
typedef struct ql_overrun {
    const char *task; /* its name */
    char thread[16];  /* "ql-w0", "ql-lane-q" */
    int64_t age_ns;   /* at least so long */
    uint64_t behind;  /* tasks that queue at its worker, where others may steal them, or at its lane */
} ql_overrun;

/* Set `size` to sizeof, zero the rest: every zero is the default. */
typedef struct ql_runtime_config {
    size_t size;
    const ql_affinity_config *affinity; /* NULL: the environment and the defaults; read during start only */
    unsigned spares_max;                /* threads that may stand in for waiting workers; 0 = 1,100 */
    unsigned fork_depth; /* forked children a worker can hold before they run inline; 0 = 32,768 */
    bool
        follow_quota; /* use fewer of the plan's workers while the CPU quota allows fewer; looked at once a second by
                          * a worker that is awake anyway */

    /* Callbacks may come from any thread, also several at once, and must not call back into the runtime. */
    void *context;
    void (*log)(void *context, ql_level level, const char *line); /* NULL: silent */
    /* A closed lane, the wrong thread, a cycle of waits, a task submitted twice; not for NULL and the like, which only answer
     * -EINVAL. NULL: silent; the call answers -errno anyway. */
    void (*on_misuse)(void *context, const char *sentence);
    /* An error that nobody can see any more: of a spawned task; or of a continuation that never ran, because its executor had
     * closed, and whose future nobody waited for. Also counted (ql_stats) and logged. `text` may be NULL. */
    void (*on_unobserved)(void *context, const char *task, int code, const char *text);

    /* The watchdog: a task that holds its worker or lane for longer than this is named in the log and to on_overrun, once. 0: there
     * is none. A task that waits, or is between ql_blocking_begin() and its end, has lent its worker and holds none; a lane it holds. */
    int64_t overrun_ns;
    void (*on_overrun)(void *context, const ql_overrun *overrun); /* on the timer thread; may be NULL */

    unsigned
        trace_events; /* how many each thread keeps for ql_trace_write(), 56 bytes each; 0: there is no trace */
} ql_runtime_config;

/** Start a runtime: read the machine, make the plan, start the workers and pin each from inside.
 *  Threads: any. The plan keeps to the CPUs that any thread of the process may use, those that a runtime has pinned aside. The threads that it starts
 *           block all signals but those of a crash: none of the host's handlers runs there for another.
 *  Owns:    *runtime is the caller's until ql_runtime_stop() returns 0.
 *  Errors:  what ql_plan_create() answers; -EINVAL a config of another size; -ENOMEM; -EAGAIN a thread could not be
 *           started; -EPERM and the like under bind=require. *error has the sentence; nothing is left running. */
QL_MUST_USE int ql_runtime_start(const ql_runtime_config *config, ql_runtime **runtime, ql_error *error);

/** The pool: hand it tasks from anywhere. A worker's own submissions go to its own run queue. */
ql_executor *ql_runtime_pool(ql_runtime *runtime);

/** The plan it runs on; lives as long as the runtime. */
const ql_plan *ql_runtime_plan(const ql_runtime *runtime);

/** Use this many workers from now on (fewer where follow_quota finds that less is allowed), at least 1, at most as many as the plan has (ql_plan_workers). The others end the task
 *  they are in, then park; what queued with them is taken by the rest.
 *  Threads: any, while the runtime lives.
 *  Errors:  -EINVAL NULL, none, or more than planned. */
QL_MUST_USE int ql_runtime_resize(ql_runtime *runtime, unsigned workers);

/* Until when to be patient: ql_now_ns() times, as ql_after_ns() makes them; zero members mean for ever. */
typedef struct ql_stop {
    size_t size;
    int64_t drain_until_ns; /* then queued tasks settle with -ESHUTDOWN, running ones are asked to end */
    int64_t give_up_ns;     /* then a thread still in a task is left behind, and named */
} ql_stop;

/** Stop, in this order:
 *   1. submissions from threads that are not ours are refused with -ESHUTDOWN; running tasks may still submit, and what was to
 *      follow an accepted task (ql_future_then) still does;
 *   2. the pool and every lane work until all accepted tasks have settled, or drain_until_ns has come;
 *   3. what still queues settles with -ESHUTDOWN, what runs is asked to end;
 *   4. lanes close their engines on their own threads; all threads end and are joined; the memory is freed.
 *  A task that submits itself for ever keeps 2 from ending: past drain_until_ns ql_task_cancelled() and its next submission tell it.
 *  Threads: one that is not the runtime's own; once.
 *  Owns:    `patience` and `error` may be NULL. After 0 the runtime is gone. After -ETIMEDOUT it is gone for the caller too, and
 *           what the thread left behind needs is kept on purpose; tasks that have not settled must stay where they are.
 *  Errors:  -EINVAL; -EDEADLK called from a task; -EBUSY a lane is polled by a thread of the host (QL_LANE_ON_CALLER) and there
 *           is no give_up_ns: close that lane first, nothing was stopped; -ETIMEDOUT a task did not return before give_up_ns: *error names it. */
QL_MUST_USE int ql_runtime_stop(ql_runtime *runtime, const ql_stop *patience, ql_error *error);

/* Counters since start, summed over threads at the time of the call; each is written by its own thread. Set `size`. */
typedef struct ql_stats {
    size_t size;
    uint64_t accepted; /* tasks taken in, forked children not among them */
    uint64_t settled;
    uint64_t steals; /* tasks and forked children taken from another worker */
    uint64_t parks;  /* times a thread of ours went to sleep */
    uint64_t wakes;  /* sleepers woken by work */
    uint64_t lost_bindings;
    unsigned workers;
    unsigned spares; /* threads standing by or standing in */
    uint64_t done;   /* of the settled: code 0 */
    uint64_t failed;
    uint64_t cancelled;  /* -ECANCELED */
    uint64_t expired;    /* -ETIMEDOUT */
    uint64_t shut;       /* -ESHUTDOWN */
    uint64_t unobserved; /* errors that nobody can see: see on_unobserved */
    uint64_t spins;      /* times a worker or lane that had nothing to do looked for work before it slept */
    uint64_t queued;     /* right now: accepted, not settled, not running */
    uint64_t running;    /* right now: threads of ours in a task, those that wait inside one among them */
    int64_t
        busy_ns; /* of the workers and spares together: neither looking for work, asleep, nor waiting inside a task */
    int64_t up_ns; /* since start */
} ql_stats;

/** Read the counters. Threads: any while the runtime lives. */
void ql_runtime_stats(const ql_runtime *runtime, ql_stats *stats);

/** Write what every worker and lane does right now, one line each, for a person. Takes no lock that a hung task may hold.
 *  Threads: any while the runtime lives. */
void ql_runtime_dump(ql_runtime *runtime, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
