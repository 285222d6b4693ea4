/* A lane: one thread, on one core, that owns an engine (engine.h) only that thread may touch. Hand it tasks from anywhere;
 * it runs them one at a time.
 *
 *   ql_lane *lane;
 *   ql_lane_config config = {.size = sizeof(config), .name = "q", .engine = &ops, .engine_arg = &engine};
 *   if (ql_lane_open(runtime, &config, &lane, &error)) ...
 *   ql_task_init(&task, query, &arguments);
 *   if (ql_lane_call(lane, &task) == 0) use(task.future.value, task.future.code);
 *
 * Order: if submit(a) happens before submit(b), same class, a starts first. Urgent tasks go before normal ones before
 * background ones, but a class that was passed over 32 times in a row gives the next task. */
#ifndef QLANE_LANE_H
#define QLANE_LANE_H

#include "qlane/engine.h"
#include "qlane/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ql_lane ql_lane;

/* What a full lane does with one task more. */
typedef enum ql_full {
    QL_FULL_REFUSES,     /* submit answers -EAGAIN */
    QL_FULL_DROPS_OLDEST /* the oldest that queues settles with -ENOBUFS */
} ql_full;

enum {
    QL_LANE_ON_CALLER = 1 << 0, /* no thread of its own, but the one that opens it: see ql_lane_run() */
    QL_LANE_DEPTH_MAX = 32,     /* how deep a lane's tasks may call their own lane */
};

/* Set `size` to sizeof, zero the rest: every zero is the default. */
typedef struct ql_lane_config {
    size_t size;
    /* Copied, and cut after 47 bytes; NULL or "": "lane". The core reserved for lane.NAME goes to it. */
    const char *name;
    const ql_engine_ops *engine; /* NULL: none, tasks just run on the lane */
    void *engine_arg;            /* `self` of its hooks */
    size_t
        capacity_tasks; /* how many may queue, urgent ones among them; 0 = no bound. A bound for some callers: ql_client */
    ql_full full;
    unsigned batch_tasks; /* a batch ends after so many tasks; 0 = 256 */
    unsigned batch_us;    /* or so long after it began; 0 = 1,000; or when nothing queues */
    unsigned flags;
} ql_lane_config;

/** Open a lane and wait until its engine has opened, or not.
 *  Threads: any; a lane's task holds its lane meanwhile.
 *  Owns:    *lane is the caller's until ql_lane_free() or the runtime's end. NULL after an error.
 *  Errors:  -EINVAL; -ENOMEM; -EAGAIN no thread; -ESHUTDOWN the runtime stops; -EBUSY the engine exists already and can only
 *           once; -EPERM and the like under bind=require; the engine's own code. *error has the sentence. */
QL_MUST_USE int ql_lane_open(ql_runtime *runtime, const ql_lane_config *config, ql_lane **lane,
                             ql_error *error);

/** The same without waiting. Tasks may be submitted at once; if the engine fails to open they settle with its error.
 *  ql_lane_opened() is the future of opening: its code is 0 or the error, its text static, ql_lane_problem() the sentence.
 *  A lane that failed is closed like any other. */
QL_MUST_USE int ql_lane_open_begin(ql_runtime *runtime, const ql_lane_config *config, ql_lane **lane,
                                   ql_error *error);
ql_future *ql_lane_opened(ql_lane *lane);

/** Why the engine did not open; "" if it did, or has not yet. Read it after ql_lane_opened() has settled. */
const char *ql_lane_problem(const ql_lane *lane);

/** A lane on the caller's thread (QL_LANE_ON_CALLER), for an engine that demands main(), or for a loop of one's own. The thread
 *  that opens it is the lane's: the engine opens there before ql_lane_open() or _begin() returns, and its tasks run when that
 *  thread calls ql_lane_run(), which returns when the lane has closed, or ql_lane_poll(): one round, a few tasks and what is
 *  due of qlane/watch.h; with nothing to do it waits for something until the deadline (ql_now_ns() time; 0 does not wait).
 *  Its place on the machine is the caller's business: it takes no slot, is not pinned, and does not spin.
 *  Between two polls ql_lane_call() on that thread runs the task inline, and ql_lane_engine() answers. A wait there for what
 *  queues at the lane is one for ever: nobody else runs it.
 *  Closing from another thread asks, and waits until the lane's thread has come back to run or poll, which then closes the engine;
 *  on the lane's own thread, outside of its tasks, ql_lane_close() does what is left itself. ql_runtime_stop() ends a lane that
 *  is in ql_lane_run(); one that is polled it refuses to wait for without a give_up_ns.
 *  Threads: the one that opened the lane, outside of every task.
 *  Errors:  -EINVAL NULL, or a lane with a thread of its own; -EPERM another thread, or inside a task or hook; -ESHUTDOWN the
 *           lane is closed (from poll: also when this round has closed it; from run: it was before). */
QL_MUST_USE int ql_lane_run(ql_lane *lane);
QL_MUST_USE int ql_lane_poll(ql_lane *lane, int64_t deadline_ns);

/** For ql_submit() and ql_spawn(). */
ql_executor *ql_lane_executor(ql_lane *lane);

/** Hand a task to the lane: ql_submit() on its executor.
 *  Threads: any, the lane's own included. Never blocks.
 *  Errors:  as ql_submit(): -ESHUTDOWN after ql_lane_close() or a failed open; -EAGAIN full; the task was not touched. */
QL_MUST_USE int ql_lane_submit(ql_lane *lane, ql_task *task);

/** The same, but wait for a place until the deadline (ql_now_ns() time; QL_FOREVER).
 *  Errors:  also -ETIMEDOUT; -EDEADLK on the lane itself, or when it waits, through others, for the caller. */
QL_MUST_USE int ql_lane_submit_until(ql_lane *lane, ql_task *task, int64_t deadline_ns);

/** Submit and wait. On the lane itself the task runs inline, at once: it is then part of the task that calls, and stands or
 *  falls with that one's batch.
 *  Owns:    the task is the caller's again when this returns, whatever it returns.
 *  Errors:  0 it settled: its own code is in the future; what ql_lane_submit() (-EAGAIN: the lane is full, and it does not wait
 *           for a place: ql_lane_submit_until() does) and ql_future_wait() answer, the task then has not run; -ELOOP more than
 *           QL_LANE_DEPTH_MAX deep. */
QL_MUST_USE int ql_lane_call(ql_lane *lane, ql_task *task);

/** The engine's object, `engine_arg`.
 *  Threads: the lane's own, inside a task or hook.
 *  Errors:  -EPERM on any other; on_misuse gets the sentence; *engine is NULL. */
QL_MUST_USE int ql_lane_engine(ql_lane *lane, void **engine);

/* A client of a lane: a door to it with a bound of its own, so that one who floods cannot fill the lane. An executor: its tasks
 * run on the lane like any other. The bound counts its tasks that have not settled. */
typedef struct ql_client ql_client;

/** Threads: any.
 *  Owns:    the caller's until ql_client_close(), or the lane is freed. `name` is copied; NULL: "client".
 *  Errors:  -EINVAL NULL, a capacity of 0, an unknown `full`; -ENOMEM. */
QL_MUST_USE int ql_client_open(ql_lane *lane, const char *name, size_t capacity_tasks, ql_full full,
                               ql_client **client);

/** For ql_submit(): -EAGAIN where the client, or the lane, is full. With QL_FULL_DROPS_OLDEST the oldest of its own that
 *  queues settles with -ENOBUFS instead; finding it costs a look at what others queued before it. */
ql_executor *ql_client_executor(ql_client *client);

/** The same, but wait for a place until the deadline, as ql_lane_submit_until(). */
QL_MUST_USE int ql_client_submit_until(ql_client *client, ql_task *task, int64_t deadline_ns);

/** Threads: the last to use it. NULL is allowed.
 *  Errors:  -EBUSY not all of its tasks have settled. */
int ql_client_close(ql_client *client);

/* Counters of a lane; set `size`. */
typedef struct ql_lane_stats {
    size_t size;
    uint64_t queued;  /* right now, the running one not among them */
    uint64_t settled; /* tasks so far, however they settled */
    uint64_t done;    /* of those, with code 0 */
    uint64_t batches;
    uint64_t parks;
    int64_t busy_ns; /* since open; the rest it waited for work */
    int64_t open_ns;
    uint64_t failed; /* of the settled, as in ql_lane_report */
    uint64_t cancelled;
    uint64_t expired;
    uint64_t shut;
    uint64_t wakes; /* times it slept and was woken */
    uint64_t spins; /* times it looked for work before it slept */
} ql_lane_stats;

/** Read them. Threads: any. */
void ql_lane_stats_get(ql_lane *lane, ql_lane_stats *stats);

/** Where the lane's thread is: the slot it was given, NULL if it shares cores, and what became of it (may be NULL).
 *  Threads: any, after it has opened. */
const ql_slot *ql_lane_slot(const ql_lane *lane, ql_bound *bound);

/* What became of the tasks since close began; set `size`. */
typedef struct ql_lane_report {
    size_t size;
    uint64_t done;      /* ran, with code 0 */
    uint64_t failed;    /* ran, or their batch did not commit */
    uint64_t cancelled; /* -ECANCELED */
    uint64_t expired;   /* -ETIMEDOUT */
    uint64_t shut;      /* -ESHUTDOWN: still queued at drain_until_ns, or asked to end then */
} ql_lane_report;

/** Close: refuse submissions; work off what queues, until patience->drain_until_ns; then settle what still queues with
 *  -ESHUTDOWN and ask what runs to end; close the engine on its thread; end that. A drain_until_ns of 1, which has passed,
 *  cancels at once; NULL drains for ever. Afterwards the lane answers -ESHUTDOWN until it is freed.
 *  Threads: any but the lane's own, where that is not the caller's; once, or again after -ETIMEDOUT.
 *  Errors:  -EINVAL; -EDEADLK from a task of the lane, or one that it waits for; -EBUSY another thread closes it; -EALREADY it is closed; -ETIMEDOUT
 *           a task did not return before give_up_ns: *error names it, the thread is still in it. */
QL_MUST_USE int ql_lane_close(ql_lane *lane, const ql_stop *patience, ql_lane_report *report,
                              ql_error *error);

/** Free a closed lane's memory; not needed before ql_runtime_stop(), which frees them all.
 *  Threads: no other may be in a call with this lane, or make one later.
 *  Errors:  -EBUSY it is not closed. NULL is allowed. */
int ql_lane_free(ql_lane *lane);

#ifdef __cplusplus
}
#endif
#endif
