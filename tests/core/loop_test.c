#include "qlane/loop.h"

#include <errno.h>
#include <string.h>

#include "qlane/runtime.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { ITEMS = 100003 };

static unsigned char seen[ITEMS];

/* Runs `body` as a task on a runtime of each size. */
static ql_task_fn *running;

static void run_with(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    ql_task task;
    ql_task_init(&task, running, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_eq_int(task.future.code, 0);
    qlt_runtime_stop(runtime);
}

static void run_each(ql_task_fn *body)
{
    running = body;
    qlt_workers_each(run_with);
}

static void see(ql_worker *w, size_t begin, size_t end, void *arg)
{
    (void)w;
    (void)arg;
    for (size_t i = begin; i < end; i++)
        seen[i]++;
}

static int see_all(ql_task *task)
{
    (void)task;
    static const size_t lengths[] = {0, 1, 2, 3, 7, 1000, ITEMS};
    static const size_t grains[] = {0, 1, 5, 1000000};
    for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (unsigned g = 0; g < sizeof grains / sizeof *grains; g++) {
            memset(seen, 0, sizeof seen);
            ql_parallel_for(ql_worker_self(), 0, lengths[l], grains[g], see, NULL);
            for (size_t i = 0; i < ITEMS; i++)
                qlt_eq_int(seen[i], i < lengths[l]);
        }
    return 0;
}

QLT(loop, sees_each_item_once)
{
    run_each(see_all);
}

static bool is_there(ql_worker *w, size_t begin, size_t end, void *arg)
{
    (void)w;
    size_t wanted = *(size_t *)arg;
    for (size_t i = begin; i < end; i++)
        seen[i]++;
    return wanted >= begin && wanted < end;
}

static int find(ql_task *task)
{
    (void)task;
    memset(seen, 0, sizeof seen);
    size_t wanted = 17, nowhere = ITEMS;
    qlt_check(ql_parallel_until(ql_worker_self(), 0, ITEMS, 10, is_there, &wanted));
    size_t looked = 0;
    for (size_t i = 0; i < ITEMS; i++)
        looked += seen[i];
    qlt_check(looked < ITEMS);
    qlt_check(!ql_parallel_until(ql_worker_self(), 0, ITEMS, 0, is_there, &nowhere));
    qlt_check(!ql_parallel_until(ql_worker_self(), 5, 5, 0, is_there, &wanted));
    return 0;
}

QLT(loop, stops_early_when_something_is_found)
{
    run_each(find);
}

/* Concatenation of ranges: associative, not commutative. */
typedef struct span {
    size_t begin, end;
    bool broken;
} span;

static void no_span(void *into, void *arg)
{
    (void)arg;
    *(span *)into = (span){0};
}

static void join_spans(void *into, const void *from, void *arg)
{
    (void)arg;
    span *a = into;
    const span *b = from;
    if (a->begin == a->end)
        *a = *b;
    else if (b->begin != b->end) {
        a->broken |= b->broken || a->end != b->begin;
        a->end = b->end;
    }
}

static void add_span(ql_worker *w, size_t begin, size_t end, void *into, void *arg)
{
    (void)w;
    join_spans(into, &(span){begin, end, false}, arg);
}

static int reduce_spans(ql_task *task)
{
    (void)task;
    ql_reduction by = {.size = sizeof(span), .identity = no_span, .fold = add_span, .combine = join_spans};
    span all;
    for (size_t grain = 0; grain < 300; grain += 37) {
        qlt_eq_int(ql_parallel_reduce(ql_worker_self(), 3, ITEMS, grain, &by, &all), 0);
        qlt_check(all.begin == 3 && all.end == ITEMS && !all.broken);
    }
    qlt_eq_int(ql_parallel_reduce(ql_worker_self(), 3, 3, 0, &by, &all), 0);
    qlt_check(all.begin == all.end);
    by.size = QL_REDUCE_MAX + 1;
    qlt_eq_int(ql_parallel_reduce(ql_worker_self(), 0, 1, 0, &by, &all), -EINVAL);
    return 0;
}

QLT(loop, reduces_in_the_order_of_the_range)
{
    run_each(reduce_spans);
}

QLT(loop, off_the_pool_the_caller_runs_it_all)
{
    memset(seen, 0, sizeof seen);
    ql_parallel_for(NULL, 0, ITEMS, 0, see, NULL);
    for (size_t i = 0; i < ITEMS; i++)
        qlt_eq_int(seen[i], 1);
    size_t wanted = 3;
    qlt_check(ql_parallel_until(NULL, 0, ITEMS, 0, is_there, &wanted));
    ql_reduction by = {.size = sizeof(span), .identity = no_span, .fold = add_span, .combine = join_spans};
    span all;
    qlt_eq_int(ql_parallel_reduce(NULL, 3, ITEMS, 0, &by, &all), 0);
    qlt_check(all.begin == 3 && all.end == ITEMS);
}
