/* The feeds: many threads outside the pool, streaming the input together.
 *
 *   feed --block of text--> worker parses --rows--> lane stores --future--> feed takes the next block
 *
 * A feed has a few blocks on the way and waits for the oldest before it sends another, so what is under way is bounded
 * however slow the lane is, and nobody spins. */
#ifndef EXAMPLES_FEEDS_STREAM_H
#define EXAMPLES_FEEDS_STREAM_H

#include <pthread.h>

#include "examples/feeds/store.h"

/* A row that was not stored. */
typedef struct feed_reject {
    uint64_t line;
    row_verdict verdict;
} feed_reject;

/* What became of a block, from its first time through. */
typedef struct feed_result {
    bool read; /* its rows were handed to the lane */
    size_t rows;
    uint64_t checksum; /* of those rows */
    feed_reject *rejects;
    size_t rejects_count;
} feed_result;

typedef struct feed_stream {
    /* Set before the feeds start. */
    ql_runtime *runtime;
    const input_file *input;
    const feed_store *store;
    unsigned feeds;
    unsigned repeat;
    uint64_t rate; /* 0: none */
    int stop_fd;   /* an eventfd: once written to, the feeds send no further block */
    int done_fd;   /* an eventfd to which every feed adds 1 at its end */

    /* The starting thread's. */
    unsigned started;
    int64_t began_ns;
    struct feed *all;

    /* Whose turn it is to send a block. */
    pthread_mutex_t turn;
    uint64_t taken; /* blocks that some feed has sent, repeats among them */

    /* Under the lock. */
    pthread_mutex_t lock;
    feed_result *results; /* one for each block */
    uint64_t rows_stored; /* so far, repeats among them */
    ql_error error;       /* the first that happened; code 0: none */
} feed_stream;

/* Start the feeds. On failure those that run are stopped, and the error says why. */
int stream_start(feed_stream *stream, ql_error *error);
/* Wait until every feed has ended and all it sent is stored. */
void stream_join(feed_stream *stream);
void stream_free(feed_stream *stream);
/* Write to an event: to stop_fd, to tell all feeds to end. Any thread, also in a signal handler. */
void stream_signal(int event_fd);

uint64_t stream_rows_stored(feed_stream *stream);

#endif
