#include <stdlib.h>

#include "bench/lane/contender.h"
#include "bench/lane/qlane.h"
#include "qlane/q.h"

static ql_runtime *runtime;
static ql_lane *lane;

typedef struct upsert {
    ql_q_call call;
    ql_q_value cells[2];
} upsert;

static const char *const columns[] = {"id", "one"};

static ql_q_value *finished(ql_q_call *call)
{
    must(call->task.future.code, call->text, call->task.future.text);
    return call->result;
}

static int64_t evaluate(const char *text)
{
    ql_q_call call;
    ql_q_call_init(&call, text);
    must(ql_lane_call(lane, &call.task), text, NULL);
    ql_q_value *value = finished(&call);
    int64_t number = value->i64;
    ql_q_free(value);
    return number;
}

static void start(bool blocking)
{
    ql_error error = {.code = 0};
    ql_lane_config config = {.size = sizeof(config), .name = "bench"};
    ql_q_config q = {.size = sizeof(q), .text = "stored:([]id:`long$();one:`long$())"};
    runtime = start_lane_runtime(blocking);
    must(ql_q_open(runtime, &config, &q, &lane, &error), "ql_q_open", error.text);
}

static void stop(void)
{
    stop_runtime(runtime);
}

static void *open_caller(size_t slots)
{
    upsert *all = malloc(slots * sizeof(*all));
    must(all ? 0 : -1, "malloc", NULL);
    for (size_t i = 0; i < slots; i++)
        ql_q_upsert_rows_init(&all[i].call, "stored", columns, 2, all[i].cells, 1);
    return all;
}

static void fill(upsert *one, uint64_t key)
{
    one->cells[0] = ql_q_long(QL_Q_LONG, (int64_t)key);
    one->cells[1] = ql_q_long(QL_Q_LONG, 1);
}

static uint64_t call(void *caller, uint64_t key)
{
    upsert *one = caller;
    fill(one, key);
    must(ql_lane_call(lane, &one->call.task), "ql_lane_call", NULL);
    ql_q_free(finished(&one->call));
    return 1;
}

static void submit(void *caller, size_t slot, uint64_t key)
{
    upsert *one = (upsert *)caller + slot;
    fill(one, key);
    must(ql_lane_submit(lane, &one->call.task), "ql_lane_submit", NULL);
}

static uint64_t reap(void *caller, size_t slot)
{
    upsert *one = (upsert *)caller + slot;
    must(ql_future_wait(&one->call.task.future), "ql_future_wait", NULL);
    ql_q_free(finished(&one->call));
    return 1;
}

LANE_LOOPS(call, submit, reap)

static uint64_t stored(void)
{
    return (uint64_t)evaluate("count stored");
}

const lane_contender lane_this = {
    .name = "qlane",
    .version = "tree",
    .works = LANE_Q_WORKS,
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = free,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
    .stored = stored,
};
