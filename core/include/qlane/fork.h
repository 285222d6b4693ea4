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
 * A task of the pool enters with `ql_worker *w = ql_worker_self();` and calls fib(w, 40). On a lane, or a thread of the host, w is
 * NULL, and forking with that crashes: hand a task to the pool instead.
 *
 * Rules: children are joined in the reverse order of their forks, by the function that forked them, before it returns.
 * A child has no future, deadline or cancel of its own; it may submit tasks and wait for futures. A join that has to
 * wait takes work only from whoever took its child, so nothing unrelated ever runs on top of a held stack.
 * Threads: a worker's own, with that worker. Forking allocates nothing and cannot fail: when the deque is full the child
 * runs at once. Arguments and result together take at most 48 bytes: pass a pointer to more. This header is source-only (see impl/deque.h); the method is the split deque of van Dijk and van de
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
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1), T1 a1;, args->a1 = a1;, (W, args->a1))
#define QL_FORK_2(R, NAME, W, T1, a1, T2, a2) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1, T2 a2), T1 a1; T2 a2;, \
             args->a1 = a1; args->a2 = a2;, (W, args->a1, args->a2))
#define QL_FORK_3(R, NAME, W, T1, a1, T2, a2, T3, a3) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3), T1 a1; T2 a2; T3 a3;, \
             args->a1 = a1; args->a2 = a2; args->a3 = a3;, (W, args->a1, args->a2, args->a3))
#define QL_FORK_4(R, NAME, W, T1, a1, T2, a2, T3, a3, T4, a4) \
    QLI_FORK(R, NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3, T4 a4), T1 a1; T2 a2; T3 a3; T4 a4;, \
             args->a1 = a1; args->a2 = a2; args->a3 = a3; args->a4 = a4;, \
             (W, args->a1, args->a2, args->a3, args->a4))
#define QL_FORK_VOID_1(NAME, W, T1, a1) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1), T1 a1;, args->a1 = a1;, (W, args->a1))
#define QL_FORK_VOID_2(NAME, W, T1, a1, T2, a2) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1, T2 a2), T1 a1; T2 a2;, \
                  args->a1 = a1; args->a2 = a2;, (W, args->a1, args->a2))
#define QL_FORK_VOID_3(NAME, W, T1, a1, T2, a2, T3, a3) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3), T1 a1; T2 a2; T3 a3;, \
                  args->a1 = a1; args->a2 = a2; args->a3 = a3;, (W, args->a1, args->a2, args->a3))
#define QL_FORK_VOID_4(NAME, W, T1, a1, T2, a2, T3, a3, T4, a4) \
    QLI_FORK_VOID(NAME, W, QLI_PARAMS(T1 a1, T2 a2, T3 a3, T4 a4), T1 a1; T2 a2; T3 a3; T4 a4;, \
                  args->a1 = a1; args->a2 = a2; args->a3 = a3; args->a4 = a4;, \
                  (W, args->a1, args->a2, args->a3, args->a4))

#define QLI_PARAMS(...) __VA_ARGS__
#define QLI_UNUSED __attribute__((unused))
#ifdef __cplusplus
#define QLI_STATIC_ASSERT static_assert
#define QLI_ZERO(T) T{}
#else
#define QLI_STATIC_ASSERT _Static_assert
#define QLI_ZERO(T) (T){0}
#endif

/* The function itself and its join; QLI_FORK_ONLY has what is the same with and without a result. KEEP: what a fork that
 * found the deque full has to keep until the join. */
#define QLI_FORK(R, NAME, W, PARAMS, FIELDS, SAVE, LOADED) \
    typedef R NAME##_result; \
    QLI_FORK_ONLY(R, NAME, W, QLI_PARAMS(PARAMS), FIELDS R result;, R result;, SAVE, \
                  args->result = NAME LOADED, child->result = QLI_ZERO(NAME##_result);, \
                  child->result = args->result;) \
    QLI_UNUSED static inline R NAME##_join(ql_worker *W, NAME##_child *child) \
    { \
        qli_entry *entry = child->entry; \
        if (!qli_join_fast(W, entry)) { \
            if (!entry) \
                return child->result; \
            if (!qli_join_slow(W, entry)) \
                return NAME##_args_of(entry)->result; \
        } \
        NAME##_args *args = NAME##_args_of(entry); \
        return NAME LOADED; \
    } \
    QLI_UNUSED static R NAME(ql_worker *W, PARAMS)

#define QLI_FORK_VOID(NAME, W, PARAMS, FIELDS, SAVE, LOADED) \
    QLI_FORK_ONLY(void, NAME, W, QLI_PARAMS(PARAMS), FIELDS, , SAVE, NAME LOADED, , ) \
    QLI_UNUSED static inline void NAME##_join(ql_worker *W, NAME##_child *child) \
    { \
        qli_entry *entry = child->entry; \
        if (!qli_join_fast(W, entry) && (!entry || !qli_join_slow(W, entry))) \
            return; \
        const NAME##_args *args = NAME##_args_of(entry); \
        NAME LOADED; \
    } \
    QLI_UNUSED static void NAME(ql_worker *W, PARAMS)

#define QLI_FORK_ONLY(R, NAME, W, PARAMS, FIELDS, KEPT, SAVE, RUN, UNKEEP, KEEP) \
    typedef struct NAME##_args { \
        FIELDS \
    } NAME##_args; \
    QLI_STATIC_ASSERT(sizeof(NAME##_args) <= QLI_ARGS_BYTES, \
                      #NAME ": arguments and result of a fork take at most 48 bytes; pass a pointer"); \
    typedef struct NAME##_child { \
        qli_entry *entry; \
        KEPT \
    } NAME##_child; \
    static R NAME(ql_worker *W, PARAMS); \
    QLI_UNUSED static inline NAME##_args *NAME##_args_of(qli_entry *entry) \
    { \
        return (NAME##_args *)(void *)entry->args; \
    } \
    QLI_UNUSED static void NAME##_run(ql_worker *W, qli_entry *entry) \
    { \
        NAME##_args *args = NAME##_args_of(entry); \
        RUN; \
    } \
    QLI_UNUSED static inline void NAME##_fork(ql_worker *W, NAME##_child *child, PARAMS) \
    { \
        qli_entry *head = W->head; \
        if (qli_fork_fast(W, head)) { \
            NAME##_args *args = NAME##_args_of(head); \
            SAVE \
            head->run = NAME##_run; \
            W->head = head + 1; \
            child->entry = head; \
            UNKEEP \
        } else { \
            NAME##_args kept, *args = &kept; \
            SAVE \
            child->entry = qli_fork_slow(W, NAME##_run, args, sizeof(kept)); \
            KEEP \
        } \
    }
/* clang-format on */

#endif
