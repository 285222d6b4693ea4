#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/runtime.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static qlt_gate gate;
static ql_runtime *runtime;

static int hold(ql_task *task)
{
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    return -ql_task_cancelled(task);
}

static int until_told(ql_task *task)
{
    qlt_gate_open(&gate, 1);
    while (!ql_task_cancelled(task))
        ;
    return -ql_task_cancelled(task);
}

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

static ql_task late;

static int hand_on_when_shut(ql_task *task)
{
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    ql_task_init(&late, nothing, NULL);
    qlt_eq_int(ql_submit(task->on, &late), 0);
    return 0;
}

static void *try_until_refused(void *arg)
{
    int code;
    ql_task task;
    (void)arg;
    ql_task_init(&task, nothing, NULL);
    while (!(code = ql_submit(ql_runtime_pool(runtime), &task)))
        qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_eq_int(code, -ESHUTDOWN);
    qlt_gate_open(&gate, 2);
    return NULL;
}

QLT(stop, refuses_the_host_but_not_what_still_runs)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    runtime = qlt_runtime(2);
    ql_task holder;
    ql_task_init(&holder, hand_on_when_shut, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &holder), 0);
    qlt_gate_wait(&gate, 1);
    pthread_t host;
    pthread_create(&host, NULL, try_until_refused, NULL);
    qlt_runtime_stop(runtime);
    pthread_join(host, NULL);
    qlt_check(ql_future_settled(&late.future));
    qlt_eq_int(late.future.code, 0);
}

QLT(stop, past_its_patience_settles_what_queues_and_tells_what_runs)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    runtime = qlt_runtime(1);
    ql_task holder, queued[100];
    ql_task_init(&holder, until_told, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &holder), 0);
    qlt_gate_wait(&gate, 1);
    for (int i = 0; i < 100; i++) {
        ql_task_init(&queued[i], nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &queued[i]), 0);
    }
    ql_stop patience = {.size = sizeof patience, .drain_until_ns = ql_after_ns(1000000)};
    ql_error error;
    qlt_eq_int(ql_runtime_stop(runtime, &patience, &error), 0);
    qlt_eq_int(holder.future.code, -ESHUTDOWN);
    for (int i = 0; i < 100; i++) {
        qlt_eq_int(queued[i].future.code, -ESHUTDOWN);
        qlt_eq_str(queued[i].future.text, "not run: its runtime, lane or strand was closed first");
    }
}

/* In a child: the stuck thread and its memory stay behind on purpose. */
static void give_up(unsigned workers, const ql_stop *patience)
{
    runtime = qlt_runtime(workers);
    ql_task holder;
    ql_task_init(&holder, hold, NULL);
    holder.name = "the-stuck-one";
    if (ql_submit(ql_runtime_pool(runtime), &holder))
        return;
    qlt_gate_wait(&gate, 1);
    ql_error error;
    if (ql_runtime_stop(runtime, patience, &error) == -ETIMEDOUT)
        fprintf(stderr, "%s\n", error.text);
    abort();
}

static void leave_one_behind(void)
{
    give_up(2, &(ql_stop){.size = sizeof(ql_stop), .drain_until_ns = 1, .give_up_ns = ql_after_ns(20000000)});
}

QLT(stop, names_a_task_that_does_not_return)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_dies_with(leave_one_behind, "task 'the-stuck-one' has not returned");
}

/* Its patience has passed before any thread was told to leave: the idle ones are no part of the report. */
static void name_it_among_idle_ones(void)
{
    give_up(4, &(ql_stop){.size = sizeof(ql_stop), .drain_until_ns = 1, .give_up_ns = 1});
}

static void give_up_without_a_drain(void)
{
    give_up(2, &(ql_stop){.size = sizeof(ql_stop), .give_up_ns = ql_after_ns(20000000)});
}

QLT(stop, names_the_stuck_task_whatever_its_patience)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_dies_with(name_it_among_idle_ones, "task 'the-stuck-one' has not returned");
    qlt_dies_with(give_up_without_a_drain, "task 'the-stuck-one' has not returned");
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CHAIN = 20000 };
#else
enum { CHAIN = 200000 };
#endif

/* Each follows the one before it; none was accepted yet, and nobody takes them any more. */
QLT(stop, past_its_patience_settles_a_long_chain_of_continuations)
{
    static ql_task chain[CHAIN];
    gate = (qlt_gate)QLT_GATE_INIT;
    runtime = qlt_runtime(1);
    ql_task_init(&chain[0], until_told, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &chain[0]), 0);
    qlt_gate_wait(&gate, 1);
    for (int i = 1; i < CHAIN; i++) {
        ql_task_init(&chain[i], nothing, NULL);
        chain[i].on = ql_runtime_pool(runtime);
        qlt_eq_int(ql_future_then(&chain[i - 1].future, &chain[i]), 0);
    }
    ql_stop patience = {.size = sizeof patience, .drain_until_ns = 1};
    ql_error error;
    qlt_eq_int(ql_runtime_stop(runtime, &patience, &error), 0);
    for (int i = 0; i < CHAIN; i++) {
        qlt_check(ql_future_settled(&chain[i].future));
        qlt_eq_int(chain[i].future.code, -ESHUTDOWN);
    }
}

static int stop_from_inside(ql_task *task)
{
    ql_error error;
    (void)task;
    qlt_eq_int(ql_runtime_stop(runtime, NULL, &error), -EDEADLK);
    qlt_has_str(error.text, "would wait for itself");
    return 0;
}

QLT(stop, from_a_task_is_refused)
{
    runtime = qlt_runtime(1);
    ql_task task;
    ql_task_init(&task, stop_from_inside, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_runtime_stop(runtime);
}

enum { WAITERS = 8 };
static qlt_gate refused;

static void *wait_while_stopping(void *arg)
{
    ql_task task;
    (void)arg;
    for (;;) {
        ql_task_init(&task, nothing, NULL);
        int code = ql_submit(ql_runtime_pool(runtime), &task);
        if (code) {
            qlt_eq_int(code, -ESHUTDOWN);
            qlt_gate_arrive(&refused);
            return NULL;
        }
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_eq_int(task.future.code, 0);
        memset(&task, 0xff, sizeof task); /* it is ours again, whatever the runtime does now */
    }
}

/* Keeps the runtime until every thread was refused: no host may use it once its stop has returned. */
static int keep_runtime(ql_task *task)
{
    (void)task;
    qlt_gate_open(&gate, 1);
    ql_blocking_begin();
    qlt_gate_wait(&refused, WAITERS);
    ql_blocking_end();
    return 0;
}

static void stops_under_load(unsigned workers)
{
    for (int round = 0; round < 20; round++) {
        pthread_t threads[WAITERS];
        ql_task keeper;
        gate = refused = (qlt_gate)QLT_GATE_INIT;
        runtime = qlt_runtime(workers);
        ql_task_init(&keeper, keep_runtime, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &keeper), 0);
        qlt_gate_wait(&gate, 1);
        for (int i = 0; i < WAITERS; i++)
            pthread_create(&threads[i], NULL, wait_while_stopping, NULL);
        qlt_runtime_stop(runtime);
        for (int i = 0; i < WAITERS; i++)
            pthread_join(threads[i], NULL);
    }
}

QLT(stop, with_a_patience_of_another_size_is_refused_and_can_be_asked_again)
{
    ql_error error;
    runtime = qlt_runtime(1);
    qlt_eq_int(ql_runtime_stop(runtime, &(ql_stop){.size = 1}, &error), -EINVAL);
    qlt_has_str(error.text, "set it to sizeof(ql_stop)");
    qlt_runtime_stop(runtime);
}

QLT(stop, leaves_nobody_waiting_whose_task_was_accepted)
{
    qlt_workers_each(stops_under_load);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { LIVES = 200 };
#else
enum { LIVES = 10000 };
#endif

QLT(stop, ten_thousand_lives_leave_nothing)
{
    for (int i = 0; i < LIVES; i++)
        qlt_runtime_stop(qlt_runtime(2));
}

QLT(stop, a_hundred_runtimes_at_once_know_nothing_of_each_other)
{
    ql_runtime *runtimes[100];
    ql_task tasks[100];
    for (int i = 0; i < 100; i++) {
        runtimes[i] = qlt_runtime(2);
        ql_task_init(&tasks[i], nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtimes[i]), &tasks[i]), 0);
    }
    for (int i = 0; i < 100; i++)
        qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
    for (int i = 100; i--;)
        qlt_runtime_stop(runtimes[i]);
}

QLT(start, refuses_what_it_cannot_do)
{
    ql_error error;
    ql_runtime_config config = {.size = 3};
    qlt_eq_int(ql_runtime_start(&config, &runtime, &error), -EINVAL);
    qlt_has_str(error.text, "sizeof(ql_runtime_config)");
    qlt_check(!runtime);
    qlt_eq_int(ql_runtime_start(NULL, NULL, &error), -EINVAL);
    ql_affinity_config affinity = {.size = sizeof affinity, .workers = "none of your business"};
    config = (ql_runtime_config){.size = sizeof config, .affinity = &affinity};
    qlt_eq_int(ql_runtime_start(&config, &runtime, &error), -EINVAL);
    qlt_has_str(error.text, "workers");
    qlt_eq_int(ql_runtime_start(&config, &runtime, NULL), -EINVAL);
    qlt_eq_int(ql_runtime_stop(NULL, NULL, &error), -EINVAL);
    qlt_eq_str(error.text, "ql_runtime_stop: the runtime is NULL");
    config = (ql_runtime_config){.size = sizeof config, .spares_max = UINT_MAX};
    qlt_eq_int(ql_runtime_start(&config, &runtime, &error), -EINVAL);
    qlt_has_str(error.text, "spares_max");
    config = (ql_runtime_config){.size = sizeof config, .fork_depth = UINT_MAX};
    qlt_eq_int(ql_runtime_start(&config, &runtime, &error), -EINVAL);
    qlt_has_str(error.text, "fork_depth");
    qlt_check(!runtime);
}
