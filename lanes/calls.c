/* What others ask of a lane: submit, call, its engine, its counters. */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "core/atfork.h"
#include "lanes/lane.h"

ql_executor *ql_lane_executor(ql_lane *lane)
{
    return lane ? &lane->executor : NULL;
}

static bool on_lane(const ql_lane *lane)
{
    const qli_context *context = qli_context_current();
    return context && context == &lane->context;
}

int ql_lane_submit(ql_lane *lane, ql_task *task)
{
    return lane ? ql_submit(&lane->executor, task) : -EINVAL;
}

/* ---- Waiting for a place --------------------------------------------------------------------------------------- */

void qli_places_enlist(qli_places *places, qli_place_waiter *waiter)
{
    waiter->prev = places->last;
    if (places->last)
        places->last->next = waiter;
    else
        qli_store(&places->first, waiter, __ATOMIC_RELAXED);
    places->last = waiter;
}

/* With the lock. */
static void strike(qli_places *places, qli_place_waiter *waiter)
{
    if (waiter->prev)
        waiter->prev->next = waiter->next;
    else
        qli_store(&places->first, waiter->next, __ATOMIC_RELAXED);
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    else
        places->last = waiter->prev;
}

void qli_places_grant(qli_places *places, bool granted)
{
    qli_place_waiter *first = places->first;
    strike(places, first);
    first->granted = granted;
    qli_future_settle(&first->task.future);
}

int qli_places_await(qli_places *places, qli_place_waiter *waiter, int64_t deadline_ns)
{
    int code = ql_future_wait_until(&waiter->task.future, deadline_ns);
    if (code) {
        pthread_mutex_lock(&places->lock);
        /* Whoever settles it does so with the lock, after striking it. */
        bool settled = ql_future_settled(&waiter->task.future);
        if (!settled)
            strike(places, waiter);
        pthread_mutex_unlock(&places->lock);
        if (!settled)
            return code;
    }
    return waiter->granted ? 0 : -ESHUTDOWN;
}

void qli_lane_places(ql_lane *lane)
{
    if (!lane->inbox.capacity)
        return;
    /* FENCE lane:place, with lane:place, for those who wait and those who make room or close both come here. Each has published
     * its part, and looks for the other's: one of them sees it. Model: tests/models/place_model */
    qli_fence(__ATOMIC_SEQ_CST);
    if (!qli_load(&lane->places.first, __ATOMIC_RELAXED))
        return;
    pthread_mutex_lock(&lane->places.lock);
    bool closed = qli_inbox_is_closed(&lane->inbox);
    while (lane->places.first && (closed || qli_inbox_reserve(&lane->inbox)))
        qli_places_grant(&lane->places, !closed);
    pthread_mutex_unlock(&lane->places.lock);
}

void qli_lane_refuse(ql_lane *lane)
{
    bool asleep = qli_inbox_shut(&lane->inbox, QLI_INBOX_CLOSED);
    qli_lane_places(lane);
    qli_clients_shut(lane);
    if (asleep)
        qli_lane_wake(lane);
}

int qli_lane_may_wait(const ql_lane *lane, const char *function)
{
    if (!on_lane(lane) && !qli_lane_is_callers(lane))
        return 0;
    return qli_misuse(lane->executor.runtime, -EDEADLK,
                      "%s: the thread of lane '%s' would wait for itself, in task '%s'", function, lane->name,
                      lane->context.task_name ? lane->context.task_name : "");
}

int qli_lane_await_place(ql_lane *lane, int64_t deadline_ns)
{
    qli_place_waiter waiter = {.granted = false};
    if (!lane->inbox.capacity)
        return 0;
    qli_lane_pending(lane, &waiter.task);
    pthread_mutex_lock(&lane->places.lock);
    qli_places_enlist(&lane->places, &waiter);
    pthread_mutex_unlock(&lane->places.lock);
    qli_lane_places(lane);
    return qli_places_await(&lane->places, &waiter, deadline_ns);
}

int ql_lane_submit_until(ql_lane *lane, ql_task *task, int64_t deadline_ns)
{
    int code = ql_lane_submit(lane, task);
    while (code == -EAGAIN) {
        code = qli_lane_may_wait(lane, "ql_lane_submit_until");
        if (code)
            return code;
        code = qli_lane_await_place(lane, deadline_ns);
        if (!code)
            code = qli_submit_reserved(&lane->executor, task);
    }
    return code;
}

/* ---- Call ------------------------------------------------------------------------------------------------------ */

static int call_inline(ql_lane *lane, ql_task *task)
{
    if (lane->depth > QL_LANE_DEPTH_MAX)
        return qli_misuse(lane->executor.runtime, -ELOOP,
                          "ql_lane_call: expected at most %d calls of lane '%s' inside one another",
                          QL_LANE_DEPTH_MAX, lane->name);
    lane->inline_task = task;
    int code = ql_submit(&lane->executor, task);
    lane->inline_task = NULL;
    if (code)
        return code;
    if (lane->events.running && !lane->depth) {
        qli_lane_run_alone(lane, task);
        return 0;
    }
    qli_lane_run_task(lane, task, &code);
    qli_lane_settle(lane, task, code, NULL, NULL);
    return 0;
}

static int call_between_polls(ql_lane *lane, ql_task *task)
{
    qli_context_enter(&lane->context);
    lane->events.running = true; /* as in a timer: a batch of its own */
    int code = call_inline(lane, task);
    lane->events.running = false;
    qli_context_enter(NULL);
    return code;
}

/* The wait was refused: take the task back. One that runs cannot be had back before its end, so then others' waits are refused
 * in this one's place. */
static int take_back(ql_lane *lane, ql_task *task, int code)
{
    bool taken = !ql_task_cancel(task);
    qli_wait_unrefused(&lane->context, &task->future);
    while (!ql_future_settled(&task->future))
        sched_yield();
    return taken && task->future.code == -ECANCELED ? code : 0;
}

/* A caller on the lane's own core keeps the lane from running for as long as it looks for the answer. */
static void give_way(int lane_pu, const ql_task *task)
{
    if (lane_pu >= 0 && sched_getcpu() == lane_pu && !ql_future_settled(&task->future))
        sched_yield();
}

int ql_lane_call(ql_lane *lane, ql_task *task)
{
    if (!lane || !task)
        return -EINVAL;
    if (on_lane(lane))
        return call_inline(lane, task);
    if (qli_lane_is_callers(lane) && lane->state == QLI_LANE_SERVING)
        return call_between_polls(lane, task);
    /* Read now: once the task has settled, the lane may be gone. */
    int lane_pu = lane->slot ? lane->slot->pin_pu_os : -1;
    int code = ql_submit(&lane->executor, task);
    if (code)
        return code;
    give_way(lane_pu, task);
    code = ql_future_wait(&task->future);
    return code ? take_back(lane, task, code) : 0;
}

int ql_lane_engine(ql_lane *lane, void **engine)
{
    if (!lane || !engine)
        return -EINVAL;
    *engine = NULL;
    if (qli_is_orphan(lane->executor.runtime))
        return -ECHILD;
    if (!on_lane(lane) && !qli_lane_is_callers(lane)) {
        const qli_context *context = qli_context_current();
        return qli_misuse(
            lane->executor.runtime, -EPERM,
            "ql_lane_engine: expected the thread of lane '%s', found %s; hand the lane a task instead",
            lane->name, context ? ql_executor_name(context->executor) : "a thread of the host");
    }
    *engine = lane->engine_self;
    return 0;
}

void *ql_engine_here(const ql_engine_ops *ops)
{
    const qli_context *context = qli_context_current();
    if (!ops || !context || context->kind != QLI_LANE)
        return NULL;
    const ql_lane *lane = qli_lane_of(context->executor);
    return lane->engine_ops == ops ? lane->engine_self : NULL;
}

/* ---- Counters -------------------------------------------------------------------------------------------------- */

void qli_lane_count_ends(const ql_lane *lane, uint64_t ends[QLI_ENDS])
{
    /* ORDER lane:ends (acquire): with quiet:count, that those which the lane has popped were accepted. Relaxed elsewhere: who counts
     * there has had the inbox's lock. */
    for (int end = 0; end < QLI_ENDS; end++)
        ends[end] = qli_load(&lane->ends[end], __ATOMIC_ACQUIRE) +
                    qli_load(&lane->ends_elsewhere[end], __ATOMIC_RELAXED);
}

void ql_lane_stats_get(ql_lane *lane, ql_lane_stats *stats)
{
    ql_lane_stats sum = {.size = sizeof(sum)};
    uint64_t ends[QLI_ENDS];
    if (!lane || !stats || qli_is_orphan(lane->executor.runtime))
        return;
    if (!stats->size || stats->size > sizeof(sum)) {
        qli_misuse(lane->executor.runtime, 0,
                   "ql_lane_stats_get: expected stats->size to be sizeof(ql_lane_stats), %zu; it is %zu",
                   sizeof(sum), stats->size);
        return;
    }
    qli_lane_count_ends(lane, ends);
    for (int end = 0; end < QLI_ENDS; end++)
        sum.settled += ends[end];
    sum.done = ends[QLI_END_DONE];
    sum.failed = ends[QLI_END_FAILED];
    sum.cancelled = ends[QLI_END_CANCELLED];
    sum.expired = ends[QLI_END_EXPIRED];
    sum.shut = ends[QLI_END_SHUT];
    sum.wakes = qli_load(&lane->context.wakes, __ATOMIC_RELAXED);
    sum.spins = qli_load(&lane->context.spins, __ATOMIC_RELAXED);
    /* Read after what settled, so that the difference is never negative. */
    uint64_t accepted =
        qli_inbox_accepted(&lane->inbox) + qli_load(&lane->context.accepted, __ATOMIC_RELAXED);
    bool runs = qli_load(&lane->context.task_name, __ATOMIC_RELAXED);
    sum.queued = accepted - sum.settled;
    if (runs && sum.queued)
        sum.queued--;
    sum.batches = qli_load(&lane->batches, __ATOMIC_RELAXED);
    sum.parks = qli_load(&lane->context.parks, __ATOMIC_RELAXED);
    int64_t now_ns = ql_now_ns(), opened_ns = qli_load(&lane->opened_ns, __ATOMIC_RELAXED);
    int64_t busy_since_ns = qli_load(&lane->busy_since_ns, __ATOMIC_RELAXED);
    sum.busy_ns = qli_load(&lane->busy_ns, __ATOMIC_RELAXED) + (busy_since_ns ? now_ns - busy_since_ns : 0);
    sum.open_ns = opened_ns ? now_ns - opened_ns : 0;
    size_t size = stats->size;
    memcpy(stats, &sum, size);
    stats->size = size;
}

const ql_slot *ql_lane_slot(const ql_lane *lane, ql_bound *bound)
{
    if (!lane || !ql_future_settled(&lane->opened.future))
        return NULL;
    if (bound)
        *bound = lane->bound_first;
    return lane->slot;
}
