#include "qlane/runtime.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "qlane/fork.h"
#include "qlane/strand.h"
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

static ql_task *many_of[MANY];

static void takes_many(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    for (int i = 0; i < MANY; i++) {
        ql_task_init(&many[i], add_one, &zero);
        many_of[i] = &many[i];
    }
    qlt_eq_int(ql_submit_many(ql_runtime_pool(runtime), many_of, MANY), 0);
    qlt_eq_int(ql_submit_many(ql_runtime_pool(runtime), many_of, 0), 0);
    for (int i = 0; i < MANY; i++)
        qlt_eq_int(ql_future_wait(&many[i].future), 0);
    qlt_runtime_stop(runtime);
}

QLT(runtime, takes_many_tasks_at_once)
{
    qlt_workers_each(takes_many);
}

QLT(runtime, refuses_a_bad_list_whole)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_executor *pool = ql_runtime_pool(runtime);
    ql_task good, urgent;
    ql_task_init(&good, add_one, &zero);
    ql_task_init(&urgent, add_one, &zero);
    urgent.klass = QL_URGENT;
    qlt_eq_int(ql_submit_many(pool, (ql_task *[]){&good, &good}, 2), -EBUSY);
    qlt_eq_int(ql_submit_many(pool, (ql_task *[]){&good, &urgent}, 2), -EINVAL);
    qlt_eq_int(ql_submit_many(pool, (ql_task *[]){&good, NULL}, 2), -EINVAL);
    qlt_eq_int(ql_submit_many(NULL, (ql_task *[]){&good}, 1), -EINVAL);
    qlt_eq_int(ql_future_wait(&good.future), -EINVAL);
    qlt_eq_int(ql_submit(pool, &good), 0);
    qlt_eq_int(ql_future_wait(&good.future), 0);
    qlt_runtime_stop(runtime);
}

static qlt_gate gate;

static int pass_gate(ql_task *task)
{
    qlt_gate_wait(&gate, 1);
    return ((void)task, 0);
}

/* Whatever stands where in a list that was refused, a wait for one of them does not hang, nor take an old result for a new one. */
QLT(runtime, what_stood_in_a_refused_list_was_never_submitted)
{
    enum { BEFORE, BUSY, AFTER, COUNT };
    ql_runtime *runtime = qlt_runtime(1);
    ql_executor *pool = ql_runtime_pool(runtime), *nowhere[] = {pool, NULL};
    ql_task tasks[COUNT], *list[COUNT], *none[] = {&tasks[BEFORE], NULL, &tasks[AFTER]};
    gate = (qlt_gate)QLT_GATE_INIT;
    for (int i = 0; i < COUNT; i++) {
        list[i] = &tasks[i];
        ql_task_init(list[i], add_one, &zero);
    }
    for (int i = 0; i < 4; i++) {
        qlt_eq_int(ql_submit(pool, list[BEFORE]), 0);
        qlt_eq_int(ql_submit(pool, list[AFTER]), 0);
        qlt_eq_int(ql_future_wait(&list[BEFORE]->future), 0);
        qlt_eq_int(ql_future_wait(&list[AFTER]->future), 0);
        if (i == 0) {
            ql_task_init(list[BUSY], pass_gate, NULL);
            qlt_eq_int(ql_submit(pool, list[BUSY]), 0);
            qlt_eq_int(ql_submit_many(pool, list, COUNT), -EBUSY);
            qlt_gate_open(&gate, 1);
            qlt_eq_int(ql_future_wait(&list[BUSY]->future), 0); /* it was accepted before */
        } else if (i == 1) {
            qlt_eq_int(ql_submit_many(pool, none, COUNT), -EINVAL);
        } else {
            list[BUSY]->fn = i == 2 ? NULL : add_one;
            qlt_eq_int(ql_submit_many(nowhere[i - 2], list, COUNT), -EINVAL);
            qlt_eq_int(ql_future_wait(&list[BUSY]->future), -EINVAL);
        }
        qlt_eq_int(ql_future_wait(&list[BEFORE]->future), -EINVAL);
        qlt_eq_int(ql_future_wait_until(&list[AFTER]->future, ql_after_ns(1000000)), -EINVAL);
        qlt_check(!ql_future_settled(&list[BEFORE]->future) && !ql_future_settled(&list[AFTER]->future));
    }
    qlt_runtime_stop(runtime);
}

static int block_until_opened(ql_task *task)
{
    (void)task;
    ql_blocking_begin();
    qlt_gate_wait(&gate, 1);
    ql_blocking_end();
    return 0;
}

static int open_gate(ql_task *task)
{
    (void)task;
    qlt_gate_open(&gate, 1);
    return 0;
}

QLT(blocking, a_task_that_blocks_lends_its_seat)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_runtime *runtime = qlt_runtime(1);
    ql_task blocks[8], opens;
    for (int i = 0; i < 8; i++) {
        ql_task_init(&blocks[i], block_until_opened, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &blocks[i]), 0);
    }
    ql_task_init(&opens, open_gate, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &opens), 0);
    for (int i = 0; i < 8; i++)
        qlt_eq_int(ql_future_wait(&blocks[i].future), 0);
    ql_blocking_begin(); /* off the pool: nothing happens */
    ql_blocking_end();
    qlt_runtime_stop(runtime);
}

QL_FORK_1(int, one_of, w, int, n)
{
    (void)w;
    return n;
}

/* Needs the seat that the task before has lent. */
static int fork_and_join(ql_task *task)
{
    one_of_child child;
    ql_worker *worker = ql_worker_self();
    one_of_fork(worker, &child, 1);
    return ql_task_return(task, (ql_value){.i64 = one_of_join(worker, &child)});
}

static int block_for_good(ql_task *task)
{
    (void)task;
    ql_blocking_begin();
    return 0;
}

static int unpaired;

static void count_unpaired(void *context, const char *sentence)
{
    (void)context;
    qlt_has_str(sentence, "'forgetful' returned without ql_blocking_end()");
    __atomic_fetch_add(&unpaired, 1, __ATOMIC_RELAXED);
}

QLT(blocking, a_task_that_forgets_its_end_gets_its_seat_back)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_misuse = count_unpaired});
    ql_strand *strand;
    ql_task tasks[16];
    unpaired = 0;
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    for (int i = 0; i < 16; i++) {
        ql_task_init(&tasks[i], i % 2 ? fork_and_join : block_for_good, NULL);
        tasks[i].name = "forgetful";
        qlt_eq_int(ql_submit(i < 8 ? ql_runtime_pool(runtime) : ql_strand_executor(strand), &tasks[i]), 0);
    }
    for (int i = 0; i < 16; i++) {
        qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
        qlt_eq_int(tasks[i].future.value.i64, i % 2);
    }
    ql_strand_release(strand);
    qlt_runtime_stop(runtime);
    qlt_check(unpaired > 0 && unpaired <= 8);
}

static int until_cancelled(ql_task *task)
{
    qlt_gate_open(&gate, 2);
    while (!ql_task_cancelled(task))
        ;
    return -ql_task_cancelled(task);
}

QLT(scope, a_cancelled_tree_ends_what_runs_and_never_begins_the_rest)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_runtime *runtime = qlt_runtime(1);
    ql_scope tree, branch;
    ql_scope_init(&tree, NULL);
    ql_scope_init(&branch, &tree);
    ql_task runs, waits, other;
    ql_task_init(&runs, until_cancelled, NULL);
    ql_task_init(&waits, add_one, &zero);
    ql_task_init(&other, add_one, &zero);
    runs.scope = &branch;
    waits.scope = &tree;
    qlt_eq_int(ql_submit_many(ql_runtime_pool(runtime), (ql_task *[]){&runs, &waits, &other}, 3), 0);
    qlt_gate_wait(&gate, 2);
    ql_scope_cancel(&tree);
    qlt_eq_int(ql_future_wait(&runs.future), 0);
    qlt_eq_int(ql_future_wait(&waits.future), 0);
    qlt_eq_int(ql_future_wait(&other.future), 0);
    qlt_eq_int(runs.future.code, -ECANCELED);
    qlt_eq_int(waits.future.code, -ECANCELED);
    qlt_eq_int(other.future.code, 0);
    qlt_runtime_stop(runtime);
}

static int sums_children(ql_task *task)
{
    ql_task inner;
    ql_task_init(&inner, add_one, &zero);
    qlt_eq_int(ql_submit(task->on, &inner), 0);
    qlt_eq_int(ql_future_wait(&inner.future), 0);
    return run_fib(task);
}

QLT(resize, while_running_loses_no_task)
{
    ql_runtime *runtime = qlt_runtime(4);
    uint64_t stream = qlt_seed();
    int n = 12;
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 100; i++) {
            ql_task_init(&many[i], sums_children, &n);
            qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &many[i]), 0);
            if (i % 20 == 0)
                qlt_eq_int(ql_runtime_resize(runtime, 1 + (unsigned)(qlt_random(&stream) % 4)), 0);
        }
        for (int i = 0; i < 100; i++) {
            qlt_eq_int(ql_future_wait(&many[i].future), 0);
            qlt_eq_int(many[i].future.value.i64, 144);
        }
    }
    qlt_eq_int(ql_runtime_resize(runtime, 0), -EINVAL);
    qlt_eq_int(ql_runtime_resize(runtime, 5), -EINVAL);
    qlt_eq_int(ql_runtime_resize(NULL, 1), -EINVAL);
    qlt_runtime_stop(runtime);
}
