/* Fork and join: recursive parallelism for a few nanoseconds a child.
 *
 *   QL_FORK_1(long, fib, w, long, n)          defines  long fib(ql_worker *w, long n)  and its fork and join
 *   {
 *       if (n < 2)
 *           return n;
 *       fib_child left;
 *       fib_fork(w, &left, n - 1);            another worker may take it from here on
 *       long right = fib(w, n - 2);
 *       return fib_join(w, &left) + right;
 *   }
 *
 * A task enters with `ql_worker *w = ql_worker_self();` and calls fib(w, 40).
 *
 * Rules: children are joined in the reverse order of their forks, by the function that forked them, before it returns.
 * A child has no future, deadline or cancel of its own; it may submit tasks and wait for futures. A join that has to
 * wait takes work only from whoever took its child, so nothing unrelated ever runs on top of a held stack.
 * Threads: a worker's own, with that worker. Forking allocates nothing and cannot fail: when the deque is full the child
 * runs at once. This header is source-only (see impl/deque.h); the method is the split deque of van Dijk and van de
 * Pol, "Lace: Non-blocking Split Deque for Work-Stealing", 2014. */
#ifndef QLANE_FORK_H
#define QLANE_FORK_H

#include <stddef.h>

#include "qlane/impl/deque.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The worker whose seat the calling thread has; NULL off the pool. */
ql_worker *ql_worker_self(void);

/** The number of seats, for a grain of one's own; 0 for NULL. Threads: any. */
unsigned ql_worker_count(const ql_worker *worker);

#ifdef __cplusplus
}
#endif

/* QL_FORK_n(RESULT, NAME, w, TYPE, argument, ...) as above; QL_FORK_VOID_n(NAME, w, TYPE, argument, ...) without result. */
/* clang-format off */
#define QL_FORK_1(R, NAME, W, T1, a1) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1), T1 a1;, child->a1 = a1;, (W, child->a1))
#define QL_FORK_2(R, NAME, W, T1, a1, T2, a2) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1, T2 a2), T1 a1; T2 a2;, \
             child->a1 = a1; child->a2 = a2;, (W, child->a1, child->a2))
#define QL_FORK_3(R, NAME, W, T1, a1, T2, a2, T3, a3) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3), T1 a1; T2 a2; T3 a3;, \
             child->a1 = a1; child->a2 = a2; child->a3 = a3;, (W, child->a1, child->a2, child->a3))
#define QL_FORK_4(R, NAME, W, T1, a1, T2, a2, T3, a3, T4, a4) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3, T4 a4), T1 a1; T2 a2; T3 a3; T4 a4;, \
             child->a1 = a1; child->a2 = a2; child->a3 = a3; child->a4 = a4;, \
             (W, child->a1, child->a2, child->a3, child->a4))
#define QL_FORK_VOID_1(NAME, W, T1, a1) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1), T1 a1;, child->a1 = a1;, (W, child->a1))
#define QL_FORK_VOID_2(NAME, W, T1, a1, T2, a2) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1, T2 a2), T1 a1; T2 a2;, \
                  child->a1 = a1; child->a2 = a2;, (W, child->a1, child->a2))
#define QL_FORK_VOID_3(NAME, W, T1, a1, T2, a2, T3, a3) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3), T1 a1; T2 a2; T3 a3;, \
                  child->a1 = a1; child->a2 = a2; child->a3 = a3;, (W, child->a1, child->a2, child->a3))
#define QL_FORK_VOID_4(NAME, W, T1, a1, T2, a2, T3, a3, T4, a4) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3, T4 a4), T1 a1; T2 a2; T3 a3; T4 a4;, \
                  child->a1 = a1; child->a2 = a2; child->a3 = a3; child->a4 = a4;, \
                  (W, child->a1, child->a2, child->a3, child->a4))

#define QLI_PARAMS(...) __VA_ARGS__
#define QLI_UNUSED __attribute__((unused))

/* The function itself, how a thief runs it, and its join; QLI_FORK_ONLY has what is the same for both. */
#define QLI_FORK(R, NAME, W, PARAMS, FIELDS, SAVE, LOADED) \
    QLI_FORK_ONLY(R, NAME, W, QLI_PARAMS(PARAMS), R result; FIELDS, SAVE, child->result = NAME LOADED) \
    QLI_UNUSED static inline R NAME##_join(ql_worker *W, NAME##_child *child) \
    { \
        if (qli_join(W)) \
            return NAME LOADED; \
        return child->result; \
    } \
    QLI_UNUSED static R NAME(ql_worker *W, PARAMS)

#define QLI_FORK_VOID(NAME, W, PARAMS, FIELDS, SAVE, LOADED) \
    QLI_FORK_ONLY(void, NAME, W, QLI_PARAMS(PARAMS), FIELDS, SAVE, NAME LOADED) \
    QLI_UNUSED static inline void NAME##_join(ql_worker *W, NAME##_child *child) \
    { \
        if (qli_join(W)) \
            NAME LOADED; \
    } \
    QLI_UNUSED static void NAME(ql_worker *W, PARAMS)

#define QLI_FORK_ONLY(R, NAME, W, PARAMS, FIELDS, SAVE, RUN) \
    typedef struct NAME##_child { \
        qli_child child; \
        FIELDS \
    } NAME##_child; \
    static R NAME(ql_worker *W, PARAMS); \
    QLI_UNUSED static void NAME##_run(ql_worker *W, qli_child *forked) \
    { \
        NAME##_child *child = (NAME##_child *)(void *)forked; \
        RUN; \
    } \
    QLI_UNUSED static inline void NAME##_fork(ql_worker *W, NAME##_child *child, PARAMS) \
    { \
        child->child.run = NAME##_run; \
        SAVE \
        qli_fork(W, &child->child); \
    }
/* clang-format on */

#endif
