/* Where a worker looks for something to run. */
#include "core/runtime.h"

enum {
    DOOR_FIRST_EVERY = 61, /* looks: so that a worker that feeds itself cannot starve the door */
    DOOR_BATCH = 16,       /* tasks taken at once, the rest is left for others */
};

static uint64_t next_random(qli_worker *worker)
{
    /* xorshift64 (Marsaglia, "Xorshift RNGs", 2003): only to spread thieves. */
    uint64_t x = worker->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return worker->random = x;
}

static bool have_task(qli_work *work, ql_task *task)
{
    *work = (qli_work){.task = task};
    return task;
}

/* One task to run now; a few more into the own queue, where others may steal them. */
static bool from_door(qli_worker *worker, qli_work *work)
{
    qli_pool *pool = worker->pool;
    if (!qli_inbox_has_work(&pool->door))
        return false;
    ql_task *tasks[DOOR_BATCH];
    size_t want = qli_load(&pool->door.listed, __ATOMIC_RELAXED) / pool->seats_count + 1;
    size_t room = qli_runq_room(&worker->seat->runq);
    want = want < room ? want : room + 1;
    size_t n = qli_inbox_take(&pool->door, tasks, want < DOOR_BATCH ? want : DOOR_BATCH);
    for (size_t i = 1; i < n; i++)
        qli_runq_push(&worker->seat->runq, tasks[i]);
    if (n > 1 || qli_inbox_has_work(&pool->door))
        qli_sleep_post(&pool->sleep);
    return n && have_task(work, tasks[0]);
}

static bool from_deque(qli_worker *thief, qli_worker *victim, qli_work *work)
{
    qli_entry *entry = qli_deque_steal(&victim->deque, &thief->hot);
    if (!entry) {
        qli_deque_ask(&victim->deque);
        return false;
    }
    *work = (qli_work){.entry = entry, .victim = victim};
    return true;
}

static bool from_seat(qli_worker *worker, qli_seat *seat, qli_work *work)
{
    ql_task *task = qli_runq_take(&seat->runq);
    if (task)
        return have_task(work, task);
    /* ORDER seat:thief (acquire): with seat:sitter. */
    qli_worker *sitter = qli_load(&seat->sitter, __ATOMIC_ACQUIRE);
    return sitter && sitter != worker && from_deque(worker, sitter, work);
}

/* Near rings before far ones, from a random start within each. */
static bool from_others(qli_worker *worker, qli_work *work)
{
    qli_pool *pool = worker->pool;
    qli_seat *seat = worker->seat;
    unsigned begin = 0;
    for (unsigned ring = 0; begin < seat->victims_count; ring++) {
        unsigned end = seat->ring_ends[ring], count = end - begin;
        unsigned start = count > 1 ? (unsigned)(next_random(worker) % count) : 0;
        for (unsigned i = 0; i < count; i++) {
            unsigned victim = seat->victims[begin + (start + i) % count];
            if (from_seat(worker, pool->seats[victim], work))
                return true;
        }
        begin = end;
    }
    return false;
}

/* Children whose parent sleeps in a wait. */
static bool from_away(qli_worker *worker, qli_work *work)
{
    qli_pool *pool = worker->pool;
    if (!qli_load(&pool->away, __ATOMIC_RELAXED))
        return false;
    unsigned count = qli_pool_workers_count(pool);
    for (unsigned i = 0; i < count; i++) {
        qli_worker *victim = pool->workers[i];
        if (victim != worker && qli_deque_has_work(&victim->deque) && from_deque(worker, victim, work))
            return true;
    }
    return false;
}

__attribute__((noinline)) static bool search(qli_worker *worker, qli_work *work)
{
    if (from_door(worker, work) || have_task(work, qli_runq_take(&worker->seat->runq)))
        return true;
    if (!from_others(worker, work) && !from_away(worker, work))
        return false;
    qli_stole(&worker->context, work->task ? (const void *)work->task : work->entry);
    return true;
}

bool qli_find_work(qli_worker *worker, qli_work *work)
{
    bool door_first = ++worker->tick % DOOR_FIRST_EVERY == 0;
    return (!door_first && have_task(work, qli_runq_take(&worker->seat->runq))) || search(worker, work);
}

void qli_ask_all(qli_pool *pool)
{
    for (unsigned i = 0; i < pool->seats_count; i++) {
        qli_worker *sitter = qli_load(&pool->seats[i]->sitter, __ATOMIC_ACQUIRE); /* ORDER seat:thief */
        if (sitter)
            qli_deque_ask(&sitter->deque);
    }
}

bool qli_pool_has_work(qli_pool *pool)
{
    if (!qli_inbox_empty(&pool->door))
        return true;
    for (unsigned i = 0; i < pool->seats_count; i++)
        if (qli_runq_has_work(&pool->seats[i]->runq))
            return true;
    unsigned count = qli_pool_workers_count(pool);
    for (unsigned i = 0; i < count; i++)
        if (qli_deque_has_work(&pool->workers[i]->deque))
            return true;
    return false;
}
