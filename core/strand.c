/* A strand is an inbox and one task of the pool, its runner, which is submitted while there is anything in the inbox.
 *
 *   ASLEEP --push, the pusher submits the runner--> AWAKE --runner settles, inbox empty--> ASLEEP
 *                                                   AWAKE --runner settles, more work--> AWAKE, submitted again
 *
 * "Asleep" is a state of the word that a push changes (inbox.h), so exactly one pusher submits the runner. The strand's tasks
 * need no counting of their own for a stop: while there are any, the runner is not settled. */
#include "qlane/strand.h"

#include <errno.h>
#include <stdlib.h>

#include "core/atfork.h"
#include "core/future.h"
#include "core/runtime.h"

enum { IN_A_ROW = 32 };

struct ql_strand {
    ql_executor executor; /* first */
    qli_inbox inbox;
    qli_hooked runner;
    ql_task last;  /* pushed by release */
    bool released; /* the runner's: `last` has been there, nobody pushes any more */
};

static ql_strand *strand_of(ql_executor *executor)
{
    return (ql_strand *)(void *)executor;
}

static int run_some(ql_task *task)
{
    ql_strand *strand = task->arg;
    qli_context *context = qli_context_current();
    ql_task *next;
    /* Once a stop has lost patience what queues does not begin: the runner is refused, and settles it. */
    for (int i = 0; i < IN_A_ROW && !qli_inbox_is_closed(&strand->executor.runtime->pool->door) &&
                    qli_inbox_take(&strand->inbox, &next, 1);
         i++) {
        qli_count(&context->accepted);
        qli_count(&context->begun); /* for the watchdog: it is not the one before */
        qli_run_task(context, next);
    }
    return 0;
}

/* Settle one that the runner will not run; counted here, because the inbox of a strand counts for nobody. */
static void settle_queued(ql_strand *strand, ql_task *task, int reason)
{
    qli_context *context = qli_context_current();
    if (context && context->runtime == strand->executor.runtime)
        qli_count(&context->accepted);
    else
        /* relaxed: quiet:settled comes behind it. */
        qli_fetch_add(&strand->executor.runtime->accepted_outside, 1, __ATOMIC_RELAXED);
    qli_settle(context, task, -reason, qli_reason_text(reason));
}

static int submit_runner(ql_strand *strand, bool follows)
{
    return qli_hooked_submit(&strand->executor.runtime->pool->executor, &strand->runner, follows);
}

/* With the lock of those who follow waits: they look at the executor of a task that has not settled. */
static void free_strand(ql_strand *strand)
{
    qli_waits *waits = &strand->executor.runtime->waits;
    pthread_mutex_lock(&waits->lock);
    pthread_mutex_unlock(&waits->lock);
    qli_inbox_fini(&strand->inbox);
    free(strand);
}

/* The pool takes no more: settle what was pushed since somebody found the strand asleep. Asleep again it is whoever's who pushes
 * next, and that one's to free. */
static void refuse_rest(ql_strand *strand)
{
    ql_task *task;
    bool released = false;
    do {
        while (qli_inbox_take(&strand->inbox, &task, 1)) {
            released |= task == &strand->last;
            settle_queued(strand, task, ESHUTDOWN);
        }
    } while (!released && !qli_inbox_sleep(&strand->inbox));
    if (released)
        free_strand(strand);
}

static void runner_settled(qli_hooked *runner)
{
    ql_strand *strand = runner->task.arg;
    if (strand->released)
        free_strand(strand);
    else if (runner->task.future.code || (!qli_inbox_sleep(&strand->inbox) && submit_runner(strand, false)))
        refuse_rest(strand);
}

/* A thread of the host is about to push. False: a stop refuses it. Else the stop waits until it has left, so that the runner, if it
 * is this one's to submit, is still let in: what was accepted runs. */
static bool enter(ql_runtime *runtime)
{
    qli_fetch_add(&runtime->entering, 1, __ATOMIC_RELAXED);
    /* FENCE strand:enter, with quiet:B in wait_for_quiet(): either the stop sees who enters, or this sees the door shut. Model:
     * tests/models/late_strand_model */
    qli_fence(__ATOMIC_SEQ_CST);
    return !qli_inbox_refuses(&runtime->pool->door, true);
}

static void leave(ql_runtime *runtime)
{
    /* ORDER strand:leave (release): the runner that was accepted, for quiet:entering.
     * order kept: the stop reads the door's count under a lock that the runner's worker has held, but need not have */
    qli_fetch_sub(&runtime->entering, 1, __ATOMIC_RELEASE);
    qli_runtime_idle(runtime);
}

static int push(ql_strand *strand, ql_task *newest, ql_task *oldest, size_t n, bool follows)
{
    int code = qli_inbox_push_many(&strand->inbox, newest, oldest, n, false, false);
    /* A stop that has lost patience closes the door to all: then the tasks are accepted, and settled so. */
    if (code == 1 && submit_runner(strand, follows))
        refuse_rest(strand);
    return code < 0 ? code : 0;
}

static int strand_submit_many(ql_executor *executor, ql_task *newest, ql_task *oldest, size_t n,
                              qli_context *context)
{
    ql_strand *strand = strand_of(executor);
    ql_runtime *runtime = executor->runtime;
    bool follows = newest->qli_place & QLI_FOLLOWS;
    /* The last one goes behind what queues, also while a stop refuses others: only then may the memory go. */
    if (newest == &strand->last)
        return push(strand, newest, oldest, n, false);
    if (!qli_is_outside(runtime, newest, context))
        return qli_inbox_refuses(&runtime->pool->door, false) ? -ESHUTDOWN
                                                              : push(strand, newest, oldest, n, follows);
    int code = enter(runtime) ? push(strand, newest, oldest, n, true) : -ESHUTDOWN;
    leave(runtime);
    return code;
}

static int strand_submit(ql_executor *executor, ql_task *task, qli_context *context, bool reserved)
{
    (void)reserved; /* no bound */
    return strand_submit_many(executor, task, task, 1, context);
}

static int strand_cancel(ql_executor *executor, ql_task *task, int reason)
{
    ql_strand *strand = strand_of(executor);
    if (!qli_task_ask(task, reason))
        return -EINPROGRESS;
    if (qli_inbox_remove(&strand->inbox, task))
        settle_queued(strand, task, reason);
    else if (reason == ETIMEDOUT && !qli_inbox_was_taken(&strand->inbox, task))
        return -EAGAIN;
    return 0;
}

/* The rest is done by the pool, for the runner. */
static const qli_executor_ops strand_ops = {
    .submit = strand_submit,
    .submit_many = strand_submit_many,
    .cancel = strand_cancel,
};

static int end(ql_task *task)
{
    ((ql_strand *)task->arg)->released = true;
    return 0;
}

int ql_strand_create(ql_runtime *runtime, ql_strand **out)
{
    if (!runtime || !out)
        return -EINVAL;
    if (qli_is_orphan(runtime))
        return -ECHILD;
    ql_strand *strand = *out = aligned_alloc(QLI_CACHE_LINE, sizeof(*strand));
    if (!strand)
        return -ENOMEM;
    *strand = (ql_strand){.executor = {
                              .ops = &strand_ops,
                              .runtime = runtime,
                              .name = "strand",
                              .runner = &strand->runner.task,
                          }};
    qli_inbox_init(&strand->inbox, 0);
    (void)qli_inbox_sleep(&strand->inbox);
    ql_task_init(&strand->runner.task, run_some, strand);
    strand->runner.task.name = "strand";
    strand->runner.settled = runner_settled;
    ql_task_init(&strand->last, end, strand);
    return 0;
}

ql_executor *ql_strand_executor(ql_strand *strand)
{
    return strand ? &strand->executor : NULL;
}

void ql_strand_release(ql_strand *strand)
{
    if (strand && ql_submit(&strand->executor, &strand->last))
        return; /* in a child of fork(), where nothing is freed */
}
