/* What the loop listens to. */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/service/server.h"

/* What the kernel keeps for one connection, each way; and descriptors for what is no connection. */
enum { KERNEL_BYTES = 64 * 1024, OTHER_DESCRIPTORS = 64 };

static int raise_limit(unsigned clients, ql_error *error)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)clients + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return refuse(error, -errno, "RLIMIT_NOFILE: %s", strerror(errno));
    if (limit.rlim_cur >= needed)
        return 0;
    limit.rlim_cur = needed;
    if (limit.rlim_max < needed || setrlimit(RLIMIT_NOFILE, &limit))
        return refuse(error, -EMFILE, "--clients: %u connections need %llu descriptors, the limit is %llu",
                      clients, (unsigned long long)needed, (unsigned long long)limit.rlim_max);
    return 0;
}

static int bind_to(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    int bytes = KERNEL_BYTES;
    if (fd < 0)
        return -errno;
    /* Those that are accepted inherit the bounds. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) ||
        bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, SOMAXCONN)) {
        int code = -errno;
        close(fd);
        return code;
    }
    return fd;
}

/* The descriptor, or -errno. */
static int open_listener(const service_options *options, ql_error *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int code = getaddrinfo(options->host, options->port, &hints, &found), fd = -EADDRNOTAVAIL;
    if (code)
        return refuse(error, -EINVAL, "--listen: %s: %s", options->host, gai_strerror(code));
    for (const struct addrinfo *address = found; address && fd < 0; address = address->ai_next)
        fd = bind_to(address);
    freeaddrinfo(found);
    return fd >= 0 ? fd
                   : refuse(error, fd, "--listen: %s:%s: %s", options->host, options->port, strerror(-fd));
}

static void say_where(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    char host[64] = "?", port[8] = "?";
    if (!getsockname(fd, (struct sockaddr *)&address, &length))
        (void)getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    printf(strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host, port);
    fflush(stdout);
}

static int add(const server *self, int fd, void *as)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = as};
    return epoll_ctl(self->poll_fd, EPOLL_CTL_ADD, fd, &event);
}

int server_open(server *self, const service_options *options, ql_error *error)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    self->options = options;
    for (int wait = 0; wait < CONNECTION_WAITS; wait++)
        TAILQ_INIT(&self->waiting[wait]);
    int code = raise_limit(options->clients, error);
    if (code)
        return code;
    self->listen_fd = open_listener(options, error);
    if (self->listen_fd < 0)
        return self->listen_fd;
    self->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    self->listens = true;
    if (self->poll_fd < 0 || self->signal_fd < 0 || add(self, self->listen_fd, &self->listen_fd) ||
        add(self, self->signal_fd, &self->signal_fd) ||
        add(self, ql_completions_fd(self->shared.completions), &self->shared))
        return refuse(error, -errno, "epoll: %s", strerror(errno));
    say_where(self->listen_fd);
    return 0;
}

void server_close(server *self)
{
    const int fds[] = {self->poll_fd, self->listen_fd, self->signal_fd};
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}
