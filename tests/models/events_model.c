/* A lane that sleeps until a timer of its own, or is woken by a producer, who may be still on the way out when the lane has
 * run its task, is closed and freed. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

static ql_lane *lane;
static ql_timer timer;
static qli_parker done;
static ql_task task;

static void tick(ql_timer *of)
{
    assert(!ql_timer_start(of, ql_now_ns() + 1000, 0));
}

#ifdef WATCH
static ql_watch watch;
static int watched;

static void never(ql_watch *of, unsigned ready)
{
    (void)of, (void)ready;
    abort();
}
#endif

static int open_it(void *self, ql_error *error)
{
    (void)self, (void)error;
    timer.fn = tick;
    tick(&timer);
#ifdef WATCH
    watch.fn = never;
    watched = eventfd(0, 0);
    assert(!ql_watch_start(&watch, watched, QL_READABLE));
#endif
    return 0;
}

static int run(ql_task *of)
{
    (void)of;
    qli_unpark(&done);
    return 0;
}

static void *produce(void *arg)
{
    assert(!ql_lane_submit(lane, &task));
    return arg;
}

int main(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "model", .open = open_it};
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    pthread_t producer;
    ql_error error;
    assert(!ql_lane_open(runtime, &config, &lane, &error));
    ql_task_init(&task, run, NULL);
    pthread_create(&producer, NULL, produce, NULL);
    qli_park(&done, QL_FOREVER);
    assert(!ql_lane_close(lane, NULL, NULL, &error));
    assert(!ql_lane_free(lane));
    pthread_join(producer, NULL);
    no_pool_stop(runtime);
#ifdef WATCH
    close(watched);
#endif
    return 0;
}
