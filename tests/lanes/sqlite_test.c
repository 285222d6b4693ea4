/* SQLite on a lane, as its users see it. */
#include "qlane/sqlite.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lanes/lanes.h"

static ql_lane *open_database_with(ql_runtime *runtime, ql_lane_config lane_config, ql_sqlite_config config)
{
    ql_lane *lane;
    ql_error error;
    lane_config.size = sizeof(lane_config);
    config.size = sizeof(config);
    if (ql_sqlite_open(runtime, &lane_config, &config, &lane, &error))
        qlt_fail("%s", error.text);
    return lane;
}

static ql_lane *open_database(ql_runtime *runtime)
{
    return open_database_with(runtime, (ql_lane_config){.name = "db"}, (ql_sqlite_config){.path = NULL});
}

/* Run one statement; its code. */
static int try(ql_lane *lane, const char *sql, const ql_sqlite_cell *params, unsigned count, char text[128])
{
    ql_sqlite_call statement;
    ql_sqlite_call_init(&statement, sql);
    statement.params = params;
    statement.params_count = count;
    statement.task.text_buffer = text;
    statement.task.text_size = text ? 128 : 0;
    call(lane, &statement.task);
    ql_sqlite_rows_free(statement.rows);
    return statement.task.future.code;
}

static void exec(ql_lane *lane, const char *sql)
{
    char text[128] = "";
    if (try(lane, sql, NULL, 0, text))
        qlt_fail("%s: %s", sql, text);
}

/* The single number that a query finds. */
static int64_t number(ql_lane *lane, const char *sql)
{
    ql_sqlite_call query;
    ql_sqlite_call_init(&query, sql);
    call(lane, &query.task);
    qlt_eq_int(query.task.future.code, 0);
    qlt_eq_int(query.rows->count, 1);
    qlt_eq_int(query.rows->cells[0].type, QL_SQLITE_INTEGER);
    int64_t found = query.rows->cells[0].integer;
    ql_sqlite_rows_free(query.rows);
    return found;
}

static ql_sqlite_cell integer(int64_t value)
{
    return (ql_sqlite_cell){.type = QL_SQLITE_INTEGER, .integer = value};
}

QLT(sqlite, rows_leave_as_plain_memory_with_every_type)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    const ql_sqlite_cell params[] = {
        integer(-7),
        {.type = QL_SQLITE_REAL, .real = 2.5},
        {.type = QL_SQLITE_TEXT, .text = {"gr\xc3\xbc\xc3\x9f", 6}},
        {.type = QL_SQLITE_BLOB, .text = {"\0x", 2}},
        {.type = QL_SQLITE_NULL},
        {.type = QL_SQLITE_TEXT, .text = {NULL, 0}},
    };
    ql_sqlite_call query;
    ql_sqlite_call_init(
        &query, "SELECT ?1 AS i, ?2 AS r, ?3 AS t, ?4 AS b, ?5 AS n, ?6 AS e UNION ALL SELECT 1,2,3,4,5,6");
    query.params = params;
    query.params_count = 6;
    call(lane, &query.task);
    qlt_eq_int(query.task.future.code, 0);
    /* The lane is gone; the rows are not. */
    close_lane(lane);
    const ql_sqlite_rows *rows = query.rows;
    qlt_eq_int(rows->columns, 6);
    qlt_eq_int(rows->count, 2);
    qlt_eq_str(rows->names[0], "i");
    qlt_eq_str(rows->names[5], "e");
    qlt_eq_int(rows->cells[0].integer, -7);
    qlt_check(rows->cells[1].type == QL_SQLITE_REAL && rows->cells[1].real == 2.5);
    qlt_check(rows->cells[2].type == QL_SQLITE_TEXT && rows->cells[2].text.length == 6);
    qlt_eq_str(rows->cells[2].text.bytes, "gr\xc3\xbc\xc3\x9f");
    qlt_check(rows->cells[3].type == QL_SQLITE_BLOB && rows->cells[3].text.length == 2);
    qlt_check(memcmp(rows->cells[3].text.bytes, "\0x", 2) == 0);
    qlt_eq_int(rows->cells[4].type, QL_SQLITE_NULL);
    qlt_check(rows->cells[5].type == QL_SQLITE_TEXT && rows->cells[5].text.length == 0);
    qlt_eq_int(rows->cells[6].integer, 1);
    qlt_eq_int(rows->cells[11].integer, 6);
    ql_sqlite_rows_free(query.rows);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, many_rows_come_out_whole)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    ql_sqlite_call query;
    ql_sqlite_call_init(&query,
                        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) "
                        "SELECT i, 'row ' || i FROM n");
    for (int again = 0; again < 2; again++) {
        call(lane, &query.task);
        qlt_eq_int(query.rows->count, 100000);
        for (int i = 0; i < 100000; i += 777) {
            char text[32];
            snprintf(text, sizeof(text), "row %d", i);
            qlt_eq_int(query.rows->cells[2 * i].integer, i);
            qlt_eq_str(query.rows->cells[2 * i + 1].text.bytes, text);
        }
        ql_sqlite_rows_free(query.rows);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, says_in_its_own_words_what_is_wrong)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    char text[128];
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY, v NOT NULL)");
    exec(lane, "INSERT INTO t VALUES (1, 1)");
    qlt_eq_int(try(lane, "SELEKT 1", NULL, 0, text), -EINVAL);
    qlt_has_str(text, "syntax error");
    qlt_eq_int(try(lane, "SELECT * FROM missing", NULL, 0, text), -EINVAL);
    qlt_has_str(text, "no such table: missing");
    qlt_eq_int(try(lane, "INSERT INTO t VALUES (1, 2)", NULL, 0, text), -EEXIST);
    qlt_has_str(text, "UNIQUE constraint failed: t.k");
    qlt_eq_int(try(lane, "INSERT INTO t VALUES (2, NULL)", NULL, 0, NULL), -EEXIST);
    qlt_eq_int(try(lane, "SELECT ?1", NULL, 0, text), -EINVAL);
    qlt_has_str(text, "number of parameters");
    qlt_eq_int(try(lane, "  -- nothing\n", NULL, 0, text), -EINVAL);
    qlt_has_str(text, "no statement");
    qlt_eq_int(try(lane, "SELECT 1; SELECT 2", NULL, 0, text), -EINVAL);
    qlt_has_str(text, "more than one");
    qlt_eq_int(try(lane, "SELECT 1; -- a comment", NULL, 0, text), 0);
    ql_sqlite_cell two[] = {integer(1), {.type = (ql_sqlite_type)99}};
    qlt_eq_int(try(lane, "SELECT ?1, ?2", two, 2, text), -EINVAL);
    qlt_eq_str(text, "parameter 2: its type is none of ql_sqlite_type");
    two[1] = (ql_sqlite_cell){.type = QL_SQLITE_TEXT, .text = {NULL, 5}};
    qlt_eq_int(try(lane, "SELECT ?1, ?2", two, 2, text), -EINVAL);
    qlt_eq_str(text, "parameter 2: its bytes are NULL, its length is not 0");
    two[1] = (ql_sqlite_cell){.type = QL_SQLITE_BLOB, .text = {"x", (size_t)1 << 40}};
    qlt_eq_int(try(lane, "SELECT ?1, ?2", two, 2, text), -E2BIG);
    qlt_eq_str(text, "parameter 2: it is longer than SQLite takes");
    qlt_eq_int(try(lane, NULL, NULL, 0, text), -EINVAL);
    qlt_eq_str(text, "the SQL is NULL");
    qlt_eq_int(try(lane, "SELECT ?1", NULL, 1, text), -EINVAL);
    qlt_eq_str(text, "the parameters are NULL");
    const char *transactions[] = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a"};
    for (int i = 0; i < 5; i++) {
        qlt_eq_int(try(lane, transactions[i], NULL, 0, text), -EINVAL);
        qlt_has_str(text, "a task is a transaction");
    }
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 1);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* Submit all while the lane is held, so that they stand in one batch. */
enum { ROWS = 100 };
static struct {
    ql_sqlite_call calls[ROWS];
    ql_sqlite_cell params[ROWS];
    ql_task tasks[ROWS];
} many;

static void submit_inserts(ql_lane *lane, int count)
{
    for (int i = 0; i < count; i++) {
        many.params[i] = integer(i % 50);
        ql_sqlite_call_init(&many.calls[i], "INSERT INTO t VALUES (?1)");
        many.calls[i].params = &many.params[i];
        many.calls[i].params_count = 1;
        submit(lane, &many.calls[i].task);
    }
}

QLT(sqlite, a_row_that_fails_undoes_only_itself)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    blocker first;
    ql_lane_stats before = {.size = sizeof(before)}, after = before;
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
    ql_lane_stats_get(lane, &before);
    block(lane, &first);
    submit_inserts(lane, ROWS);
    unblock(&first);
    for (int i = 0; i < ROWS; i++) {
        await(&many.calls[i].task);
        qlt_eq_int(many.calls[i].task.future.code, i < 50 ? 0 : -EEXIST);
        qlt_eq_int(many.calls[i].changes, i < 50 ? 1 : 0);
    }
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 50);
    ql_lane_stats_get(lane, &after);
    /* The held one, the rows (which may begin while some are still to come), and the query. */
    qlt_check(after.batches - before.batches < 20);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* A task of one's own, several statements: k, then k + 1000; the second is refused for odd k. */
static int insert_two(ql_task *task)
{
    ql_sqlite *sqlite = ql_sqlite_here();
    ql_error error;
    ql_sqlite_cell cell = integer((intptr_t)task->arg);
    int code = ql_sqlite_run(sqlite, "INSERT INTO t VALUES (?1)", &cell, 1, NULL, &error);
    cell.integer = cell.integer % 2 ? cell.integer : cell.integer + 1000;
    return code ? code : ql_sqlite_run(sqlite, "INSERT INTO t VALUES (?1)", &cell, 1, NULL, &error);
}

QLT(sqlite, a_task_of_several_statements_is_undone_whole)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    blocker first;
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
    /* Odd ones first too, when there is nothing before them in the batch. */
    for (int start = 0; start < 2; start++) {
        exec(lane, "DELETE FROM t");
        block(lane, &first);
        for (intptr_t i = 0; i < ROWS; i++) {
            ql_task_init(&many.tasks[i], insert_two, (void *)(i + start));
            submit(lane, &many.tasks[i]);
        }
        unblock(&first);
        for (int i = 0; i < ROWS; i++) {
            await(&many.tasks[i]);
            qlt_eq_int(many.tasks[i].future.code, (i + start) % 2 ? -EEXIST : 0);
        }
        qlt_eq_int(number(lane, "SELECT count(*) FROM t"), ROWS);
        qlt_eq_int(number(lane, "SELECT count(*) FROM t WHERE k % 2"), 0);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, rows_of_parameters_are_stored_all_or_none)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    ql_sqlite_cell cells[6] = {integer(1), integer(10), integer(2), integer(20), integer(3), integer(30)};
    ql_sqlite_call insert;
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY, v)");
    ql_sqlite_call_init(&insert, "INSERT INTO t VALUES (?1, ?2)");
    insert.params = cells;
    insert.params_count = 2;
    insert.param_rows = 3;
    call(lane, &insert.task);
    qlt_eq_int(insert.task.future.code, 0);
    qlt_eq_int(insert.task.future.value.i64, 3);
    qlt_eq_int(number(lane, "SELECT sum(v) FROM t"), 60);
    cells[0] = integer(4);
    call(lane, &insert.task);
    qlt_eq_int(insert.task.future.code, -EEXIST);
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 3);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* A database that can grow no more is a full disk: SQLite rolls the whole transaction back. */
QLT(sqlite, no_row_is_reported_stored_that_is_not)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    static char blob[3000];
    ql_sqlite_cell cell = {.type = QL_SQLITE_BLOB, .text = {blob, sizeof(blob)}};
    int64_t stored = 0;
    blocker first;
    exec(lane, "CREATE TABLE t (v)");
    exec(lane, "PRAGMA max_page_count=60");
    for (int round = 0; round < 4; round++) {
        block(lane, &first);
        for (int i = 0; i < 20; i++) {
            ql_sqlite_call_init(&many.calls[i], "INSERT INTO t VALUES (?1)");
            many.calls[i].params = &cell;
            many.calls[i].params_count = 1;
            submit(lane, &many.calls[i].task);
        }
        unblock(&first);
        for (int i = 0; i < 20; i++) {
            await(&many.calls[i].task);
            stored += many.calls[i].task.future.code == 0;
            if (many.calls[i].task.future.code)
                qlt_eq_int(many.calls[i].task.future.code, -ENOSPC);
        }
        qlt_eq_int(number(lane, "SELECT count(*) FROM t"), stored);
    }
    qlt_check(stored > 0 && stored < 80);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

#define FOREVER_SQL "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

/* Until the lane runs it, there is nothing to interrupt. */
static void wait_until_running(ql_lane *lane)
{
    ql_lane_stats stats = {.size = sizeof(stats)};
    do {
        sched_yield();
        ql_lane_stats_get(lane, &stats);
    } while (stats.queued);
}

/* The time that this process has run: a loaded machine delays it, and tells nothing of us. */
static int64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * (int64_t)1000000000 + time.tv_nsec;
}

QLT(sqlite, a_cancelled_query_stops_within_100_ms_and_the_next_task_is_not_hit)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    for (int i = 0; i < 50; i++) {
        ql_sqlite_call query, next;
        ql_sqlite_call_init(&query, FOREVER_SQL);
        ql_sqlite_call_init(&next, "SELECT 1");
        submit(lane, &query.task);
        submit(lane, &next.task);
        if (i % 2) { /* even ones: perhaps just as it begins */
            ql_lane_stats stats = {.size = sizeof(stats)};
            do {
                sched_yield();
                ql_lane_stats_get(lane, &stats);
            } while (stats.queued > 1);
        }
        int64_t began_ns = cpu_ns();
        int code = ql_task_cancel(&query.task);
        qlt_check(code == 0 || code == -EINPROGRESS || code == -ENOTSUP);
        await(&query.task);
        qlt_check(cpu_ns() - began_ns < 100000000);
        qlt_eq_int(query.task.future.code, -ECANCELED);
        await(&next.task);
        qlt_eq_int(next.task.future.code, 0);
        ql_sqlite_rows_free(next.rows);
        ql_sqlite_rows_free(query.rows);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, a_deadline_that_covers_running_ends_a_query)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    ql_sqlite_call query;
    ql_sqlite_call_init(&query, FOREVER_SQL);
    query.task.deadline_ns = ql_after_ns(20000000);
    query.task.flags = QL_DEADLINE_RUNS;
    call(lane, &query.task);
    qlt_eq_int(query.task.future.code, -ETIMEDOUT);
    exec(lane, "SELECT 1");
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* SQLite would undo the neighbours too, so a write with neighbours is not interrupted; alone it is. */
QLT(sqlite, a_cancelled_write_never_takes_its_neighbours_with_it)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    static const char slow[] =
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) "
        "SELECT i FROM n";
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
    blocker first;
    ql_sqlite_call write;
    ql_sqlite_call_init(&write, slow);
    block(lane, &first);
    submit_inserts(lane, 10);
    submit(lane, &write.task);
    unblock(&first);
    wait_until_running(lane);
    int code = ql_task_cancel(&write.task);
    await(&write.task);
    for (int i = 0; i < 10; i++) {
        await(&many.calls[i].task);
        qlt_eq_int(many.calls[i].task.future.code, 0);
    }
    if (code == -ENOTSUP)
        qlt_eq_int(write.task.future.code, 0);
    qlt_eq_int(number(lane, "SELECT count(*) FROM t WHERE k < 1000"), 10);
    qlt_eq_int(number(lane, "SELECT count(*) FROM t WHERE k >= 1000"), write.task.future.code ? 0 : 399001);
    exec(lane, "DELETE FROM t");
    ql_sqlite_call_init(&write, "INSERT INTO t " FOREVER_SQL);
    submit(lane, &write.task);
    wait_until_running(lane);
    qlt_check(ql_task_cancel(&write.task) != -EALREADY);
    await(&write.task);
    qlt_eq_int(write.task.future.code, -ECANCELED);
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 0);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, keeps_prepared_statements_by_their_text)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane =
        open_database_with(runtime, (ql_lane_config){.name = "db"}, (ql_sqlite_config){.statements_max = 4});
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 10; i++) {
            char sql[64];
            snprintf(sql, sizeof(sql), "SELECT %d", i);
            qlt_eq_int(number(lane, sql), i);
        }
    /* A statement outlives a change of what it reads. */
    exec(lane, "CREATE TABLE t (a)");
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 0);
    exec(lane, "ALTER TABLE t ADD COLUMN b");
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 0);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static void in_tmp(char path[256], const char *name)
{
    const char *dir = getenv("TEST_TMPDIR");
    snprintf(path, 256, "%s/%s-%d", dir ? dir : "/tmp", name, getpid());
}

QLT(sqlite, a_file_is_in_wal_mode_and_keeps_what_was_committed)
{
    ql_runtime *runtime = qlt_runtime(1);
    char path[256];
    in_tmp(path, "kept.db");
    unlink(path);
    for (int i = 0; i < 2; i++) {
        ql_lane *lane =
            open_database_with(runtime, (ql_lane_config){.name = "db"}, (ql_sqlite_config){.path = path});
        ql_sqlite_call query;
        ql_sqlite_call_init(&query, "PRAGMA journal_mode");
        call(lane, &query.task);
        qlt_eq_str(query.rows->cells[0].text.bytes, "wal");
        ql_sqlite_rows_free(query.rows);
        exec(lane, "CREATE TABLE IF NOT EXISTS t (k)");
        exec(lane, "INSERT INTO t VALUES (1)");
        qlt_eq_int(number(lane, "SELECT count(*) FROM t"), i + 1);
        close_lane(lane);
    }
    unlink(path);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, a_database_that_cannot_be_opened_says_why)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error;
    char path[256];
    ql_sqlite_config config = {.size = sizeof(config), .path = "/no/such/directory/x.db"};
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, &lane, &error), -ENOENT);
    qlt_has_str(error.text, "/no/such/directory/x.db");
    qlt_eq_ptr(lane, NULL);
    in_tmp(path, "text.db");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    config.path = path;
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, &lane, &error), -EBADMSG);
    qlt_has_str(error.text, "not a database");
    unlink(path);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, vacuum_runs_in_a_commit_of_its_own)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    blocker first;
    ql_sqlite_call vacuum;
    char text[128];
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
    ql_sqlite_call_init(&vacuum, "VACUUM");
    vacuum.task.text_buffer = text;
    vacuum.task.text_size = sizeof(text);
    for (int own = 1; own >= 0; own--) {
        vacuum.task.flags = own ? QL_OWN_COMMIT : 0;
        block(lane, &first);
        submit_inserts(lane, 10);
        submit(lane, &vacuum.task);
        unblock(&first);
        await(&vacuum.task);
        qlt_eq_int(vacuum.task.future.code, own ? 0 : -EINVAL);
        for (int i = 0; i < 10; i++)
            await(&many.calls[i].task);
    }
    qlt_eq_str(text, "cannot VACUUM from within a transaction; set QL_OWN_COMMIT");
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static int nested(ql_task *task)
{
    ql_lane *lane = task->arg;
    ql_sqlite *sqlite = ql_sqlite_here();
    ql_sqlite_cell cell = integer(1);
    ql_sqlite_call inner;
    ql_error error;
    qlt_eq_int(ql_sqlite_run(sqlite, "INSERT INTO t VALUES (?1)", &cell, 1, NULL, &error), 0);
    ql_sqlite_call_init(&inner, "INSERT INTO t VALUES (2)");
    call(lane, &inner.task);
    qlt_eq_int(inner.task.future.code, 0);
    ql_sqlite_call_init(&inner, "INSERT INTO t VALUES (1)");
    call(lane, &inner.task);
    qlt_eq_int(inner.task.future.code, -EEXIST);
    return task->name ? -EDOM : 0;
}

QLT(sqlite, a_task_that_fails_undoes_what_it_called_inline)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    ql_task task;
    exec(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
    ql_task_init(&task, nested, lane);
    task.name = "fails";
    call(lane, &task);
    qlt_eq_int(task.future.code, -EDOM);
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 0);
    task.name = NULL;
    call(lane, &task);
    qlt_eq_int(task.future.code, 0);
    qlt_eq_int(number(lane, "SELECT count(*) FROM t"), 2);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(sqlite, its_connection_is_reached_on_its_lane_only)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    ql_lane *other = open_lane(runtime, (ql_lane_config){.name = "other"});
    ql_sqlite_call query;
    ql_error error;
    qlt_eq_ptr(ql_sqlite_here(), NULL);
    qlt_eq_int(ql_sqlite_run(NULL, "SELECT 1", NULL, 0, NULL, &error), -EPERM);
    ql_sqlite_call_init(&query, "SELECT 1");
    call(other, &query.task);
    qlt_eq_int(query.task.future.code, -EINVAL);
    qlt_eq_str(query.task.future.text, "a ql_sqlite_call, but this lane is none of SQLite's");
    close_lane(other);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static void refused(ql_runtime *runtime, const ql_lane_config *lane_config, const ql_sqlite_config *config,
                    const char *text)
{
    ql_lane *lane;
    ql_error error;
    qlt_eq_int(ql_sqlite_open(runtime, lane_config, config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, text);
}

QLT(sqlite, bad_arguments_are_refused)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_sqlite_config config = {.size = sizeof(config)}, empty = {.size = sizeof(empty), .path = ""};
    ql_sqlite_call query;
    refused(runtime, NULL, NULL, "ql_sqlite_open: the config is NULL");
    refused(runtime, NULL, &(ql_sqlite_config){.size = 1}, "set it to sizeof(ql_sqlite_config)");
    refused(runtime, NULL, &empty, "ql_sqlite_open: config.path is empty; NULL means a database in memory");
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, NULL, NULL), -EINVAL);
    refused(runtime, &(ql_lane_config){.size = 1}, &config, "set it to sizeof(ql_lane_config)");
    refused(runtime, &(ql_lane_config){.size = sizeof(ql_lane_config), .engine = &recorder_ops}, &config,
            "ql_sqlite_open: lane_config has an engine already");
    config.busy_timeout_ms = -1;
    refused(runtime, NULL, &config, "ql_sqlite_open: config.busy_timeout_ms is negative");
    ql_lane *lane = open_database(runtime);
    ql_sqlite_call_init(&query, NULL);
    call(lane, &query.task);
    qlt_eq_int(query.task.future.code, -EINVAL);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
