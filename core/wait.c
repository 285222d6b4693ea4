/* Waiting for a future: spin within the budget, then sleep, with the seat passed on and the wait made known. */
#include <errno.h>

#include "core/future.h"
#include "core/runtime.h"

/* docs/decisions/0001-parkers-belong-to-threads.md: a thread of the host waits with what is its own: a parker that lives as long as it does, and what it has learned. */
static _Thread_local struct {
    qli_parker parker;
    qli_spin spin;
} caller;

/* True: it settled. */
static bool spin(qli_spin *budget, const ql_future *future, int64_t deadline_ns)
{
    int64_t start_ns = ql_now_ns(), until_ns = qli_spin_until(budget, start_ns);
    if (until_ns > deadline_ns)
        until_ns = deadline_ns;
    while (until_ns) {
        for (int i = 0; i < 32; i++) {
            if (ql_future_settled(future)) {
                qli_spin_learn(budget, ql_now_ns() - start_ns);
                return true;
            }
            qli_pause();
        }
        if (ql_now_ns() >= until_ns)
            break;
    }
    return false;
}

/* Sleep on a registered parker; afterwards it is not registered any more. 0, or -ETIMEDOUT. */
static int sleep_on(ql_future *future, qli_parker *parker, int64_t deadline_ns)
{
    if (qli_park(parker, deadline_ns))
        return 0;
    if (qli_future_unregister(future, parker))
        return -ETIMEDOUT;
    /* It settled meanwhile: the token is on its way, and must not stay behind in a parker that is used again. */
    qli_park(parker, QL_FOREVER);
    return 0;
}

/* A thread of the host. It touches nothing of the runtime, which may be gone as soon as the task has settled. */
static int wait_outside(ql_future *future, int64_t deadline_ns)
{
    int code = qli_future_register(future, &caller.parker);
    if (!code)
        code = sleep_on(future, &caller.parker, deadline_ns);
    return code > 0 ? 0 : code;
}

static int wait_inside(qli_context *self, ql_future *future, int64_t deadline_ns)
{
    ql_runtime *runtime = self->runtime;
    qli_worker *worker = qli_worker_of(self);
    int code = qli_waits_enter(&runtime->waits, self, (ql_task *)future);
    if (code)
        return code;
    code = qli_future_register(future, &self->parker);
    if (!code) {
        code = worker ? qli_seat_leave(worker, false) : 0;
        if (!code) {
            qli_count(&self->parks);
            code = sleep_on(future, &self->parker, deadline_ns);
            if (worker)
                qli_seat_return(worker);
        } else if (!qli_future_unregister(future, &self->parker)) {
            code = qli_park(&self->parker, QL_FOREVER) ? 0 : code;
        }
    }
    qli_waits_leave(&runtime->waits, self);
    return code > 0 ? 0 : code;
}

int ql_future_wait_until(ql_future *future, int64_t deadline_ns)
{
    if (!future)
        return -EINVAL;
    if (ql_future_settled(future))
        return 0;
    if (qli_load(&future->qli_word, __ATOMIC_RELAXED) == QLI_FRESH)
        return -EINVAL;
    const ql_task *task = (const ql_task *)future;
    qli_context *self = qli_context_current();
    qli_spin *budget = self ? &self->spin : &caller.spin;
    int64_t max_ns = task->qli_spin_us * (int64_t)1000;
    if (!self && budget->max_ns != max_ns)
        qli_spin_init(budget, max_ns);
    int64_t start_ns = ql_now_ns();
    if (spin(budget, future, deadline_ns))
        return 0;
    int code = self ? wait_inside(self, future, deadline_ns) : wait_outside(future, deadline_ns);
    qli_spin_learn(budget, ql_now_ns() - start_ns);
    return code;
}

int ql_future_wait(ql_future *future)
{
    return ql_future_wait_until(future, QL_FOREVER);
}
