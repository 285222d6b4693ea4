/* What a task becomes: its value, or its error. Every task is its own future; nothing else is one.
 *
 * A future settles exactly once. Before that its public members mean nothing; afterwards they never change until the
 * task is submitted again. All words named qli_ are the runtime's. */
#ifndef QLANE_FUTURE_H
#define QLANE_FUTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qlane/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef union ql_value {
    void *ptr;
    int64_t i64;
    uint64_t u64;
    double f64;
} ql_value;

typedef struct ql_future {
    uintptr_t qli_word; /* pending with at most one registration, or settled */
    union {
        ql_value value;           /* once settled: what the task left with ql_task_return */
        struct ql_task *qli_next; /* while it queues */
    };
    union {
        const char *text; /* once settled with an error: a sentence, or NULL */
        struct ql_task *qli_prev;
    };
    int32_t code; /* once settled: 0, or -errno: the task's own, -ECANCELED, -ETIMEDOUT, -ESHUTDOWN */
    uint32_t
        qli_cancel; /* whether the task was asked to end, and why; whether it has begun, and on which worker */
} ql_future;

/** A deadline that never comes. All deadlines are ql_now_ns() times. */
#define QL_FOREVER INT64_MAX

/** The runtime's clock: CLOCK_MONOTONIC in ns.
 *  Threads: any. */
int64_t ql_now_ns(void);

/** The deadline `timeout_ns` from now; QL_FOREVER if that is past the end of time. */
int64_t ql_after_ns(int64_t timeout_ns);

/** Has it settled? Never blocks. After true, what the task wrote is seen, and its memory is the caller's again.
 *  Threads: any. */
bool ql_future_settled(const ql_future *future);

/** Wait until the future settles. On a worker the wait gives the worker's seat to a spare thread once it has to sleep, so
 *  other tasks go on; no thread cancellation point.
 *  Threads: any; one waiter at a time.
 *  Order:   what the task wrote is seen after 0.
 *  Errors:  0 settled (the task's own code is in `code`); -EINVAL NULL or never submitted; -EBUSY another waiter, group
 *           or continuation holds its slot; -EDEADLK the wait would close a cycle of waits, which on_misuse
 *           gets in words; -EAGAIN no worker is left to run what queues: the last one would sleep, or does, and no spare
 *           thread can be had. Except for 0, the task is still the runtime's. */
QL_MUST_USE int ql_future_wait(ql_future *future);

/** The same until a deadline (ns, see ql_after_ns); -ETIMEDOUT when it passed first: the task is still the runtime's. */
QL_MUST_USE int ql_future_wait_until(ql_future *future, int64_t deadline_ns);

/* One of several futures that are waited for together; the caller's memory, for as long as the wait. */
typedef struct ql_member {
    ql_future *future;
    void *qli_group;
} ql_member;

/** Wait until all of `count` futures have settled, or the deadline. When it returns, for whatever reason, nothing of the
 *  runtime refers to `members` any more.
 *  Threads: any; each future has one waiter, group or continuation at a time.
 *  Errors:  as ql_future_wait_until; after an error some may have settled and some not, see ql_future_settled. */
QL_MUST_USE int ql_wait_all(ql_member *members, size_t count, int64_t deadline_ns);

/** Wait until one of them has settled; *which is its index: the first to settle, or the first in the array if several had
 *  settled before. -EINVAL also when count is 0. No cycle of waits is refused here, since any of them may end it: give a deadline where
 *  all of them may wait for the caller. */
QL_MUST_USE int ql_wait_any(ql_member *members, size_t count, int64_t deadline_ns, size_t *which);

#ifdef __cplusplus
}
#endif
#endif
