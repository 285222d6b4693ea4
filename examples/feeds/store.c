#include "examples/feeds/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/hash.h"

/* One commit for so many batches of rows, so that it costs little; a query waits no longer for it than this. */
enum { COMMIT_TASKS = 16, COMMIT_US = 20000 };

struct feed_store {
    ql_lane *lane;
    feed_statements sql;
    size_t columns;      /* of `rows` */
    ql_sqlite_cell *key; /* the lane's: parameters of put_key */
};

/* ---- Open ------------------------------------------------------------------------------------------------------- */

/* What `source` says of an input: name, bytes, --rows, and a hash of the text. */
enum { SOURCE_PARAMS = 4 };

struct opening {
    feed_store *store;
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

static int call_open_tables(feed_store *store, const input_file *input, const feed_options *options,
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
    int code = ql_lane_call(store->lane, &task);
    code = code ? code : task.future.code;
    if (!code)
        return 0;
    char why[sizeof(error->text)];
    snprintf(why, sizeof(why), "%s", opening.code ? error->text : strerror(-code));
    return refuse(error, code, "%s: %s", options->db ? options->db : "the database in memory", why);
}

int store_open(feed_store **out, ql_runtime *runtime, const input_file *input, const feed_options *options,
               ql_error *error)
{
    feed_store *store = calloc(1, sizeof(*store));
    *out = store;
    if (!store)
        return refuse(error, -ENOMEM, "no memory for the store");
    int code = statements_make(&store->sql, input, options, error);
    if (code)
        return code;
    store->columns = input->columns_count + 1;
    store->key = calloc(store->sql.key_count + 1, sizeof(*store->key));
    if (!store->key)
        return refuse(error, -ENOMEM, "no memory for the store");
    ql_lane_config lane = {
        .size = sizeof(lane), .name = "q", .batch_tasks = COMMIT_TASKS, .batch_us = COMMIT_US};
    ql_sqlite_config sqlite = {.size = sizeof(sqlite), .path = options->db};
    code = ql_sqlite_open(runtime, &lane, &sqlite, &store->lane, error);
    return code ? code : call_open_tables(store, input, options, error);
}

void store_free(feed_store *store)
{
    if (!store)
        return;
    statements_free(&store->sql);
    free(store->key);
    free(store);
}

ql_lane *store_lane(const feed_store *store)
{
    return store->lane;
}

/* ---- Rows in ---------------------------------------------------------------------------------------------------- */

ql_sqlite_cell store_cell(const input_column *column, csv_field field)
{
    number_value value;
    if (!field.length)
        return (ql_sqlite_cell){.type = QL_SQLITE_NULL};
    if (!input_is_numeric(column->forms))
        return (ql_sqlite_cell){QL_SQLITE_TEXT, .text = {field.text, field.length}};
    if (number_read(field.text, field.length, &value) == FORM_INTEGER)
        return (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = value.integer};
    return (ql_sqlite_cell){QL_SQLITE_REAL, .real = value.real};
}

/* On the lane. One statement after the other, each for all rows: a prepared one is found fastest when it was used last. */
static int put_rows(ql_task *task)
{
    store_batch *batch = task->arg;
    const feed_store *store = batch->store;
    const feed_statements *sql = &store->sql;
    ql_sqlite *sqlite = ql_sqlite_here();
    ql_error error;
    int code = 0;
    for (size_t i = 0; i < batch->rows && !code; i++) {
        const ql_sqlite_cell *row = batch->cells + i * store->columns;
        code = ql_sqlite_run(sqlite, sql->put_row, row, (unsigned)store->columns, NULL, &error);
        batch->changed[i] = !code && ql_sqlite_changes(sqlite) > 0;
    }
    for (size_t i = 0; i < batch->rows && !code && sql->put_key; i++) {
        const ql_sqlite_cell *row = batch->cells + i * store->columns;
        for (size_t k = 0; k < sql->key_count; k++)
            store->key[k] = row[sql->key[k]];
        if (batch->changed[i])
            code = ql_sqlite_run(sqlite, sql->put_key, store->key, (unsigned)sql->key_count, NULL, &error);
    }
    return code ? ql_task_fail(task, code, "%s", error.text) : 0;
}

int store_submit(store_batch *batch)
{
    ql_task_init(&batch->task, put_rows, batch);
    batch->task.name = "put rows";
    batch->task.text_buffer = batch->text;
    batch->task.text_size = sizeof(batch->text);
    return ql_lane_submit(batch->store->lane, &batch->task);
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

/* On the lane: SQLite itself refuses to write. */
static int ask(ql_task *task)
{
    store_query *query = task->arg;
    ql_sqlite *sqlite = ql_sqlite_here();
    ql_error error;
    int code = ql_sqlite_run(sqlite, "PRAGMA query_only = 1", NULL, 0, NULL, &error);
    if (!code) {
        code = ql_sqlite_run(sqlite, query->sql, NULL, 0, &query->rows, &error);
        ql_error ignored;
        int reset = ql_sqlite_run(sqlite, "PRAGMA query_only = 0", NULL, 0, NULL, &ignored);
        if (!code && reset) {
            code = reset;
            error = ignored;
        }
    }
    return code ? ql_task_fail(task, code, "%s", error.text) : 0;
}

int store_ask(const feed_store *store, store_query *query, const char *sql)
{
    *query = (store_query){.sql = sql};
    ql_task_init(&query->task, ask, query);
    query->task.name = "query";
    query->task.klass = QL_URGENT;
    query->task.text_buffer = query->text;
    query->task.text_size = sizeof(query->text);
    return ql_lane_submit(store->lane, &query->task);
}

int store_answer(const feed_store *store, store_query *query, const char *sql)
{
    int code = store_ask(store, query, sql);
    if (!code)
        code = ql_future_wait(&query->task.future);
    return code ? code : query->task.future.code;
}

/* ---- Rows back -------------------------------------------------------------------------------------------------- */

int store_read(const feed_store *store, store_range *range, int64_t first_line, int64_t last_line)
{
    range->lines[0] = (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = first_line};
    range->lines[1] = (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = last_line};
    ql_sqlite_call_init(&range->call, "SELECT * FROM rows WHERE line BETWEEN ? AND ?");
    range->call.params = range->lines;
    range->call.params_count = 2;
    range->call.task.text_buffer = range->text;
    range->call.task.text_size = sizeof(range->text);
    return ql_lane_submit(store->lane, &range->call.task);
}

uint64_t store_hash(const ql_sqlite_cell *cells, size_t columns)
{
    uint64_t hash = hash_begin((uint64_t)cells[0].integer);
    for (size_t i = 1; i < columns; i++) {
        char text[NUMBER_TEXT_MAX];
        csv_field field = {text, 0};
        if (cells[i].type == QL_SQLITE_INTEGER)
            field.length = number_print_integer(cells[i].integer, text);
        else if (cells[i].type == QL_SQLITE_REAL)
            field.length = number_print_real(cells[i].real, text);
        else if (cells[i].type != QL_SQLITE_NULL)
            field = (csv_field){cells[i].text.bytes, cells[i].text.length};
        hash = hash_field(hash, field.text, field.length);
    }
    return hash;
}
