/* SQLite behind the lane. */
#include "examples/feeds/statements.h"
#include "examples/feeds/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/hash.h"

/* One commit for so many batches of rows, so that it costs little; a query waits no longer for it than this. */
enum { COMMIT_TASKS = 16, COMMIT_US = 20000 };

enum { KEYS_AT_ONCE = 64 };

typedef struct sqlite_store {
    feed_store store; /* first */
    feed_statements sql;
    ql_sqlite_cell *keys; /* the lane's: parameters of put_key, KEYS_AT_ONCE times */
} sqlite_store;

/* ---- Open ------------------------------------------------------------------------------------------------------- */

/* What `source` says of an input: name, bytes, --rows, and a hash of the text. */
enum { SOURCE_PARAMS = 4 };

struct opening {
    const sqlite_store *store;
    ql_sqlite_cell source[SOURCE_PARAMS];
    ql_error *error;
    int code; /* the task's own */
};

static ql_sqlite_cell text_cell(const char *text)
{
    return (ql_sqlite_cell){QL_SQLITE_TEXT, .text = {text, strlen(text)}};
}

static ql_sqlite_cell integer_cell(uint64_t value)
{
    return (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = (int64_t)value};
}

static int run(struct opening *opening, const char *sql)
{
    return ql_sqlite_run(ql_sqlite_here(), sql, NULL, 0, NULL, opening->error);
}

static int refuse_source(struct opening *opening, const ql_sqlite_cell *source)
{
    char rows[32] = "all";
    if (source[2].integer)
        snprintf(rows, sizeof(rows), "the first %" PRId64, source[2].integer);
    return refuse(opening->error, -EEXIST,
                  "holds %s rows of another input: %.*s of %" PRId64 " bytes; take another --db", rows,
                  (int)source[0].text.length, source[0].text.bytes, source[1].integer);
}

static bool same_source(const ql_sqlite_cell *left, const ql_sqlite_cell *right)
{
    return left[0].text.length == right[0].text.length &&
           memcmp(left[0].text.bytes, right[0].text.bytes, left[0].text.length) == 0 &&
           left[1].integer == right[1].integer && left[2].integer == right[2].integer &&
           left[3].integer == right[3].integer;
}

/* The tables of rows, made or known again. *keyed becomes what `keys` is keyed by: to be freed, or NULL. */
static int open_rows(struct opening *opening, char **keyed)
{
    ql_sqlite *sqlite = ql_sqlite_here();
    ql_sqlite_rows *found = NULL;
    int code = run(opening, "CREATE TABLE IF NOT EXISTS source (name TEXT, bytes INTEGER, rows INTEGER, hash "
                            "INTEGER, keyed_by TEXT)");
    if (!code)
        code = ql_sqlite_run(sqlite, "SELECT name, bytes, rows, hash, keyed_by FROM source", NULL, 0, &found,
                             opening->error);
    if (!code && found->count == 0) {
        code = run(opening, opening->store->sql.create_rows);
        if (!code)
            code = ql_sqlite_run(sqlite, "INSERT INTO source VALUES (?, ?, ?, ?, NULL)", opening->source,
                                 SOURCE_PARAMS, NULL, opening->error);
    } else if (!code && !same_source(found->cells, opening->source)) {
        code = refuse_source(opening, found->cells);
    } else if (!code && found->cells[SOURCE_PARAMS].type == QL_SQLITE_TEXT) {
        *keyed = strdup(found->cells[SOURCE_PARAMS].text.bytes);
    }
    ql_sqlite_rows_free(found);
    return code;
}

/* `keys` as this run wants it. Made anew it takes in the rows that are there. */
static int open_keys(struct opening *opening, const char *keyed)
{
    const feed_statements *sql = &opening->store->sql;
    if (keyed ? sql->keyed_by && strcmp(keyed, sql->keyed_by) == 0 : !sql->keyed_by)
        return 0;
    int code = run(opening, "DROP TABLE IF EXISTS keys");
    if (!code && sql->keyed_by) {
        code = run(opening, sql->create_keys);
        code = code ? code : run(opening, sql->index_keys);
        code = code ? code : run(opening, sql->fill_keys);
    }
    ql_sqlite_cell now = sql->keyed_by ? text_cell(sql->keyed_by) : (ql_sqlite_cell){0};
    return code ? code
                : ql_sqlite_run(ql_sqlite_here(), "UPDATE source SET keyed_by = ?", &now, 1, NULL,
                                opening->error);
}

static int open_tables(ql_task *task)
{
    struct opening *opening = task->arg;
    char *keyed = NULL;
    int code = open_rows(opening, &keyed);
    if (!code)
        code = open_keys(opening, keyed);
    free(keyed);
    return opening->code = code;
}

static int call_open_tables(const sqlite_store *store, const input_file *input, const feed_options *options,
                            ql_error *error)
{
    const char *name = strrchr(input->path, '/');
    struct opening opening = {
        .store = store,
        .source = {text_cell(name ? name + 1 : input->path), integer_cell(input->size),
                   integer_cell(options->rows), integer_cell(hash_field(0, input->text, input->size))},
        .error = error,
    };
    ql_task task;
    ql_task_init(&task, open_tables, &opening);
    int code = ql_lane_call(store->store.lane, &task);
    code = code ? code : task.future.code;
    if (!code)
        return 0;
    char why[sizeof(error->text)];
    snprintf(why, sizeof(why), "%s", opening.code ? error->text : strerror(-code));
    return refuse(error, code, "%s: %s", options->db ? options->db : "the database in memory", why);
}

static int open_store(feed_store **out, ql_runtime *runtime, const input_file *input,
                      const feed_options *options, ql_error *error)
{
    sqlite_store *store = calloc(1, sizeof(*store));
    if (!store)
        return refuse(error, -ENOMEM, "no memory for the store");
    *out = &store->store;
    store->store.engine = &store_sqlite;
    store->store.columns = input->columns_count + 1;
    int code = statements_make(&store->sql, input, options, error);
    if (code)
        return code;
    store->keys = calloc(KEYS_AT_ONCE * store->sql.key_count + 1, sizeof(*store->keys));
    if (!store->keys)
        return refuse(error, -ENOMEM, "no memory for the store");
    ql_lane_config lane = {
        .size = sizeof(lane), .name = "q", .batch_tasks = COMMIT_TASKS, .batch_us = COMMIT_US};
    ql_sqlite_config sqlite = {.size = sizeof(sqlite), .path = options->db};
    code = ql_sqlite_open(runtime, &lane, &sqlite, &store->store.lane, error);
    return code ? code : call_open_tables(store, input, options, error);
}

static void free_store(feed_store *store)
{
    sqlite_store *at = (sqlite_store *)(void *)store;
    statements_free(&at->sql);
    free(at->keys);
    free(at);
}

/* ---- What the lane does ------------------------------------------------------------------------------------------ */

/* What was changed in `rows` is counted in `keys`. */
static int put_keys(const sqlite_store *store, const store_batch *batch, ql_error *error)
{
    const feed_statements *sql = &store->sql;
    size_t columns = store->store.columns, count = 0;
    int code = 0;
    for (size_t i = 0; i < batch->rows && !code; i++) {
        const ql_sqlite_cell *row = batch->cells + i * columns;
        for (size_t k = 0; batch->changes[i] && k < sql->key_count; k++)
            store->keys[count * sql->key_count + k] = row[sql->key[k]];
        count += batch->changes[i] > 0;
        if (count < KEYS_AT_ONCE && i + 1 < batch->rows)
            continue;
        code = ql_sqlite_run_each(ql_sqlite_here(), sql->put_key, store->keys, (unsigned)sql->key_count,
                                  count, NULL, error);
        count = 0;
    }
    return code;
}

static int put(const store_batch *batch, ql_error *error)
{
    const sqlite_store *store = (const sqlite_store *)(const void *)batch->store;
    int code = ql_sqlite_run_each(ql_sqlite_here(), store->sql.put_row, batch->cells,
                                  (unsigned)store->store.columns, batch->rows, batch->changes, error);
    return code || !store->sql.put_key ? code : put_keys(store, batch, error);
}

/* SQLite itself refuses to write. */
static int ask(const feed_store *store, const char *text, ql_sqlite_rows **rows, ql_error *error)
{
    ql_sqlite *sqlite = ql_sqlite_here();
    (void)store;
    int code = ql_sqlite_run(sqlite, "PRAGMA query_only = 1", NULL, 0, NULL, error);
    if (!code) {
        ql_error ignored;
        code = ql_sqlite_run(sqlite, text, NULL, 0, rows, error);
        int reset = ql_sqlite_run(sqlite, "PRAGMA query_only = 0", NULL, 0, NULL, code ? &ignored : error);
        code = code ? code : reset;
    }
    return code;
}

static int read_range(const feed_store *store, const int64_t lines[2], ql_sqlite_rows **rows, ql_error *error)
{
    const ql_sqlite_cell params[] = {{QL_SQLITE_INTEGER, .integer = lines[0]},
                                     {QL_SQLITE_INTEGER, .integer = lines[1]}};
    (void)store;
    return ql_sqlite_run(ql_sqlite_here(), "SELECT * FROM rows WHERE line BETWEEN ? AND ?", params, 2, rows,
                         error);
}

const store_engine store_sqlite = {
    .name = "sqlite",
    .open = open_store,
    .free = free_store,
    .put = put,
    .ask = ask,
    .read = read_range,
    .first_rows = "SELECT * FROM rows ORDER BY line LIMIT 3",
    .some_keys = "SELECT * FROM keys LIMIT 3",
};
