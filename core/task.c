#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/atfork.h"
#include "core/future.h"
#include "core/runtime.h"

_Static_assert(sizeof(ql_task) == 128, "ql_task is part of the ABI");
_Static_assert(offsetof(ql_task, name) == 64, "what every task needs lies in one line of an aligned array");

/* future.qli_cancel: the reason in the low bits, whether the task has begun, and the number of its worker. */
enum { REASON = 0xffff, BEGUN = 0x10000 };

/* qli_place, above inbox.h's places: what of the second line is in use, so that the others need not look. */
enum { SCOPED = 8, TIMED = 16 };

void ql_task_init(ql_task *task, ql_task_fn *fn, void *arg)
{
    if (!task)
        return;
    *task = (ql_task){.fn = fn, .arg = arg};
}

/* From here on the task is the runtime's. One that was here before has its runtime already: a line that is not written need not
 * come back from the core that ran it. */
QLI_INLINE void take_over(ql_executor *on, ql_task *task, uintptr_t pending, uint8_t follows)
{
    ql_runtime *runtime = on->runtime;
    task->on = on;
    if (task->qli_runtime != runtime)
        task->qli_runtime = runtime;
    task->qli_spin_us = runtime->caller_spin_us;
    task->future = (ql_future){.qli_word = pending};
    task->qli_place = (uint8_t)(QLI_PLACE_FRONT | (task->name ? QLI_NAMED : 0) | (task->scope ? SCOPED : 0) |
                                (task->deadline_ns ? TIMED : 0) | follows);
}

static bool is_free(const ql_task *task, const char *function)
{
    uintptr_t word = qli_load(&task->future.qli_word, __ATOMIC_RELAXED);
    if (word == QLI_FRESH || word == QLI_SETTLED)
        return true;
    qli_misuse(task->qli_runtime, 0, "%s: expected a task that is not submitted, '%s' is", function,
               qli_task_name(task));
    return false;
}

QLI_INLINE int push(ql_task *task, bool reserved, qli_context *context)
{
    ql_executor *on = task->on;
    bool timed = task->deadline_ns != 0;
    if (timed)
        qli_timers_arm(&on->runtime->timers, task);
    int code = on->ops->submit(on, task, context, reserved);
    if (code && timed)
        qli_timers_disarm(&on->runtime->timers, task);
    return code;
}

QLI_INLINE int enqueue(ql_task *task, bool reserved)
{
    qli_context *context = qli_context_current();
    qli_ring *ring = qli_ring_of(task->on->runtime, context);
    QLI_PROBE(submit, task, task->on->name);
    if (qli_sampled_next())
        qli_sample(task);
    if (__builtin_expect(!ring, 1))
        return push(task, reserved, context);
    /* Once it is pushed it may be gone. */
    const char *name = qli_task_name(task);
    int64_t at_ns = ql_now_ns();
    int code = push(task, reserved, context);
    if (!code)
        qli_ring_add(ring, QLI_EVENT_SUBMIT, at_ns, task, name, 0);
    return code;
}

QLI_INLINE int hand_over(ql_executor *on, ql_task *task, uintptr_t pending, uint8_t follows, bool reserved,
                         const char *function)
{
    if (qli_is_orphan(on->runtime))
        return -ECHILD;
    if (!is_free(task, function)) {
        if (reserved && on->ops->unreserve)
            on->ops->unreserve(on);
        return -EBUSY;
    }
    ql_future before = task->future;
    take_over(on, task, pending, follows);
    qli_wait_expected();
    int code = enqueue(task, reserved);
    if (code)
        task->future = before;
    return code;
}

int ql_submit(ql_executor *on, ql_task *task)
{
    /* It is about to be written: ask for it while the rest is looked at. */
    qli_prefetch_to_write(task);
    if (!on || !task || !task->fn || task->klass >= QL_CLASSES)
        return -EINVAL;
    return hand_over(on, task, QLI_PENDING, 0, false, "ql_submit");
}

int qli_submit_reserved(ql_executor *on, ql_task *task)
{
    return hand_over(on, task, QLI_PENDING, 0, true, "ql_submit");
}

/* Give all tasks back to their owner as if none had ever been submitted: the first `taken` are the runtime's, the others
 * may have settled before. */
static int give_back(ql_task *const *tasks, size_t taken, size_t count, bool timed, int code)
{
    for (size_t i = 0; i < count; i++) {
        ql_task *task = tasks[i];
        if (i < taken && timed && task->deadline_ns)
            qli_timers_disarm(&task->qli_runtime->timers, task);
        if (i < taken || (task && qli_future_is_settled(&task->future)))
            task->future = (ql_future){.qli_word = QLI_FRESH};
    }
    return code;
}

int ql_submit_many(ql_executor *on, ql_task *const *tasks, size_t count)
{
    if (!tasks && count)
        return -EINVAL;
    if (!on || !on->ops->submit_many)
        return give_back(tasks, 0, count, false, on ? -ENOTSUP : -EINVAL);
    if (qli_is_orphan(on->runtime))
        return give_back(tasks, 0, count, false, -ECHILD);
    for (size_t i = 0; i < count; i++) {
        ql_task *task = tasks[i];
        int code =
            !task || !task->fn || task->klass >= QL_CLASSES || task->klass != tasks[0]->klass ? -EINVAL : 0;
        if (!code && !is_free(task, "ql_submit_many"))
            code = -EBUSY;
        if (code)
            return give_back(tasks, i, count, false, code);
        /* Taken over at once, so that one that stands twice in the list is found. */
        take_over(on, task, QLI_PENDING, 0);
        task->future.qli_next = i ? tasks[i - 1] : NULL;
    }
    if (!count)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (qli_sampled_next())
            qli_sample(tasks[i]);
        if (tasks[i]->deadline_ns)
            qli_timers_arm(&on->runtime->timers, tasks[i]);
    }
    qli_ring *ring = qli_ring_of(on->runtime, qli_context_current());
    for (size_t i = 0; i < count; i++) {
        QLI_PROBE(submit, tasks[i], on->name);
        if (ring)
            qli_ring_add(ring, QLI_EVENT_SUBMIT, ql_now_ns(), tasks[i], qli_task_name(tasks[i]), 0);
    }
    int code = on->ops->submit_many(on, tasks[count - 1], tasks[0], count, qli_context_current());
    return code ? give_back(tasks, count, count, true, code) : 0;
}

static void spawned_settled(qli_hooked *spawned)
{
    if (spawned->task.future.code)
        qli_unobserved(spawned->task.qli_runtime, "spawned", &spawned->task);
    free(spawned);
}

int ql_spawn(ql_executor *on, ql_task_fn *fn, void *arg)
{
    if (!on || !fn)
        return -EINVAL;
    if (qli_is_orphan(on->runtime))
        return -ECHILD; /* where even malloc() may hang */
    qli_hooked *spawned = malloc(sizeof(*spawned));
    if (!spawned)
        return -ENOMEM;
    ql_task_init(&spawned->task, fn, arg);
    spawned->settled = spawned_settled;
    int code = qli_hooked_submit(on, spawned, false);
    if (code)
        free(spawned);
    return code;
}

int ql_future_then(ql_future *future, ql_task *next)
{
    if (!future || !next || future == &next->future || !next->fn || !next->on || next->klass >= QL_CLASSES)
        return -EINVAL;
    if (qli_is_orphan(next->on->runtime))
        return -ECHILD;
    if (!is_free(next, "ql_future_then"))
        return -EBUSY;
    ql_executor *on = next->on;
    ql_future before = next->future;
    int code = on->ops->reserve ? on->ops->reserve(on) : 0;
    if (code)
        return code;
    bool counts = ((const ql_task *)future)->qli_runtime == on->runtime;
    take_over(on, next, QLI_PENDING, counts ? QLI_FOLLOWS : 0);
    code = qli_future_register(future, next, QLI_NEXT);
    if (code > 0) {
        /* Nobody waits for the first any more. relaxed: as in qli_sample(). */
        qli_store(&next->qli_place, (uint8_t)(next->qli_place & ~QLI_FOLLOWS), __ATOMIC_RELAXED);
        code = enqueue(next, true);
    } else if (code < 0 && on->ops->unreserve) {
        on->ops->unreserve(on);
    }
    if (code)
        next->future = before;
    return code;
}

bool qli_task_follow(ql_task *next)
{
    int code = enqueue(next, true);
    if (!code)
        return true;
    /* Never accepted, so it is not counted as settled either. */
    next->future.code = code;
    next->future.value = (ql_value){0};
    next->future.text = "its executor closed before what it waited for settled";
    if (qli_load(&next->future.qli_word, __ATOMIC_RELAXED) == QLI_PENDING)
        qli_unobserved(next->qli_runtime, "dropped", next);
    return false;
}

void ql_scope_init(ql_scope *scope, ql_scope *parent)
{
    if (scope)
        *scope = (ql_scope){.qli_parent = parent};
}

void ql_scope_cancel(ql_scope *scope)
{
    if (scope)
        qli_store(&scope->qli_reason, (uint32_t)ECANCELED, __ATOMIC_RELAXED);
}

static uint32_t scope_reason(const ql_scope *scope)
{
    uint32_t reason = 0;
    for (; scope && !reason; scope = scope->qli_parent)
        reason = qli_load(&scope->qli_reason, __ATOMIC_RELAXED);
    return reason;
}

void ql_blocking_begin(void)
{
    qli_worker *worker = qli_worker_of(qli_context_current());
    if (worker && !worker->context.lent_for_blocking)
        worker->context.lent_for_blocking = !qli_seat_leave(worker, false);
}

void ql_blocking_end(void)
{
    qli_worker *worker = qli_worker_of(qli_context_current());
    if (worker && worker->context.lent_for_blocking) {
        worker->context.lent_for_blocking = false;
        qli_seat_return(worker);
    }
}

void qli_blocking_over(qli_context *context, const char *name)
{
    qli_misuse(context->runtime, 0, "ql_blocking_begin: '%s' returned without ql_blocking_end()", name);
    ql_blocking_end();
}

int qli_hooked_submit(ql_executor *on, qli_hooked *hooked, bool follows)
{
    return hand_over(on, &hooked->task, QLI_HOOKED, follows ? QLI_FOLLOWS : 0, false, "qli_hooked_submit");
}

/* What nobody may have told it yet: its scope, or the clock before the thread that looks after deadlines. */
static uint32_t untold_reason(const ql_task *task)
{
    uint32_t reason = task->qli_place & SCOPED ? scope_reason(task->scope) : 0;
    if (!reason && task->qli_place & TIMED && ql_now_ns() >= task->deadline_ns)
        reason = ETIMEDOUT;
    return reason;
}

const char *qli_reason_text(int reason)
{
    switch (reason) {
    case ECANCELED:
        return "cancelled before it ran";
    case ETIMEDOUT:
        return "its deadline came before it ran";
    default:
        return "not run: its runtime, lane or strand was closed first";
    }
}

QLI_INLINE bool begin(qli_context *context, ql_task *task, int *code)
{
    /* ORDER task:begin (release): who runs it, for waits:runner, and where, for task:ask. Of begin and ask exactly one is first.
     * order kept: a fence stands before each that publishes something (sleep:B, lane:begin), but not for this */
    uint32_t before =
        qli_fetch_or(&task->future.qli_cancel, BEGUN | context->number << QLI_RUNNER_SHIFT, __ATOMIC_RELEASE);
    uint32_t reason = before & REASON;
    if (!reason && task->qli_place & (SCOPED | TIMED))
        reason = untold_reason(task);
    *code = -(int)reason;
    if (reason)
        return false;
    if (__builtin_expect(task->qli_place & QLI_SAMPLED, 0))
        context->sampled_ns = qli_sample_begins(&context->times, task);
    return true;
}

bool qli_task_begin(qli_context *context, ql_task *task, int *code)
{
    return begin(context, task, code);
}

__attribute__((noinline)) static void settle_traced(qli_ring *ring, ql_task *task, int code)
{
    const char *name = qli_task_name(task);
    int64_t at_ns = ql_now_ns();
    qli_future_settle(&task->future);
    qli_ring_add(ring, QLI_EVENT_SETTLE, at_ns, task, name, code);
}

QLI_INLINE void settle(qli_context *context, ql_runtime *runtime, ql_task *task, int code, bool ours)
{
    if (task->qli_place & TIMED)
        qli_timers_disarm(&runtime->timers, task);
    task->future.code = code;
    if (code)
        qli_count_error(ours ? context->ends : runtime->ends_outside, ours, code);
    QLI_PROBE(settle, task, code);
    qli_ring *ring = ours ? context->ring : runtime->host_ring;
    if (__builtin_expect(!ring, 1))
        qli_future_settle(&task->future);
    else
        settle_traced(ring, task, code);
    /* Counted last: a continuation was counted as accepted before. */
    if (ours) {
        qli_count(&context->settled);
    } else {
        /* ORDER quiet:settled (release): what was accepted before, for quiet:outside. */
        qli_fetch_add(&runtime->settled_outside, 1, __ATOMIC_RELEASE);
        qli_runtime_idle(runtime);
    }
}

void qli_run_task(qli_context *context, ql_task *task)
{
    int code;
    if (begin(context, task, &code)) {
        qli_frame frame = qli_task_enter(context, task);
        code = task->fn(task);
        qli_task_leave(context, &frame);
        if (__builtin_expect(context->lent_for_blocking, 0))
            qli_blocking_over(context, qli_task_name(task));
    } else {
        task->future.text = qli_reason_text(-code);
    }
    settle(context, context->runtime, task, code, true);
}

bool qli_task_ask(ql_task *task, int reason)
{
    /* A deadline that does not cover running leaves alone what has begun. */
    uint32_t too_late = reason == ETIMEDOUT && !(task->flags & QL_DEADLINE_RUNS) ? REASON | BEGUN : REASON;
    uint32_t found = qli_load(&task->future.qli_cancel, __ATOMIC_RELAXED);
    while (!(found & too_late)) {
        /* ORDER task:ask (acquire): who is too late finds it running, as lane:run says, with task:begin. */
        if (qli_cas(&task->future.qli_cancel, &found, found | (uint32_t)reason, __ATOMIC_ACQUIRE,
                    __ATOMIC_RELAXED))
            break;
    }
    return !(found & BEGUN);
}

bool qli_task_has_begun(const ql_task *task)
{
    return qli_load(&task->future.qli_cancel, __ATOMIC_RELAXED) & BEGUN;
}

void qli_settle(qli_context *context, ql_task *task, int code, const char *text)
{
    if (text)
        task->future.text = text;
    ql_runtime *runtime = task->qli_runtime;
    settle(context, runtime, task, code, context && context->runtime == runtime);
}

int ql_task_cancel(ql_task *task)
{
    if (!task)
        return -EINVAL;
    /* ORDER future:late (acquire): as future:see, for whoever is told that it has settled. */
    uintptr_t word = qli_load(&task->future.qli_word, __ATOMIC_ACQUIRE);
    if (word == QLI_FRESH)
        return -EINVAL;
    if (word == QLI_SETTLED)
        return -EALREADY;
    if (qli_is_orphan(task->qli_runtime))
        return -ECHILD;
    return task->on->ops->cancel(task->on, task, ECANCELED);
}

int ql_task_cancelled(const ql_task *task)
{
    if (!task)
        return 0;
    uint32_t reason = qli_load(&task->future.qli_cancel, __ATOMIC_RELAXED) & REASON;
    if (!reason)
        reason = scope_reason(task->scope);
    const qli_context *context = qli_context_current();
    if (!reason && context)
        reason = qli_load(&context->abandon, __ATOMIC_RELAXED);
    return (int)reason;
}

int ql_task_return(ql_task *task, ql_value value)
{
    if (!task)
        return -EINVAL;
    task->future.value = value;
    return 0;
}

int ql_task_fail(ql_task *task, int code, const char *format, ...)
{
    if (!task)
        return code;
    task->future.text = format;
    if (task->text_buffer && task->text_size) {
        va_list args;
        va_start(args, format);
        vsnprintf(task->text_buffer, task->text_size, format, args);
        va_end(args);
        task->future.text = task->text_buffer;
    }
    return code;
}

ql_task *ql_task_current(void)
{
    const qli_context *context = qli_context_current();
    return context ? context->task : NULL;
}

const char *ql_executor_name(const ql_executor *executor)
{
    return executor ? executor->name : NULL;
}

ql_runtime *ql_executor_runtime(const ql_executor *executor)
{
    return executor ? executor->runtime : NULL;
}

bool ql_executor_is_current(const ql_executor *executor)
{
    const qli_context *context = qli_context_current();
    /* The task's own: a strand's tasks run on the pool. */
    return context && (context->executor == executor || (context->task && context->task->on == executor));
}
