/* Who sits where (docs/decisions/0002-seats.md). Everything here is off the fast path: a thread comes here when it is about to sleep, or has slept. */
#include <errno.h>

#include "core/runtime.h"

/* With the lock. */
static void sit(qli_seat *seat, qli_worker *worker)
{
    worker->seat = seat;
    seat->sleeper.parker = &worker->context.parker;
    /* Those who sleep have asked the one before it: its first fork answers in its place. */
    qli_deque_ask(&worker->deque);
    /* ORDER seat:sitter (release): the worker's deque, for thieves. */
    qli_store(&seat->sitter, worker, __ATOMIC_RELEASE);
}

/* With the lock. */
static void make_spare(qli_pool *pool, qli_worker *worker)
{
    worker->seat = NULL;
    worker->next = pool->spares;
    pool->spares = worker;
}

static qli_worker *pop(qli_worker **list)
{
    qli_worker *worker = *list;
    if (worker)
        *list = worker->next;
    return worker;
}

/* With the lock: the seat goes to the worker that has waited longest for it. NULL: none has. */
static qli_worker *pass_to_returning(qli_seat *seat)
{
    qli_worker *worker = seat->returning;
    if (worker) {
        qli_store(&seat->returning, worker->next, __ATOMIC_RELAXED);
        sit(seat, worker);
    }
    return worker;
}

/* With the lock, which it gives up meanwhile: a spare thread, made if need be. */
static qli_worker *get_spare(qli_pool *pool, qli_seat *seat)
{
    qli_worker *spare = pop(&pool->spares);
    if (spare)
        return spare;
    pthread_mutex_unlock(&pool->sleep.lock);
    qli_worker_create(pool, seat, false, &spare);
    pthread_mutex_lock(&pool->sleep.lock);
    return spare;
}

/* With the lock. */
static bool others_work(const qli_pool *pool, const qli_seat *but)
{
    for (unsigned i = 0; i < pool->seats_count; i++) {
        const qli_seat *seat = pool->seats[i];
        if (seat != but && !seat->off && !seat->sitter->holds_seat)
            return true;
    }
    return false;
}

/* With the lock: no thread for the seat. Unless it must, a worker may sleep on its seat only while others work. */
static int hold(qli_pool *pool, qli_worker *worker, bool must)
{
    if (!must && !others_work(pool, worker->seat))
        return -EAGAIN;
    qli_store(&pool->held, pool->held + 1, __ATOMIC_RELAXED);
    worker->holds_seat = true;
    return 0;
}

/* A join has put the last worker to sleep: a wait for what queues must end, so that its thread comes back to a seat. If no
 * worker's does, those of lanes end, for a worker may wait for one of these. If there is none, all that is waited for is under
 * way elsewhere. */
static void refuse_waits(qli_pool *pool)
{
    ql_runtime *runtime = pool->executor.runtime;
    unsigned count = qli_pool_workers_count(pool);
    for (unsigned i = 0; i < count; i++)
        if (qli_waits_refuse(&runtime->waits, &pool->workers[i]->context))
            return;
    pthread_mutex_lock(&runtime->lock);
    for (const ql_executor *lane = runtime->executors; lane; lane = lane->next)
        (void)qli_waits_refuse(&runtime->waits, lane->context);
    pthread_mutex_unlock(&runtime->lock);
}

bool qli_seat_none_works(qli_pool *pool)
{
    pthread_mutex_lock(&pool->sleep.lock);
    bool none = !others_work(pool, NULL);
    pthread_mutex_unlock(&pool->sleep.lock);
    return none;
}

int qli_seat_leave(qli_worker *worker, bool must)
{
    qli_pool *pool = worker->pool;
    qli_seat *seat = worker->seat;
    int code = 0;
    qli_deque_share_all(&worker->deque);
    pthread_mutex_lock(&pool->sleep.lock);
    qli_worker *heir = pass_to_returning(seat), *spare = NULL;
    if (!heir && (spare = get_spare(pool, seat))) {
        /* While the lock was free a worker may have come back for the seat after all. */
        heir = pass_to_returning(seat);
        if (heir) {
            make_spare(pool, spare);
        } else {
            /* The seat goes to bed with the spare thread on it: only work will wake it. */
            sit(seat, spare);
            qli_sleep_enter(&pool->sleep, &seat->sleeper, false);
        }
    }
    if (heir || spare)
        worker->seat = NULL;
    else
        code = hold(pool, worker, must);
    if (!code) {
        worker->left = seat;
        qli_fetch_add(&pool->away, 1, __ATOMIC_RELAXED);
    }
    bool last = worker->holds_seat && !others_work(pool, seat);
    pthread_mutex_unlock(&pool->sleep.lock);
    if (last)
        refuse_waits(pool);
    if (heir)
        qli_unpark(&heir->context.parker);
    if (!code && qli_pool_has_work(pool))
        qli_sleep_post(&pool->sleep);
    return code;
}

/* With the lock: sit down again if nobody works there now. */
static bool take_back(qli_pool *pool, qli_seat *seat, qli_worker *worker)
{
    qli_worker *sitter = seat->sitter;
    if (sitter->holds_seat) {
        sitter->holds_seat = false;
        qli_store(&pool->held, pool->held - 1, __ATOMIC_RELAXED);
        if (sitter != worker)
            sitter->seat = NULL;
    } else if (seat->off || qli_sleep_leave(&pool->sleep, &seat->sleeper, false)) {
        seat->off = false; /* until its task has ended */
        make_spare(pool, sitter);
    } else {
        return false;
    }
    sit(seat, worker);
    return true;
}

void qli_seat_return(qli_worker *worker)
{
    qli_pool *pool = worker->pool;
    qli_seat *seat = worker->left;
    pthread_mutex_lock(&pool->sleep.lock);
    bool seated = take_back(pool, seat, worker);
    if (!seated) {
        qli_worker **last = &seat->returning;
        while (*last)
            last = &(*last)->next;
        worker->next = NULL;
        /* relaxed: the sitter looks between two tasks; in bed it is found above. */
        qli_store(last, worker, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&pool->sleep.lock);
    if (!seated)
        qli_park(&worker->context.parker, QL_FOREVER);
    qli_fetch_sub(&pool->away, 1, __ATOMIC_RELAXED);
}

bool qli_seat_pass(qli_worker *worker)
{
    qli_pool *pool = worker->pool;
    qli_worker *heir = pass_to_returning(worker->seat);
    if (!heir)
        return false;
    make_spare(pool, worker);
    pthread_mutex_unlock(&pool->sleep.lock);
    qli_unpark(&heir->context.parker);
    /* The heir goes on with a task of its own: what queues here is for others. */
    if (qli_pool_has_work(pool))
        qli_sleep_post(&pool->sleep);
    return true;
}

/* With the lock. */
static void use_seats(qli_pool *pool)
{
    unsigned active = pool->wanted < pool->allowed ? pool->wanted : pool->allowed;
    qli_store(&pool->active, active, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < pool->seats_count; i++) {
        qli_seat *seat = pool->seats[i];
        if (i >= active && qli_sleep_leave(&pool->sleep, &seat->sleeper, false))
            seat->off = true;
        else if (i < active && seat->off) {
            seat->off = false;
            qli_sleep_rouse(&pool->sleep);
            qli_unpark(&seat->sitter->context.parker);
        }
    }
}

/* One that was taken out of bed may just have seen work there. */
static void post_what_is_left(qli_pool *pool)
{
    if (qli_pool_has_work(pool))
        qli_sleep_post(&pool->sleep);
}

void qli_pool_resize(qli_pool *pool, unsigned wanted)
{
    pthread_mutex_lock(&pool->sleep.lock);
    pool->wanted = wanted;
    use_seats(pool);
    pthread_mutex_unlock(&pool->sleep.lock);
    post_what_is_left(pool);
}

void qli_pool_follow_quota(qli_pool *pool)
{
    enum { SECOND_NS = 1000000000 };
    int64_t due_ns = qli_load(&pool->quota_due_ns, __ATOMIC_RELAXED);
    if (due_ns == QL_FOREVER)
        return;
    int64_t now_ns = ql_now_ns();
    if (now_ns < due_ns ||
        !qli_cas(&pool->quota_due_ns, &due_ns, now_ns + SECOND_NS, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    unsigned allowed = ql_plan_workers_now(pool->plan);
    pthread_mutex_lock(&pool->sleep.lock);
    bool changed = pool->allowed != allowed && !pool->ending;
    if (changed) {
        pool->allowed = allowed;
        use_seats(pool);
    }
    pthread_mutex_unlock(&pool->sleep.lock);
    if (changed)
        post_what_is_left(pool);
}
