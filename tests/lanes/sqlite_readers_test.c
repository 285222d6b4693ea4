/* Two connections to one file, each on its lane: one reads while the other is in the middle of a transaction, or writes between what
 * a task of the other reads. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qlane/sqlite.h"
#include "tests/lanes/lanes.h"

static ql_lane *open_file(ql_runtime *runtime, const char *name, const char *path)
{
    ql_lane *lane;
    ql_error error;
    ql_lane_config lane_config = {.size = sizeof(lane_config), .name = name};
    ql_sqlite_config config = {.size = sizeof(config), .path = path, .busy_timeout_ms = 20};
    if (ql_sqlite_open(runtime, &lane_config, &config, &lane, &error))
        qlt_fail("%s", error.text);
    return lane;
}

/* Run one statement: its code, and the number that it finds. */
static int run_one(ql_lane *lane, const char *sql, int64_t *found)
{
    ql_sqlite_call one;
    ql_sqlite_call_init(&one, sql);
    call(lane, &one.task);
    if (found && one.rows)
        *found = one.rows->cells[0].integer;
    ql_sqlite_rows_free(one.rows);
    return one.task.future.code;
}

typedef struct writing {
    ql_task task;
    qlt_gate inserted, go_on;
} writing;

static int insert_and_hold(ql_task *task)
{
    writing *run = task->arg;
    ql_error error;
    int code = ql_sqlite_run(ql_sqlite_here(), "INSERT INTO t VALUES (1)", NULL, 0, NULL, &error);
    qlt_gate_open(&run->inserted, 1);
    qlt_gate_wait(&run->go_on, 1);
    return code;
}

static const char *new_path(void)
{
    static char path[256];
    const char *dir = getenv("TEST_TMPDIR");
    snprintf(path, sizeof(path), "%s/shared-%d.db", dir ? dir : "/tmp", (int)getpid());
    unlink(path);
    return path;
}

QLT(sqlite_readers, see_what_was_stored_and_wait_for_no_writer)
{
    ql_runtime *runtime = qlt_runtime(1);
    writing run = {.inserted = QLT_GATE_INIT, .go_on = QLT_GATE_INIT};
    const char *path = new_path();
    int64_t found = -1;
    ql_lane *writer = open_file(runtime, "writer", path);
    ql_lane *reader = open_file(runtime, "reader", path);
    qlt_eq_int(run_one(writer, "CREATE TABLE t (k)", NULL), 0);
    ql_task_init(&run.task, insert_and_hold, &run);
    submit(writer, &run.task);
    qlt_gate_wait(&run.inserted, 1);
    qlt_eq_int(run_one(reader, "SELECT count(*) FROM t", &found), 0);
    qlt_eq_int(found, 0);
    qlt_eq_int(run_one(reader, "INSERT INTO t VALUES (2)", NULL), -EBUSY);
    qlt_gate_open(&run.go_on, 1);
    await(&run.task);
    qlt_eq_int(run.task.future.code, 0);
    qlt_eq_int(run_one(reader, "SELECT count(*) FROM t", &found), 0);
    qlt_eq_int(found, 1);
    qlt_eq_int(run_one(reader, "INSERT INTO t VALUES (2)", NULL), 0);
    close_lane(reader);
    close_lane(writer);
    unlink(path);
    qlt_runtime_stop(runtime);
}

/* ---- A task that reads more than once --------------------------------------------------------------------------- */

typedef struct looks {
    ql_lane *other;
    int64_t before, after;
    bool writes;
    ql_error error;
} looks;

static int read_number(int64_t *number, ql_error *error)
{
    ql_sqlite_rows *rows;
    int code = ql_sqlite_run(ql_sqlite_here(), "SELECT sum(k) FROM t", NULL, 0, &rows, error);
    if (!code)
        *number = rows->cells[0].integer;
    ql_sqlite_rows_free(rows);
    return code;
}

/* Another connection adds 10 between two looks, if there is one; then this one would write what it has read, and 10. */
static int look_twice(ql_task *task)
{
    looks *run = task->arg;
    ql_sqlite_cell sum = {.type = QL_SQLITE_INTEGER};
    int code = read_number(&run->before, &run->error);
    if (run->other)
        qlt_eq_int(run_one(run->other, "UPDATE t SET k = k + 10", NULL), 0);
    code = code ? code : read_number(&run->after, &run->error);
    sum.integer = run->after + 10;
    if (!code && run->writes)
        code = ql_sqlite_run(ql_sqlite_here(), "UPDATE t SET k = ?", &sum, 1, NULL, &run->error);
    return code;
}

static int look_once(ql_task *task)
{
    looks *run = task->arg;
    return read_number(&run->before, &run->error);
}

QLT(sqlite_readers, that_look_twice_see_one_state_and_overwrite_no_other)
{
    ql_runtime *runtime = qlt_runtime(1);
    const char *path = new_path();
    ql_lane *other = open_file(runtime, "other", path);
    ql_lane *lane = open_file(runtime, "mine", path);
    looks reads = {.other = other}, reads_later = {.other = other}, writes = {.other = other, .writes = true};
    ql_task first, second, third;
    qlt_eq_int(run_one(other, "CREATE TABLE t (k)", NULL), 0);
    qlt_eq_int(run_one(other, "INSERT INTO t VALUES (0)", NULL), 0);
    ql_task_init(&first, look_twice, &reads);
    ql_task_init(&second, look_once, &reads_later);
    ql_task_init(&third, look_twice, &writes);
    submit(lane, &first);
    submit(lane, &second);
    await(&first);
    await(&second);
    qlt_eq_int(first.future.code, 0);
    qlt_eq_int(reads.before, 0);
    qlt_eq_int(reads.after, 0);
    qlt_eq_int(reads_later.before, 10);
    call(lane, &third);
    qlt_eq_int(third.future.code, -EBUSY);
    qlt_has_str(writes.error.text, "another connection has written since this task read; submit it again");
    qlt_eq_int(writes.before, 10);
    qlt_eq_int(writes.after, 10);
    int64_t found = -1;
    qlt_eq_int(run_one(lane, "SELECT k FROM t", &found), 0);
    qlt_eq_int(found, 20);
    /* Nobody writes between: it does. */
    writes.other = NULL;
    call(lane, &third);
    qlt_eq_int(third.future.code, 0);
    qlt_eq_int(run_one(other, "SELECT k FROM t", &found), 0);
    qlt_eq_int(found, 30);
    close_lane(lane);
    close_lane(other);
    unlink(path);
    qlt_runtime_stop(runtime);
}
