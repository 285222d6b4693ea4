/* Lanes on a thread that the caller brings. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qlane/watch.h"
#include "tests/lanes/lanes.h"

/* An engine that demands main(). */
static pthread_t main_thread;

static int on_main(void *self, ql_error *error)
{
    qlt_check(pthread_equal(pthread_self(), main_thread));
    return ((void)self, (void)error, 0);
}

static void closes_on_main(void *self)
{
    qlt_check(pthread_equal(pthread_self(), main_thread));
    qlt_gate_arrive(self);
}

static const ql_engine_ops main_ops = {.size = sizeof(main_ops),
                                       .name = "main",
                                       .caps = QL_ENGINE_NEEDS_MAIN,
                                       .prepare = on_main,
                                       .open = on_main,
                                       .close = closes_on_main,
                                       .thread_exit = closes_on_main};

static ql_lane *open_here(ql_runtime *runtime, ql_lane_config config)
{
    main_thread = pthread_self();
    config.flags = QL_LANE_ON_CALLER;
    return open_lane(runtime, config);
}

typedef struct service {
    ql_lane *lane;
    long counter;
    pthread_t callers[3];
    qlt_gate called; /* callers that are done */
    qlt_gate engine; /* 2: closed, and the thread's last call made */
} service;

static void *call_often(void *arg)
{
    service *self = arg;
    for (int i = 0; i < 500; i++) {
        ql_task task;
        ql_task_init(&task, count_up, &self->counter);
        call(self->lane, &task);
    }
    qlt_gate_arrive(&self->called);
    return NULL;
}

static void *close_when_called(void *arg)
{
    service *self = arg;
    qlt_gate_wait(&self->called, 3);
    ql_error error;
    if (ql_lane_close(self->lane, NULL, NULL, &error))
        qlt_fail("%s", error.text);
    return NULL;
}

static void *stop_when_called(void *arg)
{
    service *self = arg;
    qlt_gate_wait(&self->called, 3);
    qlt_runtime_stop(ql_executor_runtime(ql_lane_executor(self->lane)));
    return NULL;
}

static void serve(ql_runtime *runtime, void *(*end)(void *), bool poll)
{
    service self = {.counter = 0};
    pthread_t ender;
    self.lane =
        open_here(runtime, (ql_lane_config){.name = "q", .engine = &main_ops, .engine_arg = &self.engine});
    qlt_eq_ptr(ql_lane_slot(self.lane, NULL), NULL);
    for (int i = 0; i < 3; i++)
        pthread_create(&self.callers[i], NULL, call_often, &self);
    pthread_create(&ender, NULL, end, &self);
    if (poll) {
        int code;
        while ((code = ql_lane_poll(self.lane, QL_FOREVER)) == 0)
            ;
        qlt_eq_int(code, -ESHUTDOWN);
    } else {
        qlt_eq_int(ql_lane_run(self.lane), 0);
    }
    pthread_join(ender, NULL);
    qlt_gate_wait(&self.engine, 2);
    for (int i = 0; i < 3; i++)
        pthread_join(self.callers[i], NULL);
    qlt_eq_int(self.counter, 1500);
    if (end == close_when_called) {
        qlt_eq_int(ql_lane_run(self.lane), -ESHUTDOWN);
        qlt_eq_int(ql_lane_free(self.lane), 0);
    }
}

QLT(caller, a_lane_runs_on_main_until_another_thread_closes_it)
{
    ql_runtime *runtime = qlt_runtime(1);
    serve(runtime, close_when_called, false);
    serve(runtime, close_when_called, true);
    qlt_runtime_stop(runtime);
}

QLT(caller, a_stop_from_elsewhere_ends_the_run)
{
    serve(qlt_runtime(1), stop_when_called, false);
}

static void *open_elsewhere(void *arg)
{
    ql_lane *lane;
    ql_error error;
    ql_lane_config config = {
        .size = sizeof(config), .name = "q", .engine = &main_ops, .flags = QL_LANE_ON_CALLER};
    qlt_eq_int(ql_lane_open(arg, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "needs the thread of main(): open it there, with QL_LANE_ON_CALLER");
    return NULL;
}

QLT(caller, an_engine_that_demands_main_is_refused_elsewhere)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error;
    pthread_t thread;
    ql_lane_config config = {.size = sizeof(config), .name = "q", .engine = &main_ops};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "needs the thread of main(): open it there, with QL_LANE_ON_CALLER");
    pthread_create(&thread, NULL, open_elsewhere, runtime);
    pthread_join(thread, NULL);
    qlt_runtime_stop(runtime);
}

static unsigned rings;

static void ring(ql_timer *timer)
{
    (void)timer;
    rings++;
}

static int start_timer(ql_task *task)
{
    return ql_timer_start(task->arg, ql_after_ns(3000000), 0);
}

QLT(caller, a_poll_is_one_round_and_waits_until_its_deadline)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_here(runtime, (ql_lane_config){.name = "q"});
    long counter = 0;
    ql_task tasks[3];
    ql_timer timer = {.fn = ring};
    qlt_eq_int(ql_lane_poll(lane, 0), 0);
    int64_t until_ns = ql_after_ns(2000000);
    qlt_eq_int(ql_lane_poll(lane, until_ns), 0);
    qlt_check(ql_now_ns() >= until_ns);
    for (int i = 0; i < 3; i++) {
        ql_task_init(&tasks[i], count_up, &counter);
        submit(lane, &tasks[i]);
    }
    for (int i = 0; i < 10 && counter < 3; i++)
        qlt_eq_int(ql_lane_poll(lane, 0), 0);
    qlt_eq_int(counter, 3);
    ql_task_init(&tasks[0], start_timer, &timer);
    call(lane, &tasks[0]);
    qlt_eq_int(tasks[0].future.code, 0);
    qlt_eq_int(ql_lane_poll(lane, QL_FOREVER), 0); /* until the timer */
    qlt_eq_uint(rings, 1);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(caller, between_polls_the_thread_is_the_lanes)
{
    ql_runtime *runtime = qlt_runtime(1);
    recorder engine = {.count = 0};
    ql_lane *lane = open_here(
        runtime,
        (ql_lane_config){.name = "q", .engine = &recorder_ops, .engine_arg = &engine, .capacity_tasks = 1});
    long counter = 0;
    void *found;
    ql_task inner, first, second;
    ql_task_init(&inner, count_up, &counter);
    call(lane, &inner);
    qlt_eq_int(inner.future.value.i64, 1);
    qlt_eq_str(engine.calls, "po(r)");
    qlt_eq_int(ql_lane_engine(lane, &found), 0);
    qlt_eq_ptr(found, &engine);
    ql_task_init(&first, nothing, NULL);
    ql_task_init(&second, nothing, NULL);
    submit(lane, &first);
    qlt_eq_int(ql_lane_submit_until(lane, &second, QL_FOREVER), -EDEADLK);
    /* Closing here does what is left. */
    close_lane(lane);
    qlt_eq_int(first.future.code, 0);
    qlt_eq_str(engine.calls, "po(r)(r)cx");
    qlt_runtime_stop(runtime);
}

QLT(caller, closing_there_is_as_patient_as_it_was_told)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_here(runtime, (ql_lane_config){.name = "q"});
    ql_stop now = {.size = sizeof(now), .drain_until_ns = 1};
    ql_lane_report report = {.size = sizeof(report)};
    ql_error error;
    ql_task tasks[100];
    for (int i = 0; i < 100; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        submit(lane, &tasks[i]);
    }
    qlt_eq_int(ql_lane_close(lane, &now, &report, &error), 0);
    qlt_eq_uint(report.done + report.shut, 100);
    qlt_check(report.shut > 0);
    for (int i = 0; i < 100; i++)
        qlt_check(ql_future_settled(&tasks[i].future));
    qlt_eq_int(ql_lane_submit(lane, &tasks[0]), -ESHUTDOWN);
    qlt_eq_int(ql_lane_call(lane, &tasks[0]), -ESHUTDOWN);
    qlt_eq_int(ql_lane_poll(lane, QL_FOREVER), -ESHUTDOWN);
    qlt_eq_int(ql_lane_free(lane), 0);
    qlt_runtime_stop(runtime);
}

static void *close_impatiently(void *arg)
{
    ql_error error;
    ql_stop patience = {.size = sizeof(patience), .drain_until_ns = 1, .give_up_ns = ql_after_ns(1000000)};
    qlt_eq_int(ql_lane_close(arg, &patience, NULL, &error), -ETIMEDOUT);
    qlt_has_str(error.text, "the thread that opened lane 'q' has not come back to poll it");
    return NULL;
}

QLT(caller, a_close_does_not_hang_when_it_does_not_come_back)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_here(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    pthread_t closer;
    ql_task_init(&task, nothing, NULL);
    submit(lane, &task);
    pthread_create(&closer, NULL, close_impatiently, lane);
    pthread_join(closer, NULL);
    qlt_check(ql_future_settled(&task.future));
    qlt_eq_int(task.future.code, -ESHUTDOWN);
    /* It was only late. */
    qlt_eq_int(ql_lane_poll(lane, QL_FOREVER), -ESHUTDOWN);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static void stop_without_it(void)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_here(runtime, (ql_lane_config){.name = "q"});
    ql_error error;
    ql_task task;
    ql_task_init(&task, nothing, NULL);
    submit(lane, &task);
    qlt_eq_int(ql_runtime_stop(runtime, NULL, &error), -EBUSY);
    qlt_has_str(error.text, "lane 'q' is polled by a thread of the host");
    ql_stop patience = {.size = sizeof(patience), .drain_until_ns = 1, .give_up_ns = ql_after_ns(1000000)};
    qlt_eq_int(ql_runtime_stop(runtime, &patience, &error), -ETIMEDOUT);
    qlt_has_str(error.text, "whoever polls the lane");
    qlt_eq_int(task.future.code, -ESHUTDOWN);
    /* What the lane needs was left behind: coming late does no harm. */
    qlt_eq_int(ql_lane_poll(lane, QL_FOREVER), -ESHUTDOWN);
    fprintf(stderr, "nobody hangs\n");
    abort();
}

QLT(caller, a_stop_does_not_hang_when_it_does_not_come_back)
{
    qlt_dies_with(stop_without_it, "nobody hangs");
}

static char misuse_text[256];

static void misused(void *context, const char *sentence)
{
    (void)context;
    snprintf(misuse_text, sizeof(misuse_text), "%s", sentence);
}

static void *poll_elsewhere(void *arg)
{
    qlt_eq_int(ql_lane_poll(arg, 0), -EPERM);
    qlt_has_str(misuse_text, "expected the thread that opened lane 'q'");
    qlt_eq_int(ql_lane_run(arg), -EPERM);
    return NULL;
}

static int poll_inside(ql_task *task)
{
    ql_lane *lane = task->arg, *inner;
    ql_error error;
    ql_lane_config config = {.size = sizeof(config), .flags = QL_LANE_ON_CALLER};
    qlt_eq_int(ql_lane_open(ql_executor_runtime(task->on), &config, &inner, &error), -EINVAL);
    qlt_eq_int(ql_lane_close(lane, NULL, NULL, &error), -EDEADLK);
    return ql_lane_poll(lane, 0);
}

QLT(caller, only_its_thread_polls_it_outside_of_tasks)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_misuse = misused});
    ql_lane *lane = open_here(runtime, (ql_lane_config){.name = "q"});
    ql_lane *own_thread = open_lane(runtime, (ql_lane_config){.name = "own"});
    pthread_t thread;
    ql_task task;
    qlt_eq_int(ql_lane_poll(NULL, 0), -EINVAL);
    qlt_eq_int(ql_lane_run(NULL), -EINVAL);
    qlt_eq_int(ql_lane_run(own_thread), -EINVAL);
    pthread_create(&thread, NULL, poll_elsewhere, lane);
    pthread_join(thread, NULL);
    ql_task_init(&task, poll_inside, lane);
    submit(lane, &task);
    qlt_eq_int(ql_lane_poll(lane, 0), 0);
    qlt_eq_int(task.future.code, -EPERM);
    close_lane(lane);
    close_lane(own_thread);
    qlt_runtime_stop(runtime);
}

QLT(caller, an_engine_that_refuses_says_why)
{
    ql_runtime *runtime = qlt_runtime(1);
    recorder engine = {.open_code = -ENOENT};
    ql_lane *lane;
    ql_error error;
    ql_lane_config config = {.size = sizeof(config),
                             .name = "q",
                             .engine = &recorder_ops,
                             .engine_arg = &engine,
                             .flags = QL_LANE_ON_CALLER};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -ENOENT);
    qlt_has_str(error.text, "no such database");
    qlt_eq_int(ql_lane_open_begin(runtime, &config, &lane, &error), 0);
    qlt_eq_int(ql_lane_opened(lane)->code, -ENOENT);
    qlt_eq_int(ql_lane_poll(lane, QL_FOREVER), -ESHUTDOWN);
    close_lane(lane);
    qlt_eq_str(engine.calls, "poxpox");
    qlt_runtime_stop(runtime);
}
