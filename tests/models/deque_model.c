/* The fork deque with its owner and two thieves, through core/deque.c and core/fork.c: forks nested three deep, a deque
 * that is soon full, children that are stolen, helped with and slept on. Seats, wait cycles and sleepers are left out:
 * their calls do nothing here. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/runtime.h"
#include "qlane/fork.h"

enum { DEPTH = 3, LEVELS = 3, LOOKS = 4 };

static qli_worker *owner;
static _Thread_local qli_worker *self;

/* ---- What is left out ---- */

qli_context *qli_context_current(void)
{
    return &self->context;
}

void qli_sleep_post(qli_sleep *sleep)
{
    (void)sleep;
}

bool qli_seat_none_works(qli_pool *pool)
{
    (void)pool;
    return false;
}

int qli_seat_leave(qli_worker *worker, bool must)
{
    (void)must;
    qli_deque_share_all(&worker->deque);
    return 0;
}

void qli_seat_return(qli_worker *worker)
{
    (void)worker;
}

void qli_waits_enter_join(qli_waits *waits, qli_context *context, qli_context *thief)
{
    (void)waits, (void)context, (void)thief;
}

int qli_waits_leave(qli_waits *waits, qli_context *context)
{
    (void)waits, (void)context;
    return 0;
}

int qli_misuse(const ql_runtime *runtime, int code, const char *format, ...)
{
    (void)runtime, (void)code, (void)format;
    abort(); /* every child is joined */
}

void qli_blocking_over(qli_context *context, const char *name)
{
    (void)context, (void)name;
}

/* ---- The scenario ---- */

/* Each call's result is plain memory: one that is read too early is a race. */
QL_FORK_2(int, tree, w, unsigned, level, int, value)
{
    if (!level)
        return value;
    tree_child left, right;
    tree_fork(w, &left, level - 1, 2 * value);
    tree_fork(w, &right, level / 2, 2 * value + 1);
    int sum = tree_join(w, &right);
    return sum + tree_join(w, &left);
}

/* What tree() must come to. */
static int expected(unsigned level, int value)
{
    return level ? expected(level - 1, 2 * value) + expected(level / 2, 2 * value + 1) : value;
}

static qli_worker *make(ql_runtime *runtime, qli_pool *pool)
{
    qli_worker *worker = aligned_alloc(QLI_CACHE_LINE, sizeof(*worker));
    qli_entry *entries = aligned_alloc(sizeof(*entries), (DEPTH + 1) * sizeof(*entries));
    assert(worker && entries);
    memset(entries, 0, (DEPTH + 1) * sizeof(*entries));
    *worker = (qli_worker){.pool = pool, .context = {.runtime = runtime}};
    qli_deque_init(&worker->deque, &worker->hot, entries, DEPTH);
    return worker;
}

/* Its deque is made by itself: an owner that joins learns of it by the theft alone. */
static void *thief(void *arg)
{
    (void)arg;
    self = make(owner->context.runtime, owner->pool);
    for (int i = 0; i < LOOKS; i++) {
        qli_entry *entry = qli_deque_steal(&owner->deque, &self->hot);
        if (entry)
            qli_run_child(self, owner, entry);
        else
            qli_deque_ask(&owner->deque);
    }
    return self;
}

int main(void)
{
    static ql_runtime runtime;
    static qli_pool pool;
    pthread_t threads[2];
    self = owner = make(&runtime, &pool);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, thief, NULL);
    assert(tree(&owner->hot, LEVELS, 1) == expected(LEVELS, 1));
    assert(owner->hot.head == owner->deque.entries);
    assert(!qli_deque_has_work(&owner->deque));
    for (int i = 0; i < 2; i++) {
        void *worker;
        pthread_join(threads[i], &worker);
        free(((qli_worker *)worker)->deque.entries);
        free(worker);
    }
    free(owner->deque.entries);
    free(owner);
    return 0;
}
