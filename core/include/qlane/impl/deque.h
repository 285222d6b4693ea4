/* The owner's end of the fork deque, inlined into the caller's code by fork.h. Source-only: the stamped names below
 * make a program that was compiled against another layout fail to link. Thieves' end and protocol: core/deque.c. */
#ifndef QLANE_IMPL_DEQUE_H
#define QLANE_IMPL_DEQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ql_worker ql_worker;

enum { QLI_LINE = 64, QLI_ARGS_BYTES = QLI_LINE - 2 * sizeof(void *) };

/* A forked child, in its worker's deque: all that a thief needs is in one line. */
typedef struct qli_entry {
    void (*run)(ql_worker *worker, struct qli_entry *entry);
    uintptr_t state; /* 0 until stolen; then the thief, perhaps with QLI_JOIN_SLEEPS; then QLI_CHILD_DONE */
    char args[QLI_ARGS_BYTES]; /* arguments and result, as the typed helpers lay them out */
} __attribute__((aligned(QLI_LINE))) qli_entry;

struct ql_worker {
    /* The owner's alone. */
    qli_entry *head;                                   /* the next free entry */
    qli_entry *split;                                  /* entries below it may be stolen */
    char qli_apart[2 * QLI_LINE - 2 * sizeof(void *)]; /* lines are fetched in pairs */

    /* Thieves write, the owner reads: on the owner's line, thieves that look at it would slow each fork. When somebody asks for
     * work the limit is NULL and the floor QLI_ASKED. */
    qli_entry *limit; /* a fork at or past it takes the slow way: the end */
    qli_entry *floor; /* a join below it does: the split */
};

#define QLI_ASKED ((qli_entry *)UINTPTR_MAX)

/* The stamp: one more for each change of what the caller's code and the library share here. ql_: a shared library exports
 * no other names. */
#define qli_fork_slow ql_fork_slow_3
#define qli_join_slow ql_join_slow_3

/* Push, and share. NULL: the deque is full, and the child has run; its result is in `args`. */
qli_entry *qli_fork_slow(ql_worker *worker, void (*run)(ql_worker *, qli_entry *), void *args, size_t size);

/* True: the child is popped, the caller runs it. False: it has run. */
bool qli_join_slow(ql_worker *worker, qli_entry *entry);

/* The next entry, if the fork may take it without ado. */
static inline bool qli_fork_fast(const ql_worker *worker, const qli_entry *head)
{
    /* relaxed: a hint; what a thief may touch is published by the split in core/deque.c. */
    return __builtin_expect(head < __atomic_load_n(&worker->limit, __ATOMIC_RELAXED), 1);
}

/* True: nobody took the child, and it is popped. The child knows its entry, so that the new head comes from no load of the
 * old one: chained through memory, head alone would cost a fork and a join more than all the rest. */
static inline bool qli_join_fast(ql_worker *worker, qli_entry *entry)
{
    if (__builtin_expect(entry < __atomic_load_n(&worker->floor, __ATOMIC_RELAXED), 0))
        return false;
    worker->head = entry;
    return true;
}

#ifdef __cplusplus
}
#endif
#endif
