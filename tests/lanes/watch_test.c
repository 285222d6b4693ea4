/* A lane's own timers and descriptors. */
#include "qlane/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/lanes/lanes.h"

/* Run `fn` on the lane and wait. */
static void on_lane(ql_lane *lane, ql_task_fn *fn, void *arg)
{
    ql_task task;
    ql_task_init(&task, fn, arg);
    call(lane, &task);
    qlt_eq_int(task.future.code, 0);
}

typedef struct clock_test {
    ql_timer timer;
    qlt_gate rung; /* how often */
    unsigned rings;
    int64_t due_ns, every_ns;
    unsigned rings_max; /* then it stops itself; 0: never */
    ql_executor *on;
} clock_test;

static void ring(ql_timer *timer)
{
    clock_test *self = timer->arg;
    qlt_check(ql_executor_is_current(self->on));
    qlt_eq_ptr(ql_task_current(), NULL);
    qlt_check(ql_now_ns() >= self->due_ns + (int64_t)self->rings * self->every_ns);
    if (++self->rings == self->rings_max)
        qlt_eq_int(ql_timer_stop(timer), 0);
    qlt_gate_arrive(&self->rung);
}

static int start_clock(ql_task *task)
{
    clock_test *self = task->arg;
    self->timer.fn = ring;
    self->timer.arg = self;
    self->on = task->on;
    return ql_timer_start(&self->timer, self->due_ns, self->every_ns);
}

static int stop_clock(ql_task *task)
{
    return ql_timer_stop(&((clock_test *)task->arg)->timer);
}

QLT(watch, a_timer_fires_once_when_it_is_due_on_a_lane_that_sleeps)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    clock_test clock = {.due_ns = ql_after_ns(2000000)};
    on_lane(lane, start_clock, &clock);
    qlt_gate_wait(&clock.rung, 1);
    close_lane(lane);
    qlt_eq_uint(clock.rings, 1);
    qlt_runtime_stop(runtime);
}

QLT(watch, a_timer_repeats_until_it_is_stopped)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    clock_test clock = {.due_ns = ql_now_ns(), .every_ns = 300000, .rings_max = 5}, endless = clock;
    endless.rings_max = 0;
    on_lane(lane, start_clock, &clock);
    on_lane(lane, start_clock, &endless);
    qlt_gate_wait(&clock.rung, 5);
    qlt_gate_wait(&endless.rung, 8);
    on_lane(lane, stop_clock, &endless);
    unsigned rings = endless.rings;
    on_lane(lane, stop_clock, &endless); /* is stopped: that is no error */
    clock = (clock_test){.due_ns = ql_after_ns(1000000)};
    on_lane(lane, start_clock, &clock);
    qlt_gate_wait(&clock.rung, 1);
    close_lane(lane);
    qlt_eq_uint(endless.rings, rings);
    qlt_runtime_stop(runtime);
}

/* Many timers, in order of their time, whatever the order of their starts; some are stopped, some started twice. */
enum { MANY = 500 };

typedef struct many {
    ql_timer timers[MANY];
    int64_t due_ns[MANY], last_ns;
    unsigned left;
    qlt_gate all;
} many;

static void next_in_order(ql_timer *timer)
{
    many *self = timer->arg;
    int64_t due_ns = self->due_ns[timer - self->timers];
    qlt_check(due_ns >= self->last_ns && due_ns <= ql_now_ns());
    self->last_ns = due_ns;
    if (--self->left == 0)
        qlt_gate_open(&self->all, 1);
}

static int start_many(ql_task *task)
{
    many *self = task->arg;
    uint64_t stream = qlt_seed();
    int64_t now_ns;
    int rounds = 0;
    do { /* again where this thread was held up: a start in the past counts from the start */
        now_ns = ql_now_ns();
        for (int i = 0; i < MANY; i++) {
            self->due_ns[i] = now_ns + 5000000 + (int64_t)(qlt_random(&stream) % 2000000);
            self->timers[i].fn = next_in_order;
            self->timers[i].arg = self;
            qlt_eq_int(ql_timer_start(&self->timers[i], self->due_ns[i], 0), 0);
        }
    } while (++rounds < 2 || ql_now_ns() >= now_ns + 5000000);
    self->left = MANY;
    for (int i = 0; i < MANY; i += 3, self->left--)
        qlt_eq_int(ql_timer_stop(&self->timers[i]), 0);
    return 0;
}

QLT(watch, timers_fire_in_the_order_of_their_times)
{
    static many timers;
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    on_lane(lane, start_many, &timers);
    qlt_gate_wait(&timers.all, 1);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* Its own memory goes with the call. */
static void free_itself(ql_timer *timer)
{
    qlt_gate *gone = timer->arg;
    free(timer);
    qlt_gate_arrive(gone);
}

static int start_free_itself(ql_task *task)
{
    ql_timer *timer = calloc(1, sizeof(*timer));
    timer->fn = free_itself;
    timer->arg = task->arg;
    return ql_timer_start(timer, 0, 0);
}

typedef struct pipe_test {
    ql_watch watch;
    int fds[2];
    unsigned wants;
    unsigned calls;
    char got[64];
    size_t length;
    qlt_gate bytes; /* so many have come */
} pipe_test;

static void read_pipe(ql_watch *watch, unsigned ready)
{
    pipe_test *self = watch->arg;
    qlt_eq_uint(ready, QL_READABLE);
    self->calls++;
    ssize_t n = read(watch->fd, self->got + self->length, 1);
    if (n <= 0) { /* hung up */
        qlt_eq_int(ql_watch_stop(watch), 0);
        qlt_gate_open(&self->bytes, 63);
        return;
    }
    self->length++;
    qlt_gate_arrive(&self->bytes);
}

static int watch_pipe(ql_task *task)
{
    pipe_test *self = task->arg;
    self->watch.arg = self;
    self->watch.fn = self->watch.fn ? self->watch.fn : read_pipe;
    return ql_watch_start(&self->watch, self->fds[0], QL_READABLE);
}

static int unwatch_pipe(ql_task *task)
{
    return ql_watch_stop(&((pipe_test *)task->arg)->watch);
}

static void open_pipe(pipe_test *at)
{
    memset(at, 0, sizeof(*at));
    qlt_eq_int(pipe(at->fds), 0);
}

static void write_pipe(const pipe_test *at, const char *text)
{
    qlt_eq_int(write(at->fds[1], text, strlen(text)), (int)strlen(text));
}

QLT(watch, a_descriptor_is_served_for_as_long_as_it_is_ready)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    pipe_test in;
    qlt_gate gone = QLT_GATE_INIT;
    open_pipe(&in);
    on_lane(lane, watch_pipe, &in);
    write_pipe(&in, "hello"); /* a byte a call */
    qlt_gate_wait(&in.bytes, 5);
    on_lane(lane, unwatch_pipe, &in);
    write_pipe(&in, "!");
    on_lane(lane, nothing, NULL);
    qlt_eq_uint(in.calls, 5);
    on_lane(lane, watch_pipe, &in);
    qlt_gate_wait(&in.bytes, 6);
    on_lane(lane, start_free_itself, &gone); /* a timer beside it */
    qlt_gate_wait(&gone, 1);
    close(in.fds[1]);
    qlt_gate_wait(&in.bytes, 63);
    close_lane(lane);
    qlt_eq_str(in.got, "hello!");
    close(in.fds[0]);
    qlt_runtime_stop(runtime);
}

/* Two watches that are ready together: whichever is first stops the other, and asks for something else. */
typedef struct rivals {
    ql_watch watches[2];
    int fds[2];
    unsigned calls;
    qlt_gate done;
} rivals;

static void stop_the_other(ql_watch *watch, unsigned ready)
{
    rivals *self = watch->arg;
    ql_watch *other = &self->watches[watch == self->watches];
    self->calls++;
    if (self->calls == 1) {
        qlt_eq_uint(ready, QL_READABLE);
        qlt_eq_int(ql_watch_stop(other), 0);
        memset(other, 0xff, sizeof(*other));
        qlt_eq_int(ql_watch_start(watch, watch->fd, QL_WRITABLE), 0);
    } else {
        qlt_eq_uint(ready, QL_WRITABLE);
        qlt_eq_int(ql_watch_stop(watch), 0);
        qlt_gate_open(&self->done, 1);
    }
}

static int start_rivals(ql_task *task)
{
    rivals *self = task->arg;
    for (int i = 0; i < 2; i++) {
        self->watches[i].fn = stop_the_other;
        self->watches[i].arg = self;
        qlt_eq_int(ql_watch_start(&self->watches[i], self->fds[i], QL_READABLE), 0);
    }
    return 0;
}

QLT(watch, one_that_is_stopped_is_not_called_though_it_was_found_ready)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    rivals both = {.fds = {eventfd(1, 0), eventfd(1, 0)}};
    on_lane(lane, start_rivals, &both);
    qlt_gate_wait(&both.done, 1);
    close_lane(lane);
    qlt_eq_uint(both.calls, 2);
    close(both.fds[0]);
    close(both.fds[1]);
    qlt_runtime_stop(runtime);
}

/* A task that hands itself in again, so that its lane is never idle, until it is told to end. */
typedef struct treadmill {
    ql_task tasks[2];
    ql_lane *lane;
    uint32_t ends;
    qlt_gate ended;
} treadmill;

static int tread(ql_task *task)
{
    treadmill *self = task->arg;
    ql_task *other = &self->tasks[task == self->tasks];
    if (__atomic_load_n(&self->ends, __ATOMIC_ACQUIRE))
        qlt_gate_open(&self->ended, 1);
    else
        submit(self->lane, other);
    return 0;
}

QLT(watch, a_busy_lane_serves_its_timers_and_descriptors)
{
    ql_runtime *runtime = qlt_runtime(1);
    treadmill busy = {.lane = open_lane(runtime, (ql_lane_config){.name = "q"})};
    clock_test clock = {.due_ns = ql_after_ns(1000000), .every_ns = 500000};
    pipe_test in;
    open_pipe(&in);
    ql_task_init(&busy.tasks[0], tread, &busy);
    ql_task_init(&busy.tasks[1], tread, &busy);
    submit(busy.lane, &busy.tasks[0]);
    on_lane(busy.lane, start_clock, &clock);
    on_lane(busy.lane, watch_pipe, &in);
    qlt_gate_wait(&clock.rung, 3);
    write_pipe(&in, "on");
    qlt_gate_wait(&in.bytes, 2);
    __atomic_store_n(&busy.ends, 1, __ATOMIC_RELEASE);
    qlt_gate_wait(&busy.ended, 1);
    close_lane(busy.lane);
    close(in.fds[0]);
    close(in.fds[1]);
    qlt_runtime_stop(runtime);
}

/* Always ready, and a timer that is always due. */
static void keep_ready(ql_watch *watch, unsigned ready)
{
    (void)ready;
    ((pipe_test *)watch->arg)->calls++;
}

QLT(watch, a_busy_descriptor_and_timer_leave_tasks_their_turn)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    clock_test clock = {.due_ns = ql_now_ns(), .every_ns = 1};
    pipe_test in;
    long counter = 0;
    open_pipe(&in);
    in.watch.fn = keep_ready;
    write_pipe(&in, "!");
    on_lane(lane, watch_pipe, &in);
    on_lane(lane, start_clock, &clock);
    for (int i = 0; i < 2000; i++)
        on_lane(lane, count_up, &counter);
    close_lane(lane);
    qlt_eq_int(counter, 2000);
    qlt_check(in.calls && clock.rings);
    close(in.fds[0]);
    close(in.fds[1]);
    qlt_runtime_stop(runtime);
}

/* Callers that find the lane asleep in epoll, or on its way there. */
static void *call_often(void *arg)
{
    long counter = 0;
    for (int i = 0; i < 3000; i++)
        on_lane(arg, count_up, &counter);
    qlt_eq_int(counter, 3000);
    return NULL;
}

QLT(watch, a_lane_that_sleeps_in_epoll_is_woken_by_every_caller)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    clock_test clock = {.due_ns = ql_now_ns(), .every_ns = 50000};
    pipe_test in;
    pthread_t callers[4];
    open_pipe(&in);
    on_lane(lane, watch_pipe, &in);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++)
            pthread_create(&callers[i], NULL, call_often, lane);
        for (int i = 0; i < 4; i++)
            pthread_join(callers[i], NULL);
        on_lane(lane, start_clock, &clock); /* and wakes of its own in between */
    }
    close_lane(lane);
    qlt_eq_uint(in.calls, 0);
    close(in.fds[0]);
    close(in.fds[1]);
    qlt_runtime_stop(runtime);
}

/* What a timer does through its own lane is committed by itself, and never amid a batch. */
typedef struct batch_test {
    recorder engine;
    ql_timer timer;
    ql_lane *lane;
    long counter;
    qlt_gate rung;
} batch_test;

static void ring_and_call(ql_timer *timer)
{
    batch_test *self = timer->arg;
    self->engine.calls[self->engine.count++] = 't';
    on_lane(self->lane, count_up, &self->counter);
    self->engine.calls[self->engine.count++] = 'T';
    qlt_gate_open(&self->rung, 1);
}

static int start_ring_and_call(ql_task *task)
{
    batch_test *self = task->arg;
    self->timer = (ql_timer){.fn = ring_and_call, .arg = self};
    return ql_timer_start(&self->timer, 0, 0);
}

static int wait_for_clock(ql_task *task)
{
    int64_t now_ns = ql_now_ns();
    while (ql_now_ns() == now_ns)
        ;
    return ((void)task, 0);
}

QLT(watch, none_is_called_inside_a_batch)
{
    ql_runtime *runtime = qlt_runtime(1);
    static batch_test test;
    test.lane = open_lane(
        runtime, (ql_lane_config){
                     .name = "q", .engine = &recorder_ops, .engine_arg = &test.engine, .batch_us = 1000000});
    ql_task tasks[40];
    blocker first;
    block(test.lane, &first);
    for (int i = 0; i < 40; i++) {
        ql_task_init(&tasks[i], i == 5 ? start_ring_and_call : wait_for_clock, &test);
        submit(test.lane, &tasks[i]);
    }
    unblock(&first);
    qlt_gate_wait(&test.rung, 1);
    for (int i = 0; i < 40; i++)
        await(&tasks[i]);
    close_lane(test.lane);
    qlt_has_str(test.engine.calls, ")t(r)T(r"); /* between two batches, and one of its own */
    qlt_eq_int(test.counter, 1);
    qlt_runtime_stop(runtime);
}

/* An engine that has a timer and a watch from its open on, and tries to start more in its close. */
typedef struct watcher {
    ql_timer timer;
    ql_watch watch;
    int fd;
    int timer_code, watch_code, stop_code;
} watcher;

static void never_timer(ql_timer *timer)
{
    (void)timer;
    qlt_fail("called");
}

static void never_watch(ql_watch *watch, unsigned ready)
{
    (void)watch, (void)ready;
    qlt_fail("called");
}

static int open_watcher(void *self, ql_error *error)
{
    watcher *at = self;
    (void)error;
    at->timer = (ql_timer){.fn = never_timer};
    at->watch = (ql_watch){.fn = never_watch};
    int code = ql_timer_start(&at->timer, QL_FOREVER, QL_FOREVER);
    return code ? code : ql_watch_start(&at->watch, at->fd, QL_READABLE);
}

static void close_watcher(void *self)
{
    watcher *at = self;
    ql_timer timer = {.fn = never_timer};
    ql_watch watch = {.fn = never_watch};
    at->timer_code = ql_timer_start(&timer, 0, 0);
    at->watch_code = ql_watch_start(&watch, at->fd, QL_READABLE);
    at->stop_code = ql_watch_stop(&at->watch);
}

QLT(watch, a_closing_lane_stops_them_all)
{
    static const ql_engine_ops ops = {
        .size = sizeof(ops), .name = "watcher", .open = open_watcher, .close = close_watcher};
    static const ql_engine_ops leaves = {.size = sizeof(ops), .name = "leaves", .open = open_watcher};
    ql_runtime *runtime = qlt_runtime(1);
    watcher engine = {.fd = eventfd(0, 0)};
    /* The same memory again and again: it is the caller's after each close. */
    for (int i = 0; i < 3; i++) {
        close_lane(open_lane(
            runtime, (ql_lane_config){.name = "q", .engine = i ? &ops : &leaves, .engine_arg = &engine}));
        qlt_eq_ptr(engine.timer.qli_node.on, NULL);
        qlt_eq_ptr(engine.watch.qli_on, NULL);
    }
    qlt_eq_int(engine.timer_code, -ESHUTDOWN);
    qlt_eq_int(engine.watch_code, -ESHUTDOWN);
    qlt_eq_int(engine.stop_code, 0);
    close(engine.fd);
    qlt_runtime_stop(runtime);
}

static char misuse_text[256];

static void misused(void *context, const char *sentence)
{
    (void)context;
    snprintf(misuse_text, sizeof(misuse_text), "%s", sentence);
}

static int bad_calls(ql_task *task)
{
    FILE *file = tmpfile();
    int fd = *(int *)task->arg;
    ql_watch watch = {.fn = never_watch}, twin = {.fn = never_watch};
    ql_timer timer = {.fn = NULL};
    qlt_eq_int(ql_timer_start(NULL, 0, 0), -EINVAL);
    qlt_eq_int(ql_timer_start(&timer, 0, 0), -EINVAL);
    timer.fn = never_timer;
    qlt_eq_int(ql_timer_start(&timer, 0, -1), -EINVAL);
    qlt_eq_int(ql_timer_stop(NULL), -EINVAL);
    qlt_eq_int(ql_timer_stop(&timer), 0);
    qlt_eq_int(ql_watch_start(NULL, fd, QL_READABLE), -EINVAL);
    qlt_eq_int(ql_watch_start(&watch, fd, 0), -EINVAL);
    qlt_eq_int(ql_watch_start(&watch, fd, 4), -EINVAL);
    qlt_eq_int(ql_watch_start(&watch, -1, QL_READABLE), -EBADF);
    qlt_eq_int(ql_watch_start(&watch, fileno(file), QL_READABLE), -EPERM);
    qlt_eq_int(ql_watch_start(&watch, fd, QL_READABLE), 0);
    qlt_eq_int(ql_watch_start(&watch, fileno(file), QL_READABLE), -EBUSY);
    qlt_eq_int(ql_watch_start(&twin, fd, QL_READABLE), -EEXIST);
    qlt_eq_int(ql_watch_stop(&twin), 0);
    qlt_eq_int(ql_watch_stop(&watch), 0);
    qlt_eq_int(ql_watch_stop(&watch), 0);
    qlt_eq_int(ql_watch_stop(NULL), -EINVAL);
    fclose(file);
    return 0;
}

static int not_a_lane(ql_task *task)
{
    ql_timer timer = {.fn = never_timer};
    return ql_timer_start(&timer, 0, ((void)task, 0));
}

QLT(watch, what_cannot_be_is_refused_and_named)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_misuse = misused});
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_lane *other = open_lane(runtime, (ql_lane_config){.name = "other"});
    clock_test clock = {.due_ns = QL_FOREVER};
    pipe_test in;
    ql_task task;
    open_pipe(&in);
    on_lane(lane, bad_calls, &in.fds[0]);
    on_lane(lane, start_clock, &clock);
    on_lane(lane, watch_pipe, &in);
    qlt_eq_int(ql_timer_stop(&clock.timer), -EPERM);
    qlt_eq_str(misuse_text, "ql_timer_stop: expected the thread of q, found a thread of the host");
    qlt_eq_int(ql_watch_stop(&in.watch), -EPERM);
    ql_task_init(&task, stop_clock, &clock);
    call(other, &task);
    qlt_eq_int(task.future.code, -EPERM);
    qlt_eq_str(misuse_text, "ql_timer_stop: expected the thread of q, found other");
    ql_timer fresh = {.fn = never_timer};
    qlt_eq_int(ql_timer_start(&fresh, 0, 0), -EPERM);
    ql_task_init(&task, not_a_lane, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    await(&task);
    qlt_eq_int(task.future.code, -EPERM);
    qlt_eq_str(misuse_text, "ql_timer_start: expected the thread of a lane, found pool");
    close_lane(lane);
    close_lane(other);
    close(in.fds[0]);
    close(in.fds[1]);
    qlt_runtime_stop(runtime);
}
