#include <errno.h>
#include <stdlib.h>

#include "tests/stress/soak.h"
#include "tests/support/harness.h"

enum { PATIENCE_S = 20 };

static job *orphans;

int64_t job_patience(void)
{
    return ql_after_ns((int64_t)PATIENCE_S * 1000000000);
}

void job_init(job *of, unsigned draw)
{
    *of = (job){.draw = draw};
    ql_task_init(&of->task, work, NULL);
    of->task.name = "soak";
    of->task.klass = (uint8_t)(draw / 16 % QL_CLASSES);
    of->task.text_buffer = of->text;
    of->task.text_size = sizeof(of->text);
    if (draw % 6 == 0) {
        of->task.deadline_ns = ql_after_ns((int64_t)(draw % 1000000));
        of->task.flags = draw % 12 == 0 ? QL_DEADLINE_RUNS : 0;
        of->may |= MAY_EXPIRE;
    }
    if (draw % 29 == 0)
        of->task.flags |= QL_OWN_COMMIT;
}

void job_handed(job *of, int code)
{
    bool full = code == -EAGAIN || code == -ETIMEDOUT || code == -EDEADLK;
    qlt_check(code == 0 || code == -ESHUTDOWN || (of->place && full));
    of->accepted = !code;
    soak_count(code ? &soak_counts.refused : &soak_counts.accepted, 1);
    if (!of->place)
        return;
    if (code)
        place_drop(of->place);
    else
        soak_count(&of->place->given, 1);
}

/* It did not begin, or its batch was lost: was there a reason? */
static bool is_excused(const job *of, int code)
{
    const place *at = of->place;
    bool begun = of->ran;
    switch (code) {
    case -ECANCELED:
        return of->may & MAY_CANCEL && !begun;
    case -ETIMEDOUT:
        return of->may & MAY_EXPIRE && !begun;
    case -ESHUTDOWN:
        return (soak_impatient || of->may & MAY_SHUT ||
                (at && __atomic_load_n(&at->impatient, __ATOMIC_ACQUIRE))) &&
               !begun;
    case -ENOBUFS:
        return at && at->drops && !begun;
    case -ENXIO: /* the engine's, from here on: open, batch_begin, run, batch_end */
    case -EBADMSG:
        return at && at->kind == FAILING && !begun;
    case -EPROTO:
        return at && at->kind == FAILING;
    case -ENOSPC:
        return at && at->kind == FAILING && begun;
    default:
        return false;
    }
}

void job_account(job *of)
{
    int code = of->task.future.code;
    qlt_check(ql_future_settled(&of->task.future));
    if (!(of->ran == 1 && code == of->answer) && !is_excused(of, code))
        qlt_fail("a task that ran %u times, with %d, settled with %d (%s); may end for %#x, lane of kind %d",
                 of->ran, of->answer, code, of->task.future.text ? of->task.future.text : "", of->may,
                 of->place ? (int)of->place->kind : -1);
    qlt_check(of->ran <= 1);
    if (of->ran && code == -EIO)
        qlt_eq_str(of->task.future.text, "it failed");
    soak_count(&soak_counts.settled, 1);
    stall_beat();
    of->accepted = false;
    if (of->place)
        place_drop(of->place);
}

void job_settle(job *of)
{
    int code = ql_future_wait_until(&of->task.future, ql_after_ns((int64_t)(of->draw % 20000)));
    qlt_check(code == 0 || code == -ETIMEDOUT || (code == -EBUSY && of->followed));
    while (!ql_future_settled(&of->task.future))
        if (ql_future_wait_until(&of->task.future, job_patience()) == -ETIMEDOUT)
            stall("a task has not settled");
    job_account(of);
}

void job_cancel(job *of)
{
    of->may |= MAY_CANCEL;
    int code = ql_task_cancel(&of->task);
    qlt_check(code == 0 || code == -EINPROGRESS || code == -EALREADY || code == -ENOTSUP);
}

void job_orphan(job *of)
{
    job *top = __atomic_load_n(&orphans, __ATOMIC_RELAXED);
    do
        of->next_orphan = top;
    while (!__atomic_compare_exchange_n(&orphans, &top, of, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

void job_account_for_orphans(void)
{
    while (orphans) {
        job *of = orphans;
        orphans = of->next_orphan;
        job_account(of);
        free(of);
    }
}
