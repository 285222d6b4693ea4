/* Start, and the documented steps of a stop. */
#include "core/runtime.h"
#include "affinity/error.h"
#include "core/atfork.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Beyond these, sizes are mistakes: no machine has so many threads, nor stacks for such depths. */
enum { SPARES_LIMIT = 1 << 20, FORK_DEPTH_LIMIT = 1 << 24 };

static int check_config(const ql_runtime_config *config, ql_error *error)
{
    if (!config)
        return 0;
    if (config->size != sizeof(*config))
        return qli_error_size(error, "ql_runtime_start: config.size", config->size, "ql_runtime_config",
                              sizeof(*config));
    if (config->spares_max > SPARES_LIMIT)
        return qli_error_set(error, -EINVAL, "ql_runtime_start: spares_max is %u, at most %d make sense",
                             config->spares_max, SPARES_LIMIT);
    if (config->fork_depth > FORK_DEPTH_LIMIT)
        return qli_error_set(error, -EINVAL, "ql_runtime_start: fork_depth is %u, at most %d make sense",
                             config->fork_depth, FORK_DEPTH_LIMIT);
    if (config->overrun_ns < 0)
        return qli_error_set(error, -EINVAL, "ql_runtime_start: overrun_ns is %lld, a time is not negative",
                             (long long)config->overrun_ns);
    return 0;
}

static void log_plan(ql_runtime *runtime)
{
    const char *warning;
    for (unsigned i = 0; (warning = ql_plan_warning(runtime->plan, i)); i++)
        qli_log(runtime, QL_WARNING, "%s", warning);
    if (ql_plan_show_level(runtime->plan) < 2)
        return;
    char *whole = ql_plan_show(runtime->plan, QL_SHOW_TEXT, false), *rest = whole, *line;
    while (rest && (line = strsep(&rest, "\n")))
        if (*line)
            qli_log(runtime, QL_INFO, "%s", line);
    free(whole);
}

/* Threads of the host may spin a little in a wait where our own may: not on a machine too small for it. */
static uint8_t caller_spin_us(const ql_plan *plan)
{
    int64_t max_ns = 0;
    for (unsigned i = 0; i < ql_plan_workers(plan); i++)
        max_ns =
            ql_plan_worker(plan, i)->spin_max_ns > max_ns ? ql_plan_worker(plan, i)->spin_max_ns : max_ns;
    for (unsigned i = 0; i < ql_plan_lanes(plan); i++)
        max_ns = ql_plan_lane(plan, i)->spin_max_ns > max_ns ? ql_plan_lane(plan, i)->spin_max_ns : max_ns;
    return max_ns > 50000 ? 50 : (uint8_t)(max_ns / 1000);
}

static int start_threads(ql_runtime *runtime, ql_error *error)
{
    int code = ql_callers_confine(runtime->plan, &runtime->callers, error);
    if (code)
        return code;
    qli_watchdog *watchdog = runtime->config.overrun_ns ? &runtime->watchdog : NULL;
    qli_watchdog_init(&runtime->watchdog, runtime);
    code = qli_timers_start(&runtime->timers, runtime->plan, watchdog);
    if (code) {
        qli_error_set(error, code, "the timer thread could not be started: %s", strerrordesc_np(-code));
    } else {
        code = qli_pool_create(runtime, &runtime->pool, error);
        if (code)
            qli_timers_end(&runtime->timers);
    }
    if (code)
        ql_callers_restore(runtime->callers);
    return code;
}

static void free_runtime(ql_runtime *runtime)
{
    qli_atfork_remove(runtime);
    ql_plan_destroy(runtime->plan);
    pthread_mutex_destroy(&runtime->lock);
    pthread_mutex_destroy(&runtime->waits.lock);
    pthread_mutex_destroy(&runtime->watchdog.lock);
    qli_ring_free(runtime->host_ring);
    free(runtime);
}

static int start(const ql_runtime_config *config, ql_runtime **out, ql_error *error)
{
    if (!out) {
        qli_error_set(error, -EINVAL, "ql_runtime_start: `runtime` is NULL");
        return -EINVAL;
    }
    *out = NULL;
    int code = check_config(config, error);
    if (code)
        return code;
    ql_runtime *runtime = aligned_alloc(QLI_CACHE_LINE, sizeof(*runtime));
    if (!runtime) {
        qli_error_set(error, -ENOMEM, "no memory for a runtime");
        return -ENOMEM;
    }
    memset(runtime, 0, sizeof(*runtime));
    if (config)
        runtime->config = *config;
    pthread_mutex_init(&runtime->lock, NULL);
    pthread_mutex_init(&runtime->waits.lock, NULL);
    pthread_mutex_init(&runtime->watchdog.lock, NULL);
    runtime->started_ns = ql_now_ns();
    code = qli_atfork_add(runtime);
    if (code)
        qli_error_set(error, code, "no memory for what a fork's child has to do");
    else
        code = ql_plan_create(runtime->config.affinity, &runtime->plan, error);
    if (!code && runtime->config.trace_events) {
        runtime->host_ring = qli_ring_create(runtime->config.trace_events, NULL);
        if (!runtime->host_ring)
            code = qli_error_set(error, -ENOMEM, "no memory for the %u events of a trace",
                                 runtime->config.trace_events);
    }
    runtime->config.affinity = NULL; /* the caller's, and read */
    if (!code) {
        log_plan(runtime);
        runtime->caller_spin_us = caller_spin_us(runtime->plan);
        code = start_threads(runtime, error);
    }
    if (code) {
        free_runtime(runtime);
        return code;
    }
    *out = runtime;
    return 0;
}

int ql_runtime_start(const ql_runtime_config *config, ql_runtime **out, ql_error *error)
{
    int state = qli_cancel_off(), code = start(config, out, error);
    qli_cancel_back(state);
    return code;
}

ql_executor *ql_runtime_pool(ql_runtime *runtime)
{
    return runtime ? &runtime->pool->executor : NULL;
}

const ql_plan *ql_runtime_plan(const ql_runtime *runtime)
{
    return runtime ? runtime->plan : NULL;
}

int qli_runtime_join(ql_runtime *runtime, ql_executor *executor, int (*begin)(ql_executor *executor))
{
    int code = 0;
    pthread_mutex_lock(&runtime->lock);
    if (qli_load(&runtime->stopping, __ATOMIC_RELAXED))
        code = -ESHUTDOWN;
    else if (begin)
        code = begin(executor);
    if (!code) {
        executor->next = runtime->executors;
        runtime->executors = executor;
    }
    pthread_mutex_unlock(&runtime->lock);
    return code;
}

bool qli_runtime_leave(ql_runtime *runtime, ql_executor *executor)
{
    pthread_mutex_lock(&runtime->lock);
    bool mine = !qli_load(&runtime->stopping, __ATOMIC_RELAXED);
    ql_executor **link = &runtime->executors;
    while (mine && *link != executor)
        link = &(*link)->next;
    if (mine) {
        executor->ops->tally(executor, &runtime->gone);
        *link = executor->next;
    }
    pthread_mutex_unlock(&runtime->lock);
    return mine;
}

void qli_runtime_idle(ql_runtime *runtime)
{
    /* FENCE quiet:A, with quiet:B in wait_for_quiet(): this thread's counters are published before it looks whether
     * anybody waits for them. Model: tests/models/quiet_model */
    qli_fence(__ATOMIC_SEQ_CST);
    if (qli_load(&runtime->stopping, __ATOMIC_RELAXED))
        qli_unpark(&runtime->stop_parker);
}

static void tally(ql_runtime *runtime, ql_stats *sum)
{
    pthread_mutex_lock(&runtime->lock);
    *sum = runtime->gone;
    sum->size = sizeof(*sum);
    /* ORDER quiet:outside (acquire): with quiet:settled, all that threads of the host had accepted before they settled so many. */
    sum->settled += qli_load(&runtime->settled_outside, __ATOMIC_ACQUIRE);
    sum->accepted += qli_load(&runtime->accepted_outside, __ATOMIC_RELAXED);
    qli_ends_add(runtime->ends_outside, sum);
    for (ql_executor *executor = runtime->executors; executor; executor = executor->next)
        executor->ops->tally(executor, sum);
    pthread_mutex_unlock(&runtime->lock);
    runtime->pool->executor.ops->tally(&runtime->pool->executor, sum);
}

void ql_runtime_stats(const ql_runtime *runtime, ql_stats *stats)
{
    ql_stats sum;
    if (!runtime || !stats || qli_is_orphan(runtime))
        return;
    if (!stats->size || stats->size > sizeof(sum)) {
        qli_misuse(runtime, 0,
                   "ql_runtime_stats: expected stats->size to be sizeof(ql_stats), %zu; it is %zu",
                   sizeof(sum), stats->size);
        return;
    }
    size_t size = stats->size;
    tally((ql_runtime *)(uintptr_t)runtime, &sum);
    uint64_t ended = sum.failed + sum.cancelled + sum.expired + sum.shut, begun = sum.settled + sum.running;
    /* Read while others count: a difference that would be negative is one of a moment ago. */
    sum.done = sum.settled > ended ? sum.settled - ended : 0;
    sum.queued = sum.accepted > begun ? sum.accepted - begun : 0;
    sum.unobserved = qli_load(&runtime->unobserved, __ATOMIC_RELAXED);
    sum.up_ns = ql_now_ns() - runtime->started_ns;
    sum.size = size;
    memcpy(stats, &sum, size);
}

void qli_runtime_look(ql_runtime *runtime, qli_look_fn *each, void *arg)
{
    int state = qli_cancel_off();
    runtime->pool->executor.ops->look(&runtime->pool->executor, each, arg);
    pthread_mutex_lock(&runtime->lock);
    for (ql_executor *executor = runtime->executors; executor; executor = executor->next)
        if (executor->ops->look)
            executor->ops->look(executor, each, arg);
    pthread_mutex_unlock(&runtime->lock);
    qli_cancel_back(state);
}

/* Nothing is queued or running, and, the doors being shut to others, nothing can be any more: as many had settled before
 * the first reading ended as were accepted when the second one ended, so at that moment in between none was left. */
static bool quiet(ql_runtime *runtime)
{
    ql_stats before, after;
    /* ORDER quiet:entering (acquire): what they submitted, see strand:leave.
     * order kept: as said there */
    if (qli_load(&runtime->entering, __ATOMIC_ACQUIRE))
        return false;
    tally(runtime, &before);
    tally(runtime, &after);
    return before.settled == after.accepted;
}

/* 0, or -ETIMEDOUT. */
static int wait_for_quiet(ql_runtime *runtime, int64_t deadline_ns)
{
    /* FENCE quiet:B, with quiet:A in qli_runtime_idle() and strand:enter: "somebody waits", and the doors shut, are published
     * before the counters are read. Model: tests/models/quiet_model */
    qli_fence(__ATOMIC_SEQ_CST);
    while (!quiet(runtime))
        if (!qli_park(&runtime->stop_parker, deadline_ns))
            return quiet(runtime) ? 0 : -ETIMEDOUT;
    return 0;
}

typedef void executor_step(ql_executor *executor, int reason);

static void shut_one(ql_executor *executor, int reason)
{
    (void)reason;
    executor->ops->shut(executor);
}

static void abandon_one(ql_executor *executor, int reason)
{
    executor->ops->abandon(executor, reason);
}

/* Lanes first: their engines have the most to lose. Nobody joins or leaves the list once `stopping` is set. */
static void each_executor(ql_runtime *runtime, executor_step *step)
{
    for (ql_executor *executor = runtime->executors; executor; executor = executor->next)
        step(executor, ESHUTDOWN);
    step(&runtime->pool->executor, ESHUTDOWN);
}

/* Threads end and are joined. Returns -ETIMEDOUT if one is left behind, with the name of what it is in. */
static int end_threads(ql_runtime *runtime, int64_t deadline_ns, const char **stuck)
{
    int code = 0;
    for (ql_executor *executor = runtime->executors; executor; executor = executor->next)
        if (executor->ops->end(executor, deadline_ns, stuck))
            code = -ETIMEDOUT;
    if (runtime->pool->executor.ops->end(&runtime->pool->executor, deadline_ns, stuck))
        code = -ETIMEDOUT;
    return code;
}

static void destroy(ql_runtime *runtime)
{
    int state = qli_cancel_off(); /* to restore the callers' places it reads files */
    qli_timers_end(&runtime->timers);
    while (runtime->executors) {
        ql_executor *executor = runtime->executors;
        runtime->executors = executor->next;
        executor->ops->destroy(executor);
    }
    runtime->pool->executor.ops->destroy(&runtime->pool->executor);
    ql_callers_restore(runtime->callers);
    free_runtime(runtime);
    qli_cancel_back(state);
}

static int begin_stop(ql_runtime *runtime, const ql_stop *patience, ql_error *error)
{
    int code = 0;
    qli_context *context = qli_context_current();
    if (!runtime)
        return qli_error_set(error, -EINVAL, "ql_runtime_stop: the runtime is NULL");
    if (patience && patience->size != sizeof(*patience))
        return qli_error_size(error, "ql_runtime_stop: patience.size", patience->size, "ql_stop",
                              sizeof(*patience));
    if (qli_is_orphan(runtime))
        return qli_error_set(error, -ECHILD,
                             "ql_runtime_stop: the runtime is the parent process's; this one, its fork, has "
                             "none of its threads");
    if (context && context->runtime == runtime) {
        qli_error_set(error, -EDEADLK,
                      "ql_runtime_stop: called from task '%s': it would wait for itself; call it from "
                      "a thread of the host",
                      context->task_name);
        return qli_misuse(runtime, -EDEADLK,
                          "ql_runtime_stop: expected a thread of the host, found task '%s'",
                          context->task_name);
    }
    pthread_mutex_lock(&runtime->lock);
    if (qli_load(&runtime->stopping, __ATOMIC_RELAXED))
        code =
            qli_error_set(error, -EINVAL, "ql_runtime_stop: it is being stopped already, by another thread");
    for (const ql_executor *executor = runtime->executors; executor && !code; executor = executor->next)
        if (qli_load(&executor->absent, __ATOMIC_RELAXED) && !(patience && patience->give_up_ns))
            code = qli_error_set(error, -EBUSY,
                                 "ql_runtime_stop: lane '%s' is polled by a thread of the host, which may "
                                 "not come back: close it first, or set give_up_ns",
                                 executor->name);
    if (!code)
        qli_store(&runtime->stopping, true, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&runtime->lock);
    return code;
}

static int64_t or_forever(int64_t deadline_ns)
{
    return deadline_ns ? deadline_ns : QL_FOREVER;
}

int ql_runtime_stop(ql_runtime *runtime, const ql_stop *patience, ql_error *error)
{
    ql_stop forever = {.size = sizeof(forever)};
    int code = begin_stop(runtime, patience, error);
    if (code)
        return code;
    if (!patience)
        patience = &forever;
    int64_t drain_until_ns = or_forever(patience->drain_until_ns),
            give_up_ns = or_forever(patience->give_up_ns);
    each_executor(runtime, shut_one);
    if (wait_for_quiet(runtime, drain_until_ns < give_up_ns ? drain_until_ns : give_up_ns)) {
        each_executor(runtime, abandon_one);
        /* What ran may have handed tasks on before it heard; what a stuck worker had just taken in, nobody else has. */
        if (wait_for_quiet(runtime, give_up_ns))
            each_executor(runtime, abandon_one);
    }
    const char *stuck = NULL;
    code = end_threads(runtime, give_up_ns, &stuck);
    if (code && !stuck)
        return qli_error_set(error, code,
                             "ql_runtime_stop: give_up_ns had passed before the threads had ended; they and "
                             "the runtime's memory are left behind");
    if (code)
        return qli_error_set(error, code,
                             "ql_runtime_stop: task '%s' has not returned; its thread and the runtime's "
                             "memory are left behind",
                             stuck);
    destroy(runtime);
    return 0;
}

void ql_runtime_dump(ql_runtime *runtime, FILE *out)
{
    if (!runtime || !out)
        return;
    if (qli_is_orphan(runtime)) {
        fputs("a runtime of the parent process\n", out);
        return;
    }
    int state = qli_cancel_off();
    ql_executor *pool = &runtime->pool->executor;
    pool->ops->dump(pool, out);
    if (pthread_mutex_trylock(&runtime->lock)) {
        fputs("lanes: the list is being changed\n", out);
    } else {
        for (ql_executor *executor = runtime->executors; executor; executor = executor->next)
            executor->ops->dump(executor, out);
        pthread_mutex_unlock(&runtime->lock);
    }
    qli_cancel_back(state);
}
