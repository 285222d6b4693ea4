/* One client. All that it costs is in this struct: what it sent is read when there is room for it, and taken up in blocks, one
 * at a time; while a block is under way, or its replies are not taken, nothing more is read.
 *
 *   bytes --read--> in --a block of whole lines--> a worker reads them --> jobs --the lane--> replies, in order --> out --> sent
 *
 * The loop's thread alone calls what stands here; while a block is being read its lines and jobs are the worker's. */
#ifndef EXAMPLES_SERVICE_CONNECTION_H
#define EXAMPLES_SERVICE_CONNECTION_H

#include <sys/queue.h>

#include "examples/service/job.h"

enum {
    CONNECTION_JOBS = 16,                 /* requests under way at a time */
    CONNECTION_IN = 2 * REQUEST_LINE_MAX, /* bytes */
    CONNECTION_OUT = 2 * REPLY_LINE_MAX,  /* bytes */
    CONNECTION_BYTES = 40 * 1024          /* all of it */
};

/* What it waits for. */
typedef enum connection_wait {
    WAITS_FOR_REQUEST, /* the client */
    WAITS_FOR_ENGINE,  /* a worker or the lane */
    WAITS_FOR_TAKER,   /* the client, which must take its replies */
    WAITS_FOR_END,     /* the client, which has been told that this is the end */
    WAITS_FOR_NOTHING  /* it is closed, and can be freed */
} connection_wait;

enum { CONNECTION_WAITS = WAITS_FOR_NOTHING + 1 };

typedef struct service {
    ql_executor *pool;
    ql_lane *lane;
    const service_engine *engine;
    ql_completions *completions;
} service;

typedef struct connection {
    const service *of;
    int fd;       /* -1: closed */
    bool ended;   /* no more is read: the client has ended, or quit, or we stop */
    bool hung_up; /* the client has ended, so there is nobody to wait for */
    bool parsing;
    bool progressed; /* replies were taken since the last look */
    int under_way;   /* jobs on the lane; less than 0 while some settled that the worker has not told of */

    /* The worker's while it parses. */
    ql_task parse;
    ql_completion parsed;
    size_t block; /* bytes of `in` that are whole lines, under way */
    unsigned jobs_count, submitted, replied;
    bool quit;

    /* The server's. */
    connection_wait wait;
    int64_t until_ns;
    uint32_t events;
    TAILQ_ENTRY(connection) link;

    size_t in_used, out_start, out_end;
    char in[CONNECTION_IN], out[CONNECTION_OUT];
    job jobs[CONNECTION_JOBS];
} connection;

_Static_assert(sizeof(connection) <= CONNECTION_BYTES, "what a connection may cost is said in README.md");

/* Takes the descriptor. NULL: no memory; the descriptor is closed. */
connection *connection_open(const service *of, int fd);
/* Close it now; it can be freed once it waits for nothing. */
void connection_close(connection *closed);
/* There is something to read. */
void connection_read(connection *from);
/* One of its tasks has settled. */
void connection_settled(connection *of, const ql_task *task);
/* Read no more; what has been read is still answered. */
void connection_end(connection *ended);
/* Do all that can be done now. */
connection_wait connection_step(connection *of);

#endif
