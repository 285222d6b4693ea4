/* Calls of q as tasks: evaluate, apply, upsert. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "lanes/engines/q.h"

/* Its result is what the caller finds in the line of memory that tells it that the call has settled. */
_Static_assert(offsetof(ql_q_call, result) == offsetof(ql_task, future.value),
               "the result is the future's value");

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

int qli_q_fail(ql_q_call *call, int code, const char *words)
{
    const char *name = call->task.name ? call->task.name : "task";
    if (!call->text)
        return ql_task_fail(&call->task, code, "%s (in task '%.64s')", words, name);
    size_t length = call->text_length ? call->text_length : strlen(call->text);
    return ql_task_fail(&call->task, code, "%s (in task '%.64s': %.*s%s)", words, name,
                        (int)(length < 120 ? length : 120), call->text, length < 120 ? "" : "...");
}

ql_q *qli_q_begin(ql_q_call *call)
{
    ql_q *at = qli_q_here();
    call->result = NULL;
    call->task.future.text = NULL;
    if (!at) {
        qli_q_fail(call, -EPERM, "this task must be submitted to a lane of q");
        return NULL;
    }
    at->call = call;
    qli_q_read_soon(&at->reader);
    return at;
}

int qli_q_check(ql_q *at, struct k0 *answer, ql_error *error)
{
    answer = at->api.ee(answer);
    if (!answer)
        return qli_error_set(error, -EPROTO, "q gave neither an answer nor an error");
    if (answer->t != QL_Q_ERROR)
        return 0;
    const char *words = answer->s ? answer->s : "";
    int code = qli_error_set(error, strcmp(words, "wsfull") == 0 ? -ENOMEM : -EPROTO, "'%s", words);
    at->api.r0(answer);
    return code;
}

int qli_q_evaluate(ql_q *at, const char *text, ql_error *error)
{
    struct k0 *answer = at->api.k(0, text, NULL);
    int code = qli_q_check(at, answer, error);
    if (!code)
        at->api.r0(answer);
    return code;
}

/* ---- Evaluating -------------------------------------------------------------------------------------------------- */

static int take_result(ql_q *at, ql_q_call *call, struct k0 *answer)
{
    ql_error error;
    int code = qli_q_read(&at->reader, answer, &call->result, &error);
    at->api.r0(answer);
    return code ? qli_q_fail(call, code, error.text) : 0;
}

/* What k() gave for `handle`. */
static int take_answer(ql_q *at, ql_q_call *call, int handle, struct k0 *answer)
{
    ql_error error;
    if (handle && !answer) {
        qli_q_peer_lost(at, call->peer);
        return qli_q_fail(call, -ENOTCONN, "the connection to the peer was lost");
    }
    if (handle < 0)
        return 0; /* the answer of a one-way message is no object */
    int code = qli_q_check(at, answer, &error);
    return code ? qli_q_fail(call, code, error.text) : take_result(at, call, answer);
}

static void release(ql_q *at, struct k0 **objects, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at->api.r0(objects[i]);
}

static int evaluate(ql_q *at, ql_q_call *call, const char *text)
{
    struct k0 *a[QL_Q_ARGUMENTS_MAX] = {0};
    ql_error error;
    int handle = 0, code = qli_q_peer_handle(at, call->peer, !call->one_way, &handle, &error);
    for (size_t i = 0; i < call->arguments_count && !code; i++) {
        code = qli_q_write(&at->api, call->arguments + i, &a[i], &error);
        if (code)
            release(at, a, i);
    }
    if (code)
        return qli_q_fail(call, code, error.text);
    if (call->one_way)
        handle = -handle;
    /* The first NULL ends them. */
    struct k0 *answer = at->api.k(handle, text, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], NULL);
    return take_answer(at, call, handle, answer);
}

static int run_call(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    if (!at)
        return -EPERM;
    if (!call->text || (call->arguments_count && !call->arguments))
        return qli_q_fail(call, -EINVAL, "a call without text, or without its arguments");
    if (call->arguments_count > QL_Q_ARGUMENTS_MAX)
        return qli_q_fail(call, -EINVAL, "q takes at most eight arguments");
    if (call->one_way && !call->peer.id)
        return qli_q_fail(call, -EINVAL, "one_way without a peer");
    if (!call->text_length)
        return evaluate(at, call, call->text);
    if (memchr(call->text, 0, call->text_length))
        return qli_q_fail(call, -EINVAL, "the text has a zero byte");
    char *text = strndup(call->text, call->text_length);
    int code = text ? evaluate(at, call, text) : qli_q_fail(call, -ENOMEM, "no memory for the text");
    free(text);
    return code;
}

void qli_q_call_init(ql_q_call *call, ql_task_fn *fn, const char *text)
{
    /* All but the 400 bytes for an error: they would cost as much as the rest of a call's beginning. */
    memset(&call->text, 0, offsetof(ql_q_call, error_text) - offsetof(ql_q_call, text));
    memset(&call->qli_names, 0, sizeof(*call) - offsetof(ql_q_call, qli_names));
    call->error_text[0] = 0;
    call->text = text;
    ql_task_init(&call->task, fn, NULL);
    call->task.text_buffer = call->error_text;
    call->task.text_size = sizeof(call->error_text);
}

void ql_q_call_init(ql_q_call *call, const char *text)
{
    qli_q_call_init(call, run_call, text);
}

int ql_q_run(ql_q_call *call)
{
    ql_q *at = qli_q_here();
    if (!call || !call->task.fn)
        return -EINVAL;
    if (!at || at->forked)
        return at ? -ECHILD : -EPERM;
    ql_q_call *outer = at->call;
    int code = call->task.fn(&call->task);
    at->call = outer;
    return code;
}

/* ---- Upserts ----------------------------------------------------------------------------------------------------- */

static int write_rows(ql_q *at, const ql_q_call *call, struct k0 **table, ql_error *error)
{
    if (call->qli_names)
        return qli_q_write_rows(&at->api, call->qli_names, call->qli_width, call->arguments,
                                call->arguments_count, table, error);
    const ql_q_value *value = call->arguments;
    if (value->type != QL_Q_TABLE && value->type != QL_Q_DICTIONARY)
        return qli_error_set(error, -EINVAL, "an upsert of a value that is no table");
    return qli_q_write(&at->api, value, table, error);
}

static int run_upsert(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    struct k0 *table = NULL;
    int handle = 0;
    ql_error error;
    if (!at)
        return -EPERM;
    if (!call->text || !call->arguments)
        return qli_q_fail(call, -EINVAL, "an upsert without a name, or without rows");
    ql_q_value name = ql_q_symbol(call->text);
    struct k0 *target = NULL;
    int code = qli_q_peer_handle(at, call->peer, !call->one_way, &handle, &error);
    if (!code)
        code = write_rows(at, call, &table, &error);
    if (!code && (code = qli_q_write(&at->api, &name, &target, &error)))
        at->api.r0(table);
    if (code)
        return qli_q_fail(call, code, error.text);
    handle = call->one_way ? -handle : handle;
    return take_answer(at, call, handle, at->api.k(handle, "upsert", target, table, NULL));
}

void ql_q_upsert_init(ql_q_call *call, const char *name, const ql_q_value *table)
{
    qli_q_call_init(call, run_upsert, name);
    call->arguments = table;
    call->arguments_count = 1;
}

void ql_q_upsert_rows_init(ql_q_call *call, const char *name, const char *const *columns, uint32_t width,
                           const ql_q_value *cells, size_t rows)
{
    ql_q_upsert_init(call, name, cells);
    call->arguments_count = rows;
    call->qli_names = columns;
    call->qli_width = width;
}
