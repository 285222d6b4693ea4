/* The owner's end of the fork deque, inlined into the caller's code by fork.h. Source-only: the stamped symbol below
 * makes a program that was compiled against another layout fail to link. Thieves' end and protocol: core/deque.c. */
#ifndef QLANE_IMPL_DEQUE_H
#define QLANE_IMPL_DEQUE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ql_worker ql_worker;

/* A forked child, in its parent's frame; the typed helpers put arguments and result behind it. */
typedef struct qli_child {
    void (*run)(ql_worker *worker, struct qli_child *child);
} qli_child;

typedef struct qli_entry {
    qli_child *child;
    uintptr_t state; /* 0 until stolen; then the thief, perhaps with QLI_JOIN_SLEEPS; then QLI_CHILD_DONE */
} qli_entry;

struct ql_worker {
    qli_entry *head; /* owner: the next free entry */
    qli_entry *
        split; /* owner: entries below it may be stolen; all-ones while children run inline, the deque being full */
    qli_entry
        *limit; /* a fork at or past it takes the slow way: the end, or NULL when somebody asks for work */
};

extern const char qli_fork_abi_1;

void qli_fork_slow(ql_worker *worker, qli_child *child);
bool qli_join_slow(ql_worker *worker);

static inline void qli_fork(ql_worker *worker, qli_child *child)
{
    qli_entry *head = worker->head;
    /* relaxed: a hint; what a thief may touch is published by the split in core/deque.c. */
    if (__builtin_expect(head >= __atomic_load_n(&worker->limit, __ATOMIC_RELAXED), 0)) {
        qli_fork_slow(worker, child);
        return;
    }
    head->child = child;
    worker->head = head + 1;
}

/* True: nobody took the youngest child, the caller runs it. False: it has run, its result is in its frame. */
static inline bool qli_join(ql_worker *worker)
{
    qli_entry *youngest = worker->head - 1;
    if (__builtin_expect(youngest >= worker->split, 1)) {
        worker->head = youngest;
        return true;
    }
    return qli_join_slow(worker);
}

#ifdef __cplusplus
}
#endif
#endif
