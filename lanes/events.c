/* A lane's own timers and file descriptors, and how it sleeps where it has any. Its thread only. */
#include "lanes/events.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lanes/lane.h"

/* A busy lane looks at its descriptors so often: a look costs about half a microsecond. */
enum { POLL_NS = 100000 };

/* How many timers, and how many descriptors, have their turn before tasks have theirs. */
enum { ROUND = 16 };

_Static_assert(ROUND == sizeof(((qli_events *)NULL)->ready) / sizeof(ql_watch *),
               "a round is what was found ready");

/* The lane that the calling thread is. `on`: the one that it must be. */
static int lane_here(ql_executor *on, const char *function, ql_lane **lane)
{
    qli_context *context = qli_context_current();
    *lane = context && context->kind == QLI_LANE ? qli_lane_of(context->executor) : NULL;
    if (*lane && (!on || on == &(*lane)->executor))
        return 0;
    ql_runtime *runtime = on ? on->runtime : context ? context->runtime : NULL;
    const char *found = context ? ql_executor_name(context->executor) : "a thread of the host";
    return runtime ? qli_misuse(runtime, -EPERM, "%s: expected the thread of %s, found %s", function,
                                on ? ql_executor_name(on) : "a lane", found)
                   : -EPERM;
}

static int check_open(const ql_lane *lane)
{
    return lane->state == QLI_LANE_OPENING || lane->state == QLI_LANE_SERVING ? 0 : -ESHUTDOWN;
}

/* ---- Timers ---------------------------------------------------------------------------------------------------- */

static ql_timer *timer_of(ql_task *node)
{
    return (ql_timer *)(void *)((char *)node - offsetof(ql_timer, qli_node));
}

static void disarm(ql_lane *lane, ql_timer *timer)
{
    qli_deadlines_remove(&lane->events.timers, &timer->qli_node);
    timer->qli_node.on = NULL;
}

static void arm(ql_lane *lane, ql_timer *timer, int64_t due_ns)
{
    timer->qli_node.on = &lane->executor;
    timer->qli_node.deadline_ns = due_ns;
    qli_deadlines_add(&lane->events.timers, &timer->qli_node);
}

int ql_timer_start(ql_timer *timer, int64_t due_ns, int64_t every_ns)
{
    ql_lane *lane;
    if (!timer || !timer->fn || every_ns < 0)
        return -EINVAL;
    int code = lane_here(timer->qli_node.on, "ql_timer_start", &lane);
    if (!code)
        code = check_open(lane);
    if (code)
        return code;
    if (timer->qli_node.on)
        disarm(lane, timer);
    int64_t now_ns = ql_now_ns();
    timer->qli_every_ns = every_ns;
    arm(lane, timer, due_ns < now_ns ? now_ns : due_ns);
    return 0;
}

int ql_timer_stop(ql_timer *timer)
{
    ql_lane *lane;
    if (!timer)
        return -EINVAL;
    int code = timer->qli_node.on ? lane_here(timer->qli_node.on, "ql_timer_stop", &lane) : 0;
    if (!code && timer->qli_node.on)
        disarm(lane, timer);
    return code;
}

/* The first multiple after now, which is not before it was due. */
static int64_t next_due(int64_t due_ns, int64_t every_ns, int64_t now_ns)
{
    int64_t next_ns, last_ns = now_ns - (now_ns - due_ns) % every_ns;
    return __builtin_add_overflow(last_ns, every_ns, &next_ns) ? QL_FOREVER : next_ns;
}

static void run_timers(ql_lane *lane, int64_t now_ns)
{
    ql_task *node;
    for (int i = 0; i < ROUND && (node = lane->events.timers) && node->deadline_ns <= now_ns; i++) {
        ql_timer *timer = timer_of(node);
        disarm(lane, timer);
        if (timer->qli_every_ns)
            arm(lane, timer, next_due(node->deadline_ns, timer->qli_every_ns, now_ns));
        timer->fn(timer); /* then it may be gone */
    }
}

/* ---- Descriptors ----------------------------------------------------------------------------------------------- */

static int open_epoll(qli_events *events)
{
    if (events->epoll_fd >= 0)
        return 0;
    struct epoll_event wake = {.events = EPOLLIN};
    events->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    events->wake_fd = events->epoll_fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC);
    if (events->wake_fd >= 0 && !epoll_ctl(events->epoll_fd, EPOLL_CTL_ADD, events->wake_fd, &wake))
        return 0;
    int code = -errno;
    qli_events_forget(events);
    return code;
}

static void link_watch(ql_lane *lane, ql_watch *watch)
{
    watch->qli_on = &lane->executor;
    watch->qli_prev = NULL;
    watch->qli_next = lane->events.watches;
    if (watch->qli_next)
        watch->qli_next->qli_prev = watch;
    lane->events.watches = watch;
}

static void unlink_watch(qli_events *events, ql_watch *watch)
{
    if (watch->qli_prev)
        watch->qli_prev->qli_next = watch->qli_next;
    else
        events->watches = watch->qli_next;
    if (watch->qli_next)
        watch->qli_next->qli_prev = watch->qli_prev;
    watch->qli_on = NULL;
}

int ql_watch_start(ql_watch *watch, int fd, unsigned wants)
{
    ql_lane *lane;
    if (!watch || !watch->fn || !wants || wants & ~(unsigned)(QL_READABLE | QL_WRITABLE))
        return -EINVAL;
    int code = lane_here(watch->qli_on, "ql_watch_start", &lane);
    if (!code)
        code = check_open(lane);
    if (!code)
        code = open_epoll(&lane->events);
    if (!code && watch->qli_on && watch->fd != fd)
        code = -EBUSY;
    if (code)
        return code;
    struct epoll_event event = {.events = (wants & QL_READABLE ? EPOLLIN | EPOLLRDHUP : 0u) |
                                          (wants & QL_WRITABLE ? EPOLLOUT : 0u),
                                .data.ptr = watch};
    if (epoll_ctl(lane->events.epoll_fd, watch->qli_on ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
        return -errno;
    watch->fd = fd;
    watch->qli_wants = wants;
    if (!watch->qli_on)
        link_watch(lane, watch);
    return 0;
}

int ql_watch_stop(ql_watch *watch)
{
    ql_lane *lane;
    if (!watch)
        return -EINVAL;
    int code = watch->qli_on ? lane_here(watch->qli_on, "ql_watch_stop", &lane) : 0;
    if (code || !watch->qli_on)
        return code;
    qli_events *events = &lane->events;
    /* Without success the descriptor has left epoll by being closed. */
    (void)epoll_ctl(events->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (unsigned i = 0; i < events->ready_count; i++)
        if (events->ready[i] == watch)
            events->ready[i] = NULL;
    unlink_watch(events, watch);
    return 0;
}

/* Nanoseconds where the kernel has them (5.11), else milliseconds, rather late than early. */
static int wait_for_events(int epoll_fd, struct epoll_event *found, int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns == QL_FOREVER ? 0 : deadline_ns - ql_now_ns();
    if (left_ns < 0)
        left_ns = 0;
    struct timespec left = {.tv_sec = (time_t)(left_ns / 1000000000),
                            .tv_nsec = (long)(left_ns % 1000000000)};
    bool forever = deadline_ns == QL_FOREVER;
    int count = epoll_pwait2(epoll_fd, found, ROUND, forever ? NULL : &left, NULL);
    if (count < 0 && errno == ENOSYS) {
        int64_t left_ms = (left_ns + 999999) / 1000000;
        count = epoll_wait(epoll_fd, found, ROUND,
                           forever               ? -1
                           : left_ms > INT32_MAX ? INT32_MAX
                                                 : (int)left_ms);
    }
    return count;
}

static void poll_watches(qli_events *events, int64_t deadline_ns)
{
    struct epoll_event found[ROUND];
    int saved = errno, state = qli_cancel_off(),
        count = wait_for_events(events->epoll_fd, found, deadline_ns);
    qli_cancel_back(state);
    errno = saved;
    for (int i = 0; i < count; i++) {
        uint32_t bits = found[i].events;
        ql_watch *watch = found[i].data.ptr;
        if (!watch)
            continue; /* the lane was woken */
        unsigned ready =
            (bits & (EPOLLIN | EPOLLRDHUP) ? QL_READABLE : 0u) | (bits & EPOLLOUT ? QL_WRITABLE : 0u);
        events->ready[events->ready_count] = watch;
        events->ready_for[events->ready_count++] =
            bits & (EPOLLERR | EPOLLHUP) ? QL_READABLE | QL_WRITABLE : ready;
    }
}

static void run_watches(qli_events *events)
{
    for (unsigned i = 0; i < events->ready_count; i++) {
        ql_watch *watch = events->ready[i];
        unsigned ready = watch ? events->ready_for[i] & watch->qli_wants : 0;
        if (ready)
            watch->fn(watch, ready); /* then it may be gone */
    }
    events->ready_count = 0;
}

/* ---- For the lane's loop --------------------------------------------------------------------------------------- */

void qli_events_init(qli_events *events)
{
    *events = (qli_events){.epoll_fd = -1, .wake_fd = -1};
}

bool qli_events_look(qli_events *events, int64_t now_ns)
{
    if (events->watches && !events->ready_count && now_ns - events->polled_ns >= POLL_NS) {
        events->polled_ns = now_ns;
        poll_watches(events, 0);
    }
    return events->ready_count || (events->timers && events->timers->deadline_ns <= now_ns);
}

void qli_events_run(ql_lane *lane)
{
    qli_context *context = &lane->context;
    qli_count(&context->begun); /* for the watchdog: it is not the one before */
    qli_store(&context->task_name, "a timer or watch", __ATOMIC_RELAXED);
    lane->events.running = true;
    run_timers(lane, ql_now_ns());
    run_watches(&lane->events);
    lane->events.running = false;
    qli_store(&context->task_name, NULL, __ATOMIC_RELAXED);
}

bool qli_events_sleep(ql_lane *lane, int64_t deadline_ns)
{
    qli_events *events = &lane->events;
    int64_t due_ns = events->timers ? events->timers->deadline_ns : QL_FOREVER;
    if (due_ns > deadline_ns)
        due_ns = deadline_ns;
    if (!events->watches)
        return qli_park(&lane->bed, due_ns);
    if (!qli_park_polling(&lane->bed, events->wake_fd))
        return true;
    poll_watches(events, due_ns);
    return qli_park_polled(&lane->bed, events->wake_fd);
}

void qli_events_drop(qli_events *events)
{
    while (events->timers) {
        ql_task *node = events->timers;
        qli_deadlines_remove(&events->timers, node);
        node->on = NULL;
    }
    while (events->watches)
        unlink_watch(events, events->watches);
    events->ready_count = 0;
    qli_events_forget(events);
}

void qli_events_forget(qli_events *events)
{
    if (events->wake_fd >= 0)
        close(events->wake_fd);
    if (events->epoll_fd >= 0)
        close(events->epoll_fd);
    events->epoll_fd = events->wake_fd = -1;
}
