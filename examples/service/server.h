/* The event loop: listens, lets connections read and write, gives them what has settled, closes those that idle or stall. */
#ifndef EXAMPLES_SERVICE_SERVER_H
#define EXAMPLES_SERVICE_SERVER_H

#include "examples/service/connection.h"

typedef struct server {
    service shared;
    const service_options *options;
    int poll_fd, listen_fd, signal_fd;
    bool listens;           /* the descriptor is watched */
    bool stopping;          /* a signal has come */
    int64_t now_ns;         /* of this turn of the loop */
    int64_t accept_from_ns; /* no descriptor was to be had: not before then */
    unsigned clients;
    TAILQ_HEAD(connection_list, connection)
    waiting[CONNECTION_WAITS]; /* by what they wait for, the longest first */
} server;

/* Listen. Signals SIGTERM and SIGINT must be blocked. Says on stdout where it listens.
 *  Errors: -errno; *error has the sentence. */
int server_open(server *opened, const service_options *options, ql_error *error);
/* Until a signal has come and every connection is closed. */
void server_run(server *run);
void server_close(server *closed);

#endif
