/* Lanes that are opened and closed while everybody uses them. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/stress/soak.h"
#include "tests/support/harness.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static place *current[PLACES];
static place *all; /* of this life */

/* ---- Holding one ------------------------------------------------------------------------------------------------ */

place *place_hold(place *of)
{
    __atomic_fetch_add(&of->refs, 1, __ATOMIC_RELAXED);
    return of;
}

void place_drop(place *of)
{
    __atomic_fetch_sub(&of->refs, 1, __ATOMIC_RELEASE);
}

place *place_take(uint64_t draw)
{
    pthread_mutex_lock(&lock);
    place *of = current[draw % PLACES];
    if (of)
        place_hold(of);
    pthread_mutex_unlock(&lock);
    return of;
}

static bool is_held(const place *of)
{
    return __atomic_load_n(&of->refs, __ATOMIC_ACQUIRE);
}

/* ---- Its timer and its watch, on the lane ------------------------------------------------------------------------- */

static void tick(ql_timer *timer)
{
    place *of = timer->arg;
    qlt_check(!of->in_batch);
    if (++of->ticks % 16 == 0)
        qlt_eq_int(ql_timer_stop(timer), 0);
}

static void drain(ql_watch *watch, unsigned ready)
{
    place *of = watch->arg;
    uint64_t found = 0;
    qlt_check(!of->in_batch && ready == QL_READABLE);
    qlt_eq_int(read(of->fd, &found, sizeof(found)), sizeof(found));
    of->read += found;
    qlt_check(of->read <= of->written);
}

void place_events(place *of, unsigned draw)
{
    static const uint64_t one = 1;
    int code = 0;
    switch (draw % 6) {
    case 0:
        code = ql_timer_start(&of->timer, ql_after_ns((int64_t)(draw % 50) * 1000), draw % 4 * 100000);
        break;
    case 1:
        code = ql_timer_stop(&of->timer);
        break;
    case 2:
        code = ql_watch_start(&of->watch, of->fd, QL_READABLE);
        break;
    case 3:
        code = ql_watch_stop(&of->watch);
        break;
    default:
        of->written++;
        qlt_eq_int(write(of->fd, &one, sizeof(one)), sizeof(one));
    }
    qlt_eq_int(code, 0);
}

/* ---- Opening ------------------------------------------------------------------------------------------------------ */

static ql_lane_config draw_config(place *of, uint64_t draw)
{
    static const size_t capacities[] = {0, 0, 4, 64};
    static const unsigned batches[] = {0, 1, 3, 64};
    of->drops = draw >> 8 & 1;
    of->kind = (place_kind)(draw % 3);
    return (ql_lane_config){.size = sizeof(ql_lane_config),
                            .name = of->kind == SQLITE ? "sqlite" : "soak",
                            .engine = of->kind == FAILING ? &soak_engine : NULL,
                            .engine_arg = of,
                            .capacity_tasks = capacities[draw >> 16 & 3],
                            .full = of->drops ? QL_FULL_DROPS_OLDEST : QL_FULL_REFUSES,
                            .batch_tasks = batches[draw >> 24 & 3],
                            .batch_us = draw >> 32 & 1 ? 20 : 0};
}

static bool make_table(ql_lane *lane)
{
    ql_sqlite_call call;
    ql_sqlite_call_init(&call, "CREATE TABLE t(k INTEGER PRIMARY KEY, v)");
    int code = ql_lane_call(lane, &call.task);
    if (!code)
        code = call.task.future.code;
    qlt_check(code == 0 || code == -ESHUTDOWN);
    return !code;
}

/* 0, or -ESHUTDOWN. Opened with or without waiting: in that case it may still turn out that the engine refuses. */
static int open_lane(place *of, uint64_t draw)
{
    ql_lane_config config = draw_config(of, draw);
    ql_sqlite_config database = {.size = sizeof(database)};
    ql_error error;
    int code;
    if (of->kind == SQLITE)
        code = ql_sqlite_open(soak_runtime, &config, &database, &of->lane, &error);
    else if (draw >> 40 & 1)
        code = ql_lane_open_begin(soak_runtime, &config, &of->lane, &error);
    else
        code = ql_lane_open(soak_runtime, &config, &of->lane, &error);
    if (!code && of->kind == SQLITE && !make_table(of->lane))
        code = -ESHUTDOWN;
    if (code && code != -ESHUTDOWN && !(code == -ENXIO && of->kind == FAILING))
        qlt_fail("%s", error.text);
    if (!code && draw >> 48 & 1) {
        bool drops = draw >> 49 & 1;
        of->drops |= drops;
        qlt_eq_int(ql_client_open(of->lane, NULL, 1 + (draw >> 50 & 7),
                                  drops ? QL_FULL_DROPS_OLDEST : QL_FULL_REFUSES, &of->client),
                   0);
    }
    return code;
}

/* ---- Closing ------------------------------------------------------------------------------------------------------ */

/* Nobody uses it any more: now its numbers must be right. */
static void audit(place *of)
{
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_lane_stats_get(of->lane, &stats);
    qlt_eq_uint(stats.queued, 0);
    if (of->kind != SQLITE && (stats.settled < of->given || stats.settled > of->given + of->unsure))
        qlt_fail("a lane took %llu tasks, and up to %llu more, but settled %llu",
                 (unsigned long long)of->given, (unsigned long long)of->unsure,
                 (unsigned long long)stats.settled);
    qlt_check(stats.done <= stats.settled);
    qlt_eq_int(ql_client_close(of->client), 0);
    qlt_eq_int(ql_lane_free(of->lane), 0);
    of->lane = NULL;
}

/* Every row that was reported stored is there, and no other. */
static void count_rows(const place *of)
{
    ql_sqlite_call call;
    ql_sqlite_call_init(&call, "SELECT count(*) FROM t");
    int code = ql_lane_call(of->lane, &call.task);
    if (code == -ESHUTDOWN || (!code && call.task.future.code == -ESHUTDOWN))
        return;
    qlt_eq_int(code, 0);
    qlt_eq_int(call.task.future.code, 0);
    qlt_eq_uint((uint64_t)call.rows->cells[0].integer, of->stored);
    ql_sqlite_rows_free(call.rows);
}

static void close_lane(place *of, uint64_t draw)
{
    ql_stop patience = {.size = sizeof(patience)};
    ql_lane_report report = {.size = sizeof(report)};
    ql_error error;
    for (int64_t until_ns = ql_after_ns(draw & 1 ? 0 : 20000000); is_held(of) && ql_now_ns() < until_ns;)
        sched_yield();
    if (of->kind == SQLITE && !is_held(of))
        count_rows(of);
    if (draw % 3) {
        patience.drain_until_ns = draw % 3 == 1 ? 1 : ql_after_ns((int64_t)(draw % 400000));
        __atomic_store_n(&of->impatient, true, __ATOMIC_RELEASE);
    }
    if (ql_lane_close(of->lane, &patience, &report, &error))
        qlt_fail("%s", error.text);
    if (!__atomic_load_n(&of->impatient, __ATOMIC_RELAXED) && !soak_impatient)
        qlt_eq_uint(report.shut, 0);
    if (!is_held(of))
        audit(of);
}

bool place_renew(uint64_t *stream)
{
    uint64_t draw = qlt_random(stream);
    place *of = calloc(1, sizeof(*of));
    qlt_check(of);
    of->stream = draw;
    of->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    of->timer = (ql_timer){.fn = tick, .arg = of};
    of->watch = (ql_watch){.fn = drain, .arg = of};
    pthread_mutex_lock(&lock);
    of->next = all;
    all = of;
    place *old = current[draw % PLACES];
    current[draw % PLACES] = NULL;
    pthread_mutex_unlock(&lock);
    if (old)
        close_lane(old, qlt_random(stream));
    int code = open_lane(of, qlt_random(stream));
    soak_count(&soak_counts.lanes, 1);
    if (code)
        return code != -ESHUTDOWN;
    pthread_mutex_lock(&lock);
    bool taken = current[draw % PLACES];
    if (!taken)
        current[draw % PLACES] = of;
    pthread_mutex_unlock(&lock);
    if (taken) /* another host was faster */
        close_lane(of, qlt_random(stream));
    return true;
}

/* ---- A life of the runtime ----------------------------------------------------------------------------------------- */

void places_begin(void)
{
    for (int i = 0; i < PLACES; i++)
        current[i] = NULL;
}

void places_end(void)
{
    while (all) {
        place *of = all;
        all = of->next;
        qlt_check(!is_held(of));
        qlt_check(!of->open && !of->in_batch);
        qlt_eq_uint(of->exits, of->kind == FAILING);
        qlt_check(of->closes <= of->opens);
        close(of->fd);
        free(of);
    }
}
