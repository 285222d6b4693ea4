/* The protocol of PyKX's threaded mode, re-created from its description: a request goes into a list under one mutex; the lane
 * runs it while it holds that mutex; who waits locks, signals, unlocks and looks at a plain flag, again and again. A call makes
 * three allocations: the request, its arguments and its answer. */
#include <pthread.h>
#include <stdlib.h>

#include "bench/lane/contender.h"

typedef struct request {
    struct request *next;
    uint64_t *key, *value;
    volatile bool done;
} request;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static request *first, **last = &first;
static bool ends;
static pthread_t thread;

static void *live(void *arg)
{
    lane_here();
    pthread_mutex_lock(&lock);
    while (!ends) {
        request *one = first;
        if (!one) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        first = one->next;
        if (!first)
            last = &first;
        *one->value = lane_operate(*one->key);
        one->done = true;
        pthread_mutex_unlock(&lock);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    lane_operation_close();
    return arg;
}

static void start(bool blocking)
{
    (void)blocking;
    if (pthread_create(&thread, NULL, live, NULL))
        abort();
}

static void stop(void)
{
    pthread_mutex_lock(&lock);
    ends = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
}

static void submit(void *me, size_t slot, uint64_t key)
{
    request *one = malloc(sizeof(*one));
    one->key = malloc(sizeof(*one->key));
    one->value = malloc(sizeof(*one->value));
    *one->key = key;
    one->next = NULL;
    one->done = false;
    ((request **)me)[slot] = one;
    pthread_mutex_lock(&lock);
    *last = one;
    last = &one->next;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static uint64_t reap(void *me, size_t slot)
{
    request *one = ((request **)me)[slot];
    do {
        pthread_mutex_lock(&lock);
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
    } while (!one->done);
    uint64_t value = *one->value;
    free(one->key);
    free(one->value);
    free(one);
    return value;
}

static uint64_t call(void *me, uint64_t key)
{
    submit(me, 0, key);
    return reap(me, 0);
}

LANE_LOOPS(call, submit, reap)

static void *open_caller(size_t slots)
{
    return calloc(slots, sizeof(request *));
}

#ifdef Q
#define WORKS LANE_Q_WORKS
#else
#define WORKS "call,call20,submit1,submit4,submit20,submit_fresh,producers," LANE_SQLITE_WORKS "idle"
#endif

const lane_contender lane_this = {
    .name = "PyKX-like",
    .version = "1",
    .works = WORKS,
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = free,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
};
