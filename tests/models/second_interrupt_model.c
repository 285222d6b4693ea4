/* A lane takes two tasks at once, and two threads cancel the second. One of them comes no further than to ask; the other one's hook
 * finds the engine as the first task has left it, also where it has not asked itself. REFUSED: they cancel the first, which may be
 * refused as it begins; the hook never meets the second. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

enum { FIRST, SECOND, TASKS, STEPS = 8 };
#ifdef REFUSED
#undef REFUSED
enum { REFUSED = 1, AIM = FIRST };
#else
enum { REFUSED = 0, AIM = SECOND };
#endif

static ql_lane *lane;
static ql_task tasks[TASKS];
static int left; /* plain: written by the first task, read by the hook */
static int second_runs;

static int open_it(void *self, ql_error *error)
{
    (void)self, (void)error;
    qli_lane_of(qli_context_current()->executor)->take_next = TASKS;
    return 0;
}

static int interrupt(void *self)
{
    (void)self;
    if (!REFUSED)
        assert(left);
    /* It takes its time: would the lane go on meanwhile? */
    for (int i = 0; i < STEPS && REFUSED; i++) {
        assert(!qli_load(&second_runs, __ATOMIC_RELAXED));
        sched_yield();
    }
    return 0;
}

static int run_first(ql_task *task)
{
    left = 1;
    return -ql_task_cancelled(task);
}

/* Takes some steps, so that both find it running. */
static int run_second(ql_task *task)
{
    static int steps;
    qli_store(&second_runs, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < STEPS; i++)
        qli_fetch_add(&steps, 1, __ATOMIC_RELAXED);
    return -ql_task_cancelled(task);
}

static void *ask(void *unused)
{
    (void)qli_task_ask(&tasks[AIM], ECANCELED);
    return unused;
}

static void *cancel(void *unused)
{
    int code = ql_task_cancel(&tasks[AIM]);
    assert(code == 0 || code == -EINPROGRESS || code == -EALREADY);
    return unused;
}

int main(void)
{
    static const ql_engine_ops ops = {
        .size = sizeof(ops), .name = "model", .open = open_it, .interrupt = interrupt};
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config), .engine = &ops};
    pthread_t asker, canceller;
    ql_error error;
    assert(!ql_lane_open_begin(runtime, &config, &lane, &error));
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], i == FIRST ? run_first : run_second, NULL);
        assert(!ql_lane_submit(lane, &tasks[i]));
    }
    pthread_create(&asker, NULL, ask, NULL);
    pthread_create(&canceller, NULL, cancel, NULL);
    pthread_join(asker, NULL);
    pthread_join(canceller, NULL);
    for (int i = 0; i < TASKS; i++)
        assert(!ql_future_wait(&tasks[i].future));
    assert(!ql_lane_close(lane, NULL, NULL, &error));
    assert(!ql_lane_free(lane));
    no_pool_stop(runtime);
    return 0;
}
