/* GLib's GAsyncQueue: one of requests for the lane, one of answers for each caller. */
#include <glib.h>

#include "bench/lane/contender.h"

typedef struct request {
    GAsyncQueue *answers; /* NULL: the lane is to end */
    uint64_t key, value;
} request;

typedef struct caller {
    GAsyncQueue *answers;
    request *requests;
} caller;

static GAsyncQueue *queue;
static GThread *thread;
static request end;

static gpointer live(gpointer data)
{
    lane_here();
    for (request *one; (one = g_async_queue_pop(queue))->answers;) {
        one->value = lane_operate(one->key);
        g_async_queue_push(one->answers, one);
    }
    return data;
}

static void start(bool blocking)
{
    (void)blocking;
    queue = g_async_queue_new();
    thread = g_thread_new("lane", live, NULL);
}

static void stop(void)
{
    g_async_queue_push(queue, &end);
    g_thread_join(thread);
    g_async_queue_unref(queue);
}

static void submit(void *me, size_t slot, uint64_t key)
{
    request *one = &((caller *)me)->requests[slot];
    one->key = key;
    g_async_queue_push(queue, one);
}

static uint64_t reap(void *me, size_t slot)
{
    (void)slot;
    return ((request *)g_async_queue_pop(((caller *)me)->answers))->value;
}

static uint64_t call(void *me, uint64_t key)
{
    submit(me, 0, key);
    return reap(me, 0);
}

LANE_LOOPS(call, submit, reap)

static void *open_caller(size_t slots)
{
    caller *self = g_new(caller, 1);
    *self = (caller){.answers = g_async_queue_new(), .requests = g_new(request, slots)};
    for (size_t i = 0; i < slots; i++)
        self->requests[i] = (request){.answers = self->answers};
    return self;
}

static void close_caller(void *me)
{
    caller *self = me;
    g_async_queue_unref(self->answers);
    g_free(self->requests);
    g_free(self);
}

const lane_contender lane_this = {
    .name = "GLib",
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
