/* The store, whatever its engine: tasks for the lane. */
#include "examples/feeds/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/hash.h"

int store_open(feed_store **out, ql_runtime *runtime, const input_file *input, const feed_options *options,
               ql_error *error)
{
    static const store_engine *const engines[] = {&store_sqlite, &store_q};
    const char *from = options->engine ? "--engine" : "QLANE_ENGINE";
    const char *name = options->engine ? options->engine : getenv("QLANE_ENGINE");
    *out = NULL;
    if (!name || !*name)
        name = store_sqlite.name;
    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
        if (strcmp(name, engines[i]->name) == 0)
            return engines[i]->open(out, runtime, input, options, error);
    return refuse(error, -EINVAL, "%s: '%s' is no engine: q or sqlite", from, name);
}

void store_free(feed_store *store)
{
    if (store)
        store->engine->free(store);
}

/* A task of the store's. */
static int submit(const feed_store *store, ql_task *task, char *text, size_t size)
{
    task->text_buffer = text;
    task->text_size = (uint32_t)size;
    return ql_lane_submit(store->lane, task);
}

static int settle(ql_task *task, int code, const ql_error *error)
{
    return code ? ql_task_fail(task, code, "%s", error->text) : 0;
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

static int put_rows(ql_task *task)
{
    const store_batch *batch = task->arg;
    ql_error error = {0};
    return settle(task, batch->store->engine->put(batch, &error), &error);
}

int store_submit(store_batch *batch)
{
    ql_task_init(&batch->task, put_rows, batch);
    batch->task.name = "put rows";
    return submit(batch->store, &batch->task, batch->text, sizeof(batch->text));
}

/* ---- Questions -------------------------------------------------------------------------------------------------- */

static int ask(ql_task *task)
{
    store_query *query = task->arg;
    ql_error error = {0};
    return settle(task, query->store->engine->ask(query->store, query->question, &query->rows, &error),
                  &error);
}

int store_ask(const feed_store *store, store_query *query, const char *question)
{
    *query = (store_query){.store = store, .question = question};
    ql_task_init(&query->task, ask, query);
    query->task.name = "query";
    query->task.klass = QL_URGENT;
    return submit(store, &query->task, query->text, sizeof(query->text));
}

int store_answer(const feed_store *store, store_query *query, const char *question)
{
    int code = store_ask(store, query, question);
    if (!code)
        code = ql_future_wait(&query->task.future);
    return code ? code : query->task.future.code;
}

/* ---- Rows back -------------------------------------------------------------------------------------------------- */

static int read_rows(ql_task *task)
{
    store_range *range = task->arg;
    ql_error error = {0};
    return settle(task, range->store->engine->read(range->store, range->lines, &range->rows, &error), &error);
}

int store_read(const feed_store *store, store_range *range, int64_t first_line, int64_t last_line)
{
    *range = (store_range){.store = store, .lines = {first_line, last_line}};
    ql_task_init(&range->task, read_rows, range);
    range->task.name = "read rows";
    return submit(store, &range->task, range->text, sizeof(range->text));
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
