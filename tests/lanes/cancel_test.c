/* Cancel, deadlines and the engine's interrupt. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lanes/lane.h"
#include "tests/lanes/lanes.h"

static int must_not_run(ql_task *task)
{
    (void)task;
    qlt_fail("it ran");
}

enum { TASKS = 100 };
static ql_task tasks[TASKS];

/* So many quick tasks that the lane takes as many at a time as it can. */
static void make_it_greedy(ql_lane *lane)
{
    static ql_task quick[2000];
    blocker first;
    block(lane, &first);
    for (int i = 0; i < 2000; i++) {
        ql_task_init(&quick[i], nothing, NULL);
        submit(lane, &quick[i]);
    }
    unblock(&first);
    for (int i = 0; i < 2000; i++)
        await(&quick[i]);
}

/* Half of the tasks stand in the lane's slots, taken, the others in its inbox. */
QLT(cancel, queued_and_taken_tasks_settle_at_once_while_another_runs)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    blocker first, second;
    make_it_greedy(lane);
    block(lane, &first);
    second.gate = (qlt_gate)QLT_GATE_INIT;
    ql_task_init(&second.task, first.task.fn, &second);
    submit(lane, &second.task);
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], must_not_run, NULL);
        submit(lane, &tasks[i]);
    }
    unblock(&first);
    qlt_gate_wait(&second.gate, 1);
    for (int i = 0; i < TASKS; i++) {
        qlt_eq_int(ql_task_cancel(&tasks[i]), 0);
        qlt_check(ql_future_settled(&tasks[i].future));
        qlt_eq_int(tasks[i].future.code, -ECANCELED);
        qlt_eq_int(ql_task_cancel(&tasks[i]), -EALREADY);
    }
    unblock(&second);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(cancel, a_queued_task_expires_at_its_deadline_while_another_runs)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    blocker first;
    block(lane, &first);
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], must_not_run, NULL);
        tasks[i].deadline_ns = ql_after_ns(i % 2 ? 0 : 2000000);
        submit(lane, &tasks[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        await(&tasks[i]);
        qlt_eq_int(tasks[i].future.code, -ETIMEDOUT);
    }
    unblock(&first);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(cancel, a_task_whose_deadline_has_passed_does_not_begin)
{
    ql_runtime *runtime = qlt_runtime(1);
    const ql_engine_ops *engines[] = {NULL, &recorder_ops, &recorder_interruptible_ops};
    for (int e = 0; e < 3; e++) {
        recorder engine = {.count = 0};
        ql_lane *lane = open_lane(runtime, (ql_lane_config){.engine = engines[e], .engine_arg = &engine});
        for (int i = 0; i < TASKS; i++) {
            ql_task_init(&tasks[i], must_not_run, NULL);
            tasks[i].deadline_ns = 1;
            submit(lane, &tasks[i]);
        }
        for (int i = 0; i < TASKS; i++) {
            await(&tasks[i]);
            qlt_eq_int(tasks[i].future.code, -ETIMEDOUT);
        }
        close_lane(lane);
    }
    qlt_runtime_stop(runtime);
}

static qlt_gate runs = QLT_GATE_INIT;

static int until_asked(ql_task *task)
{
    qlt_gate_arrive(&runs);
    while (!ql_task_cancelled(task))
        sched_yield();
    return -ql_task_cancelled(task);
}

QLT(cancel, a_running_task_is_told_and_the_answer_says_that_nothing_interrupts_it)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    runs = (qlt_gate)QLT_GATE_INIT;
    ql_task_init(&task, until_asked, NULL);
    qlt_eq_int(ql_task_cancel(&task), -EINVAL);
    submit(lane, &task);
    qlt_gate_wait(&runs, 1);
    qlt_eq_int(ql_task_cancel(&task), -ENOTSUP);
    await(&task);
    qlt_eq_int(task.future.code, -ECANCELED);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(cancel, a_deadline_covers_running_only_when_it_says_so)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_task task;
    blocker first;
    ql_task_init(&task, until_asked, NULL);
    task.deadline_ns = ql_after_ns(1000000);
    task.flags = QL_DEADLINE_RUNS;
    call(lane, &task);
    qlt_eq_int(task.future.code, -ETIMEDOUT);
    /* The other one runs over its deadline, and until a later one has passed, unharmed. */
    block(lane, &first);
    qlt_eq_int(ql_task_cancelled(&first.task), 0);
    unblock(&first);
    qlt_eq_int(first.task.future.code, 0);
    first.gate = (qlt_gate)QLT_GATE_INIT;
    first.task.deadline_ns = ql_after_ns(100000000);
    submit(lane, &first.task);
    qlt_gate_wait(&first.gate, 1);
    ql_task later;
    ql_task_init(&later, must_not_run, NULL);
    later.deadline_ns = first.task.deadline_ns;
    submit(lane, &later);
    await(&later);
    qlt_eq_int(later.future.code, -ETIMEDOUT);
    qlt_eq_int(ql_task_cancelled(&first.task), 0);
    unblock(&first);
    qlt_eq_int(first.task.future.code, 0);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* An engine whose interrupt the test holds. */
static qlt_gate interrupting = QLT_GATE_INIT;
static unsigned interrupts;

static int held_interrupt(void *self)
{
    (void)self;
    __atomic_fetch_add(&interrupts, 1, __ATOMIC_SEQ_CST);
    qlt_gate_open(&interrupting, 1);
    qlt_gate_wait(&interrupting, 2);
    return 0;
}

static const ql_engine_ops held_ops = {.size = sizeof(held_ops), .name = "held", .interrupt = held_interrupt};

static int until_interrupting(ql_task *task)
{
    (void)task;
    qlt_gate_arrive(&runs);
    qlt_gate_wait(&interrupting, 1);
    return 0;
}

static void *cancel_it(void *task)
{
    qlt_eq_int(ql_task_cancel(task), -EINPROGRESS);
    return NULL;
}

QLT(cancel, the_next_task_is_never_hit_by_a_late_interrupt)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .engine = &held_ops});
    ql_task hit, next;
    long counter = 0;
    pthread_t canceller;
    runs = interrupting = (qlt_gate)QLT_GATE_INIT;
    ql_task_init(&hit, until_interrupting, NULL);
    ql_task_init(&next, count_up, &counter);
    submit(lane, &hit);
    submit(lane, &next);
    qlt_gate_wait(&runs, 1);
    pthread_create(&canceller, NULL, cancel_it, &hit);
    /* The first has returned, and the lane waits for the interrupt to be over. */
    while (!(__atomic_load_n(&lane->running, __ATOMIC_ACQUIRE) & QLI_AWAITED))
        sched_yield();
    qlt_check(!ql_future_settled(&hit.future));
    qlt_eq_int(__atomic_load_n(&counter, __ATOMIC_RELAXED), 0);
    qlt_gate_open(&interrupting, 2);
    await(&hit);
    await(&next);
    qlt_eq_int(counter, 1);
    pthread_join(canceller, NULL);
    qlt_eq_int(interrupts, 1);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* ---- Many at once ---------------------------------------------------------------------------------------------- */

enum { MANY = 5000, CANCELLERS = 3 };
static struct {
    ql_task tasks[MANY];
    long ran;
    qlt_gate submitted;
} many;

static int count_ran(ql_task *task)
{
    (void)task;
    many.ran++;
    return 0;
}

static void *cancel_every_third(void *arg)
{
    for (intptr_t i = (intptr_t)arg; i < MANY; i += CANCELLERS) {
        qlt_gate_wait(&many.submitted, (unsigned)i + 1);
        int code = ql_task_cancel(&many.tasks[i]);
        qlt_check(code == 0 || code == -EALREADY || code == -EINPROGRESS || code == -ENOTSUP);
        if (code == 0) {
            await(&many.tasks[i]);
            qlt_eq_int(many.tasks[i].future.code, -ECANCELED);
        }
    }
    return NULL;
}

static void cancels_while_running(const ql_engine_ops *engine)
{
    ql_runtime *runtime = qlt_runtime(2);
    recorder recorded = {.count = 0};
    ql_lane *lane =
        open_lane(runtime, (ql_lane_config){.name = "q", .engine = engine, .engine_arg = &recorded});
    pthread_t threads[CANCELLERS];
    memset(&many, 0, sizeof(many));
    for (intptr_t i = 0; i < CANCELLERS; i++)
        pthread_create(&threads[i], NULL, cancel_every_third, (void *)i);
    for (unsigned i = 0; i < MANY; i++) {
        ql_task_init(&many.tasks[i], count_ran, NULL);
        submit(lane, &many.tasks[i]);
        qlt_gate_open(&many.submitted, i + 1);
    }
    long done = 0, cancelled = 0;
    for (int i = 0; i < CANCELLERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < MANY; i++) {
        await(&many.tasks[i]);
        done += many.tasks[i].future.code == 0;
        cancelled += many.tasks[i].future.code == -ECANCELED;
    }
    qlt_eq_int(done, many.ran);
    qlt_eq_int(done + cancelled, MANY);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(cancel, each_task_either_runs_or_is_cancelled)
{
    cancels_while_running(NULL);
    cancels_while_running(&recorder_interruptible_ops);
}
