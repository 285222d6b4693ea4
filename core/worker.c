#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/runtime.h"

enum { WAIT_SPIN_NS = 50000, GAP_MIN = 16, GAP_MAX = 128 }; /* gaps in pauses, of about 15 ns */
enum { QUOTA_EVERY = 64 };                                  /* looks for work */

/* Pin the thread to the seat it sits on now. The same seat again costs nothing. */
static int bind_to_seat(qli_worker *worker)
{
    const ql_slot *slot = worker->seat->slot;
    if (worker->bound_to == slot && !ql_slot_lost(slot, &worker->bound))
        return 0;
    bool first = !worker->bound_to;
    worker->bound_to = slot;
    int code = ql_slot_bind(worker->pool->plan, slot, &worker->bound);
    qli_runtime_bound(worker->context.runtime, slot, &worker->bound, worker->thread.name, first);
    /* Where the search may go on for ever a wait may not: what it waits for may need this seat. */
    int64_t max_ns = worker->bound.spin_max_ns;
    qli_spin_init(&worker->context.spin, max_ns == QL_FOREVER ? WAIT_SPIN_NS : max_ns);
    return code;
}

static void run(qli_worker *worker, const qli_work *work)
{
    const qli_entry *head = worker->hot.head;
    if (work->entry) {
        qli_run_child(worker, work->victim, work->entry);
    } else {
        qli_run_task(&worker->context, work->task);
        qli_check_joined(worker, head);
    }
}

/* Asleep, or without a seat: until a token says that the worker has a seat and is searching, or that the pool ends. */
static bool sleep_until_seated(qli_worker *worker)
{
    int64_t parked_ns = qli_park_begin(&worker->context);
    qli_idle_begin(&worker->context, ql_now_ns());
    qli_runtime_idle(worker->context.runtime);
    qli_park(&worker->context.parker, QL_FOREVER);
    qli_park_end(&worker->context, parked_ns);
    /* relaxed: with the token of who ends the pool it is seen, and nothing else is read but by the lock. */
    if (qli_load(&worker->pool->ending, __ATOMIC_RELAXED))
        return false;
    (void)bind_to_seat(worker); /* a start was refused if it had to succeed; later it is logged */
    return true;
}

/* Out of use; but while somebody sleeps on a seat, this one may be the only one that works. */
static bool is_off(const qli_worker *worker)
{
    const qli_pool *pool = worker->pool;
    return worker->seat->index >= qli_load(&pool->active, __ATOMIC_RELAXED) &&
           !qli_load(&pool->held, __ATOMIC_RELAXED);
}

/* Somebody waits for the seat, or it is out of use. */
static bool must_go(const qli_worker *worker)
{
    return qli_load(&worker->seat->returning, __ATOMIC_RELAXED) || is_off(worker);
}

/* Look for work for as long as the budget allows. */
static bool spin_for_work(qli_worker *worker, qli_work *work)
{
    qli_spin *spin = &worker->context.spin;
    bool for_ever = worker->bound.spin_max_ns == QL_FOREVER;
    int64_t start_ns = ql_now_ns(), now_ns = start_ns;
    int64_t until_ns = for_ever ? QL_FOREVER : qli_spin_until(spin, start_ns);
    qli_idle_begin(&worker->context, start_ns);
    if (until_ns)
        qli_count(&worker->context.spins);
    if (for_ever)
        qli_runtime_idle(worker->context.runtime); /* it never sleeps, so a stop would not be told */
    /* A look asks workers to share, which slows their forks down: once in a microsecond or two. */
    for (unsigned gap = GAP_MIN; now_ns < until_ns; gap = gap < GAP_MAX ? 2 * gap : GAP_MAX) {
        for (unsigned i = 0; i < gap; i++)
            qli_pause();
        now_ns = ql_now_ns();
        if (must_go(worker) || qli_load(&worker->pool->ending, __ATOMIC_RELAXED))
            return false;
        if (qli_find_work(worker, work)) {
            if (!for_ever)
                qli_spin_learn(spin, now_ns - start_ns);
            return true;
        }
    }
    return false;
}

/* With the lock: out of use. What queues here is for others, and so is the search. */
static void go_off(qli_worker *worker)
{
    qli_pool *pool = worker->pool;
    worker->seat->off = true;
    pthread_mutex_unlock(&pool->sleep.lock);
    if (qli_pool_has_work(pool))
        qli_sleep_post(&pool->sleep);
}

/* Found work. Whoever published more while this one searched woke nobody. */
static void stop_searching(qli_pool *pool)
{
    if (!qli_sleep_found(&pool->sleep))
        return;
    if (qli_pool_has_work(pool))
        qli_sleep_post(&pool->sleep);
    else
        qli_ask_all(pool);
}

/* To bed. True: awake again, searching. False: the pool ends. */
static bool go_to_bed(qli_worker *worker, bool searching)
{
    qli_pool *pool = worker->pool;
    pthread_mutex_lock(&pool->sleep.lock);
    if (pool->ending) {
        pthread_mutex_unlock(&pool->sleep.lock);
        return false;
    }
    bool gone = qli_seat_pass(worker);
    if (!gone && is_off(worker)) {
        go_off(worker);
        gone = true;
    }
    if (gone) {
        if (searching)
            stop_searching(pool);
        return sleep_until_seated(worker);
    }
    qli_sleep_enter(&pool->sleep, &worker->seat->sleeper, searching);
    pthread_mutex_unlock(&pool->sleep.lock);
    /* After FENCE sleep:B: whatever was published before a poster saw nobody asleep is found here. */
    if (qli_pool_has_work(pool)) {
        pthread_mutex_lock(&pool->sleep.lock);
        /* The seat may be another's by now: then that one works, this thread is a spare, and the work is for others. */
        bool up = worker->seat && qli_sleep_leave(&pool->sleep, &worker->seat->sleeper, true);
        pthread_mutex_unlock(&pool->sleep.lock);
        if (up) {
            (void)bind_to_seat(worker); /* perhaps another one by now */
            return true;
        }
        qli_sleep_post(&pool->sleep);
    }
    qli_ask_all(pool);
    return sleep_until_seated(worker);
}

/* False: the pool ends. */
static bool next_work(qli_worker *worker, bool *searching, qli_work *work)
{
    qli_pool *pool = worker->pool;
    if (worker->tick % QUOTA_EVERY == 0)
        qli_pool_follow_quota(pool);
    for (;;) {
        bool wanted = must_go(worker);
        if (!wanted && qli_find_work(worker, work))
            break;
        if (!wanted && !*searching)
            *searching = qli_sleep_search(&pool->sleep);
        if (!wanted && *searching && spin_for_work(worker, work))
            break;
        qli_pool_follow_quota(pool);
        if (!go_to_bed(worker, *searching))
            return false;
        *searching = true;
    }
    if (*searching)
        stop_searching(pool);
    *searching = false;
    if (worker->context.idle_since_ns)
        qli_idle_over(&worker->context);
    return true;
}

static void work_on(qli_worker *worker, bool searching)
{
    qli_work work;
    while (next_work(worker, &searching, &work))
        run(worker, &work);
}

static void start_seated(void *arg)
{
    qli_worker *worker = arg;
    qli_context_enter(&worker->context);
    qli_pool_bound(worker->pool, &worker->bound, bind_to_seat(worker));
    work_on(worker, false);
}

static void start_spare(void *arg)
{
    qli_worker *worker = arg;
    qli_context_enter(&worker->context);
    if (sleep_until_seated(worker))
        work_on(worker, true);
}

/* The worker and its deque, on the memory of the seat's node. */
static qli_worker *alloc_worker(qli_pool *pool, const qli_seat *near)
{
    size_t size = sizeof(qli_worker) + ((size_t)pool->fork_depth + 1) * sizeof(qli_entry);
    qli_worker *worker = ql_slot_alloc(pool->plan, near->slot, size, NULL);
    if (!worker)
        return NULL;
    worker->size = size;
    worker->pool = pool;
    worker->random = (uintptr_t)worker | 1;
    worker->context.kind = QLI_WORKER;
    worker->context.runtime = pool->executor.runtime;
    worker->context.executor = &pool->executor;
    worker->context.born_ns = ql_now_ns();
    worker->context.idle_since_ns = worker->context.born_ns;
    qli_deque_init(&worker->deque, &worker->hot, (qli_entry *)(void *)(worker + 1), pool->fork_depth);
    return worker;
}

void qli_worker_free(qli_worker *worker)
{
    qli_ring_free(worker->context.ring);
    ql_slot_free(worker, worker->size);
}

int qli_worker_create(qli_pool *pool, qli_seat *near, bool seated, qli_worker **out)
{
    qli_seat *seat = seated ? near : NULL;
    *out = NULL;
    qli_worker *worker = alloc_worker(pool, near);
    if (!worker)
        return -ENOMEM;
    pthread_mutex_lock(&pool->sleep.lock);
    unsigned index = pool->workers_count;
    int code = index < pool->workers_max && !pool->ending ? 0 : -EAGAIN;
    char name[16];
    snprintf(name, sizeof(name), seat ? "ql-w%u" : "ql-s%u", seat ? seat->index : index);
    worker->context.ring = qli_ring_create(pool->executor.runtime->config.trace_events, name);
    worker->seat = seat;
    worker->context.number = index + 1;
    if (seat)
        seat->sleeper.parker = &worker->context.parker;
    /* With the lock: a thread that starts stands at its place in the list, or not at all. */
    if (!code)
        code = qli_thread_start(&worker->thread, seat ? start_seated : start_spare, worker, name);
    if (!code) {
        if (seat)
            qli_store(&seat->sitter, worker, __ATOMIC_RELEASE); /* ORDER seat:sitter */
        pool->workers[index] = worker;
        /* ORDER workers:made (release): the worker and its entry, for workers:seen. */
        qli_store(&pool->workers_count, index + 1, __ATOMIC_RELEASE);
        *out = worker;
    }
    pthread_mutex_unlock(&pool->sleep.lock);
    if (code)
        qli_worker_free(worker);
    return code;
}
