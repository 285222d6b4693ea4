/* A soak that no longer gets anywhere says where it stands, and ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/stress/soak.h"
#include "tests/support/harness.h"

enum { PATIENCE_S = 12 }; /* twice that is less than a gate's; QLT_STALL_S: another */

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static bool over;
static uint64_t beats;

void stall(const char *what)
{
    ql_runtime *runtime = __atomic_load_n(&soak_runtime, __ATOMIC_ACQUIRE);
    fprintf(stderr, "STALL: %s; QLANE_SEED=%llu\n", what, (unsigned long long)qlt_seed());
    if (runtime)
        ql_runtime_dump(runtime, stderr);
    abort();
}

void stall_beat(void)
{
    soak_count(&beats, 1);
}

static int patience_s(void)
{
    const char *given = getenv("QLT_STALL_S");
    int seconds = given ? atoi(given) : 0;
    return seconds > 0 ? seconds : PATIENCE_S;
}

static void *watch(void *arg)
{
    (void)arg;
    struct timespec at;
    uint64_t before = 0;
    clock_gettime(CLOCK_REALTIME, &at);
    pthread_mutex_lock(&lock);
    while (!over) {
        at.tv_sec += patience_s();
        int code = 0;
        while (!over && code != ETIMEDOUT)
            code = pthread_cond_timedwait(&ended, &lock, &at);
        uint64_t now = __atomic_load_n(&beats, __ATOMIC_RELAXED);
        if (!over && now == before)
            stall("nothing was begun nor ended for a long time");
        before = now;
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void stall_watch_begin(void)
{
    over = false;
    qlt_eq_int(pthread_create(&thread, NULL, watch, NULL), 0);
}

void stall_watch_end(void)
{
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
}
