/* A stop while three threads settle what they have: the first hands a task to the second before, the third is the host's
 * and cancels. BY_HOST: it is the third that hands it over, and counts it where threads of the host do. The pool is a stub with the real counters: a stop that sees quiet too early finds work undone, one that
 * sees it never sleeps for ever. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/future.h"
#include "core/runtime.h"

enum { FIRST, SECOND, OUTSIDE, THREADS };

static ql_runtime *runtime;
static qli_context contexts[THREADS];
static pthread_t threads[THREADS];
static ql_task tasks[THREADS];
static bool worked[THREADS];

static void settle(qli_context *context, unsigned task)
{
    worked[task] = true;
    qli_settle(context, &tasks[task], 0, NULL);
    if (context)
        qli_runtime_idle(runtime);
}

#ifdef BY_HOST
#undef BY_HOST
enum { BY_HOST = 1 };
#else
enum { BY_HOST = 0 };
#endif

static void hand_over(void)
{
    if (BY_HOST)
        qli_fetch_add(&runtime->accepted_outside, 1, __ATOMIC_RELAXED);
    else
        qli_count(&contexts[FIRST].accepted);
    qli_unpark(&contexts[SECOND].parker);
}

static void *first(void *arg)
{
    (void)arg;
    if (!BY_HOST)
        hand_over();
    settle(&contexts[FIRST], FIRST);
    return NULL;
}

static void *second(void *arg)
{
    (void)arg;
    qli_park(&contexts[SECOND].parker, QL_FOREVER);
    settle(&contexts[SECOND], SECOND);
    return NULL;
}

static void *outside(void *arg)
{
    (void)arg;
    if (BY_HOST)
        hand_over();
    settle(NULL, OUTSIDE);
    return NULL;
}

/* ---- The pool's stub ---- */

static void shut(ql_executor *executor)
{
    (void)executor;
}

static void tally(ql_executor *executor, ql_stats *sum)
{
    (void)executor;
    for (unsigned i = 0; i < THREADS; i++)
        qli_context_tally(&contexts[i], sum);
}

/* Comes only after quiet: all work is done, and what it wrote is seen. */
static int end(ql_executor *executor, int64_t deadline_ns, const char **stuck)
{
    (void)executor, (void)deadline_ns, (void)stuck;
    for (unsigned i = 0; i < THREADS; i++) {
        assert(worked[i]);
        pthread_join(threads[i], NULL);
    }
    return 0;
}

static void destroy(ql_executor *executor)
{
    free(executor);
}

static const qli_executor_ops ops = {.shut = shut, .tally = tally, .end = end, .destroy = destroy};

bool qli_seat_none_works(qli_pool *pool)
{
    (void)pool;
    return false;
}

int qli_seat_leave(qli_worker *worker, bool must)
{
    (void)worker, (void)must;
    abort(); /* nobody waits */
}

void qli_seat_return(qli_worker *worker)
{
    (void)worker;
}

int qli_pool_create(ql_runtime *of, qli_pool **pool, ql_error *error)
{
    (void)error;
    *pool = aligned_alloc(QLI_CACHE_LINE, sizeof(**pool));
    assert(*pool);
    **pool = (qli_pool){.executor = {.ops = &ops, .runtime = of}};
    return 0;
}

int main(void)
{
    static void *(*const run[THREADS])(void *) = {first, second, outside};
    ql_error error;
    assert(!ql_runtime_start(NULL, &runtime, &error));
    contexts[FIRST].accepted = 2; /* long ago: the first task, and the one that is cancelled */
    for (unsigned i = 0; i < THREADS; i++) {
        tasks[i] = (ql_task){.future = {.qli_word = QLI_PENDING}, .qli_runtime = runtime};
        contexts[i].runtime = runtime;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run[i], NULL);
    assert(!ql_runtime_stop(runtime, NULL, &error));
    return 0;
}
