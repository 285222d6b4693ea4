#include "qlane/task.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "qlane/runtime.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static qlt_gate gate;
static int calls;

static int count_call(ql_task *task)
{
    (void)task;
    __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    return 0;
}

static int hold(ql_task *task)
{
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    return -ql_task_cancelled(task);
}

static int fail(ql_task *task)
{
    return ql_task_fail(task, -EPROTO, "line %d is broken", 7);
}

static void submit(ql_runtime *runtime, ql_task *task)
{
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), task), 0);
}

static void wait_for(ql_task *task)
{
    qlt_eq_int(ql_future_wait(&task->future), 0);
}

/* One worker, held until the gate comes to 2: what is submitted meanwhile queues. */
static ql_runtime *held_runtime(ql_task *holder)
{
    ql_runtime *runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    calls = 0;
    ql_task_init(holder, hold, NULL);
    submit(runtime, holder);
    qlt_gate_wait(&gate, 1);
    return runtime;
}

static void release(ql_runtime *runtime, ql_task *holder)
{
    qlt_gate_open(&gate, 2);
    wait_for(holder);
    qlt_runtime_stop(runtime);
}

QLT(task, an_error_has_its_code_and_its_text)
{
    ql_runtime *runtime = qlt_runtime(1);
    char text[64];
    ql_task with_buffer, without;
    ql_task_init(&with_buffer, fail, NULL);
    with_buffer.text_buffer = text;
    with_buffer.text_size = sizeof text;
    ql_task_init(&without, fail, NULL);
    submit(runtime, &with_buffer);
    submit(runtime, &without);
    wait_for(&with_buffer);
    wait_for(&without);
    qlt_eq_int(with_buffer.future.code, -EPROTO);
    qlt_eq_str(with_buffer.future.text, "line 7 is broken");
    qlt_eq_str(without.future.text, "line %d is broken");
    qlt_runtime_stop(runtime);
}

QLT(task, a_text_too_long_is_cut_and_ends_in_zero)
{
    ql_runtime *runtime = qlt_runtime(1);
    char text[5];
    ql_task task;
    ql_task_init(&task, fail, NULL);
    task.text_buffer = text;
    task.text_size = sizeof text;
    submit(runtime, &task);
    wait_for(&task);
    qlt_eq_str(task.future.text, "line");
    qlt_runtime_stop(runtime);
}

QLT(task, can_be_submitted_again_once_settled)
{
    calls = 0;
    ql_runtime *runtime = qlt_runtime(2);
    ql_task task;
    ql_task_init(&task, count_call, NULL);
    for (int i = 0; i < 10000; i++) {
        submit(runtime, &task);
        wait_for(&task);
    }
    qlt_eq_int(calls, 10000);
    qlt_runtime_stop(runtime);
}

QLT(task, is_refused_while_it_is_submitted)
{
    ql_task holder;
    ql_runtime *runtime = held_runtime(&holder);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &holder), -EBUSY);
    release(runtime, &holder);
}

QLT(task, nonsense_is_refused_and_not_touched)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_executor *pool = ql_runtime_pool(runtime);
    ql_task task;
    ql_task_init(&task, NULL, NULL);
    qlt_eq_int(ql_submit(pool, &task), -EINVAL);
    ql_task_init(&task, count_call, NULL);
    qlt_eq_int(ql_submit(NULL, &task), -EINVAL);
    qlt_eq_int(ql_submit(pool, NULL), -EINVAL);
    task.klass = QL_CLASSES;
    qlt_eq_int(ql_submit(pool, &task), -EINVAL);
    qlt_eq_int(ql_spawn(pool, NULL, NULL), -EINVAL);
    qlt_eq_int(ql_spawn(NULL, count_call, NULL), -EINVAL);
    qlt_eq_int(ql_future_wait(NULL), -EINVAL);
    qlt_eq_int(ql_future_wait(&task.future), -EINVAL);
    qlt_eq_int(ql_future_wait_until(&task.future, ql_after_ns(1)), -EINVAL);
    qlt_check(!ql_future_settled(NULL) && !ql_future_settled(&task.future));
    qlt_eq_int(ql_task_cancel(NULL), -EINVAL);
    qlt_eq_int(ql_task_cancel(&task), -EINVAL);
    qlt_eq_int(ql_task_cancelled(NULL), 0);
    qlt_eq_int(ql_task_return(NULL, (ql_value){0}), -EINVAL);
    qlt_eq_int(ql_task_fail(NULL, -5, "x"), -5);
    qlt_check(!ql_task_current());
    qlt_check(!ql_executor_name(NULL) && !ql_executor_runtime(NULL) && !ql_executor_is_current(NULL));
    qlt_check(!ql_runtime_pool(NULL) && !ql_runtime_plan(NULL));
    ql_task_init(NULL, count_call, NULL);
    ql_runtime_stats(NULL, NULL);
    ql_runtime_dump(NULL, NULL);
    ql_scope_init(NULL, NULL);
    ql_scope_cancel(NULL);
    qlt_eq_str(ql_executor_name(pool), "pool");
    qlt_eq_ptr(ql_executor_runtime(pool), runtime);
    qlt_runtime_stop(runtime);
}

QLT(task, a_timed_wait_leaves_it_with_the_runtime)
{
    ql_task holder;
    ql_runtime *runtime = held_runtime(&holder);
    qlt_eq_int(ql_future_wait_until(&holder.future, ql_after_ns(1000000)), -ETIMEDOUT);
    qlt_eq_int(ql_future_wait_until(&holder.future, 1), -ETIMEDOUT);
    qlt_check(!ql_future_settled(&holder.future));
    release(runtime, &holder);
}

/* Looks in for a moment, again and again, until the other one waits. */
static void *wait_too(void *arg)
{
    ql_task *task = arg;
    int code;
    while ((code = ql_future_wait_until(&task->future, 1)) == -ETIMEDOUT)
        ;
    qlt_eq_int(code, -EBUSY);
    qlt_gate_open(&gate, 2);
    return NULL;
}

QLT(task, has_one_waiter_at_a_time)
{
    ql_task holder;
    ql_runtime *runtime = held_runtime(&holder);
    pthread_t other;
    pthread_create(&other, NULL, wait_too, &holder);
    /* Whichever waits second is refused; this one stays until the other has been. */
    int code;
    while ((code = ql_future_wait(&holder.future)) == -EBUSY)
        ;
    pthread_join(other, NULL);
    qlt_eq_int(code, 0);
    qlt_runtime_stop(runtime);
}

QLT(cancel, a_queued_task_settles_and_never_runs)
{
    ql_task holder, task;
    ql_runtime *runtime = held_runtime(&holder);
    ql_task_init(&task, count_call, NULL);
    submit(runtime, &task);
    qlt_eq_int(ql_task_cancel(&task), 0);
    wait_for(&task);
    qlt_eq_int(task.future.code, -ECANCELED);
    qlt_eq_str(task.future.text, "cancelled before it ran");
    qlt_eq_int(ql_task_cancel(&task), -EALREADY);
    release(runtime, &holder);
    qlt_eq_int(calls, 0);
}

QLT(cancel, a_running_task_is_told_and_settles_when_it_returns)
{
    ql_task holder;
    ql_runtime *runtime = held_runtime(&holder);
    qlt_eq_int(ql_task_cancel(&holder), -EINPROGRESS);
    qlt_check(!ql_future_settled(&holder.future));
    release(runtime, &holder);
    qlt_eq_int(holder.future.code, -ECANCELED);
    qlt_eq_ptr(holder.future.text, NULL); /* its own answer */
}

static ql_task inner;

static int submit_and_cancel(ql_task *task)
{
    ql_task_init(&inner, count_call, NULL);
    qlt_eq_int(ql_submit(task->on, &inner), 0);
    qlt_eq_int(ql_task_cancel(&inner), 0);
    return 0;
}

QLT(cancel, a_task_in_a_run_queue_never_runs)
{
    calls = 0;
    ql_runtime *runtime = qlt_runtime(1);
    ql_task task;
    ql_task_init(&task, submit_and_cancel, NULL);
    submit(runtime, &task);
    wait_for(&task);
    wait_for(&inner);
    qlt_eq_int(inner.future.code, -ECANCELED);
    qlt_eq_str(inner.future.text, "cancelled before it ran");
    qlt_eq_int(calls, 0);
    qlt_runtime_stop(runtime);
}

QLT(deadline, a_queued_task_expires_though_every_worker_is_busy)
{
    ql_task holder, task;
    ql_runtime *runtime = held_runtime(&holder);
    ql_task_init(&task, count_call, NULL);
    task.deadline_ns = ql_after_ns(2000000);
    submit(runtime, &task);
    wait_for(&task);
    qlt_eq_int(task.future.code, -ETIMEDOUT);
    qlt_eq_str(task.future.text, "its deadline came before it ran");
    release(runtime, &holder);
    qlt_eq_int(calls, 0);
}

/* Whether or not the thread that looks after deadlines is up in time. */
QLT(deadline, that_has_passed_lets_no_task_begin)
{
    static ql_task tasks[1000];
    ql_runtime *runtime = qlt_runtime(2);
    calls = 0;
    for (int i = 0; i < 1000; i++) {
        ql_task_init(&tasks[i], count_call, NULL);
        tasks[i].deadline_ns = 1;
        tasks[i].flags = i % 2 ? QL_DEADLINE_RUNS : 0;
        submit(runtime, &tasks[i]);
    }
    for (int i = 0; i < 1000; i++) {
        wait_for(&tasks[i]);
        qlt_eq_int(tasks[i].future.code, -ETIMEDOUT);
    }
    qlt_eq_int(calls, 0);
    qlt_runtime_stop(runtime);
}

QLT(deadline, of_a_continuation_may_pass_before_it_is_submitted)
{
    ql_task holder, next;
    ql_runtime *runtime = held_runtime(&holder);
    ql_task_init(&next, count_call, NULL);
    next.on = ql_runtime_pool(runtime);
    next.deadline_ns = ql_after_ns(1000000);
    qlt_eq_int(ql_future_then(&holder.future, &next), 0);
    qlt_eq_int(ql_future_wait_until(&next.future, next.deadline_ns),
               -ETIMEDOUT); /* so long the first one runs */
    qlt_gate_open(&gate, 2);
    wait_for(&next);
    qlt_runtime_stop(runtime);
    qlt_eq_int(next.future.code, -ETIMEDOUT);
    qlt_eq_int(calls, 0);
}

static int until_told(ql_task *task)
{
    while (!ql_task_cancelled(task))
        ;
    return -ql_task_cancelled(task);
}

QLT(deadline, covers_running_when_asked_to)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_task task;
    ql_task_init(&task, until_told, NULL);
    task.deadline_ns = ql_after_ns(5000000);
    task.flags = QL_DEADLINE_RUNS;
    submit(runtime, &task);
    wait_for(&task);
    qlt_eq_int(task.future.code, -ETIMEDOUT);
    qlt_runtime_stop(runtime);
}

QLT(deadline, leaves_a_running_task_alone_otherwise)
{
    ql_runtime *runtime = qlt_runtime(1);
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task holder;
    ql_task_init(&holder, hold, NULL);
    holder.deadline_ns = ql_after_ns(20000000);
    submit(runtime, &holder);
    qlt_gate_wait(&gate, 1);
    qlt_eq_int(ql_future_wait_until(&holder.future, holder.deadline_ns + 5000000), -ETIMEDOUT);
    release(runtime, &holder);
    qlt_eq_int(holder.future.code, 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TIMED = 2000 };
#else
enum { TIMED = 20000 };
#endif
static ql_task timed[TIMED];

/* All deadlines in random order; some pass while the tasks queue, some never, some are cancelled first. */
QLT(deadline, thousands_in_any_order_each_fire_or_leave_once)
{
    ql_task holder;
    ql_runtime *runtime = held_runtime(&holder);
    uint64_t stream = qlt_seed();
    int64_t start_ns = ql_now_ns();
    for (int i = 0; i < TIMED; i++) {
        ql_task_init(&timed[i], count_call, NULL);
        uint64_t draw = qlt_random(&stream);
        timed[i].deadline_ns = start_ns + (draw % 3 ? (int64_t)(draw % 50000000) : 3600000000000);
        submit(runtime, &timed[i]);
    }
    for (int i = 0; i < TIMED; i += 7)
        (void)ql_task_cancel(&timed[i]);
    for (int i = 0; i < TIMED; i++)
        if (timed[i].deadline_ns < start_ns + 50000000 || i % 7 == 0)
            wait_for(&timed[i]);
    release(runtime, &holder);
    int expired = 0, cancelled = 0, done = 0;
    for (int i = 0; i < TIMED; i++) {
        qlt_check(ql_future_settled(&timed[i].future));
        expired += timed[i].future.code == -ETIMEDOUT;
        cancelled += timed[i].future.code == -ECANCELED;
        done += timed[i].future.code == 0;
    }
    qlt_eq_int(expired + cancelled + done, TIMED);
    qlt_eq_int(done, calls);
    qlt_check(expired > TIMED / 3 && done > TIMED / 5);
}

static int spawned_fails(ql_task *task)
{
    (void)task;
    __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    return -EIO;
}

static char logged[256];

static void keep_line(void *context, ql_level level, const char *line)
{
    (void)context;
    if (level == QL_WARNING && strstr(line, "spawned"))
        strncpy(logged, line, sizeof logged - 1);
}

QLT(spawn, runs_frees_itself_and_its_error_reaches_the_log)
{
    calls = 0;
    ql_runtime *runtime = qlt_runtime_with(2, (ql_runtime_config){.log = keep_line});
    qlt_eq_int(ql_spawn(ql_runtime_pool(runtime), spawned_fails, NULL), 0);
    for (int i = 0; i < 999; i++)
        qlt_eq_int(ql_spawn(ql_runtime_pool(runtime), count_call, NULL), 0);
    qlt_runtime_stop(runtime);
    qlt_eq_int(calls, 1000);
    qlt_has_str(logged, "failed: -5");
}

static int order[QL_CLASSES * 100], ordered;

static int note_class(ql_task *task)
{
    order[ordered++] = task->klass;
    return 0;
}

/* With one worker held, 100 tasks of each class queue; then they run in the stated order. */
QLT(classes, urgent_before_normal_before_background_but_none_starves)
{
    static ql_task tasks[QL_CLASSES * 100];
    ql_task holder;
    ql_runtime *runtime = held_runtime(&holder);
    for (int i = 0; i < QL_CLASSES * 100; i++) {
        ql_task_init(&tasks[i], note_class, NULL);
        tasks[i].klass = (uint8_t)(i % QL_CLASSES);
        submit(runtime, &tasks[i]);
    }
    release(runtime, &holder);
    int first[QL_CLASSES] = {-1, -1, -1};
    for (int i = QL_CLASSES * 100; i--;)
        first[order[i]] = i;
    qlt_eq_int(ordered, QL_CLASSES * 100);
    qlt_eq_int(first[QL_URGENT], 0);
    qlt_check(first[QL_NORMAL] <= 33 && first[QL_BACKGROUND] <= 2 * 33);
}
