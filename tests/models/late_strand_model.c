/* A thread of the host submits to a strand while a stop begins: it is refused, or what it submitted has run when the stop
 * sees quiet, and nothing comes to the pool after that. The pool is a stub with a real door and one thread. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "core/context.h"
#include "core/future.h"
#include "core/runtime.h"
#include "qlane/strand.h"

static ql_runtime *runtime;
static ql_strand *strand;
static qli_context context;
static pthread_t host, worker;
static ql_task task;
static int code;
static uint32_t is_quiet, leaving;

static int nothing(ql_task *of)
{
    return ((void)of, 0);
}

static void *submit(void *arg)
{
    (void)arg;
    code = ql_submit(ql_strand_executor(strand), &task);
    return NULL;
}

static void *work(void *arg)
{
    ql_task *next;
    (void)arg;
    qli_context_enter(&context);
    while (!qli_load(&leaving, __ATOMIC_RELAXED)) {
        while (qli_inbox_take(&runtime->pool->door, &next, 1))
            qli_run_task(&context, next);
        qli_runtime_idle(runtime);
        qli_park(&context.parker, QL_FOREVER);
    }
    return NULL;
}

/* ---- The pool's stub ---- */

static int push(ql_executor *executor, ql_task *newest, qli_context *from, bool reserved)
{
    (void)reserved;
    int refused = qli_inbox_push_many(&((qli_pool *)(void *)executor)->door, newest, newest, 1,
                                      qli_is_outside(executor->runtime, newest, from), false);
    if (refused < 0)
        return refused;
    /* A change, so that the last value is seen. */
    assert(!qli_fetch_add(&is_quiet, 0, __ATOMIC_RELAXED));
    qli_unpark(&context.parker);
    return 0;
}

static void shut(ql_executor *executor)
{
    (void)qli_inbox_shut(&((qli_pool *)(void *)executor)->door, QLI_INBOX_SHUT_OUTSIDE);
    /* One that has looked at the door before may come to its end in here. */
    for (int i = 0; i < 50 && qli_load(&runtime->entering, __ATOMIC_RELAXED); i++)
        sched_yield();
}

static void tally(ql_executor *executor, ql_stats *sum)
{
    qli_context_tally(&context, sum);
    sum->accepted += qli_inbox_accepted(&((qli_pool *)(void *)executor)->door);
}

static int end(ql_executor *executor, int64_t deadline_ns, const char **stuck)
{
    (void)executor, (void)deadline_ns, (void)stuck;
    qli_fetch_add(&is_quiet, 1, __ATOMIC_RELAXED);
    pthread_join(host, NULL);
    assert(code == -ESHUTDOWN || (!code && ql_future_settled(&task.future) && !task.future.code));
    qli_store(&leaving, 1, __ATOMIC_RELAXED);
    qli_unpark(&context.parker);
    pthread_join(worker, NULL);
    return 0;
}

static void destroy(ql_executor *executor)
{
    qli_inbox_fini(&((qli_pool *)(void *)executor)->door);
    free(executor);
}

static const qli_executor_ops ops = {
    .submit = push, .shut = shut, .tally = tally, .end = end, .destroy = destroy};

bool qli_seat_none_works(qli_pool *pool)
{
    (void)pool;
    return false;
}

int qli_seat_leave(qli_worker *of, bool must)
{
    (void)of, (void)must;
    abort(); /* nobody waits */
}

void qli_seat_return(qli_worker *of)
{
    (void)of;
}

int qli_pool_create(ql_runtime *of, qli_pool **pool, ql_error *error)
{
    (void)error;
    *pool = aligned_alloc(QLI_CACHE_LINE, sizeof(**pool));
    assert(*pool);
    **pool = (qli_pool){.executor = {.ops = &ops, .runtime = of}};
    qli_inbox_init(&(*pool)->door, 0);
    return 0;
}

int main(void)
{
    ql_error error;
    assert(!ql_runtime_start(NULL, &runtime, &error));
    context.runtime = runtime;
    context.executor = &runtime->pool->executor;
    assert(!ql_strand_create(runtime, &strand));
    ql_task_init(&task, nothing, NULL);
    pthread_create(&worker, NULL, work, NULL);
    pthread_create(&host, NULL, submit, NULL);
    assert(!ql_runtime_stop(runtime, NULL, &error));
    return 0;
}
