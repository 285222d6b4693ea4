/* Everything that core offers, mixed at random by several threads of the host, life after life of a runtime; each task is
 * accounted for by number. QLT_STRESS_S says for how long (10 s), QLANE_SEED replays what was drawn. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/fork.h"
#include "qlane/runtime.h"
#include "qlane/strand.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { HOSTS = 3, BATCH = 16, OPS = 60, PATIENCE_S = 60 };

/* A task that knows whether it ran. */
typedef struct job {
    ql_task task; /* first */
    unsigned ran;
    unsigned draw;
    bool accepted;
    struct series *series; /* it runs on a strand */
    uint64_t number;       /* there */
    struct job *next_orphan;
} job;

/* One host's strand: what only its tasks touch, one at a time and in order. */
typedef struct series {
    ql_strand *strand;
    uint64_t given, ran;
} series;

typedef struct host {
    pthread_t thread;
    uint64_t stream;
    series series;
    job jobs[BATCH];
} host;

static ql_runtime *runtime;
static ql_executor *pool;
static unsigned workers;
static qlt_gate begun, over;
static job *orphans; /* accounted for when the runtime has stopped */
static uint64_t accepted, settled, refused, spawned, spawns_ran, spawns_failed;

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* A wait that hangs says which. */
static int64_t patience(void)
{
    return ql_after_ns((int64_t)PATIENCE_S * 1000000000);
}

static void account(job *of)
{
    int code = of->task.future.code;
    qlt_check(ql_future_settled(&of->task.future));
    qlt_check(code == 0 || code == -ECANCELED || code == -ETIMEDOUT || code == -ESHUTDOWN);
    qlt_eq_uint(of->ran,
                code == 0); /* ours return 0 whatever they are told, so a code means that it never began */
    count(&settled, 1);
}

/* ---- What tasks do ---- */

QL_FORK_1(unsigned, tree, w, unsigned, level)
{
    if (!level)
        return 1;
    tree_child left;
    tree_fork(w, &left, level - 1);
    unsigned right = tree(w, level - 1);
    return right + tree_join(w, &left);
}

static int work(ql_task *task);

/* Without a spare thread a wait is refused, and what it is for may queue on this very seat: it is left to the end. */
static void orphan(job *of)
{
    job *top = __atomic_load_n(&orphans, __ATOMIC_RELAXED);
    do
        of->next_orphan = top;
    while (!__atomic_compare_exchange_n(&orphans, &top, of, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* One more level of tasks, waited for from inside. */
static void go_deeper(const job *of)
{
    job *inner = calloc(1, sizeof(*inner));
    qlt_check(inner);
    inner->draw = of->draw / 8;
    ql_task_init(&inner->task, work, NULL);
    inner->task.deadline_ns = inner->draw % 5 == 0 ? ql_after_ns(inner->draw % 200000) : 0;
    int code = ql_submit(pool, &inner->task);
    if (code) {
        qlt_eq_int(code, -ESHUTDOWN);
        count(&refused, 1);
        free(inner);
        return;
    }
    count(&accepted, 1);
    if (inner->draw % 3 == 0)
        (void)ql_task_cancel(&inner->task);
    if (inner->draw % 4 == 0)
        code = ql_future_wait_until(&inner->task.future, ql_after_ns(inner->draw % 50000));
    if (code != -EAGAIN)
        code = ql_future_wait_until(&inner->task.future, patience());
    qlt_check(code == 0 || code == -EAGAIN);
    if (code) {
        orphan(inner);
        return;
    }
    account(inner);
    free(inner);
}

static void account_for_orphans(void)
{
    while (orphans) {
        job *of = orphans;
        orphans = of->next_orphan;
        account(of);
        free(of);
    }
}

static void fork_tree(unsigned draw)
{
    unsigned level = draw % 9;
    qlt_eq_uint(tree(ql_worker_self(), level), 1u << level);
}

static int work(ql_task *task)
{
    job *of = (job *)(void *)task;
    qlt_eq_uint(__atomic_fetch_add(&of->ran, 1, __ATOMIC_RELAXED), 0);
    if (of->series) {
        qlt_check(of->series->ran < of->number); /* those between were cancelled */
        of->series->ran = of->number;
    }
    if (of->draw % 8 < 3)
        fork_tree(of->draw / 8);
    else if (of->draw % 8 < 5 && of->draw >= 64)
        go_deeper(of);
    else if (of->draw % 8 == 5) {
        ql_blocking_begin();
        ql_blocking_end();
    }
    if (of->series)
        qlt_eq_uint(of->series->ran, of->number); /* nobody came between */
    return 0;
}

static int spawn_work(ql_task *task)
{
    (void)task;
    count(&spawns_ran, 1);
    return 0;
}

static void note_failed_spawn(void *context, ql_level level, const char *line)
{
    (void)context;
    if (level == QL_WARNING && strstr(line, "spawned task"))
        count(&spawns_failed, 1);
}

/* ---- What threads of the host do ---- */

static void prepare(host *of, unsigned n)
{
    ql_class klass = (ql_class)(qlt_random(&of->stream) % QL_CLASSES);
    for (unsigned i = 0; i < n; i++) {
        job *mine = &of->jobs[i];
        *mine = (job){.draw = (unsigned)(qlt_random(&of->stream) % 32768)};
        ql_task_init(&mine->task, work, NULL);
        mine->task.klass = (uint8_t)klass;
        if (mine->draw % 6 == 0)
            mine->task.deadline_ns = ql_after_ns((int64_t)(mine->draw % 1000000));
        mine->task.flags = mine->draw % 12 == 0 ? QL_DEADLINE_RUNS : 0;
    }
}

static void submit_all(host *of, unsigned n, ql_executor *on, bool many)
{
    ql_task *list[BATCH];
    int code = 0;
    for (unsigned i = 0; i < n; i++)
        list[i] = &of->jobs[i].task;
    if (many)
        code = ql_submit_many(on, list, n);
    for (unsigned i = 0; i < n; i++) {
        if (!many)
            code = ql_submit(on, list[i]);
        qlt_check(code == 0 || code == -ESHUTDOWN);
        of->jobs[i].accepted = !code;
        count(code ? &refused : &accepted, 1);
    }
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
    submit_all(of, 1, pool, false);
    if (!of->jobs[0].accepted)
        return;
    of->jobs[1].task.on = pool;
    /* Refused only where the first has settled already, so that this is a submit like any other. */
    int code = ql_future_then(&of->jobs[0].task.future, &of->jobs[1].task);
    qlt_check(code == 0 || code == -ESHUTDOWN);
    of->jobs[1].accepted = !code;
    count(code ? &refused : &accepted, 1);
}

static void settle_all(host *of, unsigned n)
{
    uint64_t draw = qlt_random(&of->stream);
    for (unsigned i = 0; i < n; i++)
        if (of->jobs[i].accepted && (draw >> i & 3) == 3) {
            int code = ql_task_cancel(&of->jobs[i].task);
            qlt_check(code == 0 || code == -EINPROGRESS || code == -EALREADY);
        }
    for (unsigned i = 0; i < n; i++) {
        job *mine = &of->jobs[i];
        if (!mine->accepted)
            continue;
        int code = ql_future_wait_until(&mine->task.future, ql_after_ns((int64_t)(mine->draw % 20000)));
        qlt_check(code == 0 || code == -ETIMEDOUT || code == -EBUSY); /* busy: another follows it */
        while (!ql_future_settled(&mine->task.future))
            if (ql_future_wait_until(&mine->task.future, patience()) == -ETIMEDOUT)
                qlt_fail("task %u of a batch has not settled in %d s", i, PATIENCE_S);
        account(mine);
    }
}

/* False: it was refused, the runtime stops. */
static bool operate(host *of)
{
    unsigned n = 1 + (unsigned)(qlt_random(&of->stream) % BATCH),
             kind = (unsigned)(qlt_random(&of->stream) % 12);
    prepare(of, BATCH);
    if (kind == 0) {
        int code = ql_spawn(pool, spawn_work, NULL);
        qlt_check(code == 0 || code == -ESHUTDOWN);
        count(&spawned, !code);
        return !code;
    }
    if (kind == 1)
        chain(of);
    else if (kind < 5)
        submit_in_line(of, n, kind == 2);
    else
        submit_all(of, n, pool, kind == 5);
    if (kind == 6)
        qlt_eq_int(ql_runtime_resize(runtime, 1 + n % workers), 0);
    n = kind == 1 ? 2 : n;
    bool taken = of->jobs[0].accepted;
    settle_all(of, n);
    return taken;
}

static void *run_host(void *arg)
{
    host *of = arg;
    for (int i = 0; i < OPS && operate(of); i++)
        ;
    ql_strand_release(of->series.strand);
    qlt_gate_arrive(&over);
    return NULL;
}

/* Keeps the runtime until every host is through with it, however little patience the stop has. */
static int keep(ql_task *task)
{
    (void)task;
    qlt_gate_open(&begun, 1);
    ql_blocking_begin();
    qlt_gate_wait(&over, HOSTS);
    ql_blocking_end();
    return 0;
}

static void one_life(uint64_t *stream)
{
    static host hosts[HOSTS];
    static const unsigned spares[] = {0, 0, 8, 64}, depths[] = {0, 1, 5, 64};
    ql_runtime_config config = {.log = note_failed_spawn,
                                .spares_max = spares[qlt_random(stream) % 4],
                                .fork_depth = depths[qlt_random(stream) % 4]};
    ql_stop patience_of_stop = {.size = sizeof(patience_of_stop)};
    ql_error error;
    ql_task keeper;
    begun = over = (qlt_gate)QLT_GATE_INIT;
    workers = 1 + (unsigned)(qlt_random(stream) % 4);
    runtime = qlt_runtime_with(workers, config);
    pool = ql_runtime_pool(runtime);
    ql_task_init(&keeper, keep, NULL);
    qlt_eq_int(ql_submit(pool, &keeper), 0);
    qlt_gate_wait(&begun, 1);
    for (int i = 0; i < HOSTS; i++) {
        hosts[i].stream = qlt_random(stream);
        hosts[i].series = (series){0};
        qlt_eq_int(ql_strand_create(runtime, &hosts[i].series.strand), 0);
        pthread_create(&hosts[i].thread, NULL, run_host, &hosts[i]);
    }
    uint64_t draw = qlt_random(stream);
    if (draw % 3)
        qlt_gate_wait(&over, 1 + (unsigned)(draw % HOSTS));
    if (draw % 2)
        patience_of_stop.drain_until_ns = ql_after_ns((int64_t)(draw % 2000000) + 1);
    if (ql_runtime_stop(runtime, &patience_of_stop, &error))
        qlt_fail("%s", error.text);
    for (int i = 0; i < HOSTS; i++)
        pthread_join(hosts[i].thread, NULL);
    qlt_check(ql_future_settled(&keeper.future));
    account_for_orphans();
    qlt_eq_uint(settled, accepted);
    qlt_eq_uint(spawns_ran + spawns_failed, spawned);
}

static int64_t length_ns(void)
{
    const char *given = getenv("QLT_STRESS_S");
    int seconds = given ? atoi(given) : 0;
    return (int64_t)(seconds > 0 ? seconds : 10) * 1000000000;
}

QLT(core, accounts_for_every_task_whatever_is_mixed)
{
    uint64_t stream = qlt_seed();
    unsigned lives = 0;
    for (int64_t until_ns = ql_after_ns(length_ns()); ql_now_ns() < until_ns; lives++)
        one_life(&stream);
    fprintf(stderr, "%u lives, %llu tasks settled, %llu refused, %llu spawned\n", lives,
            (unsigned long long)settled, (unsigned long long)refused, (unsigned long long)spawned);
    qlt_check(lives && settled && spawned);
}
