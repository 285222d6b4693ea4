#include "core/timer.h"

#include <errno.h>
#include <stdlib.h>

#include "core/executor.h"
#include "qlane/affinity.h"
#include "tests/support/harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TASKS = 10000 };
#else
enum { TASKS = 100000 };
#endif

static qli_timers timers;
static qlt_gate gate;
static ql_task first, tasks[TASKS];
static unsigned fired;
static int64_t latest_ns;

/* Holds the timers' thread with the first deadline, so that all others are armed before it looks at them. */
static int cancel(ql_executor *executor, ql_task *task, int reason)
{
    (void)executor;
    qlt_eq_int(reason, ETIMEDOUT);
    if (task == &first) {
        qlt_gate_open(&gate, 1);
        qlt_gate_wait(&gate, 2);
        return 0;
    }
    qlt_check(task->deadline_ns >= latest_ns);
    qlt_check(!task->arg); /* not one that was disarmed, nor one that has fired */
    latest_ns = task->deadline_ns;
    task->arg = task;
    fired++;
    return 0;
}

static const qli_executor_ops ops = {.cancel = cancel};
static ql_executor executor = {.ops = &ops};

static int end(ql_executor *of, ql_task *task, int reason)
{
    (void)of, (void)task, (void)reason;
    qlt_gate_open(&gate, 3);
    return 0;
}

/* Any order of arming, any order of leaving; the rest fires once, the earliest first. */
QLT(timers, fire_in_order_whatever_else_has_left)
{
    static const qli_executor_ops end_ops = {.cancel = end};
    static ql_executor at_end = {.ops = &end_ops};
    ql_error error;
    ql_plan *plan;
    uint64_t stream = qlt_seed();
    unsigned left = 0;
    if (ql_plan_create(NULL, &plan, &error))
        qlt_fail("%s", error.text);
    qlt_eq_int(qli_timers_start(&timers, plan, NULL), 0);
    first = (ql_task){.on = &executor, .deadline_ns = 1};
    qli_timers_arm(&timers, &first);
    qlt_gate_wait(&gate, 1);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = (ql_task){.on = &executor, .deadline_ns = 2 + (int64_t)(qlt_random(&stream) % 1000000)};
        qli_timers_arm(&timers, &tasks[i]);
        /* Now and then one of those that are armed leaves. */
        ql_task *leaves = &tasks[qlt_random(&stream) % (unsigned)(i + 1)];
        if (qlt_random(&stream) % 3 == 0 && !leaves->arg) {
            qli_timers_disarm(&timers, leaves);
            leaves->arg = leaves;
            left++;
        }
    }
    ql_task last = {.on = &at_end, .deadline_ns = 2000000};
    qli_timers_arm(&timers, &last);
    qlt_gate_open(&gate, 2);
    qlt_gate_wait(&gate, 3);
    qli_timers_disarm(&timers, &last); /* waits for the one that fires just now */
    qli_timers_end(&timers);
    qlt_eq_uint(fired + left, TASKS);
    ql_plan_destroy(plan);
}

static int not_there_yet(ql_executor *of, ql_task *task, int reason)
{
    (void)of, (void)task, (void)reason;
    qlt_gate_open(&gate, 4);
    return -EAGAIN;
}

/* As a submit does that has armed a deadline which is over, and is then refused. */
QLT(timers, let_go_of_a_task_that_never_came)
{
    static const qli_executor_ops refusing = {.cancel = not_there_yet};
    static ql_executor closed = {.ops = &refusing};
    static ql_task refused;
    ql_error error;
    ql_plan *plan;
    if (ql_plan_create(NULL, &plan, &error))
        qlt_fail("%s", error.text);
    qlt_eq_int(qli_timers_start(&timers, plan, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        gate = (qlt_gate)QLT_GATE_INIT;
        refused = (ql_task){.on = &closed, .deadline_ns = 1};
        qli_timers_arm(&timers, &refused);
        qlt_gate_wait(&gate, 4);
        qli_timers_disarm(&timers, &refused);
        qlt_check(!timers.root && !timers.firing);
    }
    qli_timers_end(&timers);
    ql_plan_destroy(plan);
}
