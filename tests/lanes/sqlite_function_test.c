/* SQL functions in C: code of the host that SQLite calls on the lane, and that uses the pool and its own lane. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "qlane/lane.h"
#include "qlane/sqlite.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static ql_runtime *runtime;
static ql_lane *lane;
static char misuse_text[512];

static void misused(void *context, const char *sentence)
{
    (void)context;
    snprintf(misuse_text, sizeof(misuse_text), "%s", sentence);
}

static int square(ql_task *task)
{
    int64_t x = *(int64_t *)task->arg;
    return ql_task_return(task, (ql_value){.i64 = x * x});
}

/* square(x): a worker computes it while the lane waits. */
static void sql_square(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    int64_t x = sqlite3_value_int64(values[0]);
    ql_task task;
    ql_task_init(&task, square, &x);
    int code = ql_submit(ql_runtime_pool(runtime), &task);
    code = code ? code : ql_future_wait(&task.future);
    if (code)
        sqlite3_result_error_code(context, SQLITE_ERROR);
    else
        sqlite3_result_int64(context, task.future.value.i64);
}

/* inner_count(): a statement of its own, inside the one that calls it: the lane calls itself, inline. */
static void sql_inner_count(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    ql_sqlite_call inner;
    ql_sqlite_call_init(&inner, "SELECT count(*) FROM numbers");
    if (ql_lane_call(lane, &inner.task) || inner.task.future.code)
        sqlite3_result_error_code(context, SQLITE_ERROR);
    else
        sqlite3_result_int64(context, inner.rows->cells[0].integer);
    ql_sqlite_rows_free(inner.rows);
}

/* round_trip(): waits for a worker that waits for this very lane. */
typedef struct round_trip {
    int lane_code, pool_code;
} round_trip;

static round_trip at;
static ql_task there; /* if the lane's wait is refused, it outlives the call */

static int call_lane(ql_task *task)
{
    round_trip *self = task->arg;
    ql_sqlite_call back;
    ql_sqlite_call_init(&back, "SELECT 1");
    back.task.name = "back";
    self->pool_code = ql_lane_call(lane, &back.task);
    ql_sqlite_rows_free(back.rows);
    return 0;
}

static void sql_round_trip(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    ql_task_init(&there, call_lane, &at);
    there.name = "there";
    at.lane_code = ql_submit(ql_runtime_pool(runtime), &there);
    at.lane_code = at.lane_code ? at.lane_code : ql_future_wait(&there.future);
    if (at.lane_code)
        sqlite3_result_error(context, "the lane's wait was refused", -1);
    else if (at.pool_code)
        sqlite3_result_error(context, "the worker's wait was refused", -1);
    else
        sqlite3_result_int(context, 1);
}

/* odd(): fails with a code of SQLite's that stands for nothing of ours. */
static void sql_odd(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_error_code(context, SQLITE_PROTOCOL);
}

/* store(x): writes, in a task of its own or not, and fails for 3. */
static void sql_store(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    ql_sqlite_cell x = {.type = QL_SQLITE_INTEGER, .integer = sqlite3_value_int64(values[0])};
    ql_error error;
    int code;
    if (sqlite3_value_int(values[1])) {
        ql_sqlite_call inner;
        ql_sqlite_call_init(&inner, "INSERT INTO stored VALUES (?)");
        inner.params = &x;
        inner.params_count = 1;
        inner.task.text_buffer = error.text;
        inner.task.text_size = sizeof(error.text);
        code = ql_lane_call(lane, &inner.task);
        code = code ? code : inner.task.future.code;
    } else {
        code = ql_sqlite_run(ql_sqlite_here(), "INSERT INTO stored VALUES (?)", &x, 1, NULL, &error);
    }
    if (code || x.integer == 3)
        sqlite3_result_error(context, code ? error.text : "three", -1);
    else
        sqlite3_result_int64(context, x.integer);
}

static int cancel_code;

/* look(): reads, and cancels the task that it is in. */
static void sql_look(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    ql_error error;
    if (ql_sqlite_run(ql_sqlite_here(), "SELECT count(*) FROM numbers", NULL, 0, NULL, &error)) {
        sqlite3_result_error(context, error.text, -1);
        return;
    }
    cancel_code = ql_task_cancel(ql_task_current());
    sqlite3_result_int(context, 0);
}

static int define(ql_task *task)
{
    sqlite3 *handle = ql_sqlite_handle(ql_sqlite_here());
    (void)task;
    qlt_eq_int(sqlite3_create_function(handle, "square", 1, SQLITE_UTF8, NULL, sql_square, NULL, NULL), 0);
    qlt_eq_int(
        sqlite3_create_function(handle, "inner_count", 0, SQLITE_UTF8, NULL, sql_inner_count, NULL, NULL), 0);
    qlt_eq_int(
        sqlite3_create_function(handle, "round_trip", 0, SQLITE_UTF8, NULL, sql_round_trip, NULL, NULL), 0);
    qlt_eq_int(sqlite3_create_function(handle, "odd", 0, SQLITE_UTF8, NULL, sql_odd, NULL, NULL), 0);
    qlt_eq_int(sqlite3_create_function(handle, "look", 0, SQLITE_UTF8, NULL, sql_look, NULL, NULL), 0);
    qlt_eq_int(sqlite3_create_function(handle, "store", 2, SQLITE_UTF8, NULL, sql_store, NULL, NULL), 0);
    return 0;
}

static int64_t ask(const char *sql)
{
    ql_sqlite_call call;
    char text[256];
    ql_sqlite_call_init(&call, sql);
    call.task.text_buffer = text;
    call.task.text_size = sizeof(text);
    qlt_eq_int(ql_lane_call(lane, &call.task), 0);
    if (call.task.future.code)
        qlt_fail("%s: %s", sql, call.task.future.text);
    int64_t value = call.rows ? call.rows->cells[0].integer : 0;
    ql_sqlite_rows_free(call.rows);
    return value;
}

static void begin(unsigned workers, unsigned statements_max)
{
    ql_error error;
    ql_sqlite_config database = {.size = sizeof(database), .statements_max = statements_max};
    ql_task task;
    runtime = qlt_runtime_with(workers, (ql_runtime_config){.on_misuse = misused});
    if (ql_sqlite_open(runtime, NULL, &database, &lane, &error))
        qlt_fail("%s", error.text);
    ql_task_init(&task, define, NULL);
    qlt_eq_int(ql_lane_call(lane, &task), 0);
    ask("CREATE TABLE numbers(x)");
    ask("INSERT INTO numbers WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300)"
        " SELECT x FROM n");
}

static void squares(unsigned workers)
{
    begin(workers, 0);
    qlt_eq_int(ask("SELECT sum(square(x)) FROM numbers"), 300 * 301 * 601 / 6);
    qlt_eq_int(ask("SELECT sum(inner_count()) FROM numbers"), 300 * 300);
    qlt_eq_int(ask("SELECT sum(square(x) + inner_count()) FROM numbers"), 300 * 301 * 601 / 6 + 300 * 300);
    qlt_runtime_stop(runtime);
}

QLT(sqlite_function, uses_the_pool_and_its_own_lane)
{
    qlt_workers_each(squares);
}

/* With room for one statement, which runs: the inner one is kept nowhere, and freed. */
QLT(sqlite_function, runs_inside_the_only_statement_that_is_kept)
{
    begin(1, 1);
    for (int i = 0; i < 3; i++)
        qlt_eq_int(ask("SELECT sum(inner_count()) FROM numbers"), 300 * 300);
    qlt_runtime_stop(runtime);
}

QLT(sqlite_function, that_fails_oddly_is_a_breach_of_protocol)
{
    ql_sqlite_call call;
    begin(1, 0);
    ql_sqlite_call_init(&call, "SELECT odd()");
    qlt_eq_int(ql_lane_call(lane, &call.task), 0);
    qlt_eq_int(call.task.future.code, -EPROTO);
    qlt_eq_str(call.task.future.text, sqlite3_errstr(SQLITE_PROTOCOL));
    qlt_runtime_stop(runtime);
}

/* What it says when it fails. */
static void fails(const char *sql, const char *words)
{
    ql_sqlite_call call;
    char text[256];
    ql_sqlite_call_init(&call, sql);
    call.task.text_buffer = text;
    call.task.text_size = sizeof(text);
    qlt_eq_int(ql_lane_call(lane, &call.task), 0);
    qlt_check(call.task.future.code);
    qlt_eq_str(call.task.future.text, words);
    ql_sqlite_rows_free(call.rows);
}

QLT(sqlite_function, that_writes_is_undone_with_the_statement_that_calls_it)
{
    static const char in_a_writer[] =
        "a function writes in a statement that writes: run that statement with ql_sqlite_run()";
    begin(1, 0);
    ask("CREATE TABLE stored(x)");
    fails("SELECT store(x, 0) FROM numbers", "three");
    fails("SELECT store(x, 1) FROM numbers", "three");
    qlt_eq_int(ask("SELECT count(*) FROM stored"), 0);
    fails("INSERT INTO numbers SELECT store(x, 0) FROM numbers", in_a_writer);
    fails("INSERT INTO numbers SELECT store(x, 1) FROM numbers", in_a_writer);
    qlt_eq_int(ask("SELECT count(*) FROM stored"), 0);
    qlt_eq_int(ask("SELECT sum(store(x, x % 2)) FROM numbers WHERE x > 3"), 300 * 301 / 2 - 6);
    qlt_eq_int(ask("SELECT count(*) FROM stored"), 297);
    qlt_runtime_stop(runtime);
}

/* An interrupt ends all statements that run, the one around a reader too: SQLite would undo what the neighbour has written. */
QLT(sqlite_function, that_reads_in_a_writer_lets_no_interrupt_take_its_neighbours)
{
    ql_sqlite_call insert, write;
    ql_task *together[] = {&insert.task, &write.task};
    begin(1, 0);
    ask("CREATE TABLE stored(x)");
    ql_sqlite_call_init(&insert, "INSERT INTO stored VALUES (1)");
    ql_sqlite_call_init(&write, "INSERT INTO stored SELECT look() FROM numbers");
    qlt_eq_int(ql_submit_many(ql_lane_executor(lane), together, 2), 0);
    for (int i = 0; i < 2; i++)
        qlt_eq_int(ql_future_wait(&together[i]->future), 0);
    qlt_eq_int(cancel_code, -ENOTSUP);
    qlt_eq_int(insert.task.future.code, 0);
    qlt_check(write.task.future.code);
    qlt_eq_int(ask("SELECT count(*) FROM stored"), 1);
    /* Alone it is interrupted at once. */
    qlt_eq_int(ql_lane_call(lane, &write.task), 0);
    qlt_eq_int(cancel_code, -EINPROGRESS);
    qlt_eq_int(write.task.future.code, -ECANCELED);
    qlt_eq_int(ask("SELECT count(*) FROM stored"), 1);
    qlt_runtime_stop(runtime);
}

static void goes_in_circles(unsigned workers)
{
    begin(workers, 0);
    for (int i = 0; i < 20; i++) {
        ql_sqlite_call call;
        char text[256];
        misuse_text[0] = 0;
        ql_sqlite_call_init(&call, "SELECT round_trip()");
        call.task.name = "circle";
        call.task.text_buffer = text;
        call.task.text_size = sizeof(text);
        qlt_eq_int(ql_lane_call(lane, &call.task), 0);
        qlt_check(call.task.future.code);
        qlt_has_str(call.task.future.text, "wait was refused");
        qlt_has_str(misuse_text, "a cycle of waits is refused: ");
        qlt_has_str(misuse_text, "task 'circle' on sqlite waits for 'there'");
        qlt_has_str(misuse_text, "task 'there' on pool waits for 'back'");
        ql_sqlite_rows_free(call.rows);
        qlt_eq_int(ql_future_wait(&there.future), 0);
        qlt_check((at.lane_code == -EDEADLK) != (at.pool_code == -EDEADLK));
        /* The lane goes on as ever. */
        qlt_eq_int(ask("SELECT count(*) FROM numbers"), 300);
        qlt_eq_int(ask("SELECT square(7)"), 49);
    }
    qlt_runtime_stop(runtime);
}

QLT(sqlite_function, that_waits_in_a_circle_is_refused_and_named)
{
    qlt_workers_each(goes_in_circles);
}
