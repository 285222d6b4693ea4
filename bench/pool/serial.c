/* The references: the works without tasks. Compiled twice: so that each node costs a real call (call_per_node: nothing
 * inlined, cloned or turned into a loop; serial_calls_test looks at the assembly), and as -O3 likes it (o3). As
 * a wake there is a bare futex wake of a thread that sleeps on it. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/pool/contender.h"

#if defined(REAL_CALLS) && defined(__clang__)
#define NODE __attribute__((noinline))
#elif defined(REAL_CALLS)
#define NODE __attribute__((noinline, noclone))
#else
#define NODE
#endif

NODE static long fib(int n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

NODE static long queens(const bench_board *above, int n, int row, int column)
{
    bench_board here;
    if (!bench_place(above, &here, row, column))
        return 0;
    if (row + 1 == n)
        return 1;
    long sum = 0;
    for (int i = 0; i < n; i++)
        sum += queens(&here, n, row + 1, i);
    return sum;
}

static long nqueens(int n)
{
    bench_board empty = {{0}};
    long sum = 0;
    for (int i = 0; i < n; i++)
        sum += queens(&empty, n, 0, i);
    return sum;
}

NODE static uint64_t subtree(uint64_t parent, uint64_t index)
{
    uint64_t node = bench_tree_node(parent, index), sum = 1;
    unsigned children = bench_tree_children(node);
    for (unsigned i = 0; i < children; i++)
        sum += subtree(node, i);
    return sum;
}

static uint64_t tree(unsigned roots)
{
    uint64_t sum = 1;
    for (unsigned i = 0; i < roots; i++)
        sum += subtree(BENCH_TREE_ROOT, i);
    return sum;
}

static uint64_t loop(bench_range_fn *body, uint64_t items)
{
    return body(0, items);
}

NODE static long sum_of(const bench_sum_node *node)
{
    long sum = node->value;
    if (node->left)
        sum += sum_of(node->left);
    if (node->right)
        sum += sum_of(node->right);
    return sum;
}

static long sum(const bench_sum_node *root, unsigned times)
{
    long total = 0;
    for (unsigned i = 0; i < times; i++) {
        /* Else one sum would do for all. */
        __asm__ volatile("" : "+r"(root) : : "memory");
        total += sum_of(root);
    }
    return total;
}

/* ---- a bare futex */

static uint32_t asleep = 1;

static void futex(int operation, uint32_t value)
{
    syscall(SYS_futex, &asleep, operation, value, NULL, NULL, 0);
}

static void *sleeper(void *arg)
{
    for (;;) {
        while (__atomic_load_n(&asleep, __ATOMIC_ACQUIRE))
            futex(FUTEX_WAIT_PRIVATE, 1);
        __atomic_store_n(&asleep, 1, __ATOMIC_RELAXED);
        bench_woken();
    }
    return arg;
}

static void wake(void)
{
    __atomic_store_n(&asleep, 0, __ATOMIC_RELEASE);
    futex(FUTEX_WAKE_PRIVATE, 1);
}

static void start(unsigned workers)
{
    pthread_t thread;
    (void)workers;
    if (pthread_create(&thread, NULL, sleeper, NULL))
        abort();
}

const bench_contender bench_this = {
    .name = REFERENCE,
    .version = __VERSION__,
    .start = start,
    .fib = fib,
    .nqueens = nqueens,
    .tree = tree,
    .loop = loop,
    .sum = sum,
    .wake = wake,
};
