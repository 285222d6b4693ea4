#include "examples/service/job.h"

#include <string.h>

static reply text_reply(reply_kind kind, const char *text, size_t length)
{
    return (reply){.kind = kind, .text = text, .length = length};
}

static reply problem_reply(const char *problem)
{
    return text_reply(REPLY_ERROR, problem, strlen(problem));
}

static reply failed_reply(const char *why)
{
    return text_reply(REPLY_FAILED, why, strlen(why));
}

static void keep_value(job *of, const engine_value *value)
{
    memcpy(of->text, value->bytes, value->length);
    of->reply = text_reply(REPLY_VALUE, of->text, value->length);
}

static int get(job *of, ql_error *error)
{
    engine_value value = {0};
    int code = of->engine->get(of->request.key, &value, error);
    if (!code && value.found)
        keep_value(of, &value);
    else
        of->reply = (reply){.kind = REPLY_NONE};
    return code;
}

static int add(job *of, ql_error *error)
{
    engine_value value = {0};
    int64_t sum = 0;
    int code = of->engine->get(of->request.key, &value, error);
    if (code)
        return code;
    bool known = !value.found || number_from(value.bytes, value.length, &sum);
    if (!known || __builtin_add_overflow(sum, of->request.amount, &sum)) {
        of->reply =
            problem_reply(known ? "number: the sum does not fit 64 bits" : "number: the value is none");
        return 0;
    }
    value.length = number_to(sum, value.bytes);
    code = of->engine->put(of->request.key, (request_text){value.bytes, value.length}, error);
    keep_value(of, &value);
    return code;
}

static int number(job *of, int code, int64_t found)
{
    of->reply = (reply){.kind = REPLY_NUMBER, .number = found};
    return code;
}

static int answer(job *of, ql_error *error)
{
    const service_engine *engine = of->engine;
    int64_t found = 0;
    int code;
    switch (of->request.verb) {
    case REQUEST_GET:
        return get(of, error);
    case REQUEST_ADD:
        return add(of, error);
    case REQUEST_PUT:
        of->reply = (reply){.kind = REPLY_OK};
        return engine->put(of->request.key, of->request.value, error);
    case REQUEST_DELETE:
        code = engine->erase(of->request.key, &found, error);
        return number(of, code, found);
    default:
        code = engine->count(&found, error);
        return number(of, code, found);
    }
}

/* On the lane. */
static int run(ql_task *task)
{
    ql_error error = {0};
    int code = answer((job *)task, &error);
    return code ? ql_task_fail(task, code, "%s", error.text) : 0;
}

bool job_make(job *made, const service_engine *engine, request asked, void *owner)
{
    made->engine = engine;
    made->request = asked;
    made->settled = asked.verb < REQUEST_COUNT;
    if (asked.verb == REQUEST_BAD)
        made->reply = problem_reply(asked.problem);
    else if (made->settled)
        made->reply = (reply){.kind = asked.verb == REQUEST_PING ? REPLY_PONG : REPLY_BYE};
    ql_task_init(&made->task, run, owner);
    made->task.name = "request";
    made->task.text_buffer = made->text;
    made->task.text_size = sizeof(made->text);
    return !made->settled;
}

void job_refuse(job *refused, int code)
{
    refused->reply = failed_reply(strerrordesc_np(-code));
    refused->settled = true;
}

void job_settled(job *settled)
{
    const ql_future *future = &settled->task.future;
    settled->settled = true;
    if (!future->code)
        return;
    /* The task's own failure, or that of the commit: then the reply that it had is untrue. */
    settled->reply = failed_reply(future->text ? future->text : strerrordesc_np(-future->code));
}
