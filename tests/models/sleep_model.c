/* Two workers that search, sleep and wake as worker.c has them, and two threads that publish work and post it. Work that
 * nobody comes for is a lost wake-up: then no thread can run. */
#include <assert.h>
#include <pthread.h>

#include "core/sleep.h"
#include "qlane/future.h"

enum { WORKERS = 2, POSTERS = 2, POSTS = 2 };

static qli_sleep sleepers;
static qli_parker parkers[WORKERS], finished;
static unsigned ready, done;
static bool ending;

static void *post(void *arg)
{
    (void)arg;
    for (int i = 0; i < POSTS; i++) {
        qli_fetch_add(&ready, 1, __ATOMIC_RELAXED);
        qli_sleep_post(&sleepers);
    }
    return NULL;
}

/* Only loads look for work, so they may be stale, as those of the queues may. */
static bool is_ready(void)
{
    return qli_load(&ready, __ATOMIC_RELAXED);
}

static bool take(void)
{
    unsigned n = qli_load(&ready, __ATOMIC_RELAXED);
    while (n)
        if (qli_cas(&ready, &n, n - 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    return false;
}

static void work(void)
{
    if (qli_fetch_add(&done, 1, __ATOMIC_RELAXED) + 1 == POSTERS * POSTS)
        qli_unpark(&finished);
}

/* False: it ends. */
static bool go_to_bed(qli_sleeper *sleeper, bool searching)
{
    pthread_mutex_lock(&sleepers.lock);
    bool stays = !ending;
    if (stays)
        qli_sleep_enter(&sleepers, sleeper, searching);
    pthread_mutex_unlock(&sleepers.lock);
    if (!stays)
        return false;
#ifndef PLANT_NO_RECHECK
    if (is_ready()) {
        pthread_mutex_lock(&sleepers.lock);
        bool up = qli_sleep_leave(&sleepers, sleeper, true);
        pthread_mutex_unlock(&sleepers.lock);
        if (up)
            return true;
    }
#endif
    qli_park(sleeper->parker, QL_FOREVER);
    return !qli_load(&ending, __ATOMIC_RELAXED);
}

static void *serve(void *arg)
{
    qli_sleeper sleeper = {.parker = arg};
    bool searching = false;
    do {
        while (take()) {
            if (searching && qli_sleep_found(&sleepers) && is_ready())
                qli_sleep_post(&sleepers);
            searching = false;
            work();
        }
        if (!searching)
            searching = qli_sleep_search(&sleepers);
        if (searching && is_ready())
            continue;
        if (!go_to_bed(&sleeper, searching))
            return NULL;
        searching = true;
    } while (true);
}

/* As the pool ends. */
static void end(void)
{
    pthread_mutex_lock(&sleepers.lock);
    qli_store(&ending, true, __ATOMIC_RELAXED);
    for (qli_sleeper *sleeper = sleepers.top; sleeper; sleeper = sleeper->next)
        qli_unpark(sleeper->parker);
    pthread_mutex_unlock(&sleepers.lock);
}

int main(void)
{
    pthread_t workers[WORKERS], posters[POSTERS];
    qli_sleep_init(&sleepers, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, serve, &parkers[i]);
    for (int i = 0; i < POSTERS; i++)
        pthread_create(&posters[i], NULL, post, NULL);
    qli_park(&finished, QL_FOREVER);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i], NULL);
    end();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    assert(!ready && done == POSTERS * POSTS);
    qli_sleep_fini(&sleepers);
    return 0;
}
