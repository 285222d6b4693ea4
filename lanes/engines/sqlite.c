/* SQLite on a lane: the connection, and its tasks. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "lanes/engines/sqlite.h"

static const ql_engine_ops ops;

/* This process was forked from one that had a connection, in which a thread may have been: an exception to "no globals" that
 * fork() forces upon us. */
static bool forked;

/* ---- Tasks ----------------------------------------------------------------------------------------------------- */

/* What SQLite would take for something else; NULL: nothing. */
static const char *missing(const char *sql, const qli_sqlite_runs *runs)
{
    if (!sql)
        return "the SQL is NULL";
    return runs->count && !runs->params ? "the parameters are NULL" : NULL;
}

static int run_call(ql_task *task)
{
    ql_sqlite_call *call = (ql_sqlite_call *)(void *)task;
    ql_sqlite *at = ql_sqlite_here();
    ql_error error;
    call->rows = NULL;
    call->changes = 0;
    qli_sqlite_runs runs = {call->params, call->params_count, call->param_rows ? call->param_rows : 1, NULL};
    const char *wrong =
        at ? missing(call->sql, &runs) : "a ql_sqlite_call, but this lane is none of SQLite's";
    int code = wrong ? qli_error_set(&error, -EINVAL, "%s", wrong)
                     : qli_sqlite_run(at, call->sql, &runs, &call->rows, &error);
    if (!wrong)
        call->changes = at->changes;
    if (!code)
        return ql_task_return(task, (ql_value){.i64 = call->changes});
    if (task->text_buffer)
        return ql_task_fail(task, code, "%s", error.text);
    task->future.text = wrong ? wrong : at->text;
    return code;
}

void ql_sqlite_call_init(ql_sqlite_call *call, const char *sql)
{
    if (!call)
        return;
    *call = (ql_sqlite_call){.sql = sql};
    ql_task_init(&call->task, run_call, NULL);
}

static int run(void *self, ql_task *task)
{
    const ql_sqlite_call *call = (const ql_sqlite_call *)(const void *)task;
    return qli_sqlite_unit(self, task, task->fn == run_call && call->param_rows <= 1);
}

ql_sqlite *ql_sqlite_here(void)
{
    return ql_engine_here(&ops);
}

struct sqlite3 *ql_sqlite_handle(ql_sqlite *at)
{
    return at && at == ql_sqlite_here() ? at->db : NULL;
}

int64_t ql_sqlite_changes(const ql_sqlite *at)
{
    return at ? at->changes : 0;
}

static int run_here(ql_sqlite *at, const char *function, const char *sql, const qli_sqlite_runs *runs,
                    ql_sqlite_rows **rows, ql_error *error)
{
    if (forked)
        return qli_error_set(error, -ECHILD, "%s: the connection is the parent process's", function);
    if (!at || at != ql_sqlite_here() || !at->unit)
        return qli_error_set(error, -EPERM, "%s: expected a task on the lane of this connection", function);
    const char *wrong = missing(sql, runs);
    if (wrong)
        return qli_error_set(error, -EINVAL, "%s: %s", function, wrong);
    return qli_sqlite_run(at, sql, runs, rows, error);
}

int ql_sqlite_run(ql_sqlite *at, const char *sql, const ql_sqlite_cell *params, unsigned params_count,
                  ql_sqlite_rows **rows, ql_error *error)
{
    qli_sqlite_runs once = {params, params_count, 1, NULL};
    if (rows)
        *rows = NULL;
    return run_here(at, "ql_sqlite_run", sql, &once, rows, error);
}

int ql_sqlite_run_each(ql_sqlite *at, const char *sql, const ql_sqlite_cell *params, unsigned params_count,
                       size_t times, int64_t *changes, ql_error *error)
{
    qli_sqlite_runs runs = {params, params_count, times, changes};
    return run_here(at, "ql_sqlite_run_each", sql, &runs, NULL, error);
}

/* ---- The connection -------------------------------------------------------------------------------------------- */

static int pragma(ql_sqlite *at, const char *sql, const char *expected, ql_error *error)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(at->db, sql, -1, &statement, NULL);
    int code = 0;
    if (!rc)
        rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        code = qli_error_set(error, qli_sqlite_code(rc), "'%s': %s", at->path, sqlite3_errmsg(at->db));
    } else if (expected) {
        const char *found = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : "";
        if (!found)
            code = qli_error_set(error, -ENOMEM, "'%s': no memory for %s", at->path, sql);
        else if (strcmp(found, expected) != 0)
            code = qli_error_set(error, -EIO,
                                 "'%s': %s is refused, it stays '%s': is it read-only, or on a network?",
                                 at->path, sql, found);
    }
    sqlite3_finalize(statement);
    return code;
}

static int configure(ql_sqlite *at, ql_error *error)
{
    static const char *const sync[] = {"PRAGMA synchronous=NORMAL", "PRAGMA synchronous=OFF",
                                       "PRAGMA synchronous=NORMAL", "PRAGMA synchronous=FULL"};
    int code = 0;
    sqlite3_busy_timeout(at->db, at->config.busy_timeout_ms ? at->config.busy_timeout_ms : 5000);
    if (at->path) {
        code = pragma(at, "PRAGMA journal_mode=WAL", "wal", error);
        if (!code)
            code = pragma(at, sync[at->config.synchronous], NULL, error);
    }
    return code ? code : qli_sqlite_prepare_own(at, error);
}

static int open_it(void *self, ql_error *error)
{
    ql_sqlite *at = self;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (!sqlite3_threadsafe())
        return qli_error_set(error, -ENOTSUP, "this SQLite was built for programs of one thread");
    int rc = sqlite3_open_v2(at->path ? at->path : ":memory:", &at->db, flags, NULL);
    if (rc) {
        int system_code = at->db ? sqlite3_system_errno(at->db) : 0;
        return qli_error_set(error, system_code ? -system_code : qli_sqlite_code(rc),
                             "'%s' cannot be opened: %s", at->path ? at->path : ":memory:",
                             system_code ? strerrordesc_np(system_code) : sqlite3_errstr(rc));
    }
    return configure(at, error);
}

static void close_it(void *self)
{
    ql_sqlite *at = self;
    qli_sqlite_finalize_all(at);
    /* v2: what the user prepared with the handle, and did not finalize, goes when it is. */
    sqlite3_close_v2(at->db);
    at->db = NULL;
}

static void discard(void *self)
{
    ql_sqlite *at = self;
    if (at->db)
        close_it(at);
    pthread_mutex_destroy(&at->interrupt_lock);
    qli_statements_fini(&at->kept);
    qli_rows_fini(&at->rows);
    free(at->path);
    free(at);
}

static void fork_child(void *self)
{
    (void)self;
    forked = true; /* before this process has a second thread */
}

static const ql_engine_ops ops = {
    .size = sizeof(ops),
    .name = "sqlite",
    .open = open_it,
    .run = run,
    .batch_begin = qli_sqlite_begin_batch,
    .batch_end = qli_sqlite_end_batch,
    .interrupt = qli_sqlite_interrupt,
    .close = close_it,
    .thread_exit = discard,
    .fork_child = fork_child,
};

static int check(const ql_lane_config *lane_config, const ql_sqlite_config *config, ql_error *error)
{
    const char *wrong = NULL;
    if (lane_config && lane_config->size != sizeof(*lane_config))
        return qli_error_size(error, "ql_sqlite_open: lane_config.size", lane_config->size, "ql_lane_config",
                              sizeof(*lane_config));
    else if (lane_config && lane_config->engine)
        wrong = "lane_config has an engine already";
    else if (!config)
        wrong = "the config is NULL";
    else if (config->size != sizeof(*config))
        return qli_error_size(error, "ql_sqlite_open: config.size", config->size, "ql_sqlite_config",
                              sizeof(*config));
    else if (config->path && !*config->path)
        wrong = "config.path is empty; NULL means a database in memory";
    else if (config->synchronous > QL_SQLITE_SYNC_FULL)
        wrong = "config.synchronous is none of its values";
    else if (config->busy_timeout_ms < 0)
        wrong = "config.busy_timeout_ms is negative";
    else if (config->statements_max > 1 << 20)
        wrong = "config.statements_max is above 1,048,576";
    return wrong ? qli_error_set(error, -EINVAL, "ql_sqlite_open: %s", wrong) : 0;
}

static ql_sqlite *make(const ql_sqlite_config *config)
{
    ql_sqlite *at = calloc(1, sizeof(*at));
    const char *path = config->path && strcmp(config->path, ":memory:") != 0 ? config->path : NULL;
    if (!at)
        return NULL;
    at->config = *config;
    at->path = path ? strdup(path) : NULL;
    pthread_mutex_init(&at->interrupt_lock, NULL);
    int code = qli_statements_init(&at->kept, config->statements_max ? config->statements_max : 64);
    if (code || (path && !at->path)) {
        discard(at);
        return NULL;
    }
    return at;
}

int ql_sqlite_open(ql_runtime *runtime, const ql_lane_config *lane_config, const ql_sqlite_config *config,
                   ql_lane **lane, ql_error *error)
{
    if (lane)
        *lane = NULL;
    int code = check(lane_config, config, error);
    if (code)
        return code;
    if (forked)
        return qli_error_set(
            error, -ECHILD,
            "ql_sqlite_open: the parent of this process had a SQLite lane at the fork, and the locks "
            "that were taken then are taken here for ever: call exec first");
    ql_sqlite *at = make(config);
    if (!at)
        return qli_error_set(error, -ENOMEM, "ql_sqlite_open: no memory");
    ql_lane_config filled = {.size = sizeof(filled), .name = "sqlite"};
    if (lane_config)
        filled = *lane_config;
    filled.engine = &ops;
    filled.engine_arg = at;
    code = ql_lane_open(runtime, &filled, lane, error);
    if (code == -EINVAL || code == -ECHILD)
        discard(at); /* otherwise it was the lane's, to its end */
    return code;
}
