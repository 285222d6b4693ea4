/* A lane's own timers and file descriptors: functions that its thread calls between two tasks, never inside one, nor inside a
 * batch. For engines that have connections or clocks of their own, and for tasks that serve sockets on the lane.
 *
 *   static void tick(ql_timer *timer) { refresh(timer->arg); }
 *
 *   timer = (ql_timer){.fn = tick, .arg = cache};
 *   code = ql_timer_start(&timer, ql_now_ns(), 1000000000);    in a task or hook of the lane: now, and then every second
 *
 * Everything here is for the lane's own thread: inside a task, a hook of its engine (from prepare to close), or one of these
 * functions. Anywhere else it is answered with -EPERM. A function may start, stop and free what it was called for; it may
 * call its lane, and wait, but all else on the lane waits for it, so it should be short.
 *
 * A busy lane calls what is due between tasks, descriptors about every 100 us, and a few at a time, so that neither tasks
 * nor descriptors starve. An idle one sleeps until the next timer, in epoll if it watches something; while nothing is
 * started that costs nothing. When the lane closes, after its engine has, all are stopped: the memory is then the caller's. */
#ifndef QLANE_WATCH_H
#define QLANE_WATCH_H

#include "qlane/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The caller's memory, from start until it is stopped, or has fired its only time. Set fn and arg, zero the rest. */
typedef struct ql_timer ql_timer;
struct ql_timer {
    void (*fn)(ql_timer *timer);
    void *arg;
    int64_t qli_every_ns;
    ql_task qli_node; /* its place among the lane's deadlines; `on` while it is started */
};

/** Call timer->fn at due_ns (ql_now_ns() time; at once if it has passed), and then every every_ns; 0: only once. What a busy lane
 *  has missed it does not make up for: the next call comes at the next multiple. Started again it is as if stopped before.
 *  Errors:  -EINVAL NULL, no fn, or every_ns below 0; -EPERM not on a lane, or started on another; -ESHUTDOWN the lane closes
 *           its engine. */
QL_MUST_USE int ql_timer_start(ql_timer *timer, int64_t due_ns, int64_t every_ns);

/** Stop it: fn is not called any more, and the memory is the caller's. One that is not started is left alone.
 *  Errors:  -EINVAL NULL; -EPERM it is another lane's. */
int ql_timer_stop(ql_timer *timer);

enum { QL_READABLE = 1, QL_WRITABLE = 2 };

/* The caller's memory, from start until it is stopped. Set fn and arg, zero the rest. */
typedef struct ql_watch ql_watch;
struct ql_watch {
    void (*fn)(ql_watch *watch, unsigned ready); /* `ready`: what it can do of what is wanted */
    void *arg;
    int fd; /* while it is started */
    unsigned qli_wants;
    ql_executor *qli_on;
    ql_watch *qli_next, *qli_prev;
};

/** Call watch->fn for as long as `fd` can do what is wanted: QL_READABLE, QL_WRITABLE. An error or hang-up on it counts as all
 *  that is wanted: reading or writing then tells. Started again with the same descriptor it changes what is wanted.
 *  Owns:    the descriptor stays the caller's, and open until the watch is stopped.
 *  Errors:  -EINVAL NULL, no fn, nothing or something unknown wanted; -EPERM not on a lane, started on another, or a file
 *           that is always ready; -EBUSY started with another descriptor; -EEXIST another watch of the lane has it; -EBADF;
 *           -EMFILE and the like: no descriptors for the lane's epoll; -ESHUTDOWN the lane closes its engine. */
QL_MUST_USE int ql_watch_start(ql_watch *watch, int fd, unsigned wants);

/** Stop it: fn is not called any more, and the memory is the caller's. Before the descriptor is closed. One that is not started
 *  is left alone.
 *  Errors:  -EINVAL NULL; -EPERM it is another lane's. */
int ql_watch_stop(ql_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
