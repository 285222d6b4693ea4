#include "tests/support/q_peer.h"

#include "tests/support/harness.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASYNCHRONOUS, SYNCHRONOUS, ANSWER };

/* False: the peer is to end, or the other side has gone. */
static int readable(const qlt_peer *peer, int descriptor)
{
    struct pollfd at[] = {{.fd = descriptor, .events = POLLIN}, {.fd = peer->ending, .events = POLLIN}};
    while (poll(at, 2, -1) < 0)
        qlt_check(errno == EINTR);
    return !at[1].revents;
}

static int receive(const qlt_peer *peer, int connection, unsigned char *to, size_t count)
{
    while (count) {
        if (!readable(peer, connection))
            return 0;
        ssize_t got = recv(connection, to, count, 0);
        if (got <= 0)
            return 0;
        to += got;
        count -= (size_t)got;
    }
    return 1;
}

static int greet(const qlt_peer *peer, int connection)
{
    unsigned char next = 1;
    while (next) {
        if (!receive(peer, connection, &next, 1))
            return 0;
    }
    return send(connection, "\3", 1, MSG_NOSIGNAL) == 1;
}

static int is_die(const unsigned char *message, size_t length)
{
    static const unsigned char die[] = {10, 0, 3, 0, 0, 0, 'd', 'i', 'e'};
    return length == 8 + sizeof(die) && memcmp(message + 8, die, sizeof(die)) == 0;
}

static int send_back(int connection, const unsigned char *message, size_t length)
{
    while (length) {
        ssize_t sent = send(connection, message, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        message += sent;
        length -= (size_t)sent;
    }
    return 1;
}

/* One message, there and back. */
static int serve(const qlt_peer *peer, int connection)
{
    unsigned char head[8];
    unsigned length;
    if (!receive(peer, connection, head, sizeof(head)))
        return 0;
    memcpy(&length, head + 4, sizeof(length));
    qlt_check(length > sizeof(head));
    unsigned char *message = malloc(length);
    qlt_check(message != NULL);
    memcpy(message, head, sizeof(head));
    int good =
        receive(peer, connection, message + sizeof(head), length - sizeof(head)) && !is_die(message, length);
    if (message[1] == SYNCHRONOUS)
        message[1] = ANSWER;
    good = good && send_back(connection, message, length);
    free(message);
    return good;
}

static void *run(void *arg)
{
    qlt_peer *peer = arg;
    while (readable(peer, peer->listener)) {
        int connection = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        qlt_check(connection >= 0);
        if (greet(peer, connection)) {
            while (serve(peer, connection))
                ;
        }
        close(connection);
    }
    return NULL;
}

void qlt_peer_start(qlt_peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->ending = eventfd(0, EFD_CLOEXEC);
    qlt_check(peer->listener >= 0 && peer->ending >= 0);
    qlt_eq_int(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    qlt_eq_int(listen(peer->listener, 8), 0);
    qlt_eq_int(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    qlt_eq_int(pthread_create(&peer->thread, NULL, run, peer), 0);
}

void qlt_peer_stop(qlt_peer *peer)
{
    qlt_eq_int(eventfd_write(peer->ending, 1), 0);
    qlt_eq_int(pthread_join(peer->thread, NULL), 0);
    close(peer->listener);
    close(peer->ending);
}
