#ifndef TESTS_SUPPORT_Q_PEER_H
#define TESTS_SUPPORT_Q_PEER_H

/* A peer that speaks kdb+'s messages on a loopback port, as a thread of the test. It answers a synchronous message with the
 * object that it was sent, and sends an asynchronous one back as such. When it is sent the text "die" it closes the
 * connection. One connection at a time; one that is closed makes room for the next. */

#include <pthread.h>

typedef struct qlt_peer {
    int port;
    int listener, ending; /* the peer's own */
    pthread_t thread;
} qlt_peer;

void qlt_peer_start(qlt_peer *peer);
/* Also ends a connection that is open. */
void qlt_peer_stop(qlt_peer *peer);

#endif
