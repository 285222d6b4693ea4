/* A thread of the host may end, or be cancelled, as it likes: what it had submitted goes on, and no call of ours is cut short. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "qlane/lane.h"
#include "qlane/watch.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static qlt_gate gate;

static int hold(ql_task *task)
{
    qlt_gate_wait(&gate, 1);
    return ql_task_return(task, (ql_value){.i64 = 42});
}

typedef struct waiter {
    ql_task task;
    ql_runtime *runtime;
    int64_t seen;
} waiter;

static void *wait_and_see(void *arg)
{
    waiter *with = arg;
    qlt_eq_int(ql_submit(ql_runtime_pool(with->runtime), &with->task), 0);
    qlt_eq_int(ql_future_wait(&with->task.future), 0);
    with->seen = with->task.future.value.i64;
    pthread_testcancel();
    with->seen = -1;
    return NULL;
}

QLT(thread, a_wait_is_no_cancellation_point)
{
    waiter with = {.runtime = qlt_runtime(1)};
    pthread_t thread;
    void *result;
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task_init(&with.task, hold, NULL);
    pthread_create(&thread, NULL, wait_and_see, &with);
    pthread_cancel(thread);
    qlt_gate_open(&gate, 1);
    pthread_join(thread, &result);
    /* It may have been cancelled in its own code, before or after; never between submit and the end of the wait. */
    qlt_check(result == PTHREAD_CANCELED);
    qlt_eq_int(with.seen, 42);
    qlt_runtime_stop(with.runtime);
}

static int exit_thread(ql_task *task)
{
    (void)task;
    pthread_exit(NULL);
}

static void end_a_worker(void)
{
    ql_task task;
    ql_runtime *runtime = qlt_runtime(1);
    ql_task_init(&task, exit_thread, NULL);
    task.name = "leaver";
    if (!ql_submit(ql_runtime_pool(runtime), &task))
        qlt_eq_int(ql_future_wait(&task.future), 0);
}

static void end_a_lane(void)
{
    ql_task task;
    ql_lane *lane;
    ql_lane_config config = {.size = sizeof(config)};
    ql_runtime *runtime = qlt_runtime(1);
    ql_task_init(&task, exit_thread, NULL);
    task.name = "leaver";
    if (!ql_lane_open(runtime, &config, &lane, NULL))
        qlt_eq_int(ql_lane_call(lane, &task), 0);
}

QLT(thread, of_ours_that_a_task_ends_ends_the_process_with_the_tasks_name)
{
    qlt_dies_with(end_a_worker, "task 'leaver' ended a thread of the runtime");
    qlt_dies_with(end_a_lane, "task 'leaver' ended a thread of the runtime");
}

typedef struct doomed {
    qlt_gate gate;
    ql_lane *lane;
    int64_t seen;
} doomed;

/* Every call that may wait, while its thread is to be cancelled at the first point where it can be. */
static void *live_doomed(void *arg)
{
    doomed *with = arg;
    int state;
    size_t which;
    ql_task task, timed;
    ql_error error;
    ql_member members[] = {{.future = &task.future}, {.future = &timed.future}};
    ql_lane_config config = {.size = sizeof(config), .capacity_tasks = 4};
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    qlt_gate_open(&with->gate, 1);
    qlt_gate_wait(&with->gate, 2);
    ql_runtime *runtime = NULL;
    ql_task_init(&task, hold, NULL);
    ql_task_init(&timed, hold, NULL);
    timed.deadline_ns = ql_after_ns(INT64_C(60000000000));
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    bool good =
        !ql_runtime_start(NULL, &runtime, &error) && !ql_lane_open(runtime, &config, &with->lane, &error);
    good = good && !ql_lane_call(with->lane, &task) && !ql_lane_submit_until(with->lane, &task, QL_FOREVER) &&
           !ql_submit(ql_runtime_pool(runtime), &timed) && !ql_wait_all(members, 2, QL_FOREVER) &&
           !ql_wait_any(members, 2, QL_FOREVER, &which);
    good = good && !ql_lane_submit(with->lane, &timed) &&
           (ql_task_cancel(&timed), !ql_future_wait(&timed.future));
    good = good && !ql_lane_close(with->lane, NULL, NULL, &error) && !ql_runtime_stop(runtime, NULL, &error);
    with->seen = good ? 42 : 0;
    pthread_testcancel();
    with->seen = -1;
    return NULL;
}

QLT(thread, no_call_of_ours_is_a_cancellation_point)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_gate_open(&gate, 1);
    for (int i = 0; i < 10; i++) {
        doomed with = {.gate = QLT_GATE_INIT};
        pthread_t thread;
        void *result;
        pthread_create(&thread, NULL, live_doomed, &with);
        qlt_gate_wait(&with.gate, 1);
        pthread_cancel(thread);
        qlt_gate_open(&with.gate, 2);
        pthread_join(thread, &result);
        qlt_check(result == PTHREAD_CANCELED);
        qlt_eq_int(with.seen, 42);
    }
}

static void on_ready(ql_watch *watch, unsigned ready)
{
    (void)watch, (void)ready;
}

static ql_watch watch = {.fn = on_ready};
static int fds[2];

static int watch_pipe(ql_task *task)
{
    return ((void)task, ql_watch_start(&watch, fds[0], QL_READABLE));
}

static void *wake_lane(void *arg)
{
    doomed *with = arg;
    static ql_task task;
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    ql_task_init(&task, hold, NULL);
    qlt_gate_open(&with->gate, 1);
    qlt_gate_wait(&with->gate, 2);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    with->seen =
        ql_lane_submit(with->lane, &task) || ql_future_wait(&task.future) ? 0 : task.future.value.i64;
    pthread_testcancel();
    with->seen = -1;
    return NULL;
}

/* A lane that watches a descriptor sleeps elsewhere than others, and is woken by a write. */
QLT(thread, that_is_cancelled_while_it_wakes_a_lane_has_woken_it)
{
    ql_lane_config config = {.size = sizeof(config)};
    ql_runtime *runtime = qlt_runtime(1);
    doomed with;
    ql_task task;
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_gate_open(&gate, 1);
    qlt_eq_int(pipe(fds), 0);
    qlt_eq_int(ql_lane_open(runtime, &config, &with.lane, NULL), 0);
    ql_task_init(&task, watch_pipe, NULL);
    qlt_eq_int(ql_lane_call(with.lane, &task), 0);
    qlt_eq_int(task.future.code, 0);
    for (int i = 0; i < 10; i++) {
        pthread_t thread;
        void *result;
        with.gate = (qlt_gate)QLT_GATE_INIT;
        pthread_create(&thread, NULL, wake_lane, &with);
        qlt_gate_wait(&with.gate, 1);
        pthread_cancel(thread);
        usleep(5000); /* the lane sleeps */
        qlt_gate_open(&with.gate, 2);
        pthread_join(thread, &result);
        qlt_check(result == PTHREAD_CANCELED);
        qlt_eq_int(with.seen, 42);
    }
    qlt_runtime_stop(runtime);
    close(fds[0]);
    close(fds[1]);
}

static void *submit_and_leave(void *arg)
{
    waiter *with = arg;
    qlt_eq_int(ql_submit(ql_runtime_pool(with->runtime), &with->task), 0);
    return NULL;
}

QLT(thread, a_task_outlives_the_thread_that_submitted_it)
{
    static waiter with[50];
    ql_runtime *runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        with[i].runtime = runtime;
        ql_task_init(&with[i].task, hold, NULL);
        pthread_create(&thread, NULL, submit_and_leave, &with[i]);
        pthread_join(thread, NULL);
    }
    qlt_gate_open(&gate, 1);
    for (int i = 0; i < 50; i++) {
        qlt_eq_int(ql_future_wait(&with[i].task.future), 0);
        qlt_eq_int(with[i].task.future.value.i64, 42);
    }
    qlt_runtime_stop(runtime);
}
