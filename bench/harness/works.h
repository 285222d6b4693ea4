/* What is measured, the same for every contender: the parts of each work that have nothing to do with tasks. For C and C++.
 *
 *   fib          fib(size): as many calls as there are nodes, and nothing in them
 *   nqueens      all solutions on a size x size board; a task is one queen on one square, tried
 *   tree         an unbalanced tree, never in memory: a node's number is a hash of its parent's, and tells how many
 *                children it has; `size` of them at the root (after "UTS", Olivier and others, 2006)
 *   loop_medium  size items of about 0.4 us
 *   loop_cheap   size items of less than 1 ns
 *   sum1000      size times the sum over a binary tree of 1,000 nodes
 *   outsideP     size empty tasks from P threads outside, each future waited for
 *   pending      size empty tasks handed over by one thread, then waited for; where a task may be handed over again
 *   wake         one task into an idle pool, size times: from before the submission until the task runs
 *   idle         after some tasks, nothing */
#ifndef BENCH_WORKS_H
#define BENCH_WORKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- nqueens */

enum { BENCH_BOARD_MAX = 16 };

typedef struct bench_board {
    signed char column[BENCH_BOARD_MAX]; /* of the queen in each row */
} bench_board;

/* Put a queen on `column` of `row`, below those of `above`: 0 if one of them attacks it. */
static inline int bench_place(const bench_board *above, bench_board *here, int row, int column)
{
    for (int r = 0; r < row; r++) {
        int apart = above->column[r] - column;
        if (apart == 0 || apart == row - r || apart == r - row)
            return 0;
        here->column[r] = above->column[r];
    }
    here->column[row] = (signed char)column;
    return 1;
}

/* ---- tree */

enum { BENCH_TREE_CHILDREN = 8, BENCH_TREE_ROOT = 46 };

/* A hash, of some 45 ns; compiled once, for all contenders (works.c). */
uint64_t bench_tree_node(uint64_t parent, uint64_t index);

/* Eight children, or none, with a chance that makes the subtree below a node 3,000 nodes on average. */
static inline unsigned bench_tree_children(uint64_t node)
{
    return (node >> 32) < UINT64_C(536691955) ? BENCH_TREE_CHILDREN : 0;
}

/* ---- loops: one body for all contenders, compiled once (works.c) */

uint64_t bench_loop_medium(uint64_t begin, uint64_t end);
uint64_t bench_loop_cheap(uint64_t begin, uint64_t end);

/* ---- sum1000 */

enum { BENCH_SUM_NODES = 1000 };

typedef struct bench_sum_node {
    long value;
    const struct bench_sum_node *left, *right; /* a node without left has no right either */
} bench_sum_node;

/* The root; made by the first call. */
const bench_sum_node *bench_sum_tree(void);

/* ---- wake */

/* What the task calls, first thing. */
void bench_woken(void);

/* ---- all */

int64_t bench_now_ns(void);

#ifdef __cplusplus
}
#endif
#endif
