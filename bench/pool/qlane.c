/* qlane as a contender: as its user would write the works. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/runtime.h"
#include "bench/harness/wakes.h"
#include "bench/pool/contender.h"
#include "qlane/fork.h"
#include "qlane/loop.h"
#include "qlane/runtime.h"

static ql_runtime *runtime;
static ql_executor *pool;

static void start(unsigned workers)
{
    char affinity[64];
    snprintf(affinity, sizeof(affinity), "lane=off;workers=%u", workers);
    runtime = start_runtime(affinity);
    pool = ql_runtime_pool(runtime);
}

static void stop(void)
{
    stop_runtime(runtime);
}

/* Run `fn` on a worker and wait for its value. */
static ql_value on_worker(ql_task_fn *fn, void *arg)
{
    ql_task task;
    ql_task_init(&task, fn, arg);
    must(ql_submit(pool, &task), "ql_submit", NULL);
    must(ql_future_wait(&task.future), "ql_future_wait", NULL);
    return task.future.value;
}

/* ---- fork and join */

QL_FORK_1(long, fib, w, int, n)
{
    if (n < 2)
        return n;
    fib_child left;
    fib_fork(w, &left, n - 1);
    long right = fib(w, n - 2);
    return fib_join(w, &left) + right;
}

static int fib_task(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = fib(ql_worker_self(), *(int *)task->arg)});
}

static long do_fib(int n)
{
    return on_worker(fib_task, &n).i64;
}

QL_FORK_4(long, queens, w, const bench_board *, above, int, n, int, row, int, column)
{
    bench_board here;
    if (!bench_place(above, &here, row, column))
        return 0;
    if (row + 1 == n)
        return 1;
    queens_child children[BENCH_BOARD_MAX];
    for (int i = 1; i < n; i++)
        queens_fork(w, &children[i], &here, n, row + 1, i);
    long sum = queens(w, &here, n, row + 1, 0);
    for (int i = n - 1; i > 0; i--)
        sum += queens_join(w, &children[i]);
    return sum;
}

static int queens_task(ql_task *task)
{
    bench_board empty = {{0}};
    int n = *(int *)task->arg;
    ql_worker *w = ql_worker_self();
    queens_child children[BENCH_BOARD_MAX];
    for (int i = 0; i < n; i++)
        queens_fork(w, &children[i], &empty, n, 0, i);
    long sum = 0;
    for (int i = n - 1; i >= 0; i--)
        sum += queens_join(w, &children[i]);
    return ql_task_return(task, (ql_value){.i64 = sum});
}

static long do_nqueens(int n)
{
    return on_worker(queens_task, &n).i64;
}

/* What has children stands apart: most nodes are leaves, and need not save its registers. */
static uint64_t below(ql_worker *w, uint64_t node, unsigned count);

QL_FORK_2(uint64_t, subtree, w, uint64_t, parent, unsigned, index)
{
    uint64_t node = bench_tree_node(parent, index);
    unsigned count = bench_tree_children(node);
    return count ? below(w, node, count) : 1;
}

__attribute__((noinline)) static uint64_t below(ql_worker *w, uint64_t node, unsigned count)
{
    uint64_t sum = 1;
    subtree_child children[BENCH_TREE_CHILDREN];
    for (unsigned i = 1; i < count; i++)
        subtree_fork(w, &children[i], node, i);
    sum += subtree(w, node, 0);
    for (unsigned i = count - 1; i > 0; i--)
        sum += subtree_join(w, &children[i]);
    return sum;
}

static int tree_task(ql_task *task)
{
    unsigned roots = *(unsigned *)task->arg;
    ql_worker *w = ql_worker_self();
    subtree_child *children = calloc(roots, sizeof(*children));
    for (unsigned i = 0; i < roots; i++)
        subtree_fork(w, &children[i], BENCH_TREE_ROOT, i);
    uint64_t sum = 1;
    for (unsigned i = roots; i > 0; i--)
        sum += subtree_join(w, &children[i - 1]);
    free(children);
    return ql_task_return(task, (ql_value){.u64 = sum});
}

static uint64_t do_tree(unsigned roots)
{
    return on_worker(tree_task, &roots).u64;
}

/* ---- loops */

typedef struct loop {
    bench_range_fn *body;
    uint64_t items, sum;
} loop;

static void loop_piece(ql_worker *w, size_t begin, size_t end, void *arg)
{
    loop *of = arg;
    (void)w;
    __atomic_fetch_add(&of->sum, of->body(begin, end), __ATOMIC_RELAXED);
}

static int loop_task(ql_task *task)
{
    loop *of = task->arg;
    ql_parallel_for(ql_worker_self(), 0, of->items, 0, loop_piece, of);
    return 0;
}

static uint64_t do_loop(bench_range_fn *body, uint64_t items)
{
    loop of = {.body = body, .items = items};
    on_worker(loop_task, &of);
    return of.sum;
}

/* ---- sum1000 */

static long sum_below(ql_worker *w, const bench_sum_node *node);

QL_FORK_1(long, sum, w, const bench_sum_node *, node)
{
    return node->left ? sum_below(w, node) : node->value;
}

__attribute__((noinline)) static long sum_below(ql_worker *w, const bench_sum_node *node)
{
    sum_child left;
    sum_fork(w, &left, node->left);
    long right = node->right ? sum(w, node->right) : 0;
    return sum_join(w, &left) + right + node->value;
}

typedef struct sums {
    const bench_sum_node *root;
    unsigned times;
} sums;

static int sum_task(ql_task *task)
{
    const sums *of = task->arg;
    ql_worker *w = ql_worker_self();
    long total = 0;
    for (unsigned i = 0; i < of->times; i++)
        total += sum(w, of->root);
    return ql_task_return(task, (ql_value){.i64 = total});
}

static long do_sum(const bench_sum_node *root, unsigned times)
{
    sums of = {.root = root, .times = times};
    return on_worker(sum_task, &of).i64;
}

/* ---- outside */

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

static void *outside_prepare(size_t count)
{
    /* Aligned, what a task needs lies in one line. */
    ql_task *tasks = aligned_alloc(64, count * sizeof(*tasks));
    for (size_t i = 0; i < count; i++)
        ql_task_init(&tasks[i], nothing, NULL);
    return tasks;
}

static void outside_produce(void *prepared, size_t first, size_t end)
{
    ql_task *tasks = prepared;
    for (size_t i = first; i < end; i++)
        must(ql_submit(pool, &tasks[i]), "ql_submit", NULL);
    for (size_t i = first; i < end; i++)
        must(ql_future_wait(&tasks[i].future), "ql_future_wait", NULL);
}

/* ---- wake */

static int woken(ql_task *task)
{
    (void)task;
    bench_woken();
    return 0;
}

static void wake(void)
{
    static ql_task task;
    if (!task.fn)
        ql_task_init(&task, woken, NULL);
    else
        must(ql_future_wait(&task.future), "ql_future_wait", NULL);
    must(ql_submit(pool, &task), "ql_submit", NULL);
}

const bench_contender bench_this = {
    .name = "qlane",
    .version = "tree",
    .start = start,
    .stop = stop,
    .fib = do_fib,
    .nqueens = do_nqueens,
    .tree = do_tree,
    .loop = do_loop,
    .sum = do_sum,
    .outside_prepare = outside_prepare,
    .outside_produce = outside_produce,
    .outside_finish = free,
    .wake = wake,
    .wakes = bench_wakes,
};
