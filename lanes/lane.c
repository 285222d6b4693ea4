/* A lane's life: made, opened, served, closed, freed. */
#include "lanes/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/error.h"
#include "core/atfork.h"

/* Engines of which a process can have one, and has, or had: an exception to "no globals" that they force upon us. Without a
 * lock, which a fork's child could find taken. */
static const char *claims[16];

static int claim_engine(const ql_engine_ops *engine)
{
    for (unsigned i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
        const char *name = NULL;
        if (qli_cas(&claims[i], &name, engine->name, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return 0;
        if (strcmp(name, engine->name) == 0)
            break;
    }
    return -EBUSY;
}

void qli_lane_move(ql_lane *lane, qli_lane_state from, qli_lane_state to)
{
    if (lane->state != from) {
        qli_misuse(lane->executor.runtime, 0, "lane '%s': expected state %d, found %d; the process ends",
                   lane->name, (int)from, (int)lane->state);
        abort();
    }
    qli_store(&lane->state, to, __ATOMIC_RELAXED); /* others read it for a report only */
}

void qli_lane_wake(ql_lane *lane)
{
    qli_unpark(&lane->bed);
}

void qli_lane_pending(ql_lane *lane, ql_task *task)
{
    *task = (ql_task){.on = &lane->executor,
                      .qli_runtime = lane->executor.runtime,
                      .qli_spin_us = lane->executor.runtime->caller_spin_us};
    task->future.qli_word = QLI_PENDING;
}

/* ---- The lane's own thread ------------------------------------------------------------------------------------- */

static void say_that_it_shares(const ql_lane *lane)
{
    const ql_plan *plan = lane->executor.runtime->plan;
    char kept[256] = "";
    size_t length = 0;
    for (unsigned i = 0; i < ql_plan_lanes(plan) && length < sizeof(kept); i++)
        if (ql_plan_lane_name(plan, i))
            length += (size_t)snprintf(kept + length, sizeof(kept) - length, "; core %d is kept for lane.%s",
                                       ql_plan_lane(plan, i)->core_logical, ql_plan_lane_name(plan, i));
    qli_log(lane->executor.runtime, QL_WARNING,
            "lane '%s': no core is left for it, so it shares those of the workers and never spins; reserve "
            "one with lanes=N or lane.NAME=CORE%s",
            lane->name, kept);
}

static int bind_to_slot(ql_lane *lane)
{
    ql_runtime *runtime = lane->executor.runtime;
    int code;
    if (lane->flags & QL_LANE_ON_CALLER)
        return 0;
    if (lane->slot) {
        code = ql_slot_bind(runtime->plan, lane->slot, &lane->bound);
        qli_runtime_bound(runtime, lane->slot, &lane->bound, lane->thread.name, true);
    } else {
        code = ql_slot_bind_engine(runtime->plan, &lane->bound);
        say_that_it_shares(lane);
    }
    if (code)
        qli_error_set(&lane->problem, code, "lane '%s' could not be bound: %s; bind=warn runs it anyway",
                      lane->name, lane->bound.problem ? lane->bound.problem : "refused");
    int64_t spin_max_ns = lane->slot ? lane->bound.spin_max_ns : 0;
    qli_spin_init(&lane->spin, spin_max_ns);
    /* In a task it may wait for others; that for ever would be a hang that nobody sees. */
    qli_spin_init(&lane->context.spin, spin_max_ns == QL_FOREVER ? 50000 : spin_max_ns);
    return code;
}

/* A hook that failed: its sentence, or ours. */
static int engine_refused(ql_lane *lane, const char *hook, int code, const ql_error *error)
{
    return qli_error_set(&lane->problem, code, "engine '%s' of lane '%s' failed in %s: %s",
                         lane->engine.name ? lane->engine.name : "", lane->name, hook,
                         error->text[0] ? error->text : strerrordesc_np(-code));
}

static int prepare_engine(ql_lane *lane)
{
    const ql_engine_ops *engine = &lane->engine;
    ql_error error = {0};
    int code = engine->caps & QL_ENGINE_ONE_PER_PROCESS ? claim_engine(engine) : 0;
    if (code)
        return qli_error_set(&lane->problem, code, "engine '%s' exists already: a process can have one",
                             engine->name);
    if (!engine->prepare)
        return 0;
    if (!(engine->caps & QL_ENGINE_PIN_FIRST || lane->flags & QL_LANE_ON_CALLER))
        code = ql_slot_bind_engine(lane->executor.runtime->plan, NULL);
    if (!code)
        code = engine->prepare(lane->engine_self, &error);
    return code ? engine_refused(lane, "prepare", code, &error) : 0;
}

static int open_engine(ql_lane *lane)
{
    ql_error error = {0};
    bool pin_first = lane->engine.caps & QL_ENGINE_PIN_FIRST;
    int code = pin_first ? bind_to_slot(lane) : prepare_engine(lane);
    if (!code)
        code = pin_first ? prepare_engine(lane) : bind_to_slot(lane);
    if (!code && lane->engine.open) {
        code = lane->engine.open(lane->engine_self, &error);
        if (code)
            engine_refused(lane, "open", code, &error);
    }
    return code;
}

static void fail(ql_lane *lane, int code)
{
    static const char text[] = "the lane's engine did not open";
    qli_lane_move(lane, QLI_LANE_OPENING, QLI_LANE_FAILED);
    qli_log(lane->executor.runtime, QL_ERROR, "%s", lane->problem.text);
    qli_lane_refuse(lane);
    qli_lane_settle_queued(lane, code, text, &lane->problem);
    lane->opened.future.text = text;
}

int qli_lane_begin_life(ql_lane *lane)
{
    qli_lane_move(lane, QLI_LANE_NEW, QLI_LANE_OPENING);
    int code = open_engine(lane);
    if (code == -EINVAL) /* that stands for a config that was refused: see qlane/engine.h */
        code = lane->problem.code = -EPROTO;
    qli_store(&lane->opened_ns, ql_now_ns(), __ATOMIC_RELAXED);
    if (code)
        fail(lane, code);
    else
        qli_lane_move(lane, QLI_LANE_OPENING, QLI_LANE_SERVING);
    lane->bound_first = lane->bound;
    lane->opened.future.code = code;
    qli_future_settle(&lane->opened.future);
    return code;
}

void qli_lane_end_life(ql_lane *lane)
{
    bool opened = lane->state == QLI_LANE_SERVING;
    if (opened)
        qli_lane_move(lane, QLI_LANE_SERVING, QLI_LANE_CLOSING);
    if (opened && lane->engine.close)
        lane->engine.close(lane->engine_self);
    qli_events_drop(&lane->events);
    if (lane->engine.thread_exit)
        lane->engine.thread_exit(lane->engine_self);
    qli_lane_move(lane, opened ? QLI_LANE_CLOSING : QLI_LANE_FAILED, QLI_LANE_CLOSED);
    qli_store(&lane->executor.absent, false, __ATOMIC_RELAXED);
    qli_runtime_idle(lane->executor.runtime);
    bool on_caller = lane->flags & QL_LANE_ON_CALLER;
    qli_future_settle(&lane->ended.future);
    if (on_caller) {
        qli_context_enter(NULL);
        qli_unpark(&lane->thread.ended);
    }
}

static void live(void *arg)
{
    ql_lane *lane = arg;
    qli_context_enter(&lane->context);
    if (!qli_lane_begin_life(lane))
        (void)qli_lane_serve(lane, QL_FOREVER, false);
    qli_lane_end_life(lane);
}

/* ---- Opening --------------------------------------------------------------------------------------------------- */

static int check_config(const ql_runtime *runtime, const ql_lane_config *config, ql_lane **out,
                        ql_error *error)
{
    const char *wrong = NULL;
    bool on_caller = config && config->flags & QL_LANE_ON_CALLER, on_main = on_caller && gettid() == getpid();
    if (out)
        *out = NULL;
    if (!runtime)
        wrong = "the runtime is NULL";
    else if (!config)
        wrong = "the config is NULL";
    else if (!out)
        wrong = "the place for the lane is NULL";
    else if (config->size != sizeof(*config))
        return qli_error_size(error, "ql_lane_open: config.size", config->size, "ql_lane_config",
                              sizeof(*config));
    else if (config->engine && config->engine->size != sizeof(*config->engine))
        return qli_error_size(error, "ql_lane_open: config.engine->size", config->engine->size,
                              "ql_engine_ops", sizeof(*config->engine));
    else if (config->engine && !config->engine->name)
        wrong = "config.engine->name is NULL";
    else if (config->full > QL_FULL_DROPS_OLDEST)
        wrong = "config.full has an unknown value";
    else if (config->flags & ~(unsigned)QL_LANE_ON_CALLER)
        wrong = "config.flags has an unknown value";
    else if (config->engine && config->engine->caps & QL_ENGINE_NEEDS_MAIN && !on_main)
        wrong = "the engine needs the thread of main(): open it there, with QL_LANE_ON_CALLER";
    else if (on_caller && qli_context_current())
        wrong = "a task or hook cannot lend its thread to a lane (QL_LANE_ON_CALLER)";
    if (!wrong && qli_is_orphan(runtime))
        return qli_error_set(error, -ECHILD, "ql_lane_open: the runtime is the parent process's");
    return wrong ? qli_error_set(error, -EINVAL, "ql_lane_open: %s", wrong) : 0;
}

static const char *name_of(const ql_lane_config *config)
{
    return config->name && *config->name ? config->name : "lane";
}

/* A lane and its inbox lie on the node of the lane's core; without a core of its own, anywhere. */
static ql_lane *allocate(ql_runtime *runtime, const char *name, bool on_caller)
{
    unsigned index = 0;
    const ql_slot *slot = on_caller ? NULL : qli_runtime_claim_slot(runtime, name, &index);
    ql_lane *lane = slot ? ql_slot_alloc(runtime->plan, slot, sizeof(*lane), NULL)
                         : aligned_alloc(QLI_CACHE_LINE, sizeof(*lane));
    if (lane)
        *lane = (ql_lane){.slot = slot, .slot_index = index};
    else if (slot)
        qli_runtime_release_slot(runtime, index);
    return lane;
}

static void init(ql_lane *lane, ql_runtime *runtime, const ql_lane_config *config)
{
    snprintf(lane->name, sizeof(lane->name), "%s", name_of(config));
    lane->executor = (ql_executor){
        .ops = &qli_lane_ops, .runtime = runtime, .name = lane->name, .context = &lane->context};
    lane->context = (qli_context){.kind = QLI_LANE, .runtime = runtime, .executor = &lane->executor};
    snprintf(lane->thread.name, sizeof(lane->thread.name), "ql-lane-%.7s", lane->name);
    lane->context.ring = qli_ring_create(runtime->config.trace_events, lane->thread.name);
    lane->engine_ops = config->engine;
    if (config->engine)
        lane->engine = *config->engine;
    lane->engine_self = config->engine_arg;
    lane->full = config->full;
    lane->flags = config->flags;
    lane->batch_tasks = config->batch_tasks ? config->batch_tasks : 256;
    lane->batch_ns = (config->batch_us ? config->batch_us : 1000) * (int64_t)1000;
    lane->take_next = 1;
    lane->held_end = &lane->held;
    qli_events_init(&lane->events);
    qli_inbox_init(&lane->inbox, config->capacity_tasks);
    pthread_mutex_init(&lane->places.lock, NULL);
    qli_lane_pending(lane, &lane->opened);
    qli_lane_pending(lane, &lane->ended);
}

void qli_lane_delete(ql_lane *lane)
{
    qli_clients_free(lane);
    qli_ring_free(lane->context.ring);
    pthread_mutex_destroy(&lane->places.lock);
    qli_inbox_fini(&lane->inbox);
    if (lane->slot)
        ql_slot_free(lane, sizeof(*lane));
    else
        free(lane);
}

/* The calling thread is the lane's; an engine that refuses leaves a lane that has failed. */
static int start_here(ql_lane *lane)
{
    lane->thread.handle = pthread_self();
    snprintf(lane->thread.name, sizeof(lane->thread.name), "caller");
    lane->executor.absent = true;
    int code = qli_runtime_join(lane->executor.runtime, &lane->executor, NULL);
    if (code)
        return code;
    qli_context_enter(&lane->context);
    if (qli_lane_begin_life(lane))
        qli_lane_end_life(lane);
    else
        qli_context_enter(NULL);
    return 0;
}

static int start_thread(ql_executor *executor)
{
    ql_lane *lane = qli_lane_of(executor);
    char name[64];
    snprintf(name, sizeof(name), "ql-lane-%s", lane->name);
    return qli_thread_start(&lane->thread, live, lane, name);
}

static int start(ql_lane *lane, ql_error *error)
{
    int code = lane->flags & QL_LANE_ON_CALLER
                   ? start_here(lane)
                   : qli_runtime_join(lane->executor.runtime, &lane->executor, start_thread);
    if (!code)
        return 0;
    if (lane->engine.thread_exit)
        lane->engine.thread_exit(lane->engine_self);
    if (code == -ESHUTDOWN)
        return qli_error_set(error, code, "ql_lane_open: the runtime stops");
    return qli_error_set(error, code, "ql_lane_open: no thread for lane '%s': %s", lane->name,
                         strerrordesc_np(-code));
}

int ql_lane_open_begin(ql_runtime *runtime, const ql_lane_config *config, ql_lane **out, ql_error *error)
{
    int code = check_config(runtime, config, out, error);
    if (code)
        return code;
    ql_lane *lane = allocate(runtime, name_of(config), config->flags & QL_LANE_ON_CALLER);
    if (!lane) {
        if (config->engine && config->engine->thread_exit)
            config->engine->thread_exit(config->engine_arg);
        return qli_error_set(error, -ENOMEM, "ql_lane_open: no memory for a lane");
    }
    init(lane, runtime, config);
    code = start(lane, error);
    if (code) {
        if (lane->slot)
            qli_runtime_release_slot(runtime, lane->slot_index);
        qli_lane_delete(lane);
        return code;
    }
    *out = lane;
    return 0;
}

int ql_lane_open(ql_runtime *runtime, const ql_lane_config *config, ql_lane **out, ql_error *error)
{
    int code = ql_lane_open_begin(runtime, config, out, error);
    if (code)
        return code;
    ql_lane *lane = *out;
    code = ql_future_wait(&lane->opened.future);
    if (code)
        qli_error_set(error, code, "ql_lane_open: waiting for lane '%s' was refused: %s", lane->name,
                      strerrordesc_np(-code));
    else if ((code = lane->opened.future.code))
        qli_error_set(error, code, "%s", lane->problem.text);
    if (code) {
        *out = NULL;
        if (!ql_lane_close(lane, NULL, NULL, NULL))
            (void)ql_lane_free(lane);
    }
    return code;
}

ql_future *ql_lane_opened(ql_lane *lane)
{
    return lane ? &lane->opened.future : NULL;
}

const char *ql_lane_problem(const ql_lane *lane)
{
    return lane && ql_future_settled(&lane->opened.future) ? lane->problem.text : "";
}
