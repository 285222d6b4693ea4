#include "bench/harness/works.h"

enum { TREE_ROUNDS = 12, ITEM_ROUNDS = 100 };

/* The finaliser of splitmix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t bench_tree_node(uint64_t parent, uint64_t index)
{
    uint64_t x = parent + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < TREE_ROUNDS; i++)
        x = mix(x + (uint64_t)i);
    return x;
}

/* A loop that lies across two cache lines of code can take twice as long, and where it lies is the linker's choice: so both
 * begin a line, in every contender. */
#define OWN_LINE __attribute__((aligned(64)))

OWN_LINE uint64_t bench_loop_medium(uint64_t begin, uint64_t end)
{
    uint64_t sum = 0;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t x = i;
        for (int round = 0; round < ITEM_ROUNDS; round++)
            x = mix(x + 1);
        sum += x;
    }
    return sum;
}

OWN_LINE uint64_t bench_loop_cheap(uint64_t begin, uint64_t end)
{
    uint64_t sum = 0;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t x = i * UINT64_C(0x9e3779b97f4a7c15);
        sum += x ^ (x >> 29);
    }
    return sum;
}

const bench_sum_node *bench_sum_tree(void)
{
    static bench_sum_node nodes[BENCH_SUM_NODES];
    if (!nodes[0].left)
        for (size_t i = 0; i < BENCH_SUM_NODES; i++)
            nodes[i] = (bench_sum_node){
                .value = (long)i,
                .left = 2 * i + 1 < BENCH_SUM_NODES ? &nodes[2 * i + 1] : NULL,
                .right = 2 * i + 2 < BENCH_SUM_NODES ? &nodes[2 * i + 2] : NULL,
            };
    return nodes;
}
