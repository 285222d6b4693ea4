/* A lane of q, on the library that stands in for libq, with each call that can fail failing in turn, but for those of the library
 * itself: what fails says so with the right code, the rest goes on, and the lane closes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "qlane/arrow.h"
#include "qlane/q.h"
#include "tests/support/faults/faults.h"

static ql_runtime *runtime;
static ql_lane *lane;

static bool fits(int code)
{
    const char *which = faults_which();
    if (!code)
        return true;
    if (!strcmp(which, "pthread_create"))
        return code == -EAGAIN;
    if (!strcmp(which, "dlopen"))
        return code == -ENOENT || code == -ENOEXEC;
    if (!strcmp(which, "dlsym"))
        return code == -ENOSYS;
    return faults_happened() && code == -ENOMEM;
}

static void dump(void)
{
    if (runtime)
        ql_runtime_dump(runtime, stderr);
}

/* Its code, which must be 0 or the fault's, and then has a sentence. */
static int ask(ql_q_call *call)
{
    EXPECT(!ql_lane_call(lane, &call->task));
    EXPECT(fits(call->task.future.code));
    EXPECT(!call->task.future.code || (call->task.future.text && call->task.future.text[0] && !call->result));
    return 0;
}

static int evaluate(const char *text)
{
    ql_q_call call;
    ql_q_call_init(&call, text);
    int broken = ask(&call);
    ql_q_free(call.result);
    return broken;
}

static int apply(void)
{
    const ql_q_value arguments[] = {ql_q_long(QL_Q_LONG, 40), ql_q_long(QL_Q_LONG, 2)};
    ql_q_call call;
    ql_q_call_init(&call, "+");
    call.arguments = arguments;
    call.arguments_count = 2;
    if (ask(&call))
        return 1;
    EXPECT(call.task.future.code || (call.result && call.result->i64 == 42));
    ql_q_free(call.result);
    return 0;
}

/* Of a table that Arrow gets, and gives back. */
static int through_arrow(void)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_q_value *again;
    ql_error error = {.code = 0};
    ql_q_call call;
    ql_q_call_init(&call, "t");
    if (ask(&call))
        return 1;
    if (!call.result || call.result->type != QL_Q_TABLE)
        return ql_q_free(call.result), 0;
    int code = ql_q_to_arrow(call.result, &schema, &array, &error);
    EXPECT(fits(code) && (!code || error.text[0]));
    if (code)
        return ql_q_free(call.result), 0;
    code = ql_q_from_arrow(&schema, &array, &again, &error);
    EXPECT(fits(code) && (!code || (!again && error.text[0])));
    EXPECT(code || again->count == 3);
    if (!code) {
        ql_q_upsert_init(&call, "t", again);
        EXPECT(!ask(&call));
        ql_q_free(call.result);
        ql_q_free(again);
    }
    schema.release(&schema);
    array.release(&array);
    return 0;
}

static int twice(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    ql_q_value doubled = ql_q_long(QL_Q_LONG, 2 * arguments[0].i64);
    (void)context, (void)count;
    return ql_q_reply_value(reply, &doubled);
}

static int call_back(void)
{
    ql_q_call call;
    ql_q_function_init(&call, "twice", 1, twice, NULL);
    if (ask(&call))
        return 1;
    bool there = !call.task.future.code;
    ql_q_free(call.result);
    ql_q_call_init(&call, "twice 21");
    EXPECT(!ql_lane_call(lane, &call.task));
    EXPECT(call.task.future.code || call.result->i64 == 42);
    EXPECT(!call.task.future.code || !there || faults_happened());
    ql_q_free(call.result);
    return 0;
}

static int use(void)
{
    return evaluate("t:([]name:`a`b`a;size:1 2 3;price:1.5 2.5 0n;text:(\"x\";\"yy\";\"\"))") || apply() ||
           evaluate("t") || evaluate("`name xkey t") ||
           evaluate("(1;`symbol;\"text\";2000.01.01;(1 2;3.5 4.5);0b)") || through_arrow() || call_back();
}

static int story(void)
{
    ql_affinity_config affinity = {.size = sizeof(affinity), .flags = QL_IGNORE_ENV, .workers = "1"};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &affinity};
    ql_q_config q = {.size = sizeof(q), .text = "start:1"};
    ql_error error = {.code = 0};
    faults_pause();
    faults_on_hang(dump);
    EXPECT(!ql_runtime_start(&config, &runtime, &error));
    faults_resume();
    int code = ql_q_open(runtime, NULL, &q, &lane, &error);
    EXPECT(fits(code));
    EXPECT(!code || (!lane && error.code == code && error.text[0]));
    int broken = code ? 0 : use();
    EXPECT(code || !ql_lane_close(lane, NULL, NULL, &error));
    EXPECT(!ql_runtime_stop(runtime, NULL, &error));
    runtime = NULL;
    return broken;
}

int main(int argc, char **argv)
{
    return faults_main(argc, argv, story);
}
