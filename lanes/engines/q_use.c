/* q's own API for tasks on the lane. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/error.h"
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
    ql_q_free(q->call->result);
    q->call->result = value;
    return 0;
}

int ql_q_failed(ql_q *q, struct k0 *object)
{
    ql_error error;
    if (!may_use(q))
        return q && q->forked ? -ECHILD : -EPERM;
    int code = qli_q_check(q, object, &error);
    return code ? qli_q_fail(q->call, code, error.text) : 0;
}

/* ---- The table: good while a ql_q_use runs, and no longer ------------------------------------------------------------ */

static void gone(void)
{
    static const char text[] = "qlane: q's own API was used outside of its ql_q_use: the process ends\n";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0)
        abort();
    abort();
}

static void open_door(ql_q *at)
{
    at->door_depth++;
    at->door = at->api;
}

static void close_door(ql_q *at)
{
    void (*closed)(void) = gone;
    at->door_depth--;
    for (size_t i = 0; !at->door_depth && i < sizeof(at->door) / sizeof(closed); i++)
        memcpy((char *)&at->door + i * sizeof(closed), &closed, sizeof(closed));
}

static int run_use(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    if (!at)
        return -EPERM;
    if (!call->qli_fn)
        return qli_q_fail(call, -EINVAL, "no function");
    open_door(at);
    int code = ((ql_q_use_fn *)call->qli_fn)(at, &at->door, call->qli_context);
    close_door(at);
    if (code && !task->future.text)
        qli_q_fail(call, code, strerrordesc_np(-code) ? strerrordesc_np(-code) : "failed");
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
