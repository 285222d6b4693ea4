/* A contender: a program that does the works its own way, once for each time it is started, so that no other one's
 * threads disturb it. A contender in C or C++ fills in `bench_contender`; main(), the clocks and the threads outside are
 * contender.c's. What the harness and a contender say to each other:
 *
 *   PROGRAM about                    name=rayon version=1.6.1 works=fib,nqueens,tree
 *   PROGRAM WORK WORKERS SIZE        ns=1234 cpu_ns=2400 check=55       of the timed part, which a smaller run warmed up
 *   PROGRAM idle WORKERS SIZE        ready                              then it does nothing until its stdin ends
 *
 * One line of KEY=VALUE words; a contender may add keys of its own. `check` depends on work and size only. Exit 0. */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include "bench/harness/works.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t bench_range_fn(uint64_t begin, uint64_t end);

/* What a contender cannot do is NULL. */
typedef struct bench_contender {
    const char *name, *version;
    void (*start)(unsigned workers);
    void (*stop)(void);

    long (*fib)(int n);
    long (*nqueens)(int n);
    uint64_t (*tree)(unsigned roots);
    uint64_t (*loop)(bench_range_fn *body, uint64_t items);
    long (*sum)(const bench_sum_node *root, unsigned times);

    /* outside: memory for so many tasks, touched; then from each of several threads, submit tasks first .. end - 1 and
     * wait for each; then free it. */
    void *(*outside_prepare)(size_t tasks);
    void (*outside_produce)(void *prepared, size_t first, size_t end);
    void (*outside_finish)(void *prepared);

    /* One task that calls bench_woken(). The one before has ended. */
    void (*wake)(void);
    /* System calls so far that woke a thread; NULL: not counted. */
    uint64_t (*wakes)(void);
} bench_contender;

extern const bench_contender bench_this;

#ifdef __cplusplus
}
#endif
#endif
