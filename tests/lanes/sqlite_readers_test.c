/* Two connections to one file, each on its lane: one reads while the other is in the middle of a transaction. */
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

QLT(sqlite_readers, see_what_was_stored_and_wait_for_no_writer)
{
    ql_runtime *runtime = qlt_runtime(1);
    writing run = {.inserted = QLT_GATE_INIT, .go_on = QLT_GATE_INIT};
    char path[256];
    int64_t found = -1;
    const char *dir = getenv("TEST_TMPDIR");
    snprintf(path, sizeof(path), "%s/shared-%d.db", dir ? dir : "/tmp", (int)getpid());
    unlink(path);
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
