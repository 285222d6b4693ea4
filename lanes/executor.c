/* A lane as an executor of the runtime, and its end. */
#include <errno.h>
#include <string.h>

#include "affinity/error.h"
#include "core/atfork.h"
#include "lanes/lane.h"

/* Full: make room by dropping one, if that is what the lane does. */
static bool drop_oldest(ql_lane *lane, ql_task *newcomer)
{
    ql_task *oldest =
        lane->full == QL_FULL_DROPS_OLDEST ? qli_inbox_drop(&lane->inbox, newcomer->klass, NULL) : NULL;
    if (!oldest)
        return false;
    qli_lane_settle(lane, oldest, -ENOBUFS, "dropped, the lane was full", NULL);
    return true;
}

static int push(ql_lane *lane, ql_task *task, const qli_context *context, bool reserved)
{
    bool outside = qli_is_outside(lane->executor.runtime, task, context);
    int code = qli_inbox_push(&lane->inbox, task, outside, reserved);
    if (code == -EAGAIN && drop_oldest(lane, task))
        code = qli_inbox_push(&lane->inbox, task, outside, true); /* in the dropped one's place */
    if (code > 0)
        qli_lane_wake(lane);
    return code > 0 ? 0 : code;
}

/* Who is late for a stop has done nothing wrong. */
static bool stops(const ql_executor *executor)
{
    return qli_load(&executor->runtime->stopping, __ATOMIC_RELAXED);
}

static int lane_submit(ql_executor *executor, ql_task *task, qli_context *context, bool reserved)
{
    ql_lane *lane = qli_lane_of(executor);
    if (context == &lane->context && lane->inline_task == task) {
        qli_count(&context->accepted);
        return 0;
    }
    int code = push(lane, task, context, reserved);
    if (code == -ESHUTDOWN && !stops(executor))
        qli_misuse(executor->runtime, code, "ql_submit: lane '%s' is closed, task '%s' was refused",
                   lane->name, qli_task_name(task));
    return code;
}

static int lane_submit_many(ql_executor *executor, ql_task *newest, ql_task *oldest, size_t n,
                            qli_context *context)
{
    ql_lane *lane = qli_lane_of(executor);
    bool outside = qli_is_outside(executor->runtime, newest, context);
    int code = qli_inbox_push_many(&lane->inbox, newest, oldest, n, outside, false);
    if (code > 0)
        qli_lane_wake(lane);
    if (code == -ESHUTDOWN && !stops(executor))
        qli_misuse(executor->runtime, code, "ql_submit_many: lane '%s' is closed", lane->name);
    return code > 0 ? 0 : code;
}

static int lane_reserve(ql_executor *executor)
{
    return qli_inbox_reserve(&qli_lane_of(executor)->inbox) ? 0 : -EAGAIN;
}

static void lane_unreserve(ql_executor *executor)
{
    ql_lane *lane = qli_lane_of(executor);
    qli_inbox_unreserve(&lane->inbox, 1);
    qli_lane_places(lane);
}

static void lane_shut(ql_executor *executor)
{
    (void)qli_inbox_shut(&qli_lane_of(executor)->inbox, QLI_INBOX_SHUT_OUTSIDE);
}

/* What queues settles, what runs is asked to end. */
static void lane_abandon(ql_executor *executor, int reason)
{
    ql_lane *lane = qli_lane_of(executor);
    qli_lane_refuse(lane);
    qli_store(&lane->context.abandon, (uint32_t)reason, __ATOMIC_RELAXED);
    qli_lane_settle_queued(lane, -reason, qli_reason_text(reason), NULL);
    /* FENCE lane:abandon, with lane:begin in begin(): "abandoned" is published before this looks for what runs. Model:
     * tests/models/stuck_model */
    qli_fence(__ATOMIC_SEQ_CST);
    qli_lane_interrupt(lane, NULL);
}

static void lane_tally(ql_executor *executor, ql_stats *sum)
{
    ql_lane *lane = qli_lane_of(executor);
    qli_context_tally(&lane->context, sum);
    sum->accepted += qli_inbox_accepted(&lane->inbox);
    sum->lost_bindings += qli_load(&lane->lost, __ATOMIC_RELAXED);
}

/* 0: its thread has ended; a caller's has only left the lane. */
static int join(ql_lane *lane, int64_t deadline_ns)
{
    if (lane->flags & QL_LANE_ON_CALLER)
        return qli_park(&lane->thread.ended, deadline_ns) ? 0 : -ETIMEDOUT;
    return qli_thread_join(&lane->thread, deadline_ns);
}

/* What its thread is in: a task, or a hook of its engine that takes as long; NULL: nothing that we know of. */
static const char *stuck_in(const ql_lane *lane)
{
    const char *task = qli_load(&lane->context.task_name, __ATOMIC_RELAXED);
    qli_lane_state state = qli_load(&lane->state, __ATOMIC_RELAXED);
    if (task)
        return task;
    return state == QLI_LANE_OPENING   ? "open of the engine"
           : state == QLI_LANE_CLOSING ? "close of the engine"
                                       : NULL;
}

static int lane_end(ql_executor *executor, int64_t deadline_ns, const char **stuck)
{
    ql_lane *lane = qli_lane_of(executor);
    if (qli_load(&lane->joined, __ATOMIC_RELAXED))
        return 0;
    qli_lane_refuse(lane);
    if (!join(lane, deadline_ns))
        return 0;
    if (!*stuck)
        *stuck = stuck_in(lane);
    if (!(lane->flags & QL_LANE_ON_CALLER))
        pthread_detach(lane->thread.handle);
    else if (!*stuck)
        *stuck = "whoever polls the lane";
    return -ETIMEDOUT;
}

static void lane_destroy(ql_executor *executor)
{
    qli_lane_delete(qli_lane_of(executor));
}

static void lane_dump(ql_executor *executor, FILE *out)
{
    static const char *const states[] = {"new", "opening", "serving", "failed", "closing", "closed"};
    ql_lane *lane = qli_lane_of(executor);
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_lane_stats_get(lane, &stats);
    fprintf(out, "lane '%s': %s, %llu tasks wait%s%s\n", lane->name,
            states[qli_load(&lane->state, __ATOMIC_RELAXED)], (unsigned long long)stats.queued,
            qli_load(&lane->places.first, __ATOMIC_RELAXED) ? ", and submitters for a place" : "",
            qli_inbox_is_closed(&lane->inbox) ? ", closed" : "");
    qli_context_dump(&lane->context, lane->thread.name, out);
}

static void lane_look(ql_executor *executor, qli_look_fn *each, void *arg)
{
    ql_lane *lane = qli_lane_of(executor);
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_lane_stats_get(lane, &stats);
    qli_look look = {.context = &lane->context,
                     .thread = lane->thread.name,
                     .name = lane->name,
                     .idle = !qli_load(&lane->busy_since_ns, __ATOMIC_RELAXED),
                     .holds = true,
                     .queued = stats.queued,
                     .busy_ns = stats.busy_ns,
                     .batches = stats.batches};
    qli_lane_count_ends(lane, look.ends);
    each(&look, arg);
}

static void lane_fork_child(ql_executor *executor)
{
    ql_lane *lane = qli_lane_of(executor);
    (void)qli_inbox_shut(&lane->inbox, QLI_INBOX_CLOSED);
    qli_events_forget(&lane->events);
    if (lane->engine.fork_child)
        lane->engine.fork_child(lane->engine_self);
}

const qli_executor_ops qli_lane_ops = {
    .submit = lane_submit,
    .submit_many = lane_submit_many,
    .reserve = lane_reserve,
    .unreserve = lane_unreserve,
    .cancel = qli_lane_cancel,
    .shut = lane_shut,
    .abandon = lane_abandon,
    .tally = lane_tally,
    .end = lane_end,
    .destroy = lane_destroy,
    .dump = lane_dump,
    .look = lane_look,
    .fork_child = lane_fork_child,
};

/* ---- Close and free -------------------------------------------------------------------------------------------- */

static int check_close(ql_lane *lane, const ql_stop *patience, const ql_lane_report *report, ql_error *error)
{
    if (!lane)
        return qli_error_set(error, -EINVAL, "ql_lane_close: the lane is NULL");
    if (patience && patience->size != sizeof(*patience))
        return qli_error_size(error, "ql_lane_close: patience.size", patience->size, "ql_stop",
                              sizeof(*patience));
    if (report && report->size != sizeof(*report))
        return qli_error_size(error, "ql_lane_close: report.size", report->size, "ql_lane_report",
                              sizeof(*report));
    if (qli_is_orphan(lane->executor.runtime))
        return qli_error_set(error, -ECHILD, "ql_lane_close: lane '%s' is the parent process's", lane->name);
    if (qli_context_current() == &lane->context)
        return qli_error_set(error,
                             qli_misuse(lane->executor.runtime, -EDEADLK,
                                        "ql_lane_close: expected another thread than that of lane '%s'",
                                        lane->name),
                             "ql_lane_close: task '%s' of lane '%s' would wait for itself",
                             lane->context.task_name, lane->name);
    if (qli_load(&lane->joined, __ATOMIC_RELAXED))
        return qli_error_set(error, -EALREADY, "ql_lane_close: lane '%s' is closed", lane->name);
    uint32_t no = 0;
    if (!qli_cas(&lane->closing, &no, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return qli_error_set(error, -EBUSY, "ql_lane_close: lane '%s' is being closed by another thread",
                             lane->name);
    return 0;
}

/* 0 once its thread has nothing more to do. */
static int wait_for_end(ql_lane *lane, const ql_stop *patience)
{
    int64_t drain_until_ns = patience && patience->drain_until_ns ? patience->drain_until_ns : QL_FOREVER;
    int64_t give_up_ns = patience && patience->give_up_ns ? patience->give_up_ns : QL_FOREVER;
    if (drain_until_ns > give_up_ns)
        drain_until_ns = give_up_ns;
    bool here = qli_lane_is_callers(lane) && lane->state != QLI_LANE_CLOSED;
    int code = here ? qli_lane_live_until(lane, drain_until_ns, false)
                    : ql_future_wait_until(&lane->ended.future, drain_until_ns);
    if (code != -ETIMEDOUT)
        return code;
    lane_abandon(&lane->executor, ESHUTDOWN);
    if (here)
        return qli_lane_live_until(lane, QL_FOREVER, false);
    return ql_future_wait_until(&lane->ended.future, give_up_ns);
}

static int close_failed(ql_lane *lane, int code, ql_error *error)
{
    const char *task = stuck_in(lane);
    if (code == -ETIMEDOUT && !task && lane->flags & QL_LANE_ON_CALLER)
        return qli_error_set(error, code,
                             "ql_lane_close: the thread that opened lane '%s' has not come back to poll it",
                             lane->name);
    if (code == -ETIMEDOUT && !task)
        return qli_error_set(error, code, "ql_lane_close: give_up_ns had passed before lane '%s' had ended",
                             lane->name);
    if (code == -ETIMEDOUT)
        return qli_error_set(error, code,
                             "ql_lane_close: lane '%s' is still in task '%s', which has not returned",
                             lane->name, task);
    return qli_error_set(error, code, "ql_lane_close: waiting for lane '%s' was refused: %s", lane->name,
                         strerrordesc_np(-code));
}

static void subtract(ql_lane_report *report, const uint64_t after[QLI_ENDS], const uint64_t before[QLI_ENDS])
{
    report->done = after[QLI_END_DONE] - before[QLI_END_DONE];
    report->failed = after[QLI_END_FAILED] - before[QLI_END_FAILED];
    report->cancelled = after[QLI_END_CANCELLED] - before[QLI_END_CANCELLED];
    report->expired = after[QLI_END_EXPIRED] - before[QLI_END_EXPIRED];
    report->shut = after[QLI_END_SHUT] - before[QLI_END_SHUT];
}

int ql_lane_close(ql_lane *lane, const ql_stop *patience, ql_lane_report *report, ql_error *error)
{
    uint64_t before[QLI_ENDS], after[QLI_ENDS];
    int code = check_close(lane, patience, report, error);
    if (code)
        return code;
    qli_lane_count_ends(lane, before);
    qli_lane_refuse(lane); /* with nothing left to do its thread ends */
    code = wait_for_end(lane, patience);
    qli_lane_count_ends(lane, after);
    if (report)
        subtract(report, after, before);
    if (code) {
        qli_store(&lane->closing, 0, __ATOMIC_RELAXED);
        return close_failed(lane, code, error);
    }
    join(lane, QL_FOREVER);
    if (lane->slot)
        qli_runtime_release_slot(lane->executor.runtime, lane->slot_index);
    qli_store(&lane->joined, true, __ATOMIC_RELAXED);
    return 0;
}

int ql_lane_free(ql_lane *lane)
{
    if (!lane)
        return 0;
    if (qli_is_orphan(lane->executor.runtime))
        return -ECHILD;
    if (!qli_load(&lane->joined, __ATOMIC_RELAXED))
        return qli_misuse(lane->executor.runtime, -EBUSY, "ql_lane_free: expected a closed lane, '%s' is not",
                          lane->name);
    if (qli_runtime_leave(lane->executor.runtime, &lane->executor))
        qli_lane_delete(lane);
    return 0;
}
