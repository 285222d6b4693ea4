/* Connections that hopen makes: a handle is the descriptor. Nothing runs by itself: messages are read while q waits. */
#include "tests/support/libq_standin/api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACES 64
#define MESSAGE_MAX (1 << 30)

struct place {
    int descriptor;
    K (*ready)(int descriptor); /* sd1(); NULL: a connection */
};

int si_connection_in_hand;

static struct place places[PLACES];
static int places_count;

static int place_of(int descriptor)
{
    for (int i = 0; i < places_count; i++) {
        if (places[i].descriptor == descriptor)
            return i;
    }
    return -1;
}

static void add(int descriptor, K (*ready)(int descriptor))
{
    if (places_count == PLACES)
        si_raise("conn");
    places[places_count++] = (struct place){descriptor, ready};
}

static void drop(int descriptor)
{
    int at = place_of(descriptor);
    if (at >= 0)
        places[at] = places[--places_count];
}

__attribute__((noreturn)) static void lost(int descriptor)
{
    K closed = si_global(si_intern(".z.pc", 5));
    drop(descriptor);
    close(descriptor);
    if (closed)
        si_apply1(si_pool(si_r1(closed)), si_atom_long(TI, descriptor));
    si_state.network_error = true;
    si_raise("close");
}

/* ---- Bytes ---- */

static void send_all(int descriptor, K bytes)
{
    const char *at = ql_q_items(bytes), *end = at + bytes->n;
    while (at < end) {
        ssize_t sent = send(descriptor, at, (size_t)(end - at), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            lost(descriptor);
        at += sent > 0 ? sent : 0;
        si_check_interrupt();
    }
}

static void receive_all(int descriptor, unsigned char *at, J count)
{
    while (count > 0) {
        ssize_t got = recv(descriptor, at, (size_t)count, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            lost(descriptor);
        si_check_interrupt();
        at += got > 0 ? got : 0;
        count -= got > 0 ? got : 0;
    }
}

/* The object of the next message, and what it wants to be. */
static K receive(int descriptor, int *kind)
{
    unsigned char head[8];
    int length;
    receive_all(descriptor, head, sizeof(head));
    memcpy(&length, head + 4, sizeof(length));
    if (head[0] != 1 || head[1] > 2 || head[2] || length < 9 || length > MESSAGE_MAX)
        lost(descriptor);
    K bytes = si_make(TX, length);
    memcpy(ql_q_items(bytes), head, sizeof(head));
    receive_all(descriptor, (unsigned char *)ql_q_items(bytes) + 8, length - 8);
    *kind = head[1];
    return si_bytes_read(ql_q_items(bytes), length);
}

/* ---- Messages that come in ---- */

struct incoming {
    K message;
    bool wants_answer;
};

static K run(void *arg)
{
    const struct incoming *in = arg;
    K handler = si_global(si_intern(in->wants_answer ? ".z.pg" : ".z.ps", 5));
    handler = handler ? si_pool(si_r1(handler)) : si_primitive(si_primitive_find("value", 5));
    return si_apply1(handler, in->message);
}

static void answer(int descriptor, K message, int kind)
{
    struct incoming in = {message, kind == 1};
    int before = si_connection_in_hand;
    si_connection_in_hand = descriptor;
    K value = si_protect(run, &in);
    si_connection_in_hand = before;
    if (value)
        si_pool(value);
    if (kind == 1)
        send_all(descriptor, value ? si_bytes_write(value, 2) : si_bytes_write_error(si_error_text()));
}

/* Until `descriptor` can be read; what comes on others meanwhile is served. */
static void wait_for(int descriptor)
{
    for (;;) {
        struct pollfd at[PLACES];
        int count = places_count, kind;
        for (int i = 0; i < count; i++)
            at[i] = (struct pollfd){.fd = places[i].descriptor, .events = POLLIN};
        int ready = poll(at, (nfds_t)count, -1);
        si_check_interrupt();
        bool here = false;
        for (int i = 0; ready > 0 && i < count; i++) {
            int place = at[i].revents ? place_of(at[i].fd) : -1;
            here |= at[i].revents && at[i].fd == descriptor;
            if (place < 0 || at[i].fd == descriptor)
                continue;
            if (places[place].ready) {
                K result = places[place].ready(at[i].fd);
                if (result)
                    si_r0(result);
            } else {
                K message = receive(at[i].fd, &kind);
                answer(at[i].fd, message, kind);
            }
        }
        if (here)
            return;
    }
}

K si_send(int handle, K message)
{
    int descriptor = abs(handle), kind = 0;
    if (!handle)
        return si_apply1(si_primitive(si_primitive_find("value", 5)), message);
    if (descriptor <= 2 && abs(message->t) == TC) { /* the terminal */
        if (dprintf(descriptor, handle < 0 ? "%.*s\n" : "%.*s", (int)si_count(message),
                    (const char *)si_data(message)) < 0)
            si_raise("os");
        return si_atom_long(TI, handle);
    }
    if (place_of(descriptor) < 0) {
        si_state.network_error = true;
        si_raisef("Cannot write to handle %d. OS reports: Bad file descriptor", descriptor);
    }
    bool flush = message->t == TUNARY && !si_primitive_of(message);
    if (handle < 0 || !flush)
        send_all(descriptor, si_bytes_write(message, handle > 0));
    if (handle < 0)
        return si_identity();
    for (;;) {
        wait_for(descriptor);
        K got = receive(descriptor, &kind);
        if (kind == 2 || (flush && kind == 0))
            return got;
        answer(descriptor, got, kind);
    }
}

/* Sends nothing, and hands out the next message, of whatever kind. */
K si_receive(int handle)
{
    int kind;
    if (place_of(handle) < 0) {
        si_state.network_error = true;
        si_raise("close");
    }
    wait_for(handle);
    return receive(handle, &kind);
}

/* ---- hopen ---- */

static int connected(const char *host, const char *port, int timeout_ms)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(*host ? host : "127.0.0.1", port, &hints, &found))
        si_raise("hop. OS reports: Unknown host");
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), code = 0;
    socklen_t size = sizeof(code);
    if (connect(descriptor, found->ai_addr, found->ai_addrlen))
        code = errno;
    freeaddrinfo(found);
    struct pollfd at = {.fd = descriptor, .events = POLLOUT};
    if (code == EINPROGRESS) {
        if (poll(&at, 1, timeout_ms) == 1)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size);
        else
            code = ETIMEDOUT;
    }
    if (code) {
        close(descriptor);
        si_raisef("hop. OS reports: %s", strerror(code));
    }
    return descriptor;
}

/* Name and password, then the version that is understood; the peer answers with its own. */
static void shake_hands(int descriptor, const char *user, int timeout_ms)
{
    char hello[128], version;
    struct pollfd at = {.fd = descriptor, .events = POLLIN};
    int length = snprintf(hello, sizeof(hello) - 1, "%s\3", user);
    if (send(descriptor, hello, (size_t)length + 1, MSG_NOSIGNAL) != length + 1 ||
        poll(&at, 1, timeout_ms) != 1 || recv(descriptor, &version, 1, 0) != 1) {
        close(descriptor);
        si_raise("access");
    }
}

static K open_address(const char *address, int timeout_ms)
{
    char text[128], nothing[] = "", *parts[3] = {nothing, nothing, nothing}, *rest = text;
    snprintf(text, sizeof(text), "%s", *address == ':' ? address + 1 : address);
    for (int i = 0; i < 2 && rest; i++)
        parts[i] = strsep(&rest, ":");
    parts[2] = rest ? rest : nothing;
    int descriptor = connected(parts[0], parts[1], timeout_ms);
    shake_hands(descriptor, parts[2], timeout_ms);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
    add(descriptor, NULL);
    return si_atom_long(TI, descriptor);
}

static K hopen(K x)
{
    int timeout_ms = 10000;
    if (x->t == 0 && x->n == 2) {
        timeout_ms = (int)si_long(si_items(x)[1], 0);
        x = si_items(x)[0];
    }
    char port[32];
    if (x->t == -TI || x->t == -TJ || x->t == -TH) {
        snprintf(port, sizeof(port), "::%lld", si_long(x, 0));
        return open_address(port, timeout_ms);
    }
    if (x->t == -TS)
        return open_address(x->s, timeout_ms);
    if (x->t != TC)
        si_raise("type");
    return open_address(si_intern(ql_q_items(x), (size_t)x->n), timeout_ms);
}

static K hclose(K x)
{
    int descriptor = (int)si_long(x, 0);
    if (place_of(descriptor) < 0)
        si_raise("hclose");
    drop(descriptor);
    close(descriptor);
    return si_identity();
}

const struct si_primitive si_connections[] = {
    {"hopen", hopen, NULL, NULL, false},
    {"hclose", hclose, NULL, NULL, false},
    {0},
};

/* ---- sd1 and its kin ---- */

K sd1(int descriptor, K (*ready)(int descriptor))
{
    si_enter("sd1");
    if (places_count == PLACES)
        return NULL;
    drop(abs(descriptor));
    places[places_count++] = (struct place){abs(descriptor), ready};
    return ki(descriptor);
}

void sd0x(int descriptor, int close_it)
{
    si_enter("sd0x");
    drop(descriptor);
    if (close_it)
        close(descriptor);
}

void sd0(int descriptor)
{
    si_enter("sd0");
    sd0x(descriptor, 1);
}
