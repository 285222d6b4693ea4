/* What a person, or a program that reads JSON, gets to see. */
#ifndef EXAMPLES_FEEDS_REPORT_H
#define EXAMPLES_FEEDS_REPORT_H

#include "examples/feeds/place.h"
#include "examples/feeds/proof.h"

typedef struct feed_report {
    const input_file *input;
    const feed_stream *stream;
    const ql_lane *lane;
    const feed_proof *proof;
    double seconds;
    const char *query;            /* NULL: none */
    const ql_sqlite_rows *before; /* the first rows, or NULL */
    const ql_sqlite_rows *after;
    const ql_sqlite_rows *keys; /* some of them, or NULL */
    const ql_sqlite_rows *answer;
    unsigned asked; /* how often the query was answered while rows came in */
    double slowest_ms;
} feed_report;

/* The rows that were rejected, to stderr. */
void report_rejects(const feed_stream *stream);
void report_text(const feed_report *report);
void report_json(const feed_report *report);

/* One line on a terminal that is written over and over. */
typedef struct live_line {
    int64_t at_ns;
    uint64_t rows;
    int64_t busy_ns, open_ns;
} live_line;

void live_show(live_line *live, feed_stream *stream, ql_lane *lane);
void live_clear(void);

#endif
