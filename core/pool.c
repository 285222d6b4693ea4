/* The pool as an executor: how tasks come in, and how it ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "core/atfork.h"
#include "core/runtime.h"

static qli_pool *pool_of(ql_executor *executor)
{
    return (qli_pool *)(void *)executor;
}

static int push_at_door(qli_pool *pool, ql_task *newest, ql_task *oldest, size_t n, qli_context *context)
{
    bool outside = qli_is_outside(pool->executor.runtime, newest, context);
    int code = qli_inbox_push_many(&pool->door, newest, oldest, n, outside, false);
    if (code < 0)
        return code;
    qli_sleep_post(&pool->sleep);
    return 0;
}

static int pool_submit(ql_executor *executor, ql_task *task, qli_context *context, bool reserved)
{
    qli_pool *pool = pool_of(executor);
    qli_worker *worker = context && context->executor == executor ? qli_worker_of(context) : NULL;
    (void)reserved; /* the pool has no bound */
    /* One with a deadline stays at the door, where it can be taken out although every worker is busy. Who has lent his seat may lose it
     * at any moment. */
    if (!worker || worker->context.lent_for_blocking || !worker->seat || task->deadline_ns ||
        !qli_runq_room(&worker->seat->runq) || qli_inbox_is_closed(&pool->door))
        return push_at_door(pool, task, task, 1, context);
    /* Counted before it is seen: accepted never falls behind settled. */
    qli_count(&context->accepted);
    qli_runq_push(&worker->seat->runq, task);
    qli_sleep_post(&pool->sleep);
    return 0;
}

static int pool_submit_many(ql_executor *executor, ql_task *newest, ql_task *oldest, size_t n,
                            qli_context *context)
{
    return push_at_door(pool_of(executor), newest, oldest, n, context);
}

static int pool_cancel(ql_executor *executor, ql_task *task, int reason)
{
    qli_pool *pool = pool_of(executor);
    if (!qli_task_ask(task, reason))
        return -EINPROGRESS;
    /* Still at the door: settled here and now. In a run queue: by the worker that takes it. */
    if (qli_inbox_remove(&pool->door, task))
        qli_settle(qli_context_current(), task, -reason, qli_reason_text(reason));
    else if (reason == ETIMEDOUT && !qli_inbox_was_taken(&pool->door, task))
        return -EAGAIN;
    return 0;
}

static void pool_shut(ql_executor *executor)
{
    (void)qli_inbox_shut(&pool_of(executor)->door, QLI_INBOX_SHUT_OUTSIDE);
}

static void pool_abandon(ql_executor *executor, int reason)
{
    qli_pool *pool = pool_of(executor);
    qli_context *context = qli_context_current();
    ql_task *task;
    (void)qli_inbox_shut(&pool->door, QLI_INBOX_CLOSED);
    while (qli_inbox_take(&pool->door, &task, 1))
        qli_settle(context, task, -reason, qli_reason_text(reason));
    for (unsigned i = 0; i < pool->seats_count; i++)
        while ((task = qli_runq_take(&pool->seats[i]->runq)))
            qli_settle(context, task, -reason, qli_reason_text(reason));
    unsigned count = qli_pool_workers_count(pool);
    for (unsigned i = 0; i < count; i++)
        qli_store(&pool->workers[i]->context.abandon, (uint32_t)reason, __ATOMIC_RELAXED);
}

static int64_t busy_ns(const qli_context *context, int64_t now_ns)
{
    int64_t idle_since_ns = qli_load(&context->idle_since_ns, __ATOMIC_RELAXED);
    int64_t idle_ns = qli_load(&context->idle_ns, __ATOMIC_RELAXED);
    int64_t busy = (idle_since_ns ? idle_since_ns : now_ns) - context->born_ns - idle_ns;
    return busy > 0 ? busy : 0; /* the three were not read at once */
}

static void pool_look(ql_executor *executor, qli_look_fn *each, void *arg)
{
    qli_pool *pool = pool_of(executor);
    unsigned count = qli_pool_workers_count(pool);
    int64_t now_ns = ql_now_ns();
    for (unsigned i = 0; i < count; i++) {
        qli_worker *worker = pool->workers[i];
        pthread_mutex_lock(&pool->sleep.lock);
        const qli_seat *seat = worker->seat;
        pthread_mutex_unlock(&pool->sleep.lock);
        qli_look look = {.context = &worker->context,
                         .thread = worker->thread.name,
                         .spare = i >= pool->seats_count,
                         .idle = qli_load(&worker->context.idle_since_ns, __ATOMIC_RELAXED),
                         .holds = seat,
                         .queued = seat ? qli_runq_count(&seat->runq) : 0,
                         .busy_ns = busy_ns(&worker->context, now_ns)};
        each(&look, arg);
    }
}

static void pool_tally(ql_executor *executor, ql_stats *sum)
{
    qli_pool *pool = pool_of(executor);
    unsigned count = qli_pool_workers_count(pool);
    int64_t now_ns = ql_now_ns();
    for (unsigned i = 0; i < count; i++) {
        qli_context_tally(&pool->workers[i]->context, sum);
        sum->busy_ns += busy_ns(&pool->workers[i]->context, now_ns);
    }
    sum->accepted += qli_inbox_accepted(&pool->door);
    sum->workers += pool->seats_count;
    sum->spares += count - pool->seats_count;
    sum->wakes += qli_load(&pool->sleep.wakes, __ATOMIC_RELAXED);
}

/* Idle threads leave; one that is in a task leaves when that returns. */
static void tell_to_leave(qli_pool *pool)
{
    pthread_mutex_lock(&pool->sleep.lock);
    qli_store(&pool->ending, true, __ATOMIC_RELAXED); /* those who park see it by their token */
    for (qli_sleeper *sleeper = pool->sleep.top; sleeper; sleeper = sleeper->next)
        qli_unpark(sleeper->parker);
    for (qli_worker *spare = pool->spares; spare; spare = spare->next)
        qli_unpark(&spare->context.parker);
    for (unsigned i = 0; pool->seats && i < pool->seats_count && pool->seats[i]; i++)
        if (pool->seats[i]->off)
            qli_unpark(&pool->seats[i]->sitter->context.parker);
    pthread_mutex_unlock(&pool->sleep.lock);
}

/* NULL: its thread has ended. Else what it runs past the deadline; a thread that runs nothing is on its way out, and waited
 * for however late it is. */
static const char *join_or_name(qli_worker *worker, int64_t deadline_ns)
{
    while (qli_thread_join(&worker->thread, deadline_ns)) {
        const char *task = qli_load(&worker->context.task_name, __ATOMIC_RELAXED);
        if (task)
            return task;
        deadline_ns = ql_after_ns(1000000);
    }
    return NULL;
}

static int pool_end(ql_executor *executor, int64_t deadline_ns, const char **stuck)
{
    qli_pool *pool = pool_of(executor);
    int code = 0;
    tell_to_leave(pool);
    for (unsigned i = 0; i < pool->workers_count; i++) {
        const char *task = join_or_name(pool->workers[i], deadline_ns);
        if (!task)
            continue;
        pthread_detach(pool->workers[i]->thread.handle);
        *stuck = *stuck ? *stuck : task;
        code = -ETIMEDOUT;
    }
    return code;
}

static void free_seat(qli_seat *seat)
{
    free(seat->victims);
    free(seat->ring_ends);
    ql_slot_free(seat, sizeof(*seat));
}

static void pool_destroy(ql_executor *executor)
{
    qli_pool *pool = pool_of(executor);
    for (unsigned i = 0; i < pool->workers_count; i++)
        qli_worker_free(pool->workers[i]);
    for (unsigned i = 0; pool->seats && i < pool->seats_count && pool->seats[i]; i++)
        free_seat(pool->seats[i]);
    pthread_cond_destroy(&pool->bound_changed);
    qli_sleep_fini(&pool->sleep);
    qli_inbox_fini(&pool->door);
    free(pool->workers);
    free(pool->seats);
    free(pool);
}

static void pool_dump(ql_executor *executor, FILE *out)
{
    qli_pool *pool = pool_of(executor);
    uint64_t counts = qli_load(&pool->sleep.counts, __ATOMIC_RELAXED);
    fprintf(out, "pool: %u seats, %u asleep, %u searching, %u workers away, door %s\n", pool->seats_count,
            (unsigned)counts, (unsigned)(counts >> 32), qli_load(&pool->away, __ATOMIC_RELAXED),
            qli_inbox_has_work(&pool->door) ? "has work" : "empty");
    unsigned count = qli_pool_workers_count(pool);
    for (unsigned i = 0; i < pool->seats_count; i++) {
        uint64_t queued = qli_runq_count(&pool->seats[i]->runq);
        if (queued)
            fprintf(out, "seat %u: %llu tasks in its queue\n", i, (unsigned long long)queued);
    }
    for (unsigned i = 0; i < count; i++)
        qli_context_dump(&pool->workers[i]->context, pool->workers[i]->thread.name, out);
}

static const qli_executor_ops pool_ops = {
    .submit = pool_submit,
    .submit_many = pool_submit_many,
    .cancel = pool_cancel,
    .shut = pool_shut,
    .abandon = pool_abandon,
    .tally = pool_tally,
    .end = pool_end,
    .destroy = pool_destroy,
    .dump = pool_dump,
    .look = pool_look,
};

static int make_seat(qli_pool *pool, unsigned index)
{
    const ql_slot *slot = ql_plan_worker(pool->plan, index);
    qli_seat *seat = pool->seats[index] = ql_slot_alloc(pool->plan, slot, sizeof(*seat), NULL);
    unsigned others = pool->seats_count - 1, rings = 0;
    if (!seat)
        return -ENOMEM;
    seat->index = index;
    seat->slot = slot;
    if (!others)
        return 0;
    seat->victims = calloc(others, sizeof(*seat->victims));
    seat->ring_ends = calloc(others, sizeof(*seat->ring_ends));
    if (!seat->victims || !seat->ring_ends)
        return -ENOMEM;
    seat->victims_count =
        ql_plan_steal_order(pool->plan, index, seat->victims, others, seat->ring_ends, others, &rings);
    return 0;
}

static int make_seats(qli_pool *pool, unsigned spares_max)
{
    unsigned room = QLI_WORKERS_MAX > pool->seats_count ? QLI_WORKERS_MAX - pool->seats_count : 0;
    pool->workers_max = pool->seats_count + (spares_max < room ? spares_max : room);
    pool->seats = calloc(pool->seats_count, sizeof(qli_seat *));
    pool->workers = calloc(pool->workers_max, sizeof(qli_worker *));
    int code = pool->seats && pool->workers ? 0 : -ENOMEM;
    for (unsigned i = 0; i < pool->seats_count && !code; i++)
        code = make_seat(pool, i);
    return code;
}

void qli_pool_bound(qli_pool *pool, const ql_bound *bound, int code)
{
    pthread_mutex_lock(&pool->sleep.lock);
    pool->bound++;
    if (code && !pool->bind_code) {
        pool->bind_code = code;
        pool->bind_problem = bound->problem;
    }
    pthread_cond_signal(&pool->bound_changed);
    pthread_mutex_unlock(&pool->sleep.lock);
}

/* Every worker has tried to bind itself; under bind=require one that could not stops the start. */
static int await_bound(qli_pool *pool, ql_error *error)
{
    pthread_mutex_lock(&pool->sleep.lock);
    while (pool->bound < pool->seats_count)
        pthread_cond_wait(&pool->bound_changed, &pool->sleep.lock);
    int code = pool->bind_code;
    pthread_mutex_unlock(&pool->sleep.lock);
    if (code)
        qli_error_set(error, code, "a worker could not be bound: %s; bind=warn runs it anyway",
                      pool->bind_problem ? pool->bind_problem : strerrordesc_np(-code));
    return code;
}

int qli_pool_create(ql_runtime *runtime, qli_pool **out, ql_error *error)
{
    qli_pool *pool = aligned_alloc(QLI_CACHE_LINE, sizeof(*pool));
    *out = NULL;
    if (!pool) {
        qli_error_set(error, -ENOMEM, "no memory for the pool");
        return -ENOMEM;
    }
    *pool = (qli_pool){
        .executor = {.ops = &pool_ops, .runtime = runtime, .name = "pool"},
        .plan = runtime->plan,
        .seats_count = ql_plan_workers(runtime->plan),
        .active = ql_plan_workers(runtime->plan),
        .wanted = ql_plan_workers(runtime->plan),
        .allowed = ql_plan_workers(runtime->plan),
        .quota_due_ns = runtime->config.follow_quota ? 0 : QL_FOREVER,
        .fork_depth = runtime->config.fork_depth ? runtime->config.fork_depth : 32768,
    };
    qli_inbox_init(&pool->door, 0);
    qli_sleep_init(&pool->sleep, pool->seats_count);
    pthread_cond_init(&pool->bound_changed, NULL);
    int code = make_seats(pool, runtime->config.spares_max ? runtime->config.spares_max : 1100);
    for (unsigned i = 0; i < pool->seats_count && !code; i++) {
        qli_worker *worker;
        code = qli_worker_create(pool, pool->seats[i], true, &worker);
    }
    if (code)
        qli_error_set(error, code, "the pool's %u worker threads could not be started: %s", pool->seats_count,
                      strerrordesc_np(-code));
    else
        code = await_bound(pool, error);
    if (code) {
        const char *stuck = NULL;
        pool_end(&pool->executor, QL_FOREVER, &stuck);
        pool_destroy(&pool->executor);
        return code;
    }
    *out = pool;
    return 0;
}

int ql_runtime_resize(ql_runtime *runtime, unsigned workers)
{
    if (!runtime || !workers || workers > runtime->pool->seats_count)
        return -EINVAL;
    if (qli_is_orphan(runtime))
        return -ECHILD;
    qli_pool_resize(runtime->pool, workers);
    return 0;
}
