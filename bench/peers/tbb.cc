// oneTBB: task_group for recursion and for tasks from outside, parallel_reduce for loops.
#include <memory>
#include <vector>

#include <oneapi/tbb.h>

#include "bench/pool/contender.h"

namespace {

using tbb::task_group;

std::unique_ptr<tbb::global_control> limit;
std::unique_ptr<tbb::task_arena> arena;

long fib(int n)
{
    if (n < 2)
        return n;
    long left, right;
    task_group group;
    group.run([&left, n] { left = fib(n - 1); });
    right = fib(n - 2);
    group.wait();
    return left + right;
}

long queens(const bench_board &above, int n, int row, int column)
{
    bench_board here;
    if (!bench_place(&above, &here, row, column))
        return 0;
    if (row + 1 == n)
        return 1;
    long found[BENCH_BOARD_MAX], sum = 0;
    task_group group;
    for (int i = 1; i < n; i++)
        group.run([&, i] { found[i] = queens(here, n, row + 1, i); });
    found[0] = queens(here, n, row + 1, 0);
    group.wait();
    for (int i = 0; i < n; i++)
        sum += found[i];
    return sum;
}

long nqueens(int n)
{
    const bench_board empty = {};
    long found[BENCH_BOARD_MAX], sum = 0;
    task_group group;
    for (int i = 0; i < n; i++)
        group.run([&, i] { found[i] = queens(empty, n, 0, i); });
    group.wait();
    for (int i = 0; i < n; i++)
        sum += found[i];
    return sum;
}

uint64_t subtree(uint64_t parent, uint64_t index)
{
    uint64_t node = bench_tree_node(parent, index), sums[BENCH_TREE_CHILDREN], sum = 1;
    unsigned count = bench_tree_children(node);
    if (!count)
        return 1;
    task_group group;
    for (unsigned i = 1; i < count; i++)
        group.run([&, i] { sums[i] = subtree(node, i); });
    sums[0] = subtree(node, 0);
    group.wait();
    for (unsigned i = 0; i < count; i++)
        sum += sums[i];
    return sum;
}

uint64_t tree(unsigned roots)
{
    std::vector<uint64_t> sums(roots);
    task_group group;
    uint64_t sum = 1;
    for (unsigned i = 0; i < roots; i++)
        group.run([&, i] { sums[i] = subtree(BENCH_TREE_ROOT, i); });
    group.wait();
    for (uint64_t one : sums)
        sum += one;
    return sum;
}

uint64_t loop(bench_range_fn *body, uint64_t items)
{
    return tbb::parallel_reduce(
        tbb::blocked_range<uint64_t>(0, items, 1000), uint64_t{0},
        [body](const tbb::blocked_range<uint64_t> &range, uint64_t sum) {
            return sum + body(range.begin(), range.end());
        },
        [](uint64_t a, uint64_t b) { return a + b; });
}

long sum_of(const bench_sum_node *node)
{
    if (!node->left)
        return node->value;
    if (!node->right)
        return node->value + sum_of(node->left);
    long left, right;
    task_group group;
    group.run([&left, node] { left = sum_of(node->left); });
    right = sum_of(node->right);
    group.wait();
    return left + right + node->value;
}

long sum(const bench_sum_node *root, unsigned times)
{
    long total = 0;
    for (unsigned i = 0; i < times; i++)
        total += sum_of(root);
    return total;
}

// The calling thread is one of oneTBB's threads: it starts one less. `arena` is of others only, for wake.
void start(unsigned workers)
{
    limit = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, workers);
}

// Tasks from outside: oneTBB has no future for one of them; the group waits for all.
void *prepare(size_t)
{
    return nullptr;
}

void produce(void *, size_t first, size_t end)
{
    task_group group;
    for (size_t i = first; i < end; i++)
        group.run([] {});
    group.wait();
}

void finish(void *)
{
}

// With a limit of n, oneTBB starts n - 1 threads: one more for an arena that the caller is not in.
void wake()
{
    if (!arena) {
        unsigned workers = static_cast<unsigned>(
            tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
        limit =
            std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism, workers + 1);
        arena = std::make_unique<tbb::task_arena>(static_cast<int>(workers), 0);
    }
    arena->enqueue([] { bench_woken(); });
}

} // namespace

extern "C" const bench_contender bench_this;

const bench_contender bench_this = {
    "oneTBB", PEER_VERSION, start,   nullptr, fib,    nqueens, tree,
    loop,     sum,          prepare, produce, finish, wake,    nullptr,
};
