/* QLT_STRESS_S says for how long (5 s), QLANE_SEED replays what was drawn. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/completions.h"
#include "qlane/strand.h"
#include "tests/stress/soak.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { OPS = 60 };

ql_runtime *soak_runtime;
ql_executor *soak_pool;
unsigned soak_workers;
bool soak_impatient;
struct soak_counts soak_counts;
static qlt_gate begun, over;

void soak_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void note(void *context, ql_level level, const char *line)
{
    (void)context;
    if (level == QL_WARNING && strstr(line, "spawned task"))
        soak_count(&soak_counts.spawns_failed, 1);
}

/* Refused circles of waits, and lanes that were closed, are part of the mix. */
static void misused(void *context, const char *sentence)
{
    (void)context, (void)sentence;
}

static void *run_host(void *arg)
{
    host *of = arg;
    bool goes_on = true;
    for (int i = 0; i < OPS && goes_on; i++) {
        goes_on = qlt_random(&of->stream) % 2 ? mix(of) : mix_lanes(of);
        stall_beat();
    }
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

static void start(uint64_t *stream)
{
    static const unsigned spares[] = {0, 0, 8, 64}, depths[] = {0, 1, 5, 64};
    ql_runtime_config config = {.log = note,
                                .on_misuse = misused,
                                .spares_max = spares[qlt_random(stream) % 4],
                                .fork_depth = depths[qlt_random(stream) % 4]};
    soak_workers = 1 + (unsigned)(qlt_random(stream) % 4);
    ql_runtime *runtime = qlt_runtime_with(soak_workers, config);
    soak_pool = ql_runtime_pool(runtime);
    __atomic_store_n(&soak_runtime, runtime, __ATOMIC_RELEASE);
    places_begin();
    begun = over = (qlt_gate)QLT_GATE_INIT;
}

static void start_host(host *of, uint64_t *stream)
{
    of->stream = qlt_random(stream);
    of->series = (series){.strand = NULL};
    qlt_eq_int(ql_strand_create(soak_runtime, &of->series.strand), 0);
    qlt_eq_int(pthread_create(&of->thread, NULL, run_host, of), 0);
}

static void stop(uint64_t draw)
{
    ql_stop patience = {.size = sizeof(patience)};
    ql_error error;
    if (draw % 3)
        qlt_gate_wait(&over, 1 + (unsigned)(draw % HOSTS));
    if (soak_impatient)
        patience.drain_until_ns = ql_after_ns((int64_t)(draw % 2000000) + 1);
    if (ql_runtime_stop(soak_runtime, &patience, &error))
        qlt_fail("%s", error.text);
    __atomic_store_n(&soak_runtime, NULL, __ATOMIC_RELEASE);
}

static void one_life(uint64_t *stream, host *hosts)
{
    ql_task keeper;
    uint64_t draw = qlt_random(stream);
    soak_impatient = draw % 2;
    start(stream);
    ql_task_init(&keeper, keep, NULL);
    keeper.name = "keeper";
    qlt_eq_int(ql_submit(soak_pool, &keeper), 0);
    qlt_gate_wait(&begun, 1);
    for (int i = 0; i < HOSTS; i++)
        start_host(&hosts[i], stream);
    stop(draw);
    for (int i = 0; i < HOSTS; i++)
        pthread_join(hosts[i].thread, NULL);
    qlt_check(ql_future_settled(&keeper.future));
    job_account_for_orphans();
    places_end();
    qlt_eq_uint(soak_counts.settled, soak_counts.accepted);
    qlt_eq_uint(soak_counts.spawns_ran + soak_counts.spawns_failed, soak_counts.spawned);
}

static int64_t length_ns(void)
{
    const char *given = getenv("QLT_STRESS_S");
    int seconds = given ? atoi(given) : 0;
    return (int64_t)(seconds > 0 ? seconds : 5) * 1000000000;
}

static void report(unsigned lives)
{
    const struct soak_counts *of = &soak_counts;
    fprintf(stderr, "%u lives, %llu tasks settled, %llu refused, %llu spawned, %llu lanes, %llu forks\n",
            lives, (unsigned long long)of->settled, (unsigned long long)of->refused,
            (unsigned long long)of->spawned, (unsigned long long)of->lanes, (unsigned long long)of->forks);
}

QLT(soak, accounts_for_every_task_whatever_is_mixed)
{
    static host hosts[HOSTS];
    uint64_t stream = qlt_seed();
    unsigned lives = 0;
    for (int i = 0; i < HOSTS; i++)
        qlt_eq_int(ql_completions_create(&hosts[i].completions), 0);
    stall_watch_begin();
    for (int64_t until_ns = ql_after_ns(length_ns()); ql_now_ns() < until_ns; lives++)
        one_life(&stream, hosts);
    stall_watch_end();
    for (int i = 0; i < HOSTS; i++)
        qlt_eq_int(ql_completions_destroy(hosts[i].completions), 0);
    report(lives);
    qlt_check(lives && soak_counts.settled && soak_counts.spawned && soak_counts.lanes);
}
