/* One task on a lane: how it runs, how it settles, and how others end it.
 *
 *   queued --taken--> in a slot --the lane empties the slot--> begun --> ran --> held until its batch ends --> settled
 *      `----------------`--cancel takes it out--> settled
 *
 * Interrupting, where the engine can be: `running` names the outermost task that runs.
 *
 *   0 --begin--> TASK --end--> 0
 *                TASK --cancel--> INTERRUPTING --hook returned--> TASK
 *                                 INTERRUPTING --the lane wants to end--> AWAITED --hook returned--> 0, and the lane is woken
 *
 * While the hook runs the task cannot end and no other can begin, so the next task is never hit. */
#include <errno.h>
#include <stdio.h>

#include "lanes/lane.h"

void qli_lane_settle(ql_lane *lane, ql_task *task, int code, const char *text, const ql_error *error)
{
    qli_context *context = qli_context_current();
    qli_end end = qli_end_of(code);
    if (error && error->text[0] && task->text_buffer && task->text_size) {
        snprintf(task->text_buffer, task->text_size, "%s", error->text);
        text = task->text_buffer;
    }
    /* Counted first: whoever sees it settled sees it counted. */
    if (context == &lane->context)
        qli_count(&lane->ends[end]);
    else
        qli_fetch_add(&lane->ends_elsewhere[end], 1, __ATOMIC_RELAXED);
    if (task->on != &lane->executor)
        qli_client_settles(task->on);
    qli_settle(context, task, code, text);
}

void qli_lane_settle_own(ql_lane *lane, ql_task *task, int code)
{
    qli_count(&lane->ends[code ? qli_end_of(code) : QLI_END_DONE]);
    if (task->on != &lane->executor)
        qli_client_settles(task->on);
    qli_settle(&lane->context, task, code, NULL);
}

/* ---- Running --------------------------------------------------------------------------------------------------- */

/* It ends, once nobody interrupts it any more. */
static void end(ql_lane *lane, ql_task *task)
{
    uintptr_t word = (uintptr_t)task;
    /* ORDER lane:end (acquire: what the hook did, for the next task). */
    while (!qli_cas(&lane->running, &word, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (!qli_cas(&lane->running, &word, word | QLI_AWAITED, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            word = (uintptr_t)task;
            continue;
        }
        do /* once: a token left behind would be taken for a later one; with it the canceller's store is seen */
            qli_park(&lane->bed, QL_FOREVER);
        while (qli_load(&lane->running, __ATOMIC_RELAXED));
        return;
    }
}

/* The outermost task begins, unless it is to end. From the store on it may be interrupted, whether it is to end or not. */
static bool begin(ql_lane *lane, ql_task *task, int *code)
{
    /* ORDER lane:run (release: the engine, as the task before has left it, for lane:interrupt). It stands before the task is
     * seen to have begun (task:begin), so a canceller that is too late to stop the task finds it here. */
    qli_store(&lane->running, (uintptr_t)task, __ATOMIC_RELEASE);
    /* FENCE lane:begin, with lane:abandon in lane_abandon(): "it runs" is published before the lane looks whether it is
     * abandoned. Without the pair a task could run that nobody interrupts. Model: tests/models/stuck_model */
    qli_fence(__ATOMIC_SEQ_CST);
    *code = -(int)qli_load(&lane->context.abandon, __ATOMIC_RELAXED);
    if (!*code && qli_task_begin(&lane->context, task, code))
        return true;
    end(lane, task);
    return false;
}

static int call(ql_lane *lane, ql_task *task)
{
    qli_context *context = &lane->context;
    qli_frame frame = qli_task_enter(context, task);
    lane->depth++;
    int code = lane->engine.run ? lane->engine.run(lane->engine_self, task) : task->fn(task);
    lane->depth--;
    qli_task_leave(context, &frame);
    return code;
}

bool qli_lane_run_task(ql_lane *lane, ql_task *task, int *code)
{
    bool interruptible = lane->engine.interrupt && !lane->depth;
    *code = -(int)qli_load(&lane->context.abandon, __ATOMIC_RELAXED);
    if (*code || !(interruptible ? begin(lane, task, code) : qli_task_begin(&lane->context, task, code))) {
        task->future.text = qli_reason_text(-*code);
        return false;
    }
    *code = call(lane, task);
    if (interruptible)
        end(lane, task);
    return true;
}

/* ---- Ending it from elsewhere ---------------------------------------------------------------------------------- */

int qli_lane_interrupt(ql_lane *lane, const ql_task *task)
{
    if (!lane->engine.interrupt)
        return -ENOTSUP;
    uintptr_t word = task ? (uintptr_t)task : qli_load(&lane->running, __ATOMIC_RELAXED);
    /* ORDER lane:interrupt (acquire: the engine, see lane:run). Without success it runs another task, or is interrupted already. */
    if (!word || word & QLI_RUNNING_TAG ||
        !qli_cas(&lane->running, &word, word | QLI_INTERRUPTING, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return 0;
    int code = lane->engine.interrupt(lane->engine_self);
    uintptr_t found = word | QLI_INTERRUPTING;
    /* ORDER lane:cleared (release: what the hook did, see lane:end). */
    if (!qli_cas(&lane->running, &found, word, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
        /* AWAITED: the lane is past the task, and its only reader now. */
        qli_store(&lane->running, 0, __ATOMIC_RELAXED);
        qli_lane_wake(lane);
    }
    return code;
}

static bool out_of_inbox(ql_lane *lane, ql_task *task)
{
    if (!qli_inbox_remove(&lane->inbox, task))
        return false;
    qli_lane_places(lane);
    return true;
}

static bool out_of_slot(ql_lane *lane, ql_task *task)
{
    for (unsigned i = 0; i < QLI_LANE_TAKE; i++) {
        ql_task *found = task;
        /* relaxed: the slots were filled with the inbox's lock, which out_of_inbox() has held since. */
        if (qli_load(&lane->taken[i], __ATOMIC_RELAXED) == task &&
            qli_cas(&lane->taken[i], &found, NULL, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

int qli_lane_cancel(ql_executor *executor, ql_task *task, int reason)
{
    ql_lane *lane = qli_lane_of(executor);
    bool out = out_of_inbox(lane, task);
    if (!out && reason == ETIMEDOUT && !qli_inbox_was_taken(&lane->inbox, task) && !qli_task_has_begun(task))
        return -EAGAIN;
    if (out || out_of_slot(lane, task)) {
        qli_lane_settle(lane, task, -reason, qli_reason_text(reason), NULL);
        return 0;
    }
    if (reason == ETIMEDOUT && !(task->flags & QL_DEADLINE_RUNS))
        return -EINPROGRESS;
    /* In no slot, yet perhaps not begun: the lane has it in hand and is about to look whether it was asked to end. */
    if (qli_task_ask(task, reason))
        return 0;
    return qli_lane_interrupt(lane, task) ? -ENOTSUP : -EINPROGRESS;
}
