/* A strand that is released as soon as its task has settled, while its runner may still be at work: it is freed once, by who
 * is last. ABANDON: by a task, after a stop has closed the pool. */
#include <assert.h>
#include <errno.h>

#include "qlane/runtime.h"
#include "qlane/strand.h"

static ql_strand *strand;
static ql_task serial;
#ifdef ABANDON
static ql_task releaser;
#endif

static int nothing(ql_task *task)
{
    return ((void)task, 0);
}

static int release(ql_task *task)
{
    (void)task;
    ql_strand_release(strand);
    return 0;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 2, .spares_max = 1};
    ql_stop patience = {.size = sizeof(patience)};
    ql_runtime *runtime;
    ql_error error;
    assert(!ql_runtime_start(&config, &runtime, &error));
    assert(!ql_strand_create(runtime, &strand));
    ql_task_init(&serial, nothing, NULL);
    assert(!ql_submit(ql_strand_executor(strand), &serial));
#ifdef ABANDON
    patience.drain_until_ns = 1;
    ql_task_init(&releaser, release, NULL);
    assert(!ql_submit(ql_runtime_pool(runtime), &releaser));
#else
    assert(!ql_future_wait(&serial.future));
    release(NULL);
#endif
    assert(!ql_runtime_stop(runtime, &patience, &error));
    assert(ql_future_settled(&serial.future));
#ifdef ABANDON
    if (releaser.future.code) /* it never began */
        assert(releaser.future.code == -ESHUTDOWN);
#endif
    return 0;
}
