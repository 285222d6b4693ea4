#include "tests/lanes/q_lane.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void q_lane_apart(void (*body)(void))
{
#ifdef QLT_IN_PROCESS
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    qlt_check(child > 0 && waitpid(child, &status, 0) == child);
    qlt_eq_int(status, 0);
#else
    body();
#endif
}

q_lane q_lane_open(const ql_q_config *config)
{
    const ql_q_config plain = {.size = sizeof(plain)};
    q_lane at = {.runtime = qlt_runtime(2)};
    ql_error error;
    if (ql_q_open(at.runtime, NULL, config ? config : &plain, &at.lane, &error))
        qlt_fail("%s", error.text);
    return at;
}

typedef struct question {
    ql_task task;
    const char *name;
} question;

static int ask(ql_task *task)
{
    question *question_ = (question *)(void *)task;
    void *library = dlopen(getenv("QLANE_LIBQ"), RTLD_NOW | RTLD_NOLOAD);
    void *symbol = library ? dlsym(library, question_->name) : NULL;
    long long (*function)(void);
    memcpy(&function, &symbol, sizeof(function));
    if (!symbol)
        return -1;
    dlclose(library);
    return ql_task_return(task, (ql_value){.i64 = function()});
}

long long q_lane_ask(const q_lane *at, const char *name)
{
    question question_ = {.name = name};
    ql_task_init(&question_.task, ask, NULL);
    qlt_eq_int(ql_lane_call(at->lane, &question_.task), 0);
    qlt_eq_int(question_.task.future.code, 0);
    return question_.task.future.value.i64;
}

void q_lane_close(q_lane *at)
{
    qlt_eq_int(q_lane_ask(at, "libq_standin_references"), 0);
    qlt_runtime_stop(at->runtime);
}

void q_lane_call(const q_lane *at, ql_q_call *call, int code)
{
    qlt_eq_int(ql_lane_call(at->lane, &call->task), 0);
    if (call->task.future.code != code)
        qlt_fail("'%s' gave %d: %s", call->text ? call->text : "", call->task.future.code,
                 call->task.future.text ? call->task.future.text : "");
    qlt_check(!code || !call->result);
}

ql_q_value *q_lane_eval(const q_lane *at, const char *text)
{
    ql_q_call call;
    ql_q_call_init(&call, text);
    q_lane_call(at, &call, 0);
    qlt_check(call.result);
    return call.result;
}

void q_lane_gives(const q_lane *at, const char *text, int64_t expected)
{
    ql_q_value *value = q_lane_eval(at, text);
    if (value->type != -QL_Q_LONG || value->i64 != expected)
        qlt_fail("%s gave type %d, %lld", text, value->type, (long long)value->i64);
    ql_q_free(value);
}

void q_lane_fails(const q_lane *at, const char *text, int code, const char *part)
{
    ql_q_call call;
    ql_q_call_init(&call, text);
    call.task.name = "failing";
    q_lane_call(at, &call, code);
    qlt_has_str(call.task.future.text, part);
    qlt_has_str(call.task.future.text, "failing");
}
