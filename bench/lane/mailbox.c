/* A mailbox as one writes it: a list of requests under a mutex, a condition variable for the lane, and one for each caller; the
 * requests are the callers' memory. BATCHED=1: the lane takes the whole list at once, and answers each request as it is done. */
#include <pthread.h>
#include <stdlib.h>

#include "bench/lane/contender.h"

typedef struct caller caller;

typedef struct request {
    struct request *next;
    caller *from;
    uint64_t key, value;
    bool done;
} request;

struct caller {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    request requests[];
};

static _Alignas(128) pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static request *first, **last = &first;
static bool sleeps, ends;

/* With the lock. NULL: it is over. */
static request *take(void)
{
    while (!first && !ends) {
        sleeps = true;
        pthread_cond_wait(&arrived, &lock);
        sleeps = false;
    }
    request *taken = first;
#if BATCHED
    first = NULL;
#else
    first = taken ? taken->next : NULL;
#endif
    if (!first)
        last = &first;
#if !BATCHED
    if (taken)
        taken->next = NULL;
#endif
    return taken;
}

static void answer(request *done)
{
    caller *from = done->from;
    pthread_mutex_lock(&from->lock);
    done->done = true;
    pthread_cond_signal(&from->answered);
    pthread_mutex_unlock(&from->lock);
}

static void serve(request *taken)
{
    lane_batch_begin();
    for (request *one = taken; one; one = one->next)
        one->value = lane_operate(one->key);
    lane_batch_end();
    for (request *next; taken; taken = next) {
        next = taken->next;
        answer(taken);
    }
}

static void *live(void *arg)
{
    lane_here();
    for (;;) {
        pthread_mutex_lock(&lock);
        request *taken = take();
        pthread_mutex_unlock(&lock);
        if (!taken)
            return arg;
        serve(taken);
    }
}

static pthread_t thread;

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
    pthread_cond_signal(&arrived);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
}

static inline void submit(void *me, size_t slot, uint64_t key)
{
    request *one = &((caller *)me)->requests[slot];
    one->next = NULL;
    one->key = key;
    one->done = false;
    pthread_mutex_lock(&lock);
    *last = one;
    last = &one->next;
    if (sleeps)
        pthread_cond_signal(&arrived);
    pthread_mutex_unlock(&lock);
}

static inline uint64_t reap(void *me, size_t slot)
{
    caller *self = me;
    pthread_mutex_lock(&self->lock);
    while (!self->requests[slot].done)
        pthread_cond_wait(&self->answered, &self->lock);
    pthread_mutex_unlock(&self->lock);
    return self->requests[slot].value;
}

static inline uint64_t call(void *me, uint64_t key)
{
    submit(me, 0, key);
    return reap(me, 0);
}

LANE_LOOPS(call, submit, reap)

static void *open_caller(size_t slots)
{
    caller *self = malloc(sizeof(*self) + slots * sizeof(*self->requests));
    if (!self)
        abort();
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->answered, NULL);
    for (size_t i = 0; i < slots; i++)
        self->requests[i] = (request){.from = self};
    return self;
}

static void close_caller(void *me)
{
    caller *self = me;
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->answered);
    free(self);
}

const lane_contender lane_this = {
#if BATCHED
    .name = "mailbox_batched",
#else
    .name = "mailbox",
#endif
    .version = "1",
    .works = LANE_ALL_WORKS "call_park," LANE_SQLITE_WORKS "idle",
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = close_caller,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
};
