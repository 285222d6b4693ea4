/* The inside of a runtime: the list of executors, and what a stop waits for. */
#ifndef QLANE_CORE_RUNTIME_H
#define QLANE_CORE_RUNTIME_H

#include "core/executor.h"
#include "core/pool.h"
#include "core/timer.h"
#include "core/waits.h"
#include "qlane/runtime.h"

struct ql_runtime {
    ql_runtime *next_at_fork; /* atfork.c's */
    ql_runtime_config config;
    ql_plan *plan;
    ql_callers *callers;
    qli_pool *pool;
    qli_timers timers;
    qli_watchdog watchdog;
    qli_waits waits;
    qli_ring *host_ring;    /* of the host's threads; NULL: there is no trace */
    uint8_t caller_spin_us; /* the most that a thread of the host spins in a wait */

    pthread_mutex_t lock;
    ql_executor *executors; /* with the lock; the pool is not among them */
    ql_stats gone;          /* with the lock: what executors that left had counted */
    uint64_t lanes_claimed; /* with the lock: a bit for each of the plan's lane slots */

    uint64_t accepted_outside, settled_outside; /* by threads that have no context */
    uint32_t entering;                          /* threads of the host that are about to push into a strand */
    uint64_t ends_outside[QLI_ENDS];            /* of these, as in a context */
    uint64_t unobserved;
    int64_t started_ns;
    bool stopping; /* somebody waits on stop_parker for quiet */
    qli_parker stop_parker;
};

/* Where the calling thread keeps events of this runtime; NULL: there is no trace. */
static inline qli_ring *qli_ring_of(const ql_runtime *runtime, const qli_context *context)
{
    return context && context->runtime == runtime ? context->ring : runtime->host_ring;
}

/* A context found nothing more to do, or an outside thread settled something: a stop may want to look again. */
void qli_runtime_idle(ql_runtime *runtime);

/* A task, "spawned" or "dropped", has settled with an error, and nobody can see it. */
void qli_unobserved(ql_runtime *runtime, const char *what, const ql_task *task);

/* Show each thread: the workers', then the lanes'. */
void qli_runtime_look(ql_runtime *runtime, qli_look_fn *each, void *arg);

/* Lanes: register an executor, once `begin`, which may be NULL, has answered 0: it starts the executor's thread. Both in one step,
 * so that a stop finds an executor that it can end or none, and a fork's child knows of each whose thread ran.
 * -ESHUTDOWN: the runtime stops, and nothing was started; else what `begin` answered. */
int qli_runtime_join(ql_runtime *runtime, ql_executor *executor, int (*begin)(ql_executor *executor));
/* Take it out again. False: the runtime stops, and it is the stop that will end and destroy it. */
bool qli_runtime_leave(ql_runtime *runtime, ql_executor *executor);

/* A lane slot of the plan for a lane of this name: the one reserved for it, else any that is free; NULL if none is left.
 * *index is what to give back. */
const ql_slot *qli_runtime_claim_slot(ql_runtime *runtime, const char *name, unsigned *index);
void qli_runtime_release_slot(ql_runtime *runtime, unsigned index);

/* A thread was bound to its slot, for the first time or again: show it, or say what went wrong. */
void qli_runtime_bound(ql_runtime *runtime, const ql_slot *slot, const ql_bound *bound, const char *thread,
                       bool first);

/* Through the callbacks of the config, if any. */
void qli_log(ql_runtime *runtime, ql_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Returns `code`, for `return qli_misuse(...)`. The sentence names function, expected and found. */
int qli_misuse(const ql_runtime *runtime, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
