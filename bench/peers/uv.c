/* libuv's thread pool: work may be queued from a loop's own thread only, so each thread outside has a loop, whose callback
 * for each work that ended is the future waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "bench/pool/contender.h"

static void nothing(uv_work_t *work)
{
    (void)work;
}

static void ended(uv_work_t *work, int status)
{
    (void)work;
    (void)status;
}

static void start(unsigned workers)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", workers);
    setenv("UV_THREADPOOL_SIZE", text, 1);
}

static void *prepare(size_t count)
{
    uv_work_t *works = malloc(count * sizeof(*works));
    for (size_t i = 0; i < count; i++)
        works[i] = (uv_work_t){0};
    return works;
}

static void produce(void *prepared, size_t first, size_t end)
{
    uv_work_t *works = prepared;
    uv_loop_t loop;
    uv_loop_init(&loop);
    for (size_t i = first; i < end; i++)
        uv_queue_work(&loop, &works[i], nothing, ended);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

static void woken(uv_work_t *work)
{
    (void)work;
    bench_woken();
}

static void wake(void)
{
    static uv_work_t work;
    uv_run(uv_default_loop(), UV_RUN_NOWAIT);
    uv_queue_work(uv_default_loop(), &work, woken, ended);
}

const bench_contender bench_this = {
    .name = "libuv",
    .version = PEER_VERSION,
    .start = start,
    .outside_prepare = prepare,
    .outside_produce = produce,
    .outside_finish = free,
    .wake = wake,
};
