/* A runtime is started, runs tasks and is stopped, with each call that can fail failing in turn: start
 * answers with an error that says so and leaves nothing, or all goes on. Submitting needs no memory. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "qlane/completions.h"
#include "qlane/runtime.h"
#include "tests/support/faults/faults.h"

static int answer(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = 42});
}

/* Its wait needs a second thread for the only worker's seat; where there is none the inner task outlives this
 * one. */
static int ask(ql_task *task)
{
    ql_task *inner = task->arg;
    ql_task_init(inner, answer, NULL);
    int code = ql_submit(task->on, inner);
    return code ? code : ql_future_wait(&inner->future);
}

/* The same answer by way of an event loop's descriptor. */
static int complete(ql_runtime *runtime)
{
    ql_task task;
    ql_completion entry = {0};
    ql_completions *completions;
    int code = ql_completions_create(&completions);
    if (code) {
        EXPECT(faults_happened() && !completions);
        return 0;
    }
    ql_task_init(&task, answer, NULL);
    faults_forbid_here(true);
    EXPECT(!ql_submit(ql_runtime_pool(runtime), &task));
    EXPECT(!ql_completions_add(completions, &task.future, &entry));
    struct pollfd readable = {.fd = ql_completions_fd(completions), .events = POLLIN};
    while (!ql_completions_next(completions))
        poll(&readable, 1, -1);
    faults_forbid_here(false);
    EXPECT(!task.future.code && task.future.value.i64 == 42);
    EXPECT(!ql_completions_destroy(completions));
    return 0;
}

static int story(void)
{
    ql_affinity_config affinity = {.size = sizeof affinity, .flags = QL_IGNORE_ENV, .workers = "1"};
    ql_runtime_config config = {.size = sizeof config, .affinity = &affinity, .trace_events = 16};
    ql_runtime *runtime = (ql_runtime *)&config;
    ql_error error = {.code = 0};
    int code = ql_runtime_start(&config, &runtime, &error);
    if (code) {
        EXPECT(faults_happened());
        EXPECT(!runtime && error.code == code && error.text[0]);
        return 0;
    }
    ql_task task, inner;
    ql_task_init(&task, ask, &inner);
    faults_forbid_here(true);
    EXPECT(!ql_submit(ql_runtime_pool(runtime), &task));
    faults_forbid_here(false);
    EXPECT(!ql_future_wait(&task.future));
    code = task.future.code;
    EXPECT(!code || (code == -EAGAIN && faults_happened()));
    code = ql_spawn(ql_runtime_pool(runtime), answer, NULL);
    EXPECT(!code || (code == -ENOMEM && faults_happened()));
    EXPECT(!complete(runtime));
    EXPECT(!ql_runtime_stop(runtime, NULL, &error));
    EXPECT(ql_future_settled(&inner.future) && !inner.future.code && inner.future.value.i64 == 42);
    return 0;
}

int main(int argc, char **argv)
{
    return faults_main(argc, argv, story);
}
