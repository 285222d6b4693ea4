/* Waiting for a future: spin within the budget, then sleep, with the seat passed on and the wait made known. */
#include <errno.h>
#include <sched.h>

#include "core/future.h"
#include "core/runtime.h"

/* A thread of the host waits with what is its own, a parker and what it has learned, and touches nothing of the runtime,
 * which may be gone as soon as the task has settled: docs/decisions/0001-parkers-belong-to-threads.md. */
static _Thread_local struct {
    qli_parker parker;
    qli_spin spin;
    unsigned
        gap; /* pauses between two looks at a future; 0: this thread has submitted since it last waited */
    unsigned slow;  /* how often in a row the answer took longer than a hand-over, at most SLOW_MAX */
    unsigned polls; /* looks between two yields; 0: it has not yielded yet */
} caller;

_Thread_local unsigned qli_unsampled;

/* Polls before the first look at the clock, which costs a fifth of a call through a lane: about half a microsecond. The
 * longest gap is about 2 us. */
enum { POLLS_FIRST = 1000, POLLS = 32, GAP_MAX = 128 };

/* Answers that keep taking longer than this are not one hand-over away: fewer looks before others get the core. */
enum { HAND_OVER_NS = 2000, SLOW_MAX = 5, POLLS_SHARED = 4 };

/* A yield that is back sooner let nobody run. It costs time all the same, and an answer may come meanwhile: so while nobody wants
 * the core, twice as many looks are taken before the next one, at most POLLS. Not where tasks queue: see next_gap(). */
enum { ALONE_NS = 1000 };

void qli_wait_expected(void)
{
    caller.gap = 0;
}

static bool settled_within(const ql_future *future, unsigned polls, unsigned gap)
{
    for (unsigned i = 0; i < polls; i++) {
        if (qli_future_is_settled(future))
            return true;
        for (unsigned pauses = 0; pauses < gap; pauses++)
            qli_pause();
    }
    return false;
}

/* After a submission the answer may be one line round trip away: look all the time. A wait that follows another one stands
 * behind tasks that queue, and each look takes the line from the worker that is about to write it (200 ns a task instead
 * of 80, bench outside1): look the more seldom, the longer that goes on. */
static unsigned next_gap(void)
{
    unsigned gap = caller.gap;
    caller.gap = !gap ? 1 : gap < GAP_MAX ? 2 * gap : GAP_MAX;
    return gap;
}

/* Let others have the core; they may be those that settle it. */
static void yield(void)
{
    int64_t before_ns = ql_now_ns();
    sched_yield();
    bool alone = ql_now_ns() - before_ns < ALONE_NS;
    unsigned more = 2 * caller.polls;
    caller.polls = !alone || !more ? POLLS_SHARED : more < POLLS ? more : POLLS;
}

/* True: it settled. */
static bool spin(qli_spin *budget, const ql_future *future, int64_t deadline_ns, bool own_core)
{
    if (!budget->max_ns)
        return false;
    unsigned gap = next_gap();
    if (!gap && settled_within(future, POLLS_FIRST >> caller.slow, 0))
        return true;
    int64_t start_ns = ql_now_ns(), until_ns = qli_spin_until(budget, start_ns);
    if (until_ns > deadline_ns)
        until_ns = deadline_ns;
    for (int64_t now_ns = start_ns; now_ns < until_ns; now_ns = ql_now_ns()) {
        unsigned polls = own_core ? POLLS : gap || !caller.polls ? POLLS_SHARED : caller.polls;
        if (settled_within(future, gap < polls ? polls / (gap + 1) : 1, gap ? gap : 1)) {
            int64_t waited_ns = ql_now_ns() - start_ns;
            caller.slow = waited_ns < HAND_OVER_NS ? 0 : caller.slow < SLOW_MAX ? caller.slow + 1 : SLOW_MAX;
            qli_spin_learn(budget, waited_ns);
            return true;
        }
        if (!own_core)
            yield();
    }
    return false;
}

qli_parker *qli_own_parker(qli_context *self)
{
    return self ? &self->parker : &caller.parker;
}

/* 0, or -ETIMEDOUT. Either way nothing is registered with the parker any more. */
static int park_or_withdraw(qli_parker *parker, int64_t deadline_ns, bool (*withdraw)(void *arg), void *arg)
{
    if (qli_park(parker, deadline_ns))
        return 0;
    if (withdraw(arg))
        return -ETIMEDOUT;
    /* The token is on its way, and must not stay behind in a parker that is used again. */
    qli_park(parker, QL_FOREVER);
    return 0;
}

/* One of our own threads: others should know what it waits for, and go on with its seat. */
static int sleep_inside(qli_context *self, const ql_member *members, size_t count, int64_t deadline_ns,
                        bool (*withdraw)(void *arg), void *arg)
{
    qli_waits *waits = &self->runtime->waits;
    qli_worker *worker = qli_worker_of(self);
    if (self->lent_for_blocking)
        worker = NULL; /* its seat is lent already */
    int code = qli_waits_enter(waits, self, members, count);
    bool entered = !code;
    if (!code && worker)
        code = qli_seat_leave(worker, false);
    else if (!code && qli_seat_none_works(self->runtime->pool))
        (void)qli_waits_refuse(waits, self);
    if (!code) {
        int64_t parked_ns = qli_park_begin(self);
        if (worker)
            qli_idle_begin(self, ql_now_ns());
        code = park_or_withdraw(&self->parker, deadline_ns, withdraw, arg);
        qli_park_end(self, parked_ns);
        if (worker) {
            qli_seat_return(worker);
            qli_idle_over(self);
        }
    } else if (!withdraw(arg)) {
        qli_park(&self->parker, QL_FOREVER);
        code = 0;
    }
    int refused = entered ? qli_waits_leave(waits, self) : 0;
    return refused ? refused : code;
}

int qli_sleep_in_wait(qli_context *self, const ql_member *members, size_t count, int64_t deadline_ns,
                      bool (*withdraw)(void *arg), void *arg)
{
    if (self)
        return sleep_inside(self, members, count, deadline_ns, withdraw, arg);
    return park_or_withdraw(&caller.parker, deadline_ns, withdraw, arg);
}

void qli_wait_unrefused(qli_context *settler, ql_future *future)
{
    qli_context *self = qli_context_current();
    if (!self || self->runtime != settler->runtime || qli_future_register(future, &self->parker, QLI_PARKER))
        return;
    qli_worker *worker = qli_worker_of(self);
    if (self->lent_for_blocking)
        worker = NULL;
    qli_waits_enter_join(&self->runtime->waits, self, settler);
    if (worker)
        (void)qli_seat_leave(worker, true);
    qli_count(&self->parks);
    qli_park(&self->parker, QL_FOREVER);
    if (worker)
        qli_seat_return(worker);
    (void)qli_waits_leave(&self->runtime->waits, self);
}

typedef struct single {
    ql_future *future;
    qli_parker *parker;
} single;

static bool withdraw_single(void *arg)
{
    single *wait = arg;
    return qli_future_unregister(wait->future, wait->parker, QLI_PARKER);
}

static int sleep_on(qli_context *self, ql_future *future, int64_t deadline_ns)
{
    single wait = {.future = future, .parker = qli_own_parker(self)};
    ql_member member = {.future = future};
    int code = qli_future_register(future, wait.parker, QLI_PARKER);
    if (code)
        return code > 0 ? 0 : code;
    return qli_sleep_in_wait(self, &member, 1, deadline_ns, withdraw_single, &wait);
}

/* Not inlined, so that a future that has settled costs no frame. */
__attribute__((noinline)) static int wait_until(ql_future *future, int64_t deadline_ns)
{
    if (qli_load(&future->qli_word, __ATOMIC_RELAXED) == QLI_FRESH)
        return -EINVAL;
    const ql_task *task = (const ql_task *)future;
    qli_context *self = qli_context_current();
    qli_spin *budget = self ? &self->spin : &caller.spin;
    int64_t max_ns = task->qli_spin_us * (int64_t)1000;
    if (!self && budget->max_ns != max_ns)
        qli_spin_init(budget, max_ns);
    if (spin(budget, future, deadline_ns, self))
        return 0;
    int64_t start_ns = budget->max_ns ? ql_now_ns() : 0;
    int code = sleep_on(self, future, deadline_ns);
    if (start_ns)
        qli_spin_learn(budget, ql_now_ns() - start_ns);
    return code;
}

int ql_future_wait_until(ql_future *future, int64_t deadline_ns)
{
    if (!future)
        return -EINVAL;
    return ql_future_settled(future) ? 0 : wait_until(future, deadline_ns);
}

int ql_future_wait(ql_future *future)
{
    return ql_future_wait_until(future, QL_FOREVER);
}
