/* A task that follows another: it is registered while the other settles, and runs once, after it. A stop that comes
 * meanwhile settles both. */
#include <assert.h>
#include <errno.h>

#include "qlane/runtime.h"

static int first_ran; /* plain: what the first wrote, the one that follows sees */

static int first(ql_task *task)
{
    (void)task;
    first_ran = 1;
    return 0;
}

static int second(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = first_ran});
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 2, .spares_max = 1};
    ql_runtime *runtime;
    ql_error error;
    ql_task a, b;
    assert(!ql_runtime_start(&config, &runtime, &error));
    ql_task_init(&a, first, NULL);
    ql_task_init(&b, second, NULL);
    b.on = ql_runtime_pool(runtime);
    assert(!ql_submit(ql_runtime_pool(runtime), &a));
    assert(!ql_future_then(&a.future, &b));
    ql_stop patience = {.size = sizeof(patience)};
#ifdef IMPATIENT
    patience.drain_until_ns = ql_after_ns(1);
#endif
    assert(!ql_runtime_stop(runtime, &patience, &error));
    assert(ql_future_settled(&a.future) && ql_future_settled(&b.future));
#ifdef IMPATIENT
    assert(a.future.code == 0 || a.future.code == -ESHUTDOWN);
    assert(b.future.code == 0 || b.future.code == -ESHUTDOWN);
#else
    assert(a.future.code == 0 && b.future.code == 0);
#endif
    assert(b.future.code || b.future.value.i64 == first_ran);
    return 0;
}
