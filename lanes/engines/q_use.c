/* q's own API for tasks on the lane. */
#include <errno.h>
#include <string.h>

#include "affinity/error.h"
#include "core/runtime.h"
#include "lanes/engines/q.h"

static bool may_use(const ql_q *q)
{
    return q && q == qli_q_here() && q->call && !q->forked;
}

int ql_q_result(ql_q *q, struct k0 *object)
{
    ql_error error;
    ql_q_value *value;
    if (!may_use(q))
        return q && q->forked ? -ECHILD : -EPERM;
    int code = qli_q_read(&q->reader, object, &value, &error);
    if (code)
        return qli_q_fail(q->call, code, error.text);
    ql_q_free(q->use_result);
    q->use_result = value;
    return 0;
}

int ql_q_failed(ql_q *q, struct k0 *object)
{
    ql_error error;
    if (!may_use(q))
        return q && q->forked ? -ECHILD : -EPERM;
    int code = qli_q_check(q, object, &error);
    if (code)
        qli_q_door_taken(q, object); /* it is freed */
    return code ? qli_q_fail(q->call, code, error.text) : 0;
}

/* ---- A task ------------------------------------------------------------------------------------------------------- */

/* Nothing of q's may leave with the task, neither by its future nor, as a debug build sees, in a pocket. */
static int check_left(const ql_q *at, ql_q_call *call, long long held)
{
    ql_error error;
    int code = 0;
    if (call->result)
        code = qli_error_set(&error, -EINVAL,
                             "ql_q_use: a value was put in the future, and only ql_q_result() gives one");
    if (held)
        code =
            qli_error_set(&error, -EINVAL,
                          "ql_q_use: expected all of q's objects to be given back, found %lld in hand", held);
    call->result = at->use_result;
    if (!code)
        return 0;
    qli_q_fail(call, code, error.text);
    return qli_misuse(qli_context_current()->runtime, code, "%s", call->task.future.text);
}

static int run_use(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    if (!at)
        return -EPERM;
    if (!call->qli_fn)
        return qli_q_fail(call, -EINVAL, "no function");
    ql_q_value *outer_result = at->use_result;
    long long outer_held = qli_q_door_open(at);
    at->use_result = NULL;
    int code = ((ql_q_use_fn *)call->qli_fn)(at, &at->door, call->qli_context);
    if (code && !task->future.text)
        qli_q_fail(call, code, strerrordesc_np(-code) ? strerrordesc_np(-code) : "failed");
    int misused = check_left(at, call, qli_q_door_close(at, outer_held));
    at->use_result = outer_result;
    code = misused ? misused : code;
    if (code) {
        ql_q_free(call->result);
        call->result = NULL;
    }
    return code;
}

void ql_q_use_init(ql_q_call *call, ql_q_use_fn *use, void *arg)
{
    qli_q_call_init(call, run_use, NULL);
    call->qli_fn = (void (*)(void))use;
    call->qli_context = arg;
}
