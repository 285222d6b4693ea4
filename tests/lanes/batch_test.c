/* Batches: what is held, what fails together, and when one ends. */
#include <errno.h>
#include <string.h>

#include "tests/lanes/lanes.h"

enum { TASKS = 10 };

typedef struct batch_case {
    ql_runtime *runtime;
    recorder engine;
    ql_lane *lane;
    ql_task tasks[TASKS];
    char texts[TASKS][64];
} batch_case;

static void begin(batch_case *at, ql_lane_config config)
{
    memset(at, 0, sizeof(*at));
    at->runtime = qlt_runtime(1);
    config.name = "q";
    config.engine = &recorder_ops;
    config.engine_arg = &at->engine;
    at->lane = open_lane(at->runtime, config);
}

static void finish(batch_case *at)
{
    close_lane(at->lane);
    qlt_runtime_stop(at->runtime);
}

/* Submit them all while the lane is held, and wait for all. `calls` is what the engine saw of them. */
static void run_together(batch_case *at, ql_task_fn *fn, int own_commit, char calls[64])
{
    blocker first;
    block(at->lane, &first);
    for (int i = 0; i < TASKS; i++) {
        ql_task *task = &at->tasks[i];
        ql_task_init(task, fn, (void *)(intptr_t)i);
        task->text_buffer = at->texts[i];
        task->text_size = sizeof(at->texts[i]);
        task->flags = i == own_commit ? QL_OWN_COMMIT : 0;
        submit(at->lane, task);
    }
    unblock(&first);
    for (int i = 0; i < TASKS; i++)
        await(&at->tasks[i]);
    const char *after = strstr(at->engine.calls, "(r)") + 3; /* the held one's own */
    snprintf(calls, 64, "%s", after);
}

static int odd_fails(ql_task *task)
{
    return (intptr_t)task->arg % 2 ? -EDOM : 0;
}

QLT(batch, hooks_come_in_their_order)
{
    batch_case at;
    begin(&at, (ql_lane_config){.batch_tasks = 100});
    ql_task task;
    ql_task_init(&task, nothing, NULL);
    call(at.lane, &task);
    finish(&at);
    qlt_eq_str(at.engine.calls, "po(r)cx");
}

QLT(batch, tasks_that_queue_share_one)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    run_together(&at, nothing, -1, calls);
    qlt_eq_str(calls, "(rrrrrrrrrr)");
    for (int i = 0; i < TASKS; i++)
        qlt_eq_int(at.tasks[i].future.code, 0);
    finish(&at);
}

QLT(batch, ends_after_its_number_of_tasks)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_tasks = 3, .batch_us = 10000000});
    run_together(&at, nothing, -1, calls);
    qlt_eq_str(calls, "(rrr)(rrr)(rrr)(r)");
    finish(&at);
}

static int take_a_while(ql_task *task)
{
    (void)task;
    int64_t until_ns = ql_after_ns(2000);
    while (ql_now_ns() < until_ns)
        ;
    return 0;
}

QLT(batch, ends_after_its_time)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_us = 1});
    run_together(&at, take_a_while, -1, calls);
    qlt_eq_str(calls, "(r)(r)(r)(r)(r)(r)(r)(r)(r)(r)");
    finish(&at);
}

QLT(batch, a_lone_caller_is_told_to_be_alone_and_waits_for_nobody)
{
    batch_case at;
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    ql_task task;
    ql_task_init(&task, nothing, NULL);
    call(at.lane, &task);
    qlt_eq_int(at.engine.tasks_max, 1);
    finish(&at);
}

QLT(batch, a_task_may_ask_for_a_commit_of_its_own)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    run_together(&at, nothing, 4, calls);
    qlt_eq_str(calls, "(rrrr)(r)(rrrrr)");
    finish(&at);
}

static int end_soon(ql_task *task)
{
    if ((intptr_t)task->arg == 2)
        ql_batch_end_soon();
    return 0;
}

QLT(batch, an_engine_may_end_it_soon)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    run_together(&at, end_soon, -1, calls);
    qlt_eq_str(calls, "(rrr)(rrrrrrr)");
    ql_batch_end_soon(); /* elsewhere it means nothing */
    finish(&at);
}

QLT(batch, a_failed_commit_fails_every_task_in_it)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    at.engine.end_code = -ENOSPC;
    run_together(&at, odd_fails, -1, calls);
    for (int i = 0; i < TASKS; i++) {
        qlt_eq_int(at.tasks[i].future.code, i % 2 ? -EDOM : -ENOSPC);
        if (i % 2 == 0)
            qlt_eq_str(at.tasks[i].future.text, "disk full");
    }
    ql_task plain; /* without a buffer it gets static text */
    ql_task_init(&plain, nothing, NULL);
    call(at.lane, &plain);
    qlt_eq_int(plain.future.code, -ENOSPC);
    qlt_eq_str(plain.future.text, "its batch could not be committed");
    finish(&at);
}

QLT(batch, a_task_that_fails_fails_alone)
{
    batch_case at;
    char calls[64];
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    run_together(&at, odd_fails, -1, calls);
    for (int i = 0; i < TASKS; i++)
        qlt_eq_int(at.tasks[i].future.code, i % 2 ? -EDOM : 0);
    finish(&at);
}

static int must_not_run(ql_task *task)
{
    (void)task;
    qlt_fail("it ran");
}

QLT(batch, tasks_of_one_that_cannot_begin_do_not_run)
{
    batch_case at;
    begin(&at, (ql_lane_config){.batch_us = 10000000});
    at.engine.begin_code = -EIO;
    ql_task task;
    ql_task_init(&task, must_not_run, NULL);
    call(at.lane, &task);
    qlt_eq_int(task.future.code, -EIO);
    finish(&at);
    qlt_eq_str(at.engine.calls, "po(cx");
}

/* An engine whose commit the test holds. */
static qlt_gate commit_gate = QLT_GATE_INIT;

static int held_end(void *self, ql_error *error)
{
    (void)self;
    (void)error;
    qlt_gate_open(&commit_gate, 1);
    qlt_gate_wait(&commit_gate, 2);
    return 0;
}

QLT(batch, results_are_held_until_it_is_committed)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "held", .batch_end = held_end};
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .engine = &ops});
    commit_gate = (qlt_gate)QLT_GATE_INIT;
    long counter = 0;
    ql_task task;
    ql_task_init(&task, count_up, &counter);
    submit(lane, &task);
    qlt_gate_wait(&commit_gate, 1);
    qlt_eq_int(counter, 1);
    qlt_check(!ql_future_settled(&task.future));
    qlt_eq_int(ql_task_cancel(&task), -ENOTSUP);
    qlt_gate_open(&commit_gate, 2);
    await(&task);
    qlt_eq_int(task.future.code, 0);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
