#include "qlane/runtime.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "qlane/fork.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static int add_one(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = *(int *)task->arg + 1});
}

static void answers(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    for (int i = 0; i < 1000; i++) {
        ql_task task;
        ql_task_init(&task, add_one, &i);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_eq_int(task.future.code, 0);
        qlt_eq_int(task.future.value.i64, i + 1);
    }
    qlt_runtime_stop(runtime);
}

QLT(runtime, answers_every_task)
{
    qlt_workers_each(answers);
}

enum { MANY = 20000 };
static ql_task many[MANY];
static int zero;

static void settles_all(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    for (int i = 0; i < MANY; i++) {
        ql_task_init(&many[i], add_one, &zero);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &many[i]), 0);
    }
    qlt_runtime_stop(runtime);
    for (int i = 0; i < MANY; i++)
        qlt_check(ql_future_settled(&many[i].future) && many[i].future.code == 0);
}

QLT(runtime, stop_settles_every_accepted_task)
{
    qlt_workers_each(settles_all);
}

static ql_runtime *deep_runtime;

static int nest(ql_task *task)
{
    int depth = *(int *)task->arg - 1;
    if (!depth)
        return ql_task_return(task, (ql_value){.i64 = 1});
    ql_task inner;
    ql_task_init(&inner, nest, &depth);
    qlt_eq_int(ql_submit(ql_runtime_pool(deep_runtime), &inner), 0);
    qlt_eq_int(ql_future_wait(&inner.future), 0);
    return ql_task_return(task, (ql_value){.i64 = inner.future.value.i64 + 1});
}

static void nests(unsigned workers)
{
    deep_runtime = qlt_runtime(workers);
    int depth = 1000;
    ql_task task;
    ql_task_init(&task, nest, &depth);
    qlt_eq_int(ql_submit(ql_runtime_pool(deep_runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_eq_int(task.future.value.i64, 1000);
    qlt_runtime_stop(deep_runtime);
}

QLT(runtime, a_thousand_nested_waits_make_progress)
{
    qlt_workers_each(nests);
}

QL_FORK_1(long, fib, w, long, n)
{
    if (n < 2)
        return n;
    fib_child left;
    fib_fork(w, &left, n - 1);
    long right = fib(w, n - 2);
    return fib_join(w, &left) + right;
}

static int run_fib(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = fib(ql_worker_self(), *(int *)task->arg)});
}

static void forks(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    int n = 27;
    for (int i = 0; i < 20; i++) {
        ql_task task;
        ql_task_init(&task, run_fib, &n);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_eq_int(task.future.value.i64, 196418);
    }
    qlt_runtime_stop(runtime);
}

QLT(fork, fib_is_right)
{
    qlt_workers_each(forks);
}
