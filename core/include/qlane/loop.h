/* Loops over a range, in parallel: in pieces, reduced to one value, or until something is found.
 *
 * `grain` is the least number of items worth a piece of its own; 0 chooses about eight pieces a worker, of a long range up to 64
 * of at least 1,024 items. Pieces are forked children (fork.h): nested loops are fine, and a range too small to share costs one call.
 * Threads: a worker's own, with that worker. With another's, or NULL, the whole range is one piece, run by the caller with
 * a NULL worker. */
#ifndef QLANE_LOOP_H
#define QLANE_LOOP_H

#include "qlane/error.h"
#include "qlane/fork.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A piece: begin <= i < end. */
typedef void ql_range_fn(ql_worker *worker, size_t begin, size_t end, void *arg);

/** Run `body` over [begin, end) and return when all is done. */
void ql_parallel_for(ql_worker *worker, size_t begin, size_t end, size_t grain, ql_range_fn *body, void *arg);

/** A piece of a search: true ends it. */
typedef bool ql_search_fn(ql_worker *worker, size_t begin, size_t end, void *arg);

/** Run `body` over [begin, end) until one piece answers true: no further piece begins, those that run go on to their end.
 *  Returns whether one did. */
bool ql_parallel_until(ql_worker *worker, size_t begin, size_t end, size_t grain, ql_search_fn *body,
                       void *arg);

/* How a range becomes one value of `size` bytes. */
typedef struct ql_reduction {
    size_t size;                             /* at most QL_REDUCE_MAX */
    void (*identity)(void *into, void *arg); /* an empty range's value */
    void (*fold)(ql_worker *worker, size_t begin, size_t end, void *into,
                 void *arg); /* a piece's items, added to *into */
    void (*combine)(void *into, const void *from,
                    void *arg); /* *from is of the items right after those of *into */
    void *arg;
} ql_reduction;

enum { QL_REDUCE_MAX = 256 };

/** Reduce [begin, end) into *result. Values are combined in the order of the range, in whatever grouping.
 *  Errors: -EINVAL a function is missing, or the size is zero or above QL_REDUCE_MAX. */
QL_MUST_USE int ql_parallel_reduce(ql_worker *worker, size_t begin, size_t end, size_t grain,
                                   const ql_reduction *reduction, void *result);

#ifdef __cplusplus
}
#endif
#endif
