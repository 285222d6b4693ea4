#include <stdlib.h>

#include "bench/lane/contender.h"
#include "bench/lane/qlane.h"
#include "qlane/sqlite.h"

static ql_runtime *runtime;
static ql_lane *lane;

typedef struct upsert {
    ql_sqlite_call call;
    ql_sqlite_cell id;
} upsert;

static int64_t execute(const char *sql)
{
    ql_sqlite_call call;
    ql_sqlite_call_init(&call, sql);
    must(ql_lane_call(lane, &call.task), sql, NULL);
    must(call.task.future.code, sql, call.task.future.text);
    int64_t value = call.rows ? call.rows->cells[0].integer : 0;
    ql_sqlite_rows_free(call.rows);
    return value;
}

static void start(bool blocking)
{
    ql_error error = {.code = 0};
    ql_lane_config config = {.size = sizeof(config), .name = "bench"};
    ql_sqlite_config database = {.size = sizeof(database), .path = lane_sqlite_path};
    runtime = start_lane_runtime(blocking);
    must(ql_sqlite_open(runtime, &config, &database, &lane, &error), "ql_sqlite_open", error.text);
    execute(lane_sqlite_table);
}

static void stop(void)
{
    stop_runtime(runtime);
}

static void *open_caller(size_t slots)
{
    upsert *all = malloc(slots * sizeof(*all));
    must(all ? 0 : -1, "malloc", NULL);
    for (size_t i = 0; i < slots; i++) {
        ql_sqlite_call_init(&all[i].call, lane_sqlite_upsert);
        all[i].id = (ql_sqlite_cell){.type = QL_SQLITE_INTEGER};
        all[i].call.params = &all[i].id;
        all[i].call.params_count = 1;
    }
    return all;
}

static uint64_t added(const upsert *one)
{
    must(one->call.task.future.code, "an upsert", one->call.task.future.text);
    return one->call.task.future.value.u64;
}

static uint64_t call(void *caller, uint64_t key)
{
    upsert *one = caller;
    one->id.integer = (int64_t)(1 + key % LANE_SQLITE_KEYS);
    must(ql_lane_call(lane, &one->call.task), "ql_lane_call", NULL);
    return added(one);
}

static void submit(void *caller, size_t slot, uint64_t key)
{
    upsert *one = (upsert *)caller + slot;
    one->id.integer = (int64_t)(1 + key % LANE_SQLITE_KEYS);
    must(ql_lane_submit(lane, &one->call.task), "ql_lane_submit", NULL);
}

static uint64_t reap(void *caller, size_t slot)
{
    upsert *one = (upsert *)caller + slot;
    must(ql_future_wait(&one->call.task.future), "ql_future_wait", NULL);
    return added(one);
}

LANE_LOOPS(call, submit, reap)

static uint64_t stored(void)
{
    return (uint64_t)execute(lane_sqlite_sum);
}

static double rows_a_commit(void)
{
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_lane_stats_get(lane, &stats);
    return stats.batches ? (double)stats.settled / (double)stats.batches : 1;
}

const lane_contender lane_this = {
    .name = "qlane",
    .version = "tree",
    .works = LANE_SQLITE_WORKS,
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = free,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
    .stored = stored,
    .rows_a_commit = rows_a_commit,
};
