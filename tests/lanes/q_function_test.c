/* C functions that q calls, and q's own API on the lane; on the library that stands in for libq. */
#include <errno.h>

#include "lanes/engines/q_api.h"
#include "tests/lanes/q_lane.h"

static void define(const q_lane *at, const char *name, unsigned count, ql_q_fn *fn, void *context)
{
    ql_q_call call;
    ql_q_function_init(&call, name, count, fn, context);
    q_lane_call(at, &call, 0);
    ql_q_free(call.result);
}

static int add(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    int64_t sum = *(int64_t *)context;
    for (unsigned i = 0; i < count; i++)
        sum += arguments[i].i64;
    ql_q_value value = ql_q_long(QL_Q_LONG, sum);
    return ql_q_reply_value(reply, &value);
}

Q_TEST(q_function, q_calls_c_with_one_to_eight_arguments)
{
    q_lane at = q_lane_open(NULL);
    int64_t hundred = 100, thousand = 1000;
    define(&at, "one", 1, add, &hundred);
    define(&at, "three", 3, add, &thousand);
    define(&at, "eight", 8, add, &hundred);
    q_lane_gives(&at, "one 5", 105);
    q_lane_gives(&at, "three[1;2;3]", 1006);
    q_lane_gives(&at, "eight[1;2;3;4;5;6;7;8]", 136);
    define(&at, "one", 1, add, &thousand);
    q_lane_gives(&at, "one 5", 1005);
    ql_q_call call;
    ql_q_function_init(&call, "nine", 9, add, &hundred);
    q_lane_call(&at, &call, -EINVAL);
    q_lane_close(&at);
}

static int fail(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    (void)arguments, (void)count;
    return context ? ql_q_reply_error(reply, -EIO, "%s", (const char *)context) : -ENOENT;
}

Q_TEST(q_function, its_error_becomes_one_of_q)
{
    q_lane at = q_lane_open(NULL);
    define(&at, "words", 1, fail, (void *)(uintptr_t) "no such order");
    define(&at, "code", 1, fail, NULL);
    define(&at, "reserved", 1, fail, (void *)(uintptr_t) "stop");
    q_lane_fails(&at, "words 1", -EPROTO, "'no such order");
    q_lane_fails(&at, "1+code 1", -EPROTO, "'No such file");
    q_lane_fails(&at, "reserved 1", -EPROTO, "stop");
    ql_q_value *caught = q_lane_eval(&at, "@[words;1;{x}]");
    qlt_check(caught->type == QL_Q_CHAR);
    qlt_eq_str(caught->text, "no such order");
    ql_q_free(caught);
    q_lane_close(&at);
}

/* In the pool. */
static int square(ql_task *task)
{
    int64_t number = *(int64_t *)task->arg;
    return ql_task_return(task, (ql_value){.i64 = number * number});
}

static int square_and_ask(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    const q_lane *at = context;
    int64_t number = arguments[0].i64;
    ql_task task;
    (void)count;
    ql_task_init(&task, square, &number);
    qlt_eq_int(ql_submit(ql_runtime_pool(at->runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    ql_q_call call;
    ql_q_call_init(&call, "{x+offset}");
    ql_q_value squared = ql_q_long(QL_Q_LONG, task.future.value.i64);
    call.arguments = &squared;
    call.arguments_count = 1;
    qlt_eq_int(ql_lane_call(at->lane, &call.task), 0);
    qlt_eq_int(call.task.future.code, 0);
    int code = ql_q_reply_value(reply, call.result);
    ql_q_free(call.result);
    return code;
}

Q_TEST(q_function, it_may_use_the_pool_and_call_q_again)
{
    q_lane at = q_lane_open(NULL);
    define(&at, "square", 1, square_and_ask, &at);
    ql_q_free(q_lane_eval(&at, "offset:6"));
    q_lane_gives(&at, "1+square 6", 43);
    q_lane_gives(&at, "square square 2", 106);
    q_lane_close(&at);
}

/* ---- q's own API ------------------------------------------------------------------------------------------------- */

static int use(ql_q *q, const struct qli_q_api *api, void *arg)
{
    struct k0 *vector = api->ktn(QL_Q_LONG, 3);
    for (int i = 0; i < 3; i++)
        ((long long *)qli_q_items(vector))[i] = i + *(int *)arg;
    int code = ql_q_result(q, vector);
    api->r0(vector);
    return code;
}

static int use_and_fail(ql_q *q, const struct qli_q_api *api, void *arg)
{
    (void)arg;
    struct k0 *sum = api->k(0, "+", api->kj(1), api->ks((char *)(uintptr_t) "a"), NULL);
    return ql_q_failed(q, sum);
}

Q_TEST(q_function, a_task_works_with_qs_own_objects)
{
    q_lane at = q_lane_open(NULL);
    int first = 7;
    ql_q_call call;
    ql_q_use_init(&call, use, &first);
    q_lane_call(&at, &call, 0);
    qlt_check(call.result->type == QL_Q_LONG && call.result->count == 3 && call.result->longs[2] == 9);
    ql_q_free(call.result);
    ql_q_use_init(&call, use_and_fail, NULL);
    q_lane_call(&at, &call, -EPROTO);
    qlt_has_str(call.task.future.text, "'type");
    q_lane_close(&at);
}

static const struct qli_q_api *kept;

static int keep(ql_q *q, const struct qli_q_api *api, void *arg)
{
    (void)q, (void)arg;
    kept = api;
    return 0;
}

static void use_what_was_kept(void)
{
    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    ql_q_use_init(&call, keep, NULL);
    q_lane_call(&at, &call, 0);
    kept->kj(1);
}

Q_TEST(q_function, the_table_of_functions_does_not_leave_its_task)
{
    qlt_dies_with(use_what_was_kept, "outside of its ql_q_use");
}
