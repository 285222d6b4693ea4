/* Two tasks on an engine that can be interrupted, and two who cancel the first, or, with ABANDON, a close that is out of
 * patience. The hook never meets the second task of the two, and what it did is seen by that one. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

#ifdef ABANDON
#undef ABANDON
enum { ABANDON = 1, CANCELLERS = 0 };
#else
enum { ABANDON = 0, CANCELLERS = 2 };
#endif

static ql_lane *lane;
static ql_task *first;
static int opened;  /* plain: written by open, read by the hook */
static int hits;    /* plain: written by the hook, read by the second task */
static int running; /* which task */
static int hooked;

static int open_it(void *self, ql_error *error)
{
    (void)self, (void)error;
    opened = 1;
    return 0;
}

static int interrupt(void *self)
{
    (void)self;
    assert(opened);
    hits++;
    assert(ABANDON || qli_load(&running, __ATOMIC_RELAXED) != 2);
    qli_store(&hooked, 1, __ATOMIC_RELAXED);
    return 0;
}

static int seen; /* plain: written by the lane */

/* Between the two tasks, the first to look. */
static int end_batch(void *self, ql_error *error)
{
    (void)self, (void)error;
    seen = hits;
    return 0;
}

/* Waits a little for a hook, which may so be over before it is. */
static int run_first(ql_task *task)
{
    enum { STEPS = 20 };
    qli_store(&running, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < STEPS && !qli_load(&hooked, __ATOMIC_RELAXED); i++)
        sched_yield();
    return -ql_task_cancelled(task);
}

static int run_second(ql_task *task)
{
    qli_store(&running, 2, __ATOMIC_RELAXED);
    return ql_task_return(task, (ql_value){.i64 = ABANDON ? 0 : hits});
}

static void *cancel(void *arg)
{
    (void)arg;
    int code = ql_task_cancel(first);
    assert(code == 0 || code == -EINPROGRESS || code == -EALREADY);
    return NULL;
}

int main(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops),
                                      .name = "model",
                                      .open = open_it,
                                      .batch_end = end_batch,
                                      .interrupt = interrupt};
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .engine = &ops, .batch_tasks = 1};
    const ql_stop at_once = {.size = sizeof(at_once), .drain_until_ns = 1};
    pthread_t cancellers[CANCELLERS + 1];
    ql_error error;
    ql_task second;
    assert(!ql_lane_open_begin(runtime, &config, &lane, &error));
    first = malloc(sizeof(*first));
    ql_task_init(first, run_first, NULL);
    ql_task_init(&second, run_second, NULL);
    assert(!ql_lane_submit(lane, first));
    /* Alone, the first is popped without a lock, which would order everything. */
    if (!ABANDON)
        assert(!ql_lane_submit(lane, &second));
    for (int i = 0; i < CANCELLERS; i++)
        pthread_create(&cancellers[i], NULL, cancel, NULL);
    if (ABANDON)
        assert(!ql_lane_close(lane, &at_once, NULL, &error));
    if (!ABANDON)
        assert(!ql_future_wait(&second.future));
    for (int i = 0; i < CANCELLERS; i++)
        pthread_join(cancellers[i], NULL);
    assert(!ql_future_wait(&first->future));
    assert(ABANDON || (second.future.value.i64 == hits && seen == hits));
    free(first);
    if (!ABANDON)
        assert(!ql_lane_close(lane, NULL, NULL, &error));
    assert(!ql_lane_free(lane));
    no_pool_stop(runtime);
    return 0;
}
