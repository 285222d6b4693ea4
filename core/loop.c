#include "qlane/loop.h"

#include <errno.h>
#include <stdalign.h>

#include "core/atomics.h"

/* For each worker: few pieces of a short range, which cost a call each, and many of a long one. A thief that has asked is heard between
 * two pieces, so at the end of a loop a worker may wait for one of another's: an eighth of its own where there are eight. */
enum { PIECES_MIN = 8, PIECES_MAX = 64, PIECE_ITEMS = 1024 };

/* Halves a range until a piece is no larger than the grain, oldest halves first to thieves. */
typedef struct loop {
    union {
        ql_range_fn *each;
        ql_search_fn *search;
    };
    void *arg;
    size_t grain;
    bool found;
} loop;

static bool is_own(const ql_worker *w)
{
    return w && w == ql_worker_self();
}

static size_t choose_grain(const ql_worker *w, size_t items, size_t grain)
{
    size_t workers = ql_worker_count(w), most = items / (PIECES_MIN * workers),
           least = items / (PIECES_MAX * workers);
    if (!grain)
        grain = most < PIECE_ITEMS ? most : least > PIECE_ITEMS ? least : PIECE_ITEMS;
    return grain ? grain : 1;
}

QL_FORK_VOID_3(split, w, size_t, begin, size_t, end, loop *, of)
{
    if (end - begin <= of->grain) {
        of->each(w, begin, end, of->arg);
        return;
    }
    size_t middle = begin + (end - begin) / 2;
    split_child right;
    split_fork(w, &right, middle, end, of);
    split(w, begin, middle, of);
    split_join(w, &right);
}

void ql_parallel_for(ql_worker *w, size_t begin, size_t end, size_t grain, ql_range_fn *body, void *arg)
{
    if (begin >= end || !body)
        return;
    if (!is_own(w)) {
        body(NULL, begin, end, arg);
        return;
    }
    loop of = {.each = body, .arg = arg, .grain = choose_grain(w, end - begin, grain)};
    split(w, begin, end, &of);
}

QL_FORK_VOID_3(split_search, w, size_t, begin, size_t, end, loop *, of)
{
    /* relaxed: a hint; what was found is seen after the joins. */
    if (qli_load(&of->found, __ATOMIC_RELAXED))
        return;
    if (end - begin <= of->grain) {
        if (of->search(w, begin, end, of->arg))
            qli_store(&of->found, true, __ATOMIC_RELAXED);
        return;
    }
    size_t middle = begin + (end - begin) / 2;
    split_search_child right;
    split_search_fork(w, &right, middle, end, of);
    split_search(w, begin, middle, of);
    split_search_join(w, &right);
}

bool ql_parallel_until(ql_worker *w, size_t begin, size_t end, size_t grain, ql_search_fn *body, void *arg)
{
    if (begin >= end || !body)
        return false;
    if (!is_own(w))
        return body(NULL, begin, end, arg);
    loop of = {.search = body, .arg = arg, .grain = choose_grain(w, end - begin, grain)};
    split_search(w, begin, end, &of);
    return qli_load(&of.found, __ATOMIC_RELAXED);
}

typedef struct reduce {
    const ql_reduction *by;
    size_t grain;
} reduce;

QL_FORK_VOID_4(split_reduce, w, size_t, begin, size_t, end, const reduce *, of, void *, into)
{
    if (end - begin <= of->grain) {
        of->by->fold(w, begin, end, into, of->by->arg);
        return;
    }
    size_t middle = begin + (end - begin) / 2;
    alignas(max_align_t) char rest[QL_REDUCE_MAX];
    split_reduce_child right;
    of->by->identity(rest, of->by->arg);
    split_reduce_fork(w, &right, middle, end, of, rest);
    split_reduce(w, begin, middle, of, into);
    split_reduce_join(w, &right);
    of->by->combine(into, rest, of->by->arg);
}

int ql_parallel_reduce(ql_worker *w, size_t begin, size_t end, size_t grain, const ql_reduction *by,
                       void *result)
{
    if (!by || !result || !by->size || by->size > QL_REDUCE_MAX || !by->identity || !by->fold || !by->combine)
        return -EINVAL;
    by->identity(result, by->arg);
    if (begin >= end)
        return 0;
    if (!is_own(w)) {
        by->fold(NULL, begin, end, result, by->arg);
        return 0;
    }
    reduce of = {.by = by, .grain = choose_grain(w, end - begin, grain)};
    split_reduce(w, begin, end, &of, result);
    return 0;
}
