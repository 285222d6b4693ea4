/* libuv: the lane is a loop, woken by uv_async_send(), that takes a list of requests. It has no futures: a caller counts the
 * answers it has got, which come in order. */
#include <stdlib.h>
#include <uv.h>

#include "bench/lane/contender.h"

typedef struct caller caller;

typedef struct request {
    struct request *next;
    caller *from; /* NULL: the lane is to end */
    uint64_t key, value;
} request;

struct caller {
    uv_mutex_t lock;
    uv_cond_t answered;
    uint64_t answers, reaped;
    bool waits;
    request requests[];
};

static uv_loop_t loop;
static uv_async_t arrived;
static uv_thread_t thread;
static uv_mutex_t lock;
static request *first, **last = &first;

static void answer(caller *from, uint64_t count)
{
    uv_mutex_lock(&from->lock);
    from->answers += count;
    if (from->waits)
        uv_cond_signal(&from->answered);
    uv_mutex_unlock(&from->lock);
}

/* Answers to one caller that follow one another are told at once. */
static void serve(uv_async_t *async)
{
    uv_mutex_lock(&lock);
    request *taken = first;
    first = NULL;
    last = &first;
    uv_mutex_unlock(&lock);
    uint64_t count = 0;
    for (request *next; taken; taken = next) {
        next = taken->next;
        caller *from = taken->from;
        if (!from) {
            uv_close((uv_handle_t *)async, NULL);
            return;
        }
        taken->value = lane_operate(taken->key);
        count++;
        if (!next || next->from != from) {
            answer(from, count);
            count = 0;
        }
    }
}

static void live(void *arg)
{
    (void)arg;
    lane_here();
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void enqueue(request *one)
{
    one->next = NULL;
    uv_mutex_lock(&lock);
    *last = one;
    last = &one->next;
    uv_mutex_unlock(&lock);
    uv_async_send(&arrived);
}

static void start(bool blocking)
{
    (void)blocking;
    uv_loop_init(&loop);
    uv_mutex_init(&lock);
    uv_async_init(&loop, &arrived, serve);
    if (uv_thread_create(&thread, live, NULL))
        abort();
}

static void stop(void)
{
    request end = {.from = NULL};
    enqueue(&end);
    uv_thread_join(&thread);
    uv_loop_close(&loop);
    uv_mutex_destroy(&lock);
}

static void submit(void *me, size_t slot, uint64_t key)
{
    request *one = &((caller *)me)->requests[slot];
    one->key = key;
    enqueue(one);
}

static uint64_t reap(void *me, size_t slot)
{
    caller *self = me;
    uv_mutex_lock(&self->lock);
    while (self->answers == self->reaped) {
        self->waits = true;
        uv_cond_wait(&self->answered, &self->lock);
        self->waits = false;
    }
    self->reaped++;
    uv_mutex_unlock(&self->lock);
    return self->requests[slot].value;
}

static uint64_t call(void *me, uint64_t key)
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
    *self = (caller){.answers = 0};
    uv_mutex_init(&self->lock);
    uv_cond_init(&self->answered);
    for (size_t i = 0; i < slots; i++)
        self->requests[i] = (request){.from = self};
    return self;
}

static void close_caller(void *me)
{
    caller *self = me;
    uv_mutex_destroy(&self->lock);
    uv_cond_destroy(&self->answered);
    free(self);
}

const lane_contender lane_this = {
    .name = "libuv",
    .version = PEER_VERSION,
    .works = LANE_ALL_WORKS "call_park,idle",
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = close_caller,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
};
