/* GLib's GThreadPool: tasks from outside. A task is a pointer, and no future belongs to it: the last to end wakes the
 * thread that waits. */
#include <glib.h>

#include "bench/pool/contender.h"

typedef struct countdown {
    gint left;
    GMutex mutex;
    GCond ended;
} countdown;

static GThreadPool *pool;

static void run(gpointer data, gpointer user_data)
{
    countdown *count = data;
    (void)user_data;
    if (data == &pool) {
        bench_woken();
        return;
    }
    if (!g_atomic_int_dec_and_test(&count->left))
        return;
    g_mutex_lock(&count->mutex);
    count->left = -1;
    g_cond_signal(&count->ended);
    g_mutex_unlock(&count->mutex);
}

static void start(unsigned workers)
{
    pool = g_thread_pool_new(run, NULL, (gint)workers, TRUE, NULL);
}

static void *prepare(size_t count)
{
    (void)count;
    return NULL;
}

static void produce(void *prepared, size_t first, size_t end)
{
    countdown count = {.left = (gint)(end - first)};
    (void)prepared;
    g_mutex_init(&count.mutex);
    g_cond_init(&count.ended);
    for (size_t i = first; i < end; i++)
        g_thread_pool_push(pool, &count, NULL);
    g_mutex_lock(&count.mutex);
    while (count.left >= 0)
        g_cond_wait(&count.ended, &count.mutex);
    g_mutex_unlock(&count.mutex);
    g_cond_clear(&count.ended);
    g_mutex_clear(&count.mutex);
}

static void finish(void *prepared)
{
    (void)prepared;
}

static void wake(void)
{
    g_thread_pool_push(pool, &pool, NULL);
}

const bench_contender bench_this = {
    .name = "GLib",
    .version = PEER_VERSION,
    .start = start,
    .outside_prepare = prepare,
    .outside_produce = produce,
    .outside_finish = finish,
    .wake = wake,
};
