#include "qlane/strand.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { STRANDS = 20, TASKS = 2000 };

typedef struct account {
    ql_strand *strand;
    int next;    /* plain: the strand orders it */
    int running; /* plain as well */
    ql_task tasks[TASKS];
} account;

static ql_runtime *runtime;
static account accounts[STRANDS];

static int takes_its_turn(ql_task *task)
{
    account *of = task->arg;
    qlt_eq_int(of->running++, 0);
    qlt_eq_int(of->next++, task - of->tasks);
    qlt_eq_int(--of->running, 0);
    return 0;
}

static void keep_order(unsigned workers)
{
    runtime = qlt_runtime(workers);
    for (int i = 0; i < STRANDS; i++) {
        accounts[i].next = 0;
        qlt_eq_int(ql_strand_create(runtime, &accounts[i].strand), 0);
    }
    for (int t = 0; t < TASKS; t++) {
        for (int i = 0; i < STRANDS; i++) {
            ql_task_init(&accounts[i].tasks[t], takes_its_turn, &accounts[i]);
            qlt_eq_int(ql_submit(ql_strand_executor(accounts[i].strand), &accounts[i].tasks[t]), 0);
        }
    }
    for (int i = 0; i < STRANDS; i++)
        ql_strand_release(accounts[i].strand);
    qlt_runtime_stop(runtime);
    for (int i = 0; i < STRANDS; i++) {
        qlt_eq_int(accounts[i].next, TASKS);
        for (int t = 0; t < TASKS; t++)
            qlt_check(ql_future_settled(&accounts[i].tasks[t].future) && !accounts[i].tasks[t].future.code);
    }
}

QLT(strand, runs_its_tasks_one_by_one_in_order)
{
    qlt_workers_each(keep_order);
}

static qlt_gate gate;

static int wait_for_gate(ql_task *task)
{
    qlt_gate_wait(&gate, (unsigned)(intptr_t)task->arg);
    return 0;
}

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

QLT(strand, a_held_strand_does_not_hold_another)
{
    runtime = qlt_runtime(2);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_strand *held, *free_one;
    ql_task first, second;
    qlt_eq_int(ql_strand_create(runtime, &held), 0);
    qlt_eq_int(ql_strand_create(runtime, &free_one), 0);
    ql_task_init(&first, wait_for_gate, (void *)1);
    ql_task_init(&second, nothing, NULL);
    qlt_eq_int(ql_submit(ql_strand_executor(held), &first), 0);
    qlt_eq_int(ql_submit(ql_strand_executor(free_one), &second), 0);
    qlt_eq_int(ql_future_wait(&second.future), 0);
    qlt_gate_open(&gate, 1);
    qlt_eq_int(ql_future_wait(&first.future), 0);
    ql_strand_release(held);
    ql_strand_release(free_one);
    ql_strand_release(NULL);
    qlt_runtime_stop(runtime);
}

QLT(strand, a_queued_task_is_cancelled_at_once)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_strand *strand;
    ql_task first, second;
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    ql_task_init(&first, wait_for_gate, (void *)1);
    ql_task_init(&second, nothing, NULL);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &first), 0);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &second), 0);
    qlt_eq_int(ql_task_cancel(&second), 0);
    qlt_check(ql_future_settled(&second.future));
    qlt_eq_int(second.future.code, -ECANCELED);
    qlt_eq_str(second.future.text, "cancelled before it ran");
    qlt_gate_open(&gate, 1);
    ql_strand_release(strand);
    qlt_runtime_stop(runtime);
}

/* The patience of the stop ends while the strand's runner still queues behind a held worker. */
static int until_asked(ql_task *task)
{
    qlt_gate_open(&gate, 1);
    while (!ql_task_cancelled(task))
        ;
    return -ECANCELED;
}

QLT(strand, what_a_stop_abandons_is_settled)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_strand *strand;
    ql_task holds, tasks[50];
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    ql_task_init(&holds, until_asked, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &holds), 0);
    qlt_gate_wait(&gate, 1);
    for (int i = 0; i < 50; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        qlt_eq_int(ql_submit(ql_strand_executor(strand), &tasks[i]), 0);
    }
    ql_strand_release(strand);
    ql_error error;
    ql_stop stop = {.size = sizeof(stop), .drain_until_ns = 1};
    qlt_eq_int(ql_runtime_stop(runtime, &stop, &error), 0);
    for (int i = 0; i < 50; i++) {
        qlt_check(ql_future_settled(&tasks[i].future));
        qlt_eq_int(tasks[i].future.code, -ESHUTDOWN);
        qlt_eq_str(tasks[i].future.text, "not run: its runtime, lane or strand was closed first");
    }
}

/* The strand's runner is at work when the patience ends: none of what queues begins. */
QLT(strand, begins_nothing_once_a_stop_has_lost_patience)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_strand *strand;
    ql_task holds, tasks[20];
    ql_error error;
    ql_stop stop = {.size = sizeof(stop), .drain_until_ns = 1};
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    ql_task_init(&holds, until_asked, NULL);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &holds), 0);
    for (int i = 0; i < 20; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        qlt_eq_int(ql_submit(ql_strand_executor(strand), &tasks[i]), 0);
    }
    ql_strand_release(strand);
    qlt_gate_wait(&gate, 1);
    qlt_eq_int(ql_runtime_stop(runtime, &stop, &error), 0);
    qlt_eq_int(holds.future.code, -ECANCELED);
    for (int i = 0; i < 20; i++)
        qlt_eq_int(tasks[i].future.code, -ESHUTDOWN);
}

static ql_strand *serial;
static ql_task behind, between;
static int waits_code, between_code;

/* What it waits for can only run when it has returned. */
static int wait_for_one_behind(ql_task *task)
{
    qlt_check(ql_executor_is_current(ql_strand_executor(serial)));
    qlt_check(ql_executor_is_current(ql_runtime_pool(runtime)));
    ql_task_init(&behind, nothing, NULL);
    qlt_eq_int(ql_submit(ql_strand_executor(serial), &behind), 0);
    return ((void)task, ql_future_wait(&behind.future));
}

static int wait_for_behind(ql_task *task)
{
    between_code = ql_future_wait(&behind.future);
    return ((void)task, 0);
}

/* The same by way of a task of the pool: one of the two is refused, whoever comes last. */
static int wait_for_one_that_waits(ql_task *task)
{
    ql_task_init(&behind, nothing, NULL);
    qlt_eq_int(ql_submit(ql_strand_executor(serial), &behind), 0);
    ql_task_init(&between, wait_for_behind, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &between), 0);
    waits_code = ql_future_wait(&between.future);
    return ((void)task, 0);
}

static void waits_in_circles(unsigned workers)
{
    runtime = qlt_runtime(workers);
    qlt_eq_int(ql_strand_create(runtime, &serial), 0);
    for (int i = 0; i < 50; i++) {
        ql_task first;
        ql_task_init(&first, wait_for_one_behind, NULL);
        qlt_eq_int(ql_submit(ql_strand_executor(serial), &first), 0);
        qlt_eq_int(ql_future_wait(&first.future), 0);
        qlt_eq_int(first.future.code, -EDEADLK);
        qlt_eq_int(ql_future_wait(&behind.future), 0);
        ql_task_init(&first, wait_for_one_that_waits, NULL);
        qlt_eq_int(ql_submit(ql_strand_executor(serial), &first), 0);
        qlt_eq_int(ql_future_wait(&first.future), 0);
        qlt_eq_int(ql_future_wait(&between.future), 0);
        qlt_eq_int(ql_future_wait(&behind.future), 0);
        qlt_check((waits_code == -EDEADLK) + (between_code == -EDEADLK) == 1);
    }
    qlt_check(!ql_executor_is_current(ql_strand_executor(serial)));
    ql_strand_release(serial);
    qlt_runtime_stop(runtime);
}

QLT(strand, that_waits_for_what_queues_behind_is_refused)
{
    qlt_workers_each(waits_in_circles);
}

static void *stop_it(void *arg)
{
    (void)arg;
    qlt_runtime_stop(runtime);
    return NULL;
}

/* A stop refuses threads of the host by now, but the strand has tasks and one of them runs. */
QLT(strand, may_be_released_while_a_stop_waits_for_its_tasks)
{
    runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_strand *strand;
    ql_task holds, follows, refused;
    pthread_t stopper;
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    ql_task_init(&holds, wait_for_gate, (void *)1);
    ql_task_init(&follows, nothing, NULL);
    ql_task_init(&refused, nothing, NULL);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &holds), 0);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &follows), 0);
    qlt_eq_int(pthread_create(&stopper, NULL, stop_it, NULL), 0);
    while (!ql_submit(ql_strand_executor(strand), &refused))
        qlt_eq_int(ql_task_cancel(&refused), 0);
    ql_strand_release(strand);
    qlt_gate_open(&gate, 1);
    pthread_join(stopper, NULL);
    qlt_check(ql_future_settled(&holds.future) && !holds.future.code);
    qlt_check(ql_future_settled(&follows.future) && !follows.future.code);
}

QLT(strand, refuses_nonsense)
{
    ql_strand *strand;
    qlt_eq_int(ql_strand_create(NULL, &strand), -EINVAL);
    qlt_check(!ql_strand_executor(NULL));
}
