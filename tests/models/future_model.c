/* A task that settles while a thread of the host waits with patience, another one without, and a third looks. What a
 * waiter needs is its own and freed as soon as its wait is over; the task is freed as soon as it has settled. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/future.h"
#include "core/runtime.h"

static _Thread_local qli_context *self;

/* ---- What is left out ---- */

void qli_context_enter(qli_context *context)
{
    (void)context;
}

qli_context *qli_context_current(void)
{
    return self;
}

bool qli_seat_none_works(qli_pool *pool)
{
    (void)pool;
    return false;
}

int qli_seat_leave(qli_worker *worker, bool must)
{
    (void)worker, (void)must;
    abort(); /* lanes and threads of the host have none */
}

void qli_seat_return(qli_worker *worker)
{
    (void)worker;
}

bool qli_task_follow(ql_task *next)
{
    (void)next;
    abort(); /* no continuation here: follow_model */
}

/* ---- The scenario ---- */

static ql_runtime runtime;
static ql_executor executor = {.runtime = &runtime};

/* As qli_settle() does: plain writes, then the last access. */
static void *settle(void *arg)
{
    ql_task *task = arg;
    task->future.value.i64 = 42;
    task->future.code = -EIO;
    qli_future_settle(&task->future);
    return NULL;
}

static void check(const ql_task *task)
{
    assert(task->future.value.i64 == 42 && task->future.code == -EIO);
}

/* Waits a little, with a parker of its own that lives no longer than the wait. */
static void *wait_a_little(void *arg)
{
    ql_task *task = arg;
    self = aligned_alloc(QLI_CACHE_LINE, sizeof(*self));
    assert(self);
    *self = (qli_context){.kind = QLI_LANE, .runtime = &runtime, .executor = &executor};
    int code = ql_future_wait_until(&task->future, ql_after_ns(1000));
    assert(code == 0 || code == -ETIMEDOUT || code == -EBUSY);
    if (!code)
        check(task);
    free(self);
    self = NULL;
    return NULL;
}

static void *look(void *arg)
{
    ql_task *task = arg;
    if (ql_future_settled(&task->future))
        check(task);
    return NULL;
}

int main(void)
{
    pthread_t settler, impatient, looker;
    ql_task *task = malloc(sizeof(*task));
    assert(task);
    *task = (ql_task){.future = {.qli_word = QLI_PENDING}, .on = &executor, .qli_runtime = &runtime};
    pthread_mutex_init(&runtime.waits.lock, NULL);
    pthread_create(&impatient, NULL, wait_a_little, task);
    pthread_create(&looker, NULL, look, task);
    pthread_create(&settler, NULL, settle, task);
    int code = ql_future_wait(&task->future);
    pthread_join(impatient, NULL);
    pthread_join(looker, NULL);
    if (code) {
        assert(code == -EBUSY);
        assert(ql_future_wait(&task->future) == 0);
    }
    check(task);
    free(task);
    pthread_join(settler, NULL);
    return 0;
}
