/* What a task of its own code runs: one statement for many rows, and what is refused, ended or undone on the way. */
#include "qlane/sqlite.h"

#include <errno.h>

#include "tests/lanes/lanes.h"

static ql_lane *open_database(ql_runtime *runtime)
{
    ql_lane *lane;
    ql_error error;
    ql_sqlite_config config = {.size = sizeof(config)};
    if (ql_sqlite_open(runtime, NULL, &config, &lane, &error))
        qlt_fail("%s", error.text);
    return lane;
}

/* Run one statement; the number that it finds, or 0. */
static int64_t run_one(ql_lane *lane, const char *sql)
{
    ql_sqlite_call one;
    ql_sqlite_call_init(&one, sql);
    call(lane, &one.task);
    qlt_eq_int(one.task.future.code, 0);
    int64_t found = one.rows ? one.rows->cells[0].integer : 0;
    ql_sqlite_rows_free(one.rows);
    return found;
}

static void expect_columns(ql_lane *lane, const char *first, int64_t value, unsigned count)
{
    ql_sqlite_call all;
    ql_sqlite_call_init(&all, "SELECT * FROM t");
    call(lane, &all.task);
    qlt_eq_int(all.task.future.code, 0);
    qlt_eq_int(all.rows->columns, count);
    qlt_eq_str(all.rows->names[0], first);
    qlt_eq_int(all.rows->cells[0].integer, value);
    qlt_eq_int(all.rows->cells[count - 1].type, QL_SQLITE_INTEGER);
    ql_sqlite_rows_free(all.rows);
}

QLT(sqlite_rows, a_kept_statement_has_the_columns_of_today)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    run_one(lane, "CREATE TABLE t (a, b)");
    run_one(lane, "INSERT INTO t VALUES (1, 2)");
    expect_columns(lane, "a", 1, 2);
    run_one(lane, "ALTER TABLE t ADD COLUMN c DEFAULT 3");
    expect_columns(lane, "a", 1, 3);
    run_one(lane, "DROP TABLE t");
    run_one(lane, "CREATE TABLE t (b, a)");
    run_one(lane, "INSERT INTO t VALUES (2, 1)");
    expect_columns(lane, "b", 2, 2);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

enum { EACH = 4 };

typedef struct each_run {
    ql_task task;
    ql_sqlite_cell keys[EACH];
    int64_t changes[EACH], sum;
} each_run;

static void set_keys(each_run *run, const int64_t keys[EACH])
{
    for (int i = 0; i < EACH; i++)
        run->keys[i] = (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = keys[i]};
}

static int insert_each(ql_task *task)
{
    each_run *run = task->arg;
    ql_error error;
    int code = ql_sqlite_run_each(ql_sqlite_here(), "INSERT INTO t VALUES (?1) ON CONFLICT DO NOTHING",
                                  run->keys, 1, EACH, run->changes, &error);
    run->sum = ql_sqlite_changes(ql_sqlite_here());
    return code;
}

static int insert_none_and_one_too_few(ql_task *task)
{
    each_run *run = task->arg;
    ql_error error;
    int code = ql_sqlite_run_each(ql_sqlite_here(), "DELETE FROM t", NULL, 0, 0, NULL, &error);
    return code ? code
                : ql_sqlite_run_each(ql_sqlite_here(), "INSERT INTO t VALUES (?1)", run->keys, 0, EACH, NULL,
                                     &error);
}

QLT(sqlite_rows, one_statement_for_many_rows_says_what_each_changed)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    each_run run;
    set_keys(&run, (int64_t[]){1, 2, 1, 3});
    ql_error error;
    run_one(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY CHECK (k < 10))");
    ql_task_init(&run.task, insert_each, &run);
    call(lane, &run.task);
    qlt_eq_int(run.task.future.code, 0);
    for (int i = 0; i < EACH; i++)
        qlt_eq_int(run.changes[i], i != 2);
    qlt_eq_int(run.sum, 3);
    /* One that fails takes those before it along. */
    set_keys(&run, (int64_t[]){7, 8, 9, 10});
    call(lane, &run.task);
    qlt_eq_int(run.task.future.code, -EEXIST);
    qlt_eq_int(run_one(lane, "SELECT count(*) FROM t"), 3);
    ql_task_init(&run.task, insert_none_and_one_too_few, &run);
    call(lane, &run.task);
    qlt_eq_int(run.task.future.code, -EINVAL);
    qlt_eq_int(run_one(lane, "SELECT count(*) FROM t"), 3);
    qlt_eq_int(ql_sqlite_run_each(NULL, "SELECT 1", NULL, 0, 1, NULL, &error), -EPERM);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static int ask_for_nothing(ql_task *task)
{
    ql_sqlite *here = ql_sqlite_here();
    ql_error error;
    (void)task;
    qlt_eq_int(ql_sqlite_run(here, NULL, NULL, 0, NULL, &error), -EINVAL);
    qlt_has_str(error.text, "ql_sqlite_run: the SQL is NULL");
    qlt_eq_int(ql_sqlite_run_each(here, "SELECT ?1", NULL, 1, 1, NULL, &error), -EINVAL);
    qlt_has_str(error.text, "ql_sqlite_run_each: the parameters are NULL");
    return 0;
}

/* What comes after the cancel is not even begun. */
static int cancel_itself(ql_task *task)
{
    ql_sqlite *here = ql_sqlite_here();
    ql_error error;
    qlt_eq_int(ql_sqlite_run(here, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &error), 0);
    (void)ql_task_cancel(task);
    qlt_eq_int(ql_sqlite_run(here, "INSERT INTO t VALUES (2)", NULL, 0, NULL, &error), -ECANCELED);
    qlt_eq_int(ql_sqlite_changes(here), 0);
    return error.code;
}

/* A task that SQLite has undone cannot go on as if nothing had been. */
static int go_on_after_rollback(ql_task *task)
{
    ql_sqlite *here = ql_sqlite_here();
    ql_error error;
    (void)task;
    qlt_eq_int(ql_sqlite_run(here, "INSERT INTO t VALUES (1)", NULL, 0, NULL, &error), 0);
    qlt_eq_int(ql_sqlite_run(here, "INSERT OR ROLLBACK INTO t VALUES (1)", NULL, 0, NULL, &error), -EEXIST);
    qlt_eq_int(ql_sqlite_run(here, "INSERT INTO t VALUES (2)", NULL, 0, NULL, &error), -EEXIST);
    qlt_eq_str(error.text, "the transaction was rolled back");
    return 0;
}

QLT(sqlite_rows, a_task_that_is_refused_ended_or_undone_leaves_nothing)
{
    static const struct {
        ql_task_fn *fn;
        int code;
    } tasks[] = {{ask_for_nothing, 0}, {cancel_itself, -ECANCELED}, {go_on_after_rollback, -EEXIST}};
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_database(runtime);
    run_one(lane, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
    for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++) {
        ql_task task;
        ql_task_init(&task, tasks[i].fn, NULL);
        call(lane, &task);
        qlt_eq_int(task.future.code, tasks[i].code);
        qlt_eq_int(run_one(lane, "SELECT count(*) FROM t"), 0);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
