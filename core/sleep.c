#include "core/sleep.h"

#define SLEEPER ((uint64_t)1)
#define SEARCHER ((uint64_t)1 << 32)

static uint64_t sleepers(uint64_t counts)
{
    return counts & (SEARCHER - 1);
}

static uint64_t searchers(uint64_t counts)
{
    return counts / SEARCHER;
}

void qli_sleep_init(qli_sleep *sleep, unsigned seats)
{
    *sleep = (qli_sleep){.searchers_max = (seats + 1) / 2};
    pthread_mutex_init(&sleep->lock, NULL);
}

void qli_sleep_fini(qli_sleep *sleep)
{
    pthread_mutex_destroy(&sleep->lock);
}

static void wake_one(qli_sleep *sleep)
{
    qli_parker *parker = NULL;
    pthread_mutex_lock(&sleep->lock);
    qli_sleeper *sleeper = sleep->top;
    /* Two posters may come here for two tasks; the first one's sleeper searches for both. */
    if (sleeper && !searchers(qli_load(&sleep->counts, __ATOMIC_RELAXED))) {
        sleep->top = sleeper->next;
        sleeper->asleep = false;
        parker = sleeper->parker;
        /* The woken one counts as a searcher from here on, so that nobody else is woken for the same work. */
        qli_fetch_add(&sleep->counts, SEARCHER - SLEEPER, __ATOMIC_RELAXED);
        qli_store(&sleep->wakes, sleep->wakes + 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&sleep->lock);
    if (parker)
        qli_unpark(parker);
}

/* The counts change, and then the caller looks at all work. Returns the counts before. */
static uint64_t change(qli_sleep *sleep, uint64_t by)
{
    uint64_t counts = qli_fetch_add(&sleep->counts, by, __ATOMIC_RELAXED);
    /* FENCE sleep:B, with sleep:A in qli_sleep_post(): "asleep" or "not searching" is published before the caller looks
     * at all work once more. Model: tests/models/sleep_model */
    qli_fence(__ATOMIC_SEQ_CST);
    return counts;
}

void qli_sleep_post(qli_sleep *sleep)
{
    /* FENCE sleep:A, with sleep:B in change(): the work is published before the
     * counts are read. Without it a poster may read "nobody sleeps" while the sleeper reads "no work". Model:
     * tests/models/sleep_model */
    qli_fence(__ATOMIC_SEQ_CST);
    uint64_t counts = qli_load(&sleep->counts, __ATOMIC_RELAXED);
    if (sleepers(counts) && !searchers(counts))
        wake_one(sleep);
}

bool qli_sleep_search(qli_sleep *sleep)
{
    if (searchers(qli_load(&sleep->counts, __ATOMIC_RELAXED)) >= sleep->searchers_max)
        return false;
    qli_fetch_add(&sleep->counts, SEARCHER, __ATOMIC_RELAXED);
    return true;
}

bool qli_sleep_found(qli_sleep *sleep)
{
    uint64_t counts = change(sleep, -SEARCHER);
    return searchers(counts) == 1 && sleepers(counts);
}

void qli_sleep_enter(qli_sleep *sleep, qli_sleeper *sleeper, bool searching)
{
    sleeper->asleep = true;
    sleeper->next = sleep->top;
    sleep->top = sleeper;
    change(sleep, SLEEPER - (searching ? SEARCHER : 0));
}

bool qli_sleep_leave(qli_sleep *sleep, qli_sleeper *sleeper, bool searching)
{
    if (!sleeper->asleep)
        return false;
    qli_sleeper **link = &sleep->top;
    while (*link != sleeper)
        link = &(*link)->next;
    *link = sleeper->next;
    sleeper->asleep = false;
    qli_fetch_add(&sleep->counts, (searching ? SEARCHER : 0) - SLEEPER, __ATOMIC_RELAXED);
    return true;
}

void qli_sleep_rouse(qli_sleep *sleep)
{
    qli_fetch_add(&sleep->counts, SEARCHER, __ATOMIC_RELAXED);
}
