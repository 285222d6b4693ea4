/* The engine behind the lane: store_sqlite.c with statements.c, or store_q.c. Nothing else speaks SQL or q.
 *
 *   rows     every row of the input, by its line number
 *   keys     for each value of the key's columns: how many rows, and the sum of one column. Always what
 *            SELECT key, count(*), sum(column) FROM rows GROUP BY key  would find: a row that comes again counts once.
 *            In q its name is `totals`, for `keys` is a word of its own
 *   source   which file the rows are from, and what `keys` is keyed by; q has none, for it keeps nothing between runs */
#ifndef EXAMPLES_FEEDS_STORE_H
#define EXAMPLES_FEEDS_STORE_H

#include "examples/feeds/input.h"
#include "examples/feeds/options.h"
#include "qlane/sqlite.h" /* for its cells and rows, which are plain memory */

typedef struct feed_store feed_store;
typedef struct store_batch store_batch;

/* What an engine does; all but open and free on the lane, and with a sentence in `error`. Rows that it finds are freed by
 * ql_sqlite_rows_free(). */
typedef struct store_engine {
    const char *name;
    int (*open)(feed_store **store, ql_runtime *runtime, const input_file *input, const feed_options *options,
                ql_error *error);
    void (*free)(feed_store *store);
    int (*put)(const store_batch *batch, ql_error *error);
    int (*ask)(const feed_store *store, const char *text, ql_sqlite_rows **rows, ql_error *error);
    int (*read)(const feed_store *store, const int64_t lines[2], ql_sqlite_rows **rows, ql_error *error);
    const char *first_rows, *some_keys; /* questions */
} store_engine;

extern const store_engine store_sqlite, store_q;

/* The first of an engine's own. */
struct feed_store {
    const store_engine *engine;
    ql_lane *lane;
    size_t columns; /* of `rows` */
};

/* Open the engine that the options name on a lane, and make the tables, or know them again.
 *  Errors: as statements_make(), and what the engine answers; -EEXIST it holds the rows of another input. */
int store_open(feed_store **store, ql_runtime *runtime, const input_file *input, const feed_options *options,
               ql_error *error);
/* After the runtime's stop: the lane closes with that. */
void store_free(feed_store *store);

/* The cell that a field becomes. Its text stays where it is. */
ql_sqlite_cell store_cell(const input_column *column, csv_field field);

/* Rows for the tables: a line number and the input's columns, each. One task with one future: all are stored, or none. */
struct store_batch {
    ql_task task;
    const feed_store *store;
    ql_sqlite_cell *cells;
    int64_t *changes; /* one for each row; the lane's */
    size_t rows;
    char text[256]; /* why not */
};

/* Hand it to the lane. Its task settles when the rows are committed. */
int store_submit(store_batch *batch);

/* A question, its answer plain memory: ql_sqlite_rows_free() it. */
typedef struct store_query {
    ql_task task;
    const feed_store *store;
    const char *question; /* SQL or q, which must not write */
    ql_sqlite_rows *rows;
    char text[256];
} store_query;

/* Hand it to the lane, where it goes before the rows that queue. */
int store_ask(const feed_store *store, store_query *query, const char *question);
/* The same, and wait. Returns the task's code. */
int store_answer(const feed_store *store, store_query *query, const char *question);

/* The rows that are stored from one line to another: ql_sqlite_rows_free() them. */
typedef struct store_range {
    ql_task task;
    const feed_store *store;
    int64_t lines[2];
    ql_sqlite_rows *rows;
    char text[256];
} store_range;

int store_read(const feed_store *store, store_range *range, int64_t first_line, int64_t last_line);
/* The hash of a row as it is stored. */
uint64_t store_hash(const ql_sqlite_cell *cells, size_t columns);

#endif
