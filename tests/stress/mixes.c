/* What threads of the host do with the pool. */
#include <errno.h>
#include <poll.h>

#include "qlane/completions.h"
#include "qlane/strand.h"
#include "tests/stress/soak.h"
#include "tests/support/harness.h"

void prepare_all(host *of, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        job_init(&of->jobs[i], (unsigned)(qlt_random(&of->stream) % 262144));
}

/* Lists must be of one class. */
static void submit_all(host *of, unsigned n, ql_executor *on, bool many)
{
    ql_task *list[BATCH];
    int code = 0;
    for (unsigned i = 0; i < n; i++) {
        list[i] = &of->jobs[i].task;
        list[i]->klass = many ? QL_NORMAL : list[i]->klass;
    }
    if (many)
        code = ql_submit_many(on, list, n);
    for (unsigned i = 0; i < n; i++)
        job_handed(&of->jobs[i], many ? code : ql_submit(on, list[i]));
}

void settle_all(host *of, unsigned n)
{
    uint64_t draw = qlt_random(&of->stream);
    for (unsigned i = 0; i < n; i++)
        if (of->jobs[i].accepted && (draw >> i & 3) == 3)
            job_cancel(&of->jobs[i]);
    for (unsigned i = 0; i < n; i++)
        if (of->jobs[i].accepted)
            job_settle(&of->jobs[i]);
}

/* In one class, so in this order. */
static void submit_in_line(host *of, unsigned n, bool many)
{
    for (unsigned i = 0; i < n; i++) {
        of->jobs[i].task.klass = QL_NORMAL;
        of->jobs[i].series = &of->series;
        of->jobs[i].number = ++of->series.given;
    }
    submit_all(of, n, ql_strand_executor(of->series.strand), many);
}

/* The second follows the first, where that was accepted. */
static void chain(host *of)
{
    submit_all(of, 1, soak_pool, false);
    if (!of->jobs[0].accepted)
        return;
    of->jobs[1].task.on = soak_pool;
    int code = ql_future_then(&of->jobs[0].task.future, &of->jobs[1].task);
    of->jobs[0].followed = !code;
    job_handed(&of->jobs[1], code);
}

static void wait_together(host *of, unsigned n, bool all)
{
    ql_member members[BATCH];
    size_t which = BATCH, count = 0;
    submit_all(of, n, soak_pool, true);
    for (unsigned i = 0; i < n; i++)
        if (of->jobs[i].accepted)
            members[count++].future = &of->jobs[i].task.future;
    if (!count)
        return;
    int64_t until_ns = ql_after_ns((int64_t)(of->jobs[0].draw % 300000));
    int code = all ? ql_wait_all(members, count, until_ns) : ql_wait_any(members, count, until_ns, &which);
    qlt_check(code == 0 || code == -ETIMEDOUT);
    if (!code && all)
        for (size_t i = 0; i < count; i++)
            qlt_check(ql_future_settled(members[i].future));
    if (!code && !all)
        qlt_check(which < count && ql_future_settled(members[which].future));
}

/* Through the descriptor, each once. */
static void complete(host *of, unsigned n)
{
    unsigned expected = 0;
    submit_all(of, n, soak_pool, true);
    for (unsigned i = 0; i < n; i++)
        if (of->jobs[i].accepted) {
            qlt_eq_int(ql_completions_add(of->completions, &of->jobs[i].task.future, &of->jobs[i].done), 0);
            expected++;
        }
    while (expected) {
        struct pollfd descriptor = {.fd = ql_completions_fd(of->completions), .events = POLLIN};
        ql_completion *entry = ql_completions_next(of->completions);
        if (entry) {
            job *mine = (job *)(void *)entry->future;
            qlt_check(mine->accepted && &mine->done == entry);
            job_account(mine);
            expected--;
        } else if (poll(&descriptor, 1, 20000) == 0) {
            stall("a completion has not come");
        }
    }
    qlt_check(!ql_completions_next(of->completions));
}

static void cancel_a_tree(host *of, unsigned n)
{
    ql_scope root, leaf;
    ql_scope_init(&root, NULL);
    ql_scope_init(&leaf, &root);
    for (unsigned i = 0; i < n; i++) {
        of->jobs[i].task.scope = i % 2 ? &leaf : &root;
        of->jobs[i].may |= MAY_CANCEL;
    }
    submit_all(of, n, soak_pool, false);
    ql_scope_cancel(n % 2 ? &leaf : &root);
    settle_all(of, n);
}

static bool spawn(void)
{
    int code = ql_spawn(soak_pool, work_spawned, NULL);
    qlt_check(code == 0 || code == -ESHUTDOWN);
    soak_count(&soak_counts.spawned, !code);
    return !code;
}

bool mix(host *of)
{
    uint64_t draw = qlt_random(&of->stream);
    unsigned n = 1 + (unsigned)(draw >> 8) % BATCH;
    prepare_all(of, BATCH);
    switch (draw % 16) {
    case 0:
        return spawn();
    case 1:
        chain(of);
        n = 2;
        break;
    case 2:
    case 3:
        submit_in_line(of, n, draw % 16 == 2);
        break;
    case 4:
    case 5:
        wait_together(of, n, draw % 16 == 4);
        break;
    case 6:
        complete(of, n);
        return true;
    case 7:
        cancel_a_tree(of, n);
        return true;
    case 8:
        if ((draw >> 16) % 8 == 0)
            fork_child();
        return true;
    case 9:
        qlt_eq_int(ql_runtime_resize(soak_runtime, 1 + n % soak_workers), 0);
        /* fall through */
    default:
        submit_all(of, n, soak_pool, draw >> 24 & 1);
    }
    bool taken = of->jobs[0].accepted;
    settle_all(of, n);
    return taken;
}
