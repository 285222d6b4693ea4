#include "examples/service/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, LINGER_S = 2 };
static const int64_t second_ns = 1000000000, retry_ns = 100000000;

/* ---- What each connection waits for ------------------------------------------------------------------------------ */

static int64_t patience_ns(const server *self, connection_wait wait)
{
    switch (wait) {
    case WAITS_FOR_REQUEST:
        return self->options->idle_s * second_ns;
    case WAITS_FOR_TAKER:
        return self->options->stall_s * second_ns;
    case WAITS_FOR_END:
        return LINGER_S * second_ns;
    default:
        return 0; /* for ever */
    }
}

/* Ask the kernel for these events and no others. */
static void watch(server *self, connection *of, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = of};
    if (of->fd < 0 || events == of->events)
        return;
    if (epoll_ctl(self->poll_fd, EPOLL_CTL_MOD, of->fd, &event))
        abort(); /* it was added */
    of->events = events;
}

static void put(server *self, connection *of, connection_wait wait)
{
    TAILQ_REMOVE(&self->waiting[of->wait], of, link);
    of->wait = wait;
    of->until_ns = self->now_ns + patience_ns(self, wait);
    TAILQ_INSERT_TAIL(&self->waiting[wait], of, link);
}

/* Go on with it, as far as it goes. */
static void step(server *self, connection *of)
{
    of->progressed = false;
    connection_wait wait = connection_step(of);
    if (wait != of->wait || of->progressed)
        put(self, of, wait);
    if (wait == WAITS_FOR_REQUEST || wait == WAITS_FOR_END)
        watch(self, of, EPOLLIN);
    else if (wait == WAITS_FOR_TAKER)
        watch(self, of, EPOLLOUT);
}

static void ready(server *self, connection *of, uint32_t events)
{
    if (of->fd < 0)
        return; /* closed in this very turn */
    if (events & (EPOLLERR | EPOLLHUP))
        connection_close(of);
    else if (of->wait == WAITS_FOR_ENGINE)
        watch(self, of, 0); /* not before its replies are sent */
    else if (events & EPOLLIN)
        connection_read(of);
    step(self, of);
}

static void free_closed(server *self)
{
    struct connection_list *closed = &self->waiting[WAITS_FOR_NOTHING];
    while (!TAILQ_EMPTY(closed)) {
        connection *of = TAILQ_FIRST(closed);
        TAILQ_REMOVE(closed, of, link);
        free(of);
        self->clients--;
    }
}

/* Close those whose patience is at its end. */
static void expire(server *self)
{
    for (int wait = 0; wait < CONNECTION_WAITS; wait++) {
        connection *of;
        while (patience_ns(self, (connection_wait)wait) && (of = TAILQ_FIRST(&self->waiting[wait])) &&
               of->until_ns <= self->now_ns) {
            connection_close(of);
            step(self, of);
        }
    }
}

/* Until the next of them, for epoll. */
static int timeout_ms(const server *self)
{
    int64_t until_ns = QL_FOREVER;
    for (int wait = 0; wait < CONNECTION_WAITS; wait++) {
        const connection *of = TAILQ_FIRST(&self->waiting[wait]);
        if (of && patience_ns(self, (connection_wait)wait) && of->until_ns < until_ns)
            until_ns = of->until_ns;
    }
    if (!self->listens && !self->stopping && self->accept_from_ns && self->accept_from_ns < until_ns)
        until_ns = self->accept_from_ns;
    if (until_ns == QL_FOREVER)
        return -1;
    int64_t left_ns = until_ns - ql_now_ns();
    return left_ns <= 0 ? 0 : (int)(left_ns / 1000000 + 1);
}

/* ---- New ones --------------------------------------------------------------------------------------------------- */

static void listen_on(server *self, bool on)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &self->listen_fd};
    if (on != self->listens &&
        epoll_ctl(self->poll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, self->listen_fd, &event) == 0)
        self->listens = on;
}

static void take_in(server *self, int fd)
{
    connection *of = connection_open(&self->shared, fd);
    if (!of)
        return;
    struct epoll_event event = {.events = of->events = EPOLLIN, .data.ptr = of};
    if (epoll_ctl(self->poll_fd, EPOLL_CTL_ADD, fd, &event)) {
        connection_close(of);
        free(of);
        return;
    }
    self->clients++;
    TAILQ_INSERT_TAIL(&self->waiting[of->wait], of, link);
    put(self, of, WAITS_FOR_REQUEST);
}

/* Those that wait are taken in, as far as there is room; the others wait in the kernel until there is. */
static void accept_some(server *self)
{
    while (!self->stopping && self->clients < self->options->clients) {
        int fd = accept4(self->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_in(self, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            self->accept_from_ns = self->now_ns + retry_ns;
            break;
        }
    }
    listen_on(self, false);
}

static void accept_again(server *self)
{
    if (!self->stopping && self->clients < self->options->clients && self->now_ns >= self->accept_from_ns)
        listen_on(self, true);
}

/* ---- The loop --------------------------------------------------------------------------------------------------- */

static void stop(server *self)
{
    struct signalfd_siginfo info;
    if (read(self->signal_fd, &info, sizeof(info)) < 0 || self->stopping)
        return;
    self->stopping = true;
    listen_on(self, false);
    close(self->listen_fd);
    self->listen_fd = -1;
    for (int wait = 0; wait < CONNECTION_WAITS; wait++) {
        connection *of, *next;
        for (of = TAILQ_FIRST(&self->waiting[wait]); of; of = next) {
            next = TAILQ_NEXT(of, link);
            connection_end(of);
            step(self, of);
        }
    }
}

static void settle(server *self)
{
    ql_completion *entry;
    while ((entry = ql_completions_next(self->shared.completions))) {
        const ql_task *task = (const ql_task *)entry->future;
        connection *of = task->arg;
        connection_settled(of, task);
        step(self, of);
    }
}

static void dispatch(server *self, const struct epoll_event *event)
{
    if (event->data.ptr == &self->listen_fd)
        accept_some(self);
    else if (event->data.ptr == &self->signal_fd)
        stop(self);
    else if (event->data.ptr == &self->shared)
        settle(self);
    else
        ready(self, event->data.ptr, event->events);
}

void server_run(server *self)
{
    struct epoll_event events[EVENTS];
    while (!self->stopping || self->clients) {
        int count = epoll_wait(self->poll_fd, events, EVENTS, timeout_ms(self));
        self->now_ns = ql_now_ns();
        for (int i = 0; i < count; i++)
            dispatch(self, &events[i]);
        expire(self);
        free_closed(self);
        accept_again(self);
    }
}
