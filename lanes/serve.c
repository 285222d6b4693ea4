/* A lane's loop: take a few tasks, run them in a batch, settle them; sleep when there is nothing to do. */
#include <errno.h>
#include <sched.h>

#include "lanes/lane.h"

/* A chunk of tasks should take about so long: what comes meanwhile, urgent or not, waits for its end. */
enum { CHUNK_NS = 10000 };

/* Whether the core was lost is looked at after every sleep, and after so many rounds without one. */
enum { ROUNDS_BETWEEN_LOOKS = 1024 };

/* Looks for work before the first look at the clock, and between two. */
enum { POLLS_FIRST = 500, POLLS = 32 };

/* ---- Batches --------------------------------------------------------------------------------------------------- */

static void hold(ql_lane *lane, ql_task *task, int code)
{
    task->future.code = code;
    /* The function has returned, so its deadline means nothing any more. */
    if (task->deadline_ns)
        qli_timers_disarm(&lane->executor.runtime->timers, task);
    task->qli_heap[0] = NULL;
    *lane->held_end = task;
    lane->held_end = &task->qli_heap[0];
}

static void end_batch(ql_lane *lane)
{
    if (!lane->batch_open)
        return;
    ql_error error = {0};
    int64_t began_ns = lane->context.ring ? ql_now_ns() : 0;
    QLI_PROBE(commit, lane->name, lane->in_batch);
    int code = lane->engine.batch_end ? lane->engine.batch_end(lane->engine_self, &error) : 0;
    if (lane->context.ring)
        qli_ring_add(lane->context.ring, QLI_EVENT_COMMIT, began_ns, NULL, NULL, lane->in_batch);
    ql_task *task = lane->held;
    lane->held = NULL;
    lane->held_end = &lane->held;
    lane->batch_open = false;
    qli_count(&lane->batches);
    while (task) {
        ql_task *next = task->qli_heap[0];
        int own = task->future.code;
        if (own || !code)
            qli_lane_settle_own(lane, task, own);
        else
            qli_lane_settle(lane, task, code, "its batch could not be committed", &error);
        task = next;
    }
}

static int begin_batch(ql_lane *lane, bool alone, ql_error *error)
{
    unsigned tasks_max = alone ? 1 : lane->batch_tasks;
    int code = lane->engine.batch_begin ? lane->engine.batch_begin(lane->engine_self, tasks_max, error) : 0;
    if (code)
        return code;
    lane->batch_open = true;
    lane->batch_ends = alone;
    lane->in_batch = 0;
    lane->batch_began_ns = ql_now_ns();
    return 0;
}

static bool batch_is_over(const ql_lane *lane)
{
    return lane->batch_ends || lane->in_batch >= lane->batch_tasks ||
           ql_now_ns() - lane->batch_began_ns >= lane->batch_ns;
}

static void run_batched(ql_lane *lane, ql_task *task, bool more)
{
    ql_error error;
    int code = 0;
    error.text[0] = '\0';
    bool own_commit = task->flags & QL_OWN_COMMIT;
    if (own_commit)
        end_batch(lane);
    if (!lane->batch_open)
        code = begin_batch(lane, own_commit || !more, &error);
    if (code) {
        qli_lane_settle(lane, task, code, "its batch could not begin", &error);
        return;
    }
    if (qli_lane_run_task(lane, task, &code)) {
        lane->in_batch++;
        hold(lane, task, code);
    } else {
        qli_lane_settle_own(lane, task, code);
    }
    if (batch_is_over(lane))
        end_batch(lane);
}

void ql_batch_end_soon(void)
{
    qli_context *context = qli_context_current();
    if (context && context->kind == QLI_LANE)
        qli_lane_of(context->executor)->batch_ends = true;
}

/* ---- Tasks ----------------------------------------------------------------------------------------------------- */

static bool is_batching(const ql_lane *lane)
{
    return lane->engine.batch_begin || lane->engine.batch_end;
}

static void run_by_itself(ql_lane *lane, ql_task *task)
{
    int code;
    qli_lane_run_task(lane, task, &code);
    qli_lane_settle_own(lane, task, code);
}

/* `more`: others queue behind it. */
static void run_one(ql_lane *lane, ql_task *task, bool more)
{
    if (is_batching(lane))
        run_batched(lane, task, more);
    else
        run_by_itself(lane, task);
}

void qli_lane_run_alone(ql_lane *lane, ql_task *task)
{
    run_one(lane, task, false);
}

static void run_popped(ql_lane *lane, ql_task *task)
{
    if (!is_batching(lane)) {
        run_by_itself(lane, task);
        return;
    }
    run_batched(lane, task, qli_inbox_has_work(&lane->inbox));
    if (lane->batch_open && !qli_inbox_has_work(&lane->inbox))
        end_batch(lane);
}

/* Whoever gets a task out of its slot has it. */
static ql_task *empty_slot(ql_lane *lane, size_t i)
{
    return qli_exchange(&lane->taken[i], NULL, __ATOMIC_RELAXED);
}

/* Take fewer at a time when they are slow. */
static void adapt(ql_lane *lane, size_t n, int64_t took_ns)
{
    int64_t fit = CHUNK_NS * (int64_t)n / (took_ns + 1);
    if (fit > 2 * (int64_t)n)
        fit = 2 * (int64_t)n;
    if (fit > QLI_LANE_TAKE)
        fit = QLI_LANE_TAKE;
    lane->take_next = fit < 1 ? 1 : (unsigned)fit;
}

static void run_taken(ql_lane *lane, size_t n)
{
    bool backlog = qli_inbox_has_work(&lane->inbox);
    bool timed = n > 1 || backlog;
    int64_t began_ns = timed ? ql_now_ns() : 0;
    for (size_t i = 0; i < n; i++) {
        ql_task *task = empty_slot(lane, i);
        if (task)
            run_one(lane, task, backlog || i + 1 < n);
    }
    if (lane->batch_open && !qli_inbox_has_work(&lane->inbox))
        end_batch(lane);
    if (timed)
        adapt(lane, n, ql_now_ns() - began_ns);
}

void qli_lane_settle_queued(ql_lane *lane, int code, const char *text, const ql_error *error)
{
    ql_task *task;
    while (qli_inbox_take(&lane->inbox, &task, 1))
        qli_lane_settle(lane, task, code, text, error);
    for (size_t i = 0; i < QLI_LANE_TAKE; i++)
        if ((task = empty_slot(lane, i)))
            qli_lane_settle(lane, task, code, text, error);
}

/* ---- Waiting for work ------------------------------------------------------------------------------------------ */

static void look_after_core(ql_lane *lane)
{
    lane->awake_rounds = 0;
    if (!lane->slot || !ql_slot_lost(lane->slot, &lane->bound))
        return;
    ql_runtime *runtime = lane->executor.runtime;
    (void)ql_slot_bind(runtime->plan, lane->slot, &lane->bound);
    qli_runtime_bound(runtime, lane->slot, &lane->bound, lane->thread.name, false);
    lane->spin.max_ns = lane->bound.spin_max_ns;
    qli_store(&lane->lost, lane->bound.lost, __ATOMIC_RELAXED);
}

static bool has_to_act(const ql_lane *lane)
{
    return qli_inbox_has_work(&lane->inbox) || qli_inbox_is_closed(&lane->inbox);
}

/* A caller that waits is back within a line round trip: half a microsecond of looking for it, and of nothing else. */
static bool comes_at_once(const ql_lane *lane)
{
    for (int polls = lane->spin.max_ns ? POLLS_FIRST : 0; polls; polls--)
        if (has_to_act(lane))
            return true;
    return false;
}

/* For as long as the budget allows. Callers may be on this core too: let them run, or they will not call. */
static bool spin(ql_lane *lane, int64_t start_ns)
{
    int64_t until_ns = qli_spin_until(&lane->spin, start_ns);
    if (until_ns)
        qli_count(&lane->context.spins);
    while (until_ns) {
        for (int i = 0; i < POLLS; i++) {
            if (has_to_act(lane))
                return true;
            qli_pause();
        }
        int64_t now_ns = ql_now_ns();
        if (qli_events_look(&lane->events, now_ns))
            return true;
        if (now_ns >= until_ns)
            break;
        sched_yield();
    }
    return false;
}

static void sleep_until_woken(ql_lane *lane, int64_t deadline_ns)
{
    if (!qli_inbox_sleep(&lane->inbox))
        return;
    int64_t parked_ns = qli_park_begin(&lane->context);
    bool token = qli_events_sleep(lane, deadline_ns);
    qli_park_end(&lane->context, parked_ns);
    if (token)
        qli_count(&lane->context.wakes);
    /* Who pushed meanwhile has the lane's wake still to do, and must be out of it before the lane may be gone. */
    if (!qli_inbox_awake(&lane->inbox) && !token)
        qli_park(&lane->bed, QL_FOREVER);
    look_after_core(lane);
}

static void begin_busy(ql_lane *lane, int64_t now_ns)
{
    qli_store(&lane->busy_since_ns, now_ns, __ATOMIC_RELAXED);
    if (lane->executor.runtime->config.overrun_ns)
        qli_watchdog_rouse(&lane->executor.runtime->watchdog);
}

static void end_busy(ql_lane *lane, int64_t now_ns)
{
    qli_store(&lane->busy_ns, lane->busy_ns + now_ns - lane->busy_since_ns, __ATOMIC_RELAXED);
    qli_store(&lane->busy_since_ns, 0, __ATOMIC_RELAXED);
}

static void await_work(ql_lane *lane, int64_t deadline_ns)
{
    if (comes_at_once(lane))
        return;
    int64_t start_ns = ql_now_ns();
    end_busy(lane, start_ns);
    qli_runtime_idle(lane->executor.runtime);
    if (deadline_ns > start_ns && !spin(lane, start_ns))
        sleep_until_woken(lane, deadline_ns);
    int64_t end_ns = ql_now_ns();
    qli_spin_learn(&lane->spin, end_ns - start_ns);
    begin_busy(lane, end_ns);
}

/* ---- Rounds ---------------------------------------------------------------------------------------------------- */

typedef enum round_end { RAN, NOTHING, OVER } round_end;

/* A few tasks, and what is due besides. */
static round_end run_round(ql_lane *lane)
{
    round_end end = NOTHING;
    if (qli_events_any(&lane->events) && qli_events_look(&lane->events, ql_now_ns())) {
        end_batch(lane);
        qli_events_run(lane);
        end = RAN;
    }
    /* Read before the inbox is: nothing comes after it. */
    bool closed = qli_inbox_is_closed(&lane->inbox);
    ql_task *one = qli_inbox_pop(&lane->inbox);
    size_t n = one ? 1 : 0;
    if (!one && (closed || qli_inbox_has_work(&lane->inbox)))
        n = qli_inbox_take(&lane->inbox, lane->taken, lane->take_next);
    if (!n && lane->batch_open) {
        end_batch(lane); /* what it waited for was taken away */
        return RAN;
    }
    if (!n)
        return closed ? OVER : end;
    qli_lane_places(lane);
    if (one)
        run_popped(lane, one);
    else
        run_taken(lane, n);
    return RAN;
}

bool qli_lane_serve(ql_lane *lane, int64_t deadline_ns, bool once)
{
    begin_busy(lane, ql_now_ns());
    round_end end;
    do {
        end = run_round(lane);
        if (end == NOTHING) {
            await_work(lane, deadline_ns);
            if (once)
                end = run_round(lane);
        }
        if (++lane->awake_rounds >= ROUNDS_BETWEEN_LOOKS)
            look_after_core(lane);
    } while (end != OVER && !once && (deadline_ns == QL_FOREVER || ql_now_ns() < deadline_ns));
    end_batch(lane);
    end_busy(lane, ql_now_ns());
    return end == OVER;
}
