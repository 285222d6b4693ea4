/* What threads of the host do with lanes. */
#include <errno.h>

#include "tests/stress/soak.h"
#include "tests/support/harness.h"

typedef int submit_fn(place *at, ql_task *task, int64_t until_ns);

static int submit(place *at, ql_task *task, int64_t until_ns)
{
    (void)until_ns;
    return ql_lane_submit(at->lane, task);
}

static int submit_until(place *at, ql_task *task, int64_t until_ns)
{
    return ql_lane_submit_until(at->lane, task, until_ns);
}

static int submit_client(place *at, ql_task *task, int64_t until_ns)
{
    (void)until_ns;
    return at->client ? ql_submit(ql_client_executor(at->client), task) : ql_lane_submit(at->lane, task);
}

static int submit_client_until(place *at, ql_task *task, int64_t until_ns)
{
    return at->client ? ql_client_submit_until(at->client, task, until_ns)
                      : ql_lane_submit_until(at->lane, task, until_ns);
}

static void submit_each(host *of, unsigned n, place *at, submit_fn *how)
{
    for (unsigned i = 0; i < n; i++) {
        of->jobs[i].place = place_hold(at);
        job_handed(&of->jobs[i],
                   how(at, &of->jobs[i].task, ql_after_ns((int64_t)(of->jobs[i].draw % 500000))));
    }
}

static void submit_together(host *of, unsigned n, place *at)
{
    ql_task *list[BATCH];
    for (unsigned i = 0; i < n; i++) {
        of->jobs[i].place = place_hold(at);
        of->jobs[i].task.klass = QL_URGENT;
        list[i] = &of->jobs[i].task;
    }
    int code = ql_submit_many(ql_lane_executor(at->lane), list, n);
    for (unsigned i = 0; i < n; i++)
        job_handed(&of->jobs[i], code);
}

static void call(job *of, place *at)
{
    int code = ql_lane_call(at->lane, &of->task);
    of->place = place_hold(at);
    job_handed(of, code);
    if (!code)
        job_account(of);
}

/* A lane's task follows one of the pool's. */
static void follow(host *of, place *at)
{
    job *first = &of->jobs[0], *second = &of->jobs[1];
    job_handed(first, ql_submit(soak_pool, &first->task));
    if (!first->accepted)
        return;
    second->task.on = ql_lane_executor(at->lane);
    second->place = place_hold(at);
    second->may |= MAY_SHUT; /* the lane may close before its turn comes */
    int code = ql_future_then(&first->task.future, &second->task);
    first->followed = !code;
    job_handed(second, code);
    if (!code) { /* it has not come to the lane, if that was closed before */
        __atomic_fetch_sub(&at->given, 1, __ATOMIC_RELAXED);
        soak_count(&at->unsure, 1);
    }
}

static void spawn(place *at)
{
    int code = ql_spawn(ql_lane_executor(at->lane), work_spawned, NULL);
    qlt_check(code == 0 || code == -ESHUTDOWN || code == -EAGAIN);
    soak_count(&soak_counts.spawned, !code);
    soak_count(&at->given, !code);
}

/* ---- SQL ---------------------------------------------------------------------------------------------------------- */

static void account_for_row(ql_sqlite_call *call, place *at, bool cancelled)
{
    int code = call->task.future.code;
    bool shut = soak_impatient || __atomic_load_n(&at->impatient, __ATOMIC_ACQUIRE);
    qlt_check(code == 0 || code == -EEXIST || (code == -ECANCELED && cancelled) ||
              (code == -ESHUTDOWN && shut) || (code == -ENOBUFS && at->drops));
    if (!code)
        qlt_eq_int(call->changes, 1);
    soak_count(&at->stored, !code);
    soak_count(&soak_counts.settled, 1);
    ql_sqlite_rows_free(call->rows);
}

static void insert(host *of, place *at)
{
    ql_sqlite_cell keys[CALLS];
    bool accepted[CALLS], cancelled[CALLS];
    for (int i = 0; i < CALLS; i++) {
        uint64_t draw = qlt_random(&of->stream);
        keys[i] = (ql_sqlite_cell){.type = QL_SQLITE_INTEGER, .integer = (int64_t)(draw % 4096)};
        ql_sqlite_call_init(&of->calls[i], "INSERT INTO t VALUES (?, 'row')");
        of->calls[i].params = &keys[i];
        of->calls[i].params_count = 1;
        int code = ql_lane_submit(at->lane, &of->calls[i].task);
        qlt_check(code == 0 || code == -EAGAIN || code == -ESHUTDOWN);
        accepted[i] = !code;
        cancelled[i] = accepted[i] && draw >> 32 & 1;
        soak_count(code ? &soak_counts.refused : &soak_counts.accepted, 1);
        if (cancelled[i])
            (void)ql_task_cancel(&of->calls[i].task);
    }
    for (int i = 0; i < CALLS; i++) {
        if (!accepted[i])
            continue;
        if (ql_future_wait_until(&of->calls[i].task.future, job_patience()))
            stall("a row has not settled");
        account_for_row(&of->calls[i], at, cancelled[i]);
    }
}

/* ------------------------------------------------------------------------------------------------------------------- */

static void mix_on(host *of, place *at)
{
    uint64_t draw = qlt_random(&of->stream);
    unsigned n = 1 + (unsigned)(draw >> 8) % BATCH;
    static submit_fn *const ways[] = {submit, submit_until, submit_client, submit_client_until};
    prepare_all(of, BATCH);
    if (at->kind == SQLITE && draw & 1) {
        insert(of, at);
        return;
    }
    switch (draw >> 1 & 7) {
    case 0:
        if (at->kind != FAILING) /* there it may run and fail nevertheless */
            spawn(at);
        return;
    case 1:
        call(&of->jobs[0], at);
        return;
    case 2:
        follow(of, at);
        n = 2;
        break;
    case 3:
        submit_together(of, n, at);
        break;
    default:
        submit_each(of, n, at, ways[draw >> 1 & 3]);
    }
    settle_all(of, n);
}

bool mix_lanes(host *of)
{
    uint64_t draw = qlt_random(&of->stream);
    place *at = place_take(draw);
    if (!at || draw >> 8 & 1) {
        if (at)
            place_drop(at);
        return (draw >> 9) % 4 ? true : place_renew(&of->stream);
    }
    mix_on(of, at);
    place_drop(at);
    return true;
}
