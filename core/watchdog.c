#include "core/watchdog.h"

#include "core/runtime.h"

enum { LOOKS = 8, LEAST_NS = 1000000 }; /* in the time that is allowed; not more often than that */

void qli_watchdog_init(qli_watchdog *watchdog, ql_runtime *runtime)
{
    watchdog->runtime = runtime;
}

void qli_watchdog_rouse(qli_watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->lock);
    bool slept = !watchdog->awake;
    watchdog->awake = true;
    pthread_mutex_unlock(&watchdog->lock);
    if (slept)
        qli_unpark(&watchdog->runtime->timers.parker);
}

void qli_idle_over(qli_context *context)
{
    if (!QLI_METERS)
        return;
    int64_t idle_ns = ql_now_ns() - context->idle_since_ns;
    qli_store(&context->idle_ns, context->idle_ns + idle_ns, __ATOMIC_RELAXED);
    qli_store(&context->idle_since_ns, 0, __ATOMIC_RELAXED);
    if (context->runtime->config.overrun_ns)
        qli_watchdog_rouse(&context->runtime->watchdog);
}

enum { TOLD_AT_ONCE = 16 }; /* the rest at the next look */

typedef struct round {
    int64_t now_ns, allowed_ns;
    bool somebody_works;
    ql_overrun found[TOLD_AT_ONCE];
    unsigned count;
} round;

static void look_at(const qli_look *look, void *arg)
{
    round *of = arg;
    qli_context *context = (qli_context *)(uintptr_t)look->context;
    of->somebody_works |= !look->idle;
    const char *name = qli_load(&context->task_name, __ATOMIC_RELAXED);
    /* A forked child that was stolen is no task; a task that helps in a join stays the same. */
    uint64_t turn = qli_load(&context->begun, __ATOMIC_RELAXED);
    if (!qli_load(&context->task, __ATOMIC_RELAXED))
        turn += qli_load(&context->steals, __ATOMIC_RELAXED) << 32;
    bool runs = name && look->holds;
    if (!runs || turn != context->watched.turn || !context->watched.since_ns) {
        context->watched.turn = turn;
        context->watched.since_ns = runs ? of->now_ns : 0;
        context->watched.told = false;
        return;
    }
    int64_t age_ns = of->now_ns - context->watched.since_ns;
    if (context->watched.told || age_ns < of->allowed_ns || of->count == TOLD_AT_ONCE)
        return;
    context->watched.told = true;
    ql_overrun *found = &of->found[of->count++];
    *found = (ql_overrun){.task = name, .age_ns = age_ns, .behind = look->queued};
    snprintf(found->thread, sizeof(found->thread), "%s", look->thread);
}

/* Without a lock of the runtime's. */
static void tell(ql_runtime *runtime, const round *of)
{
    for (unsigned i = 0; i < of->count; i++) {
        const ql_overrun *overrun = &of->found[i];
        qli_log(runtime, QL_WARNING, "task '%s' has held %s for %lld ms; %llu tasks wait behind it",
                overrun->task, overrun->thread, (long long)(overrun->age_ns / 1000000),
                (unsigned long long)overrun->behind);
        if (runtime->config.on_overrun)
            runtime->config.on_overrun(runtime->config.context, overrun);
    }
}

int64_t qli_watchdog_look(qli_watchdog *watchdog)
{
    ql_runtime *runtime = watchdog->runtime;
    round of = {.now_ns = ql_now_ns(), .allowed_ns = runtime->config.overrun_ns};
    pthread_mutex_lock(&watchdog->lock);
    bool awake = watchdog->awake;
    pthread_mutex_unlock(&watchdog->lock);
    if (!awake)
        return QL_FOREVER;
    if (of.now_ns < watchdog->look_at_ns)
        return watchdog->look_at_ns;
    qli_runtime_look(runtime, look_at, &of);
    tell(runtime, &of);
    if (!of.somebody_works) {
        /* Once more, with the lock: who begins to work now asks for the lock after us. */
        pthread_mutex_lock(&watchdog->lock);
        qli_runtime_look(runtime, look_at, &of);
        watchdog->awake = of.somebody_works;
        pthread_mutex_unlock(&watchdog->lock);
        if (!of.somebody_works)
            return QL_FOREVER;
    }
    int64_t step_ns = runtime->config.overrun_ns / LOOKS;
    watchdog->look_at_ns = of.now_ns + (step_ns < LEAST_NS ? LEAST_NS : step_ns);
    return watchdog->look_at_ns;
}
