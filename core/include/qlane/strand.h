/* A strand: serial order on the pool. Tasks handed to one strand run one after the other, first come first served, on
 * whichever worker is free; different strands run side by side and share nothing. For state that needs an order but no
 * thread of its own: a connection, an account, a key. A strand costs 640 bytes and no thread. */
#ifndef QLANE_STRAND_H
#define QLANE_STRAND_H

#include "qlane/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ql_strand ql_strand;

/** Make a strand on the runtime's pool.
 *  Threads: any.
 *  Owns:    the caller's, until ql_strand_release().
 *  Errors:  -EINVAL NULL; -ENOMEM; -ECHILD. */
QL_MUST_USE int ql_strand_create(ql_runtime *runtime, ql_strand **strand);

/** For ql_submit() and its kin. Order: tasks of one class start in the order in which they were handed over; each sees what
 *  the one before it wrote. After 32 tasks in a row the strand goes behind other work of the pool.
 *  Errors:  those of ql_submit() on the pool. */
ql_executor *ql_strand_executor(ql_strand *strand);

/** The caller hands over no more tasks. What queues still runs; the memory goes with the last task.
 *  Threads: any, once, before ql_runtime_stop() returns. NULL is allowed. */
void ql_strand_release(ql_strand *strand);

#ifdef __cplusplus
}
#endif
#endif
