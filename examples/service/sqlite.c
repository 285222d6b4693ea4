/* SQLite as the service's engine. Parameters are bound, never pasted. */
#include <errno.h>
#include <string.h>

#include "examples/service/engine.h"
#include "qlane/sqlite.h"

static int run(const char *sql, const ql_sqlite_cell *params, unsigned count, ql_sqlite_rows **rows,
               ql_error *error)
{
    return ql_sqlite_run(ql_sqlite_here(), sql, params, count, rows, error);
}

static ql_sqlite_cell text_cell(request_text text)
{
    return (ql_sqlite_cell){QL_SQLITE_TEXT, .text = {text.bytes, text.length}};
}

static int make_table(ql_task *task)
{
    return run("CREATE TABLE IF NOT EXISTS service (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
               NULL, 0, NULL, task->arg);
}

static int open_sqlite(ql_runtime *runtime, const ql_lane_config *config, const service_options *options,
                       ql_lane **lane, ql_error *error)
{
    ql_sqlite_config sqlite = {
        .size = sizeof(sqlite),
        .path = options->db,
        .synchronous = options->sync ? QL_SQLITE_SYNC_FULL : QL_SQLITE_SYNC_NORMAL,
    };
    int code = ql_sqlite_open(runtime, config, &sqlite, lane, error);
    if (code)
        return code;
    ql_task task;
    ql_task_init(&task, make_table, error);
    code = ql_lane_call(*lane, &task);
    return code ? code : task.future.code;
}

static int get(request_text key, engine_value *value, ql_error *error)
{
    ql_sqlite_cell param = text_cell(key);
    ql_sqlite_rows *rows = NULL;
    int code = run("SELECT value FROM service WHERE key = ?1", &param, 1, &rows, error);
    value->found = !code && rows->count;
    if (value->found) {
        const ql_sqlite_cell *cell = rows->cells;
        if (cell->type != QL_SQLITE_TEXT || cell->text.length > sizeof(value->bytes)) {
            code = refuse(error, -EMSGSIZE, "the value in the table is not one of this service's");
        } else {
            value->length = cell->text.length;
            memcpy(value->bytes, cell->text.bytes, value->length);
        }
    }
    ql_sqlite_rows_free(rows);
    return code;
}

static int put(request_text key, request_text value, ql_error *error)
{
    ql_sqlite_cell params[] = {text_cell(key), text_cell(value)};
    return run("INSERT INTO service VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
               params, 2, NULL, error);
}

static int erase(request_text key, int64_t *erased, ql_error *error)
{
    ql_sqlite_cell param = text_cell(key);
    int code = run("DELETE FROM service WHERE key = ?1", &param, 1, NULL, error);
    *erased = code ? 0 : ql_sqlite_changes(ql_sqlite_here());
    return code;
}

static int count(int64_t *counted, ql_error *error)
{
    ql_sqlite_rows *rows = NULL;
    int code = run("SELECT count(*) FROM service", NULL, 0, &rows, error);
    *counted = code ? 0 : rows->cells->integer;
    ql_sqlite_rows_free(rows);
    return code;
}

const service_engine engine_sqlite = {
    .name = "sqlite", .open = open_sqlite, .get = get, .put = put, .erase = erase, .count = count};
