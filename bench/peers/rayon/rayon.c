/* The contender around rayon/src/lib.rs. */
#include "bench/pool/contender.h"

void bench_rayon_start(unsigned workers);
long bench_rayon_fib(int n);
long bench_rayon_nqueens(int n);
uint64_t bench_rayon_tree(uint64_t root, unsigned roots);
uint64_t bench_rayon_loop(bench_range_fn *body, uint64_t items);
long bench_rayon_sum(const bench_sum_node *root, unsigned times);
void bench_rayon_outside(size_t count);
void bench_rayon_wake(void);

unsigned bench_rayon_tree_children(uint64_t node);

unsigned bench_rayon_tree_children(uint64_t node)
{
    return bench_tree_children(node);
}

static uint64_t tree(unsigned roots)
{
    return bench_rayon_tree(BENCH_TREE_ROOT, roots);
}

static void *prepare(size_t count)
{
    (void)count;
    return NULL;
}

static void produce(void *prepared, size_t first, size_t end)
{
    (void)prepared;
    bench_rayon_outside(end - first);
}

static void finish(void *prepared)
{
    (void)prepared;
}

const bench_contender bench_this = {
    .name = "rayon",
    .version = PEER_VERSION,
    .start = bench_rayon_start,
    .fib = bench_rayon_fib,
    .nqueens = bench_rayon_nqueens,
    .tree = tree,
    .loop = bench_rayon_loop,
    .sum = bench_rayon_sum,
    .outside_prepare = prepare,
    .outside_produce = produce,
    .outside_finish = finish,
    .wake = bench_rayon_wake,
};
