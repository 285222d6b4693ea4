/* What q's calls answer in corners that no other test comes to; on the library that stands in for libq. */
#include <errno.h>
#include <stdio.h>

#include "tests/lanes/lanes.h"
#include "tests/lanes/q_lane.h"

enum { KINDS = 6 };

static const ql_q_peer nobody = {.id = 77};

static int add(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    (void)context, (void)arguments, (void)count, (void)reply;
    return 0;
}

static void hear(void *context, ql_q_peer peer, ql_q_value *message)
{
    (void)context, (void)peer;
    ql_q_free(message);
}

static int use_nothing(ql_q *q, const struct ql_q_api *api, void *arg)
{
    (void)q, (void)api;
    return arg ? *(int *)arg : 0;
}

static void make(ql_q_call calls[KINDS], ql_executor *on)
{
    static const ql_q_value nothing_to_add = {.type = QL_Q_TABLE};
    ql_q_call_init(&calls[0], "1+1");
    ql_q_upsert_init(&calls[1], "t", &nothing_to_add);
    ql_q_connect_init(&calls[2], "::1", 1);
    ql_q_disconnect_init(&calls[3], nobody);
    ql_q_listen_init(&calls[4], nobody, on, hear, NULL);
    ql_q_use_init(&calls[5], use_nothing, NULL);
}

Q_TEST(q_answers, of_a_lane_that_is_none_of_q)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *plain = open_lane(runtime, (ql_lane_config){.name = "plain"});
    ql_q_call calls[KINDS], function;
    make(calls, ql_runtime_pool(runtime));
    ql_q_function_init(&function, "f", 1, add, NULL);
    for (int i = 0; i < KINDS; i++) {
        call(plain, &calls[i].task);
        qlt_eq_int(calls[i].task.future.code, -EPERM);
    }
    call(plain, &function.task);
    qlt_eq_int(function.task.future.code, -EPERM);
    qlt_eq_int(ql_q_run(&calls[0]), -EPERM);
    qlt_eq_int(ql_q_run(NULL), -EINVAL);
    qlt_runtime_stop(runtime);
}

Q_TEST(q_answers, to_nonsense)
{
    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    int code = -EDOM;
    ql_q_call_init(&call, "1+1");
    call.one_way = true;
    q_lane_call(&at, &call, -EINVAL);
    ql_q_upsert_init(&call, "t", NULL);
    q_lane_call(&at, &call, -EINVAL);
    ql_q_disconnect_init(&call, nobody);
    q_lane_call(&at, &call, -ENOTCONN);
    ql_q_listen_init(&call, nobody, ql_runtime_pool(at.runtime), hear, NULL);
    q_lane_call(&at, &call, -ENOTCONN);
    ql_q_use_init(&call, NULL, NULL);
    q_lane_call(&at, &call, -EINVAL);
    ql_q_use_init(&call, use_nothing, &code); /* without a sentence of its own */
    q_lane_call(&at, &call, -EDOM);
    qlt_check(call.task.future.text && call.task.future.text[0]);
    ql_q_call_init(&call, "1+1");
    call.peer = nobody;
    q_lane_call(&at, &call, -ENOTCONN);
    q_lane_close(&at);
}

Q_TEST(q_answers, when_a_process_has_all_its_functions)
{
    q_lane at = q_lane_open(NULL);
    char name[16];
    for (int i = 0; i < 65; i++) {
        ql_q_call call;
        snprintf(name, sizeof(name), "f%d", i);
        ql_q_function_init(&call, name, 1, add, NULL);
        q_lane_call(&at, &call, i < 64 ? 0 : -ENOSPC);
        ql_q_free(call.result);
    }
    q_lane_close(&at);
}

Q_TEST(q_answers, to_a_config_that_cannot_be)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error;
    ql_lane_config small = {.size = 1};
    ql_q_config config = {.size = sizeof(config), .threads = 1025};
    qlt_eq_int(ql_q_open(runtime, NULL, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "1,024");
    config.threads = 0;
    qlt_eq_int(ql_q_open(runtime, &small, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "sizeof(ql_lane_config)");
    small = (ql_lane_config){.size = sizeof(small), .engine = &(ql_engine_ops){.size = 1}};
    qlt_eq_int(ql_q_open(runtime, &small, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "an engine already");
    qlt_eq_int(ql_q_open(runtime, NULL, NULL, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "the config is NULL");
    qlt_eq_int(ql_q_open(NULL, NULL, &config, &lane, &error), -EINVAL);
    qlt_runtime_stop(runtime);
}

static void told(void *context, ql_level level, const char *line)
{
    if (level == QL_WARNING && strstr(line, ".z.ts failed"))
        qlt_gate_arrive(context);
}

/* Once, not each time. */
Q_TEST(q_answers, a_z_ts_that_fails_is_logged)
{
    qlt_gate gate = QLT_GATE_INIT;
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.log = told, .context = &gate});
    ql_q_config config = {.size = sizeof(config), .text = ".z.ts:{1+`a}", .timer_ms = 1};
    ql_lane *lane;
    ql_error error;
    if (ql_q_open(runtime, NULL, &config, &lane, &error))
        qlt_fail("%s", error.text);
    qlt_gate_wait(&gate, 1);
    qlt_runtime_stop(runtime);
    qlt_eq_uint(gate.step, 1);
}
