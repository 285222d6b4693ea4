/* Lanes are opened, used and closed, with each call that can fail failing in turn: what fails says so with the right code, what is
 * reported stored is stored, the rest goes on. How a runtime starts is start_faults.c's. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qlane/qlane.h"
#include "qlane/sqlite.h"
#include "tests/support/faults/faults.h"

enum { INSERTS = 3, PATIENCE_NS = 1000000 };

static ql_runtime *runtime;
static char path[256];
static int64_t stored; /* rows that were reported stored */

/* What an operation may answer: the code that stands for the fault. 0: it must not notice. */
static int of_fault(void)
{
    static const struct {
        const char *name;
        int code;
    } codes[] = {
        {"malloc", -ENOMEM},           {"calloc", -ENOMEM},           {"realloc", -ENOMEM},
        {"aligned_alloc", -ENOMEM},    {"strdup", -ENOMEM},           {"mmap", -ENOMEM},
        {"pthread_create", -EAGAIN},   {"sched_setaffinity", -EPERM}, {"sched_getaffinity", -EXDEV},
        {"eventfd", -EMFILE},          {"epoll_create1", -EMFILE},    {"epoll_ctl", -ENOSPC},
        {"sqlite3_step", -EIO},        {"sqlite3_reset", 0},          {"sqlite3_busy_timeout", 0},
        {"sqlite3_set_authorizer", 0},
    };
    const char *which = faults_which();
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (!strcmp(codes[i].name, which))
            return codes[i].code;
    return strncmp(which, "sqlite3_", 8) ? 0 : -ENOMEM;
}

static bool fits(int code)
{
    return !code || (faults_happened() && code == of_fault());
}

static void dump(void)
{
    if (runtime)
        ql_runtime_dump(runtime, stderr);
}

/* ---- SQLite ----------------------------------------------------------------------------------------------------- */

static ql_lane *database;

/* Its code, if the fault may have led to it. */
static int run_sql(ql_sqlite_call *call, const char *sql, const ql_sqlite_cell *params, unsigned count,
                   unsigned rows)
{
    static char text[128];
    ql_sqlite_call_init(call, sql);
    call->params = params;
    call->params_count = count;
    call->param_rows = rows;
    call->task.text_buffer = text;
    call->task.text_size = sizeof(text);
    EXPECT(!ql_lane_call(database, &call->task));
    EXPECT(fits(call->task.future.code));
    EXPECT(!call->task.future.code || (call->task.future.text && call->task.future.text[0]));
    return 0;
}

static int64_t count_rows(void)
{
    ql_sqlite_call call;
    faults_pause();
    int64_t count = run_sql(&call, "SELECT count(*) FROM t", NULL, 0, 0) || call.task.future.code
                        ? -1
                        : call.rows->cells[0].integer;
    ql_sqlite_rows_free(call.rows);
    faults_resume();
    return count;
}

static int insert_values(void)
{
    const ql_sqlite_cell cells[] = {{.type = QL_SQLITE_INTEGER, .integer = 1},
                                    {.type = QL_SQLITE_REAL, .real = 0.5},
                                    {.type = QL_SQLITE_TEXT, .text = {"text", 4}},
                                    {.type = QL_SQLITE_BLOB, .text = {"blob", 4}},
                                    {.type = QL_SQLITE_NULL},
                                    {.type = QL_SQLITE_NULL},
                                    {.type = QL_SQLITE_TEXT, .text = {"", 0}},
                                    {.type = QL_SQLITE_NULL}};
    ql_sqlite_call call;
    if (run_sql(&call, "INSERT INTO t VALUES(?,?,?,?)", cells, 4, 2))
        return 1;
    EXPECT(call.task.future.code || call.changes == 2);
    stored += call.changes && !call.task.future.code ? 2 : 0;
    return 0;
}

/* Memory for what it returns is asked for when the rows are in the table. */
static int insert_and_return(void)
{
    ql_sqlite_call call;
    if (run_sql(&call, "INSERT INTO t(a, c) VALUES(6, hex(zeroblob(10000))) RETURNING a, c", NULL, 0, 0))
        return 1;
    stored += call.task.future.code ? 0 : 1;
    ql_sqlite_rows_free(call.rows);
    return 0;
}

/* What it has done is undone, and only that. */
static int insert_and_fail(ql_task *task)
{
    ql_sqlite *here = ql_sqlite_here();
    ql_error error;
    int code = ql_sqlite_run(here, "INSERT INTO t VALUES(2,NULL,NULL,NULL)", NULL, 0, NULL, &error);
    if (!code)
        code = ql_sqlite_run(here, "INSERT INTO t VALUES(3,NULL,NULL,NULL)", NULL, 0, NULL, &error);
    return ((void)task, code ? code : -ECHRNG);
}

static int undo(void)
{
    ql_task task;
    ql_task_init(&task, insert_and_fail, NULL);
    EXPECT(!ql_lane_call(database, &task));
    EXPECT(task.future.code == -ECHRNG || (task.future.code && fits(task.future.code)));
    return 0;
}

/* They share a commit, or stand by themselves: whichever way the lane takes them. */
static int insert_together(void)
{
    ql_sqlite_call calls[INSERTS];
    ql_task failing, *tasks[INSERTS + 1];
    for (int i = 0; i < INSERTS; i++) {
        ql_sqlite_call_init(&calls[i], i == 1 ? "INSERT INTO t(a) VALUES(5)" : "INSERT INTO t(a) VALUES(4)");
        tasks[i] = &calls[i].task;
    }
    ql_task_init(&failing, insert_and_fail, NULL);
    tasks[INSERTS] = &failing;
    faults_forbid_here(true);
    EXPECT(!ql_submit_many(ql_lane_executor(database), tasks, INSERTS + 1));
    faults_forbid_here(false);
    for (int i = 0; i <= INSERTS; i++)
        EXPECT(!ql_future_wait(&tasks[i]->future));
    for (int i = 0; i < INSERTS; i++) {
        EXPECT(fits(calls[i].task.future.code));
        stored += calls[i].task.future.code ? 0 : calls[i].changes;
    }
    EXPECT(failing.future.code);
    return 0;
}

static int select_values(void)
{
    ql_sqlite_call call;
    if (run_sql(&call, "SELECT a AS number, b, c, d FROM t WHERE b > 0", NULL, 0, 0))
        return 1;
    if (!call.task.future.code && call.rows->count) {
        const ql_sqlite_cell *cells = call.rows->cells;
        EXPECT(!strcmp(call.rows->names[0], "number") && cells[0].integer == 1 && cells[1].real == 0.5);
        EXPECT(!strcmp(cells[2].text.bytes, "text") && !memcmp(cells[3].text.bytes, "blob", 4));
    }
    EXPECT(!call.task.future.code || !call.rows);
    ql_sqlite_rows_free(call.rows);
    return 0;
}

static int look_twice(ql_task *task)
{
    ql_sqlite *here = ql_sqlite_here();
    ql_error error;
    int code = ql_sqlite_run(here, "SELECT count(*) FROM t", NULL, 0, NULL, &error);
    if (!code)
        code = ql_sqlite_run(here, "SELECT max(a) FROM t", NULL, 0, NULL, &error);
    return ((void)task, code);
}

/* In a transaction that reads, and ends with it. */
static int read_only(void)
{
    ql_task task;
    ql_task_init(&task, look_twice, NULL);
    EXPECT(!ql_lane_call(database, &task));
    EXPECT(fits(task.future.code));
    return 0;
}

static int use_sqlite(void)
{
    ql_sqlite_config config = {.size = sizeof(config), .path = path, .synchronous = QL_SQLITE_SYNC_OFF};
    ql_sqlite_call call;
    ql_error error = {.code = 0};
    int code = ql_sqlite_open(runtime, NULL, &config, &database, &error);
    stored = 0;
    if (code) {
        EXPECT(fits(code) && !database && error.code == code && error.text[0]);
        return 0;
    }
    if (run_sql(&call, "CREATE TABLE t(a, b, c, d)", NULL, 0, 0))
        return 1;
    if (!call.task.future.code) {
        for (int i = 0; i < 2; i++)
            if (insert_values() || insert_and_return() || undo() || insert_together() || select_values() ||
                read_only())
                return 1;
        EXPECT(count_rows() == stored);
    }
    EXPECT(!ql_lane_close(database, NULL, NULL, &error));
    EXPECT(!ql_lane_free(database));
    return 0;
}

/* ---- Timers and descriptors -------------------------------------------------------------------------------------- */

typedef struct events {
    ql_watch watch;
    ql_timer timer;
    int fds[2];
    int watch_code;
    unsigned bytes, rings; /* atomic */
} events;

static void read_byte(ql_watch *watch, unsigned ready)
{
    events *at = watch->arg;
    char byte;
    (void)ready;
    if (read(watch->fd, &byte, 1) == 1)
        __atomic_fetch_add(&at->bytes, 1, __ATOMIC_RELEASE);
}

static void ring(ql_timer *timer)
{
    __atomic_fetch_add(&((events *)timer->arg)->rings, 1, __ATOMIC_RELEASE);
}

static int start_events(ql_task *task)
{
    events *at = task->arg;
    at->watch = (ql_watch){.fn = read_byte, .arg = at};
    at->timer = (ql_timer){.fn = ring, .arg = at};
    at->watch_code = ql_watch_start(&at->watch, at->fds[0], QL_READABLE);
    return ql_timer_start(&at->timer, ql_after_ns(PATIENCE_NS), 0);
}

static void await(const unsigned *counter, unsigned count)
{
    while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < count)
        sched_yield();
}

static int nothing(ql_task *task)
{
    return ((void)task, 0);
}

/* A descriptor, a timer and callers, each of which finds the lane asleep in epoll; on a kernel without epoll_pwait2() too, that is
 * where this call of all is the one that fails. */
static int use_events(ql_lane *lane)
{
    events at = {.bytes = 0};
    ql_task task;
    EXPECT(!pipe(at.fds));
    ql_task_init(&task, start_events, &at);
    EXPECT(!ql_lane_call(lane, &task) && !task.future.code);
    EXPECT(fits(at.watch_code));
    for (unsigned i = 1; i <= 3 && !at.watch_code; i++) {
        EXPECT(write(at.fds[1], "x", 1) == 1);
        await(&at.bytes, i);
        ql_task_init(&task, nothing, NULL);
        EXPECT(!ql_lane_call(lane, &task));
    }
    await(&at.rings, 1);
    ql_error error;
    EXPECT(!ql_lane_close(lane, NULL, NULL, &error));
    close(at.fds[0]);
    close(at.fds[1]);
    return 0;
}

/* ---- Doors ------------------------------------------------------------------------------------------------------- */

QL_FORK_1(int, tree, w, int, level)
{
    if (!level)
        return 1;
    tree_child left;
    tree_fork(w, &left, level - 1);
    int right = tree(w, level - 1);
    return right + tree_join(w, &left);
}

/* On a worker: forks, more of them than its deque has room for, and a submission. */
static int fork_here(ql_task *task)
{
    ql_task *inner = task->arg;
    ql_task_init(inner, nothing, NULL);
    faults_forbid_here(true);
    int leaves = tree(ql_worker_self(), 8), code = ql_submit(task->on, inner);
    faults_forbid_here(false);
    return code ? code : leaves == 256 ? 0 : -EPROTO;
}

/* None of all the calls that can fail is made where tasks are handed over, whichever way. */
static int submit_all(ql_executor *const on[], size_t count)
{
    enum { WAYS = 3 };
    ql_task tasks[8][WAYS], followers[8], inner, forker, *many[1];
    ql_task_init(&forker, fork_here, &inner);
    faults_forbid_here(true);
    for (size_t i = 0; i < count; i++) {
        for (int way = 0; way < WAYS; way++)
            ql_task_init(&tasks[i][way], nothing, NULL);
        ql_task_init(&followers[i], nothing, NULL);
        followers[i].on = on[i];
        tasks[i][1].deadline_ns = ql_after_ns(INT64_C(100000000000));
        tasks[i][2].klass = QL_URGENT;
        many[0] = &tasks[i][2];
        EXPECT(!ql_submit(on[i], &tasks[i][0]));
        EXPECT(!ql_submit(on[i], &tasks[i][1]));
        EXPECT(!ql_submit_many(on[i], many, 1));
        EXPECT(!ql_future_then(&tasks[i][0].future, &followers[i]));
        (void)ql_task_cancel(&tasks[i][1]);
    }
    EXPECT(!ql_submit(on[0], &forker));
    faults_forbid_here(false);
    for (size_t i = 0; i < count; i++) {
        for (int way = 1; way < WAYS; way++)
            EXPECT(!ql_future_wait(&tasks[i][way].future));
        EXPECT(!ql_future_wait(&followers[i].future) && !followers[i].future.code);
    }
    EXPECT(!ql_future_wait(&forker.future) && !forker.future.code);
    EXPECT(!ql_future_wait(&inner.future));
    return 0;
}

static int use_doors(ql_lane *lane)
{
    ql_client *client;
    ql_strand *strand;
    ql_executor *on[4] = {ql_runtime_pool(runtime), ql_lane_executor(lane)};
    size_t count = 2;
    int code = ql_client_open(lane, "client", 100, QL_FULL_REFUSES, &client);
    EXPECT(fits(code));
    if (!code)
        on[count++] = ql_client_executor(client);
    int strand_code = ql_strand_create(runtime, &strand);
    EXPECT(fits(strand_code));
    if (!strand_code)
        on[count++] = ql_strand_executor(strand);
    if (submit_all(on, count))
        return 1;
    if (!strand_code)
        ql_strand_release(strand);
    return 0;
}

/* The lane is this thread. */
static int use_own_thread(void)
{
    ql_lane_config config = {.size = sizeof(config), .flags = QL_LANE_ON_CALLER};
    ql_lane *lane;
    ql_task task;
    ql_error error = {.code = 0};
    int code = ql_lane_open(runtime, &config, &lane, &error);
    if (code) {
        EXPECT(fits(code) && !lane && error.code == code && error.text[0]);
        return 0;
    }
    ql_task_init(&task, nothing, NULL);
    EXPECT(!ql_lane_submit(lane, &task));
    EXPECT(!ql_lane_poll(lane, 0));
    EXPECT(ql_future_settled(&task.future));
    EXPECT(!ql_lane_close(lane, NULL, NULL, &error));
    return 0;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static int use_lanes(void)
{
    ql_lane_config config = {.size = sizeof(config), .name = "plain", .capacity_tasks = 100};
    ql_error error = {.code = 0};
    ql_lane *lane;
    if (use_sqlite() || use_own_thread())
        return 1;
    int code = ql_lane_open(runtime, &config, &lane, &error);
    if (code) {
        EXPECT(fits(code) && !lane && error.code == code && error.text[0]);
        return 0;
    }
    return use_doors(lane) || use_events(lane);
}

static void remove_database(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[300];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static int story(void)
{
    ql_affinity_config affinity = {
        .size = sizeof(affinity), .flags = QL_IGNORE_ENV, .workers = "1", .bind = "require"};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &affinity, .fork_depth = 4};
    ql_error error;
    faults_pause();
    faults_on_hang(dump);
    remove_database();
    EXPECT(!ql_runtime_start(&config, &runtime, &error));
    faults_resume();
    int broken = use_lanes();
    EXPECT(!ql_runtime_stop(runtime, NULL, &error));
    runtime = NULL;
    remove_database();
    return broken;
}

int main(int argc, char **argv)
{
    const char *folder = getenv("TEST_TMPDIR");
    snprintf(path, sizeof(path), "%s/faults-%d.db", folder ? folder : "/tmp", (int)getpid());
    return faults_main(argc, argv, story);
}
