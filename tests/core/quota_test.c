/* A quota that changes while the runtime runs: the linker's --wrap puts this file's answer in affinity's place. */
#include <sched.h>

#include "core/runtime.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { WORKERS = 4 };

static unsigned allowed, asked;

unsigned __wrap_ql_plan_workers_now(const ql_plan *plan);
unsigned __wrap_ql_plan_workers_now(const ql_plan *plan)
{
    qlt_eq_uint(ql_plan_workers(plan), WORKERS);
    __atomic_fetch_add(&asked, 1, __ATOMIC_RELAXED);
    return __atomic_load_n(&allowed, __ATOMIC_RELAXED);
}

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

/* Tasks keep workers awake, and so looking. */
static void run_until(ql_runtime *runtime, unsigned active)
{
    int64_t until_ns = ql_after_ns(30000000000);
    while (qli_load(&runtime->pool->active, __ATOMIC_RELAXED) != active) {
        ql_task task;
        ql_task_init(&task, nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_check(ql_now_ns() < until_ns);
    }
}

static void allow(ql_runtime *runtime, unsigned workers, unsigned active)
{
    __atomic_store_n(&allowed, workers, __ATOMIC_RELAXED);
    run_until(runtime, active);
}

QLT(quota, is_followed_when_asked)
{
    allowed = WORKERS;
    ql_runtime *runtime = qlt_runtime_with(WORKERS, (ql_runtime_config){.follow_quota = true});
    allow(runtime, 1, 1);
    allow(runtime, 3, 3);
    qlt_eq_int(ql_runtime_resize(runtime, 2), 0);
    allow(runtime, WORKERS, 2);
    allow(runtime, 1, 1);
    qlt_eq_int(ql_runtime_resize(runtime, WORKERS), 0);
    run_until(runtime, 1);
    allow(runtime, WORKERS, WORKERS);
    qlt_runtime_stop(runtime);
}

QLT(quota, is_not_looked_at_otherwise)
{
    asked = 0;
    ql_runtime *runtime = qlt_runtime(WORKERS);
    for (int i = 0; i < 1000; i++) {
        ql_task task;
        ql_task_init(&task, nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_future_wait(&task.future), 0);
    }
    qlt_runtime_stop(runtime);
    qlt_eq_uint(asked, 0);
}
