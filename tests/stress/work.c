#include <errno.h>
#include <stdlib.h>

#include "qlane/fork.h"
#include "qlane/loop.h"
#include "tests/stress/soak.h"
#include "tests/support/harness.h"

QL_FORK_1(unsigned, tree, w, unsigned, level)
{
    if (!level)
        return 1;
    tree_child left;
    tree_fork(w, &left, level - 1);
    unsigned right = tree(w, level - 1);
    return right + tree_join(w, &left);
}

static void fold(ql_worker *w, size_t begin, size_t end, void *into, void *arg)
{
    (void)w, (void)arg;
    for (size_t i = begin; i < end; i++)
        *(uint64_t *)into += i;
}

static void zero(void *into, void *arg)
{
    (void)arg;
    *(uint64_t *)into = 0;
}

static void add(void *into, const void *from, void *arg)
{
    (void)arg;
    *(uint64_t *)into += *(const uint64_t *)from;
}

static void loop(unsigned draw)
{
    static const ql_reduction sum = {sizeof(uint64_t), zero, fold, add, NULL};
    uint64_t n = draw % 1000, found;
    qlt_eq_int(ql_parallel_reduce(ql_worker_self(), 0, n, draw % 3, &sum, &found), 0);
    qlt_eq_uint(found, n * (n + 1) / 2 - n);
}

/* Waits of tasks may be refused: no spare thread, or a circle. Then what it is for may queue on this very seat, or wait for it. */
static bool refused_wait(int code)
{
    return code == -EAGAIN || code == -EDEADLK;
}

static void wait_inside(job *inner)
{
    int code = 0;
    if (inner->draw % 3 == 0)
        job_cancel(inner);
    if (inner->draw % 4 == 0)
        code = ql_future_wait_until(&inner->task.future, ql_after_ns(inner->draw % 50000));
    if (!refused_wait(code))
        code = ql_future_wait_until(&inner->task.future, job_patience());
    if (code == -ETIMEDOUT)
        stall("a task that a task waits for has not settled");
    qlt_check(code == 0 || refused_wait(code));
    if (code) {
        job_orphan(inner);
        return;
    }
    job_account(inner);
    free(inner);
}

/* True: it has settled. Else it was refused, or its wait was, and it has not run. */
static bool call_lane(job *inner)
{
    int code = ql_lane_call(inner->place->lane, &inner->task);
    soak_count(&inner->place->unsure, 1);
    if (!code) {
        soak_count(&soak_counts.accepted, 1);
        job_account(inner);
        return true;
    }
    qlt_check(refused_wait(code) || code == -ESHUTDOWN || code == -ELOOP);
    qlt_eq_uint(inner->ran, 0);
    soak_count(&soak_counts.refused, 1);
    place_drop(inner->place);
    return false;
}

/* One more level of tasks, waited for from inside. */
static void go_deeper(const job *of)
{
    job *inner = calloc(1, sizeof(*inner));
    qlt_check(inner);
    job_init(inner, of->draw / 8);
    inner->place = of->draw % 3 ? place_take(of->draw / 3) : NULL;
    if (inner->place && of->draw % 5 < 2) {
        (void)call_lane(inner);
        free(inner);
        return;
    }
    ql_executor *on = inner->place ? ql_lane_executor(inner->place->lane) : soak_pool;
    job_handed(inner, ql_submit(on, &inner->task));
    if (inner->accepted)
        wait_inside(inner);
    else
        free(inner);
}

/* Until it is told, or for a while. */
static int linger(ql_task *task, unsigned draw)
{
    int64_t until_ns = ql_after_ns(draw % 300000);
    int code = 0;
    while (!code && ql_now_ns() < until_ns)
        code = ql_task_cancelled(task);
    return code;
}

static int do_work(job *of)
{
    unsigned draw = of->draw / 16;
    bool here = of->place && ql_executor_is_current(ql_lane_executor(of->place->lane));
    if (here && draw % 4 == 0)
        place_events(of->place, draw / 4);
    switch (of->draw % 16) {
    case 0:
    case 1:
        if (ql_worker_self()) /* nobody forks on a lane */
            qlt_eq_uint(tree(ql_worker_self(), draw % 9), 1u << draw % 9);
        return 0;
    case 2:
        loop(draw);
        return 0;
    case 3:
    case 4:
    case 5:
        if (of->draw >= 64)
            go_deeper(of);
        return 0;
    case 6:
        ql_blocking_begin();
        ql_blocking_end();
        return 0;
    case 7:
        return linger(&of->task, draw);
    case 8:
        return ql_task_fail(&of->task, -EIO, "it %s", "failed");
    default:
        return ql_task_return(&of->task, (ql_value){.u64 = of->draw});
    }
}

int work(ql_task *task)
{
    job *of = (job *)(void *)task;
    qlt_eq_uint(__atomic_fetch_add(&of->ran, 1, __ATOMIC_RELAXED), 0);
    qlt_eq_ptr(ql_task_current(), task);
    if (of->series) {
        qlt_check(of->series->ran < of->number); /* those between were cancelled */
        of->series->ran = of->number;
    }
    of->answer = do_work(of);
    if (of->series)
        qlt_eq_uint(of->series->ran, of->number); /* nobody came between */
    return of->answer;
}

int work_spawned(ql_task *task)
{
    (void)task;
    soak_count(&soak_counts.spawns_ran, 1);
    return 0;
}
