/* C functions that q calls, and q's own API on the lane; on the library that stands in for libq. */
#include <errno.h>

#include "qlane/q_api.h"
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

static int use(ql_q *q, const ql_q_api *api, void *arg)
{
    struct k0 *vector = api->ktn(QL_Q_LONG, 3);
    for (int i = 0; i < 3; i++)
        ((long long *)ql_q_items(vector))[i] = i + *(int *)arg;
    int code = ql_q_result(q, vector);
    api->r0(vector);
    return code;
}

static int use_and_fail(ql_q *q, const ql_q_api *api, void *arg)
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

/* What leaves nothing behind is no matter how it came: each kind of function that gives and takes. */
static int give_and_take(ql_q *q, const ql_q_api *api, void *arg)
{
    static char name[] = "a", text[] = "text";
    struct k0 *list = api->knk(2, api->kj(1), api->kp(text));
    struct k0 *names = api->ktn(QL_Q_SYMBOL, 1), *columns = api->knk(1, api->ktn(QL_Q_LONG, 2));
    (void)q, (void)arg;
    ((char **)ql_q_items(names))[0] = api->ss(name);
    memset(ql_q_items(((struct k0 **)ql_q_items(columns))[0]), 0, 16);
    struct k0 *table = api->xT(api->xD(names, columns));
    api->jk(&list, api->r1(table));
    struct k0 *arguments = api->knk(1, list), *function = api->k(0, "count", NULL);
    struct k0 *count = api->dot(function, arguments), *bytes = api->b9(-1, table);
    struct k0 *again = api->d9(bytes);
    bool right = count->j == 3 && again->t == QL_Q_TABLE;
    struct k0 *const all[] = {arguments, function, count, bytes, again, table};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        api->r0(all[i]);
    struct k0 *wrong = api->ee(api->krr("wrong"));
    right = right && wrong->t == QL_Q_ERROR;
    api->r0(wrong);
    return right ? 0 : -EIO;
}

static struct k0 *called_by_q(struct k0 *object)
{
    return object;
}

static int make_one_of_each(ql_q *q, const ql_q_api *api, void *arg)
{
    enum { FUNCTION_OF_C = 112 };
    static char text[] = "text";
    void *function;
    struct k0 *(*const pointer)(struct k0 *) = called_by_q;
    memcpy(&function, &pointer, sizeof(function));
    const struct {
        struct k0 *object;
        int type;
    } made[] = {
        {api->ka(-QL_Q_MINUTE), -QL_Q_MINUTE},
        {api->kb(1), -QL_Q_BOOLEAN},
        {api->ku((ql_q_guid){{1}}), -QL_Q_GUID},
        {api->kg(2), -QL_Q_BYTE},
        {api->kh(3), -QL_Q_SHORT},
        {api->ki(4), -QL_Q_INT},
        {api->ke(0.5), -QL_Q_REAL},
        {api->kf(1.5), -QL_Q_FLOAT},
        {api->kc('c'), -QL_Q_CHAR},
        {api->kd(5), -QL_Q_DATE},
        {api->kt(6), -QL_Q_TIME},
        {api->ktj(-QL_Q_TIMESTAMP, 7), -QL_Q_TIMESTAMP},
        {api->kpn(text, 2), QL_Q_CHAR},
        {api->dl(function, 1), FUNCTION_OF_C},
    };
    (void)q, (void)arg;
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        qlt_eq_int(made[i].object->t, made[i].type);
        api->r0(made[i].object);
    }
    return 0;
}

static int join_and_key(ql_q *q, const ql_q_api *api, void *arg)
{
    struct k0 *vector = api->ktn(QL_Q_LONG, 1), *more = api->ktn(QL_Q_LONG, 2);
    (void)q, (void)arg;
    memset(ql_q_items(vector), 0, 8);
    memset(ql_q_items(more), 0, 16);
    api->jv(&vector, more);
    qlt_eq_int(vector->n, 3);
    api->r0(vector);
    struct k0 *keyed = api->knt(1, api->k(0, "([]a:1 2;b:3 4)", NULL));
    qlt_eq_int(keyed->t, QL_Q_DICTIONARY);
    struct k0 *table = api->ktd(keyed);
    qlt_eq_int(table->t, QL_Q_TABLE);
    api->r0(table);
    return 0;
}

Q_TEST(q_function, what_is_given_back_is_no_misuse)
{
    static int (*const uses[])(ql_q *, const ql_q_api *, void *) = {give_and_take, make_one_of_each,
                                                                    join_and_key};
    q_lane at = q_lane_open(NULL);
    for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
        ql_q_call call;
        ql_q_use_init(&call, uses[i], NULL);
        q_lane_call(&at, &call, 0);
        qlt_check(!call.result);
    }
    q_lane_close(&at);
}

static int pocket(ql_q *q, const ql_q_api *api, void *arg)
{
    *(struct k0 **)arg = api->kj(1);
    return ql_q_result(q, *(struct k0 **)arg);
}

static int empty_pocket(ql_q *q, const ql_q_api *api, void *arg)
{
    (void)q;
    api->r0(*(struct k0 **)arg);
    return 0;
}

static int leave_in_future(ql_q *q, const ql_q_api *api, void *arg)
{
    (void)q;
    *(struct k0 **)arg = api->kj(1);
    return ql_task_return(ql_task_current(), (ql_value){.ptr = *(struct k0 **)arg});
}

static void misuses(const q_lane *at, ql_q_use_fn *fn, struct k0 **object, const char *part)
{
    ql_q_call call;
    ql_q_use_init(&call, fn, object);
    call.task.name = "pocket";
#ifdef NDEBUG
    bool counts = false; /* objects are counted in a debug build only */
#else
    bool counts = true;
#endif
    q_lane_call(at, &call, counts || fn == leave_in_future ? -EINVAL : 0);
    qlt_check(!call.task.future.code || !call.result);
    if (call.task.future.code) {
        qlt_has_str(call.task.future.text, part);
        qlt_has_str(call.task.future.text, "pocket");
    }
    ql_q_free(call.result);
}

Q_TEST(q_function, an_object_that_would_leave_fails_its_task)
{
    q_lane at = q_lane_open(NULL);
    struct k0 *object;
    misuses(&at, pocket, &object, "found 1 in hand");
    misuses(&at, empty_pocket, &object, "found -1 in hand");
    misuses(&at, leave_in_future, &object, "");
    misuses(&at, empty_pocket, &object, "found -1 in hand");
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}

static int leave_number(ql_q *q, const ql_q_api *api, void *arg)
{
    (void)q, (void)api, (void)arg;
    return ql_task_return(ql_task_current(), (ql_value){.i64 = 42});
}

Q_TEST(q_function, its_future_has_a_result_or_nothing)
{
    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    ql_q_use_init(&call, leave_number, NULL);
    q_lane_call(&at, &call, -EINVAL);
    qlt_has_str(call.task.future.text, "only ql_q_result() gives one");
    qlt_check(!call.result && !call.task.future.value.ptr);
    q_lane_close(&at);
}

static const ql_q_api *kept;

static int keep(ql_q *q, const ql_q_api *api, void *arg)
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
