/* OpenMP tasks, by gcc's runtime and by clang's. It takes no tasks from outside and has no pool to wake. */
#include <omp.h>
#include <stdlib.h>

#include "bench/pool/contender.h"

/* Run one statement on the team, as its only first task. */
#define ON_TEAM _Pragma("omp parallel") _Pragma("omp single")

static long fib_task(int n)
{
    if (n < 2)
        return n;
    long left, right;
#pragma omp task shared(left) firstprivate(n)
    left = fib_task(n - 1);
    right = fib_task(n - 2);
#pragma omp taskwait
    return left + right;
}

static long fib(int n)
{
    long sum = 0;
    ON_TEAM
    sum = fib_task(n);
    return sum;
}

static long queens(const bench_board *above, int n, int row, int column)
{
    bench_board here;
    if (!bench_place(above, &here, row, column))
        return 0;
    if (row + 1 == n)
        return 1;
    long found[BENCH_BOARD_MAX], sum = 0;
    for (int i = 0; i < n; i++) {
#pragma omp task shared(here, found) firstprivate(n, row, i)
        found[i] = queens(&here, n, row + 1, i);
    }
#pragma omp taskwait
    for (int i = 0; i < n; i++)
        sum += found[i];
    return sum;
}

static long nqueens(int n)
{
    bench_board empty = {{0}};
    long found[BENCH_BOARD_MAX], sum = 0;
    ON_TEAM
    {
        for (int i = 0; i < n; i++) {
#pragma omp task shared(empty, found) firstprivate(n, i)
            found[i] = queens(&empty, n, 0, i);
        }
#pragma omp taskwait
    }
    for (int i = 0; i < n; i++)
        sum += found[i];
    return sum;
}

static uint64_t subtree(uint64_t parent, uint64_t index)
{
    uint64_t node = bench_tree_node(parent, index), sums[BENCH_TREE_CHILDREN], sum = 1;
    unsigned count = bench_tree_children(node);
    if (!count)
        return 1;
    for (unsigned i = 0; i < count; i++) {
#pragma omp task shared(sums) firstprivate(node, i)
        sums[i] = subtree(node, i);
    }
#pragma omp taskwait
    for (unsigned i = 0; i < count; i++)
        sum += sums[i];
    return sum;
}

static uint64_t tree(unsigned roots)
{
    uint64_t *sums = calloc(roots, sizeof(*sums)), sum = 1;
    ON_TEAM
    {
        for (unsigned i = 0; i < roots; i++) {
#pragma omp task shared(sums) firstprivate(i)
            sums[i] = subtree(BENCH_TREE_ROOT, i);
        }
#pragma omp taskwait
    }
    for (unsigned i = 0; i < roots; i++)
        sum += sums[i];
    free(sums);
    return sum;
}

static uint64_t loop(bench_range_fn *body, uint64_t items)
{
    uint64_t sum = 0, pieces = 8 * (uint64_t)omp_get_max_threads();
#pragma omp parallel for schedule(dynamic) reduction(+ : sum)
    for (uint64_t piece = 0; piece < pieces; piece++)
        sum += body(items * piece / pieces, items * (piece + 1) / pieces);
    return sum;
}

static long sum_of(const bench_sum_node *node)
{
    if (!node->left)
        return node->value;
    if (!node->right)
        return node->value + sum_of(node->left);
    long left, right;
#pragma omp task shared(left) firstprivate(node)
    left = sum_of(node->left);
    right = sum_of(node->right);
#pragma omp taskwait
    return left + right + node->value;
}

static long sum(const bench_sum_node *root, unsigned times)
{
    long total = 0;
    ON_TEAM
    for (unsigned i = 0; i < times; i++)
        total += sum_of(root);
    return total;
}

static void start(unsigned workers)
{
    omp_set_num_threads((int)workers);
}

const bench_contender bench_this = {
    .name = PEER_NAME,
    .version = PEER_VERSION,
    .start = start,
    .fib = fib,
    .nqueens = nqueens,
    .tree = tree,
    .loop = loop,
    .sum = sum,
};
