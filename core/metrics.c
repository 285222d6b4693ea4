/* Metrics as text for Prometheus. All numbers are read first, then written: whoever reads slowly holds up nobody. */
#include "qlane/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/atfork.h"
#include "core/runtime.h"

static const char *const causes[QLI_ENDS] = {"done", "failed", "cancelled", "expired", "shut"};

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

/* A worker, all spares, or all lanes of one name: no two series may have the same labels. */
typedef struct row {
    char name[48];
    bool lane;
    int64_t busy_ns;
    uint64_t queued, batches;
    uint64_t ends[QLI_ENDS];
    ql_times times;
} row;

typedef struct snapshot {
    ql_stats stats;
    ql_times pool;
    row *rows;
    size_t count;
    bool failed; /* no memory */
} snapshot;

static row *row_for(snapshot *shot, const char *name, bool lane)
{
    for (size_t i = 0; i < shot->count; i++)
        if (shot->rows[i].lane == lane && strcmp(shot->rows[i].name, name) == 0)
            return &shot->rows[i];
    row *rows = realloc(shot->rows, (shot->count + 1) * sizeof(*rows));
    if (!rows)
        return NULL;
    shot->rows = rows;
    row *made = &rows[shot->count++];
    *made = (row){.lane = lane};
    snprintf(made->name, sizeof(made->name), "%s", name);
    return made;
}

static void read_thread(const qli_look *look, void *arg)
{
    snapshot *shot = arg;
    row *to = row_for(shot, look->name ? look->name : look->spare ? "spares" : look->thread, look->name);
    if (!to) {
        shot->failed = true;
        return;
    }
    to->busy_ns += look->busy_ns;
    to->queued += look->queued;
    to->batches += look->batches;
    for (int end = 0; end < QLI_ENDS; end++)
        to->ends[end] += look->ends[end];
    qli_times_add(look->name ? &to->times : &shot->pool, &look->context->times);
}

static void add_times(const qli_look *look, void *arg)
{
    qli_times_add(arg, &look->context->times);
}

int ql_executor_times(ql_executor *executor, ql_times *times)
{
    if (!executor || !times || times->size != sizeof(*times))
        return -EINVAL;
    if (qli_is_orphan(executor->runtime))
        return -ECHILD;
    if (!executor->ops->look)
        return -ENOTSUP;
    *times = (ql_times){.size = sizeof(*times)};
    executor->ops->look(executor, add_times, times);
    return 0;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP qlane_%s %s\n# TYPE qlane_%s %s\n", name, help, name, type);
}

static void number(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    fprintf(out, "qlane_%s %llu\n", name, (unsigned long long)value);
}

/* No %f: the host's locale may have a comma. */
static void put_seconds(FILE *out, int64_t ns)
{
    fprintf(out, "%lld.%09lld", (long long)(ns / 1000000000), (long long)(ns % 1000000000));
}

static void put_label(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            fputc('\\', out);
        if (*value == '\n')
            fputs("\\n", out);
        else
            fputc(*value, out);
    }
}

static void put_name(FILE *out, const char *metric, const row *of)
{
    fprintf(out, "qlane_%s{%s=\"", metric, of->lane ? "lane" : "worker");
    put_label(out, of->name);
    fputc('"', out);
}

static void write_causes(FILE *out, const uint64_t ends[QLI_ENDS])
{
    head(out, "tasks_settled_total", "counter", "Tasks that have settled, by cause.");
    for (int end = 0; end < QLI_ENDS; end++)
        fprintf(out, "qlane_tasks_settled_total{cause=\"%s\"} %llu\n", causes[end],
                (unsigned long long)ends[end]);
}

static void write_stats(FILE *out, const ql_stats *stats)
{
    const uint64_t ends[QLI_ENDS] = {stats->done, stats->failed, stats->cancelled, stats->expired,
                                     stats->shut};
    head(out, "up_seconds", "gauge", "Time since the runtime was started.");
    fputs("qlane_up_seconds ", out);
    put_seconds(out, stats->up_ns);
    fputc('\n', out);
    number(out, "tasks_accepted_total", "counter", "Tasks taken in.", stats->accepted);
    write_causes(out, ends);
    number(out, "errors_unobserved_total", "counter", "Errors of tasks whose future nobody can see.",
           stats->unobserved);
    number(out, "tasks_queued", "gauge", "Tasks accepted that neither run nor have settled.", stats->queued);
    number(out, "tasks_running", "gauge", "Threads of the runtime that are in a task.", stats->running);
    number(out, "steals_total", "counter", "Tasks and forked children taken from another worker.",
           stats->steals);
    number(out, "parks_total", "counter", "Times a thread of the runtime went to sleep.", stats->parks);
    number(out, "wakes_total", "counter", "Times a sleeping worker or lane was woken.", stats->wakes);
    number(out, "spins_total", "counter", "Times a worker or lane looked for work before it slept.",
           stats->spins);
    number(out, "bindings_lost_total", "counter", "Times a lane was found off its core.",
           stats->lost_bindings);
    number(out, "workers", "gauge", "Workers that the plan has.", stats->workers);
    number(out, "spares", "gauge", "Threads that stand by or stand in for waiting workers.", stats->spares);
}

enum { BUSY, QUEUED, BATCHES };

static void write_rows(FILE *out, const snapshot *shot, bool lane, const char *metric, int what)
{
    for (size_t i = 0; i < shot->count; i++) {
        const row *of = &shot->rows[i];
        if (of->lane != lane)
            continue;
        put_name(out, metric, of);
        fputs("} ", out);
        if (what == BUSY)
            put_seconds(out, of->busy_ns);
        else
            fprintf(out, "%llu", (unsigned long long)(what == QUEUED ? of->queued : of->batches));
        fputc('\n', out);
    }
}

static void write_threads(FILE *out, const snapshot *shot)
{
    head(out, "worker_busy_seconds_total", "counter", "Time that a worker was not idle or in a wait.");
    write_rows(out, shot, false, "worker_busy_seconds_total", BUSY);
    head(out, "worker_queued", "gauge", "Tasks in a worker's own queue.");
    write_rows(out, shot, false, "worker_queued", QUEUED);
    head(out, "lane_busy_seconds_total", "counter", "Time that a lane was not idle.");
    write_rows(out, shot, true, "lane_busy_seconds_total", BUSY);
    head(out, "lane_queued", "gauge", "Tasks that queue at a lane.");
    write_rows(out, shot, true, "lane_queued", QUEUED);
    head(out, "lane_batches_total", "counter", "Batches that a lane has ended.");
    write_rows(out, shot, true, "lane_batches_total", BATCHES);
    head(out, "lane_settled_total", "counter", "Tasks of a lane that have settled, by cause.");
    for (size_t i = 0; i < shot->count; i++)
        for (int end = 0; shot->rows[i].lane && end < QLI_ENDS; end++) {
            put_name(out, "lane_settled_total", &shot->rows[i]);
            fprintf(out, ",cause=\"%s\"} %llu\n", causes[end], (unsigned long long)shot->rows[i].ends[end]);
        }
}

/* From 1 us to 69 s, a bucket for each doubling: those of the histogram, put together. */
static void write_histogram(FILE *out, const char *metric, const char *on, const ql_histogram *histogram)
{
    uint64_t below = 0;
    unsigned bucket = 0;
    for (unsigned shift = 10; shift <= 36; shift++) {
        for (; bucket < ql_histogram_bucket((int64_t)1 << shift); bucket++)
            below += histogram->buckets[bucket];
        fprintf(out, "qlane_%s_bucket{on=\"", metric);
        put_label(out, on);
        fputs("\",le=\"", out);
        put_seconds(out, (int64_t)1 << shift);
        fprintf(out, "\"} %llu\n", (unsigned long long)below);
    }
    const char *const ends[] = {"_bucket", "_sum", "_count"};
    for (int i = 0; i < 3; i++) {
        fprintf(out, "qlane_%s%s{on=\"", metric, ends[i]);
        put_label(out, on);
        fputs(i ? "\"} " : "\",le=\"+Inf\"} ", out);
        if (i == 1)
            put_seconds(out, histogram->sum_ns);
        else
            fprintf(out, "%llu", (unsigned long long)histogram->count);
        fputc('\n', out);
    }
}

_Static_assert(QLI_SAMPLED_EVERY == 127, "two lines of help say so");

static void write_times(FILE *out, const snapshot *shot)
{
    head(out, "task_wait_seconds", "histogram", "From submit to begin, of one task in 127.");
    write_histogram(out, "task_wait_seconds", "pool", &shot->pool.wait);
    for (size_t i = 0; i < shot->count; i++)
        if (shot->rows[i].lane)
            write_histogram(out, "task_wait_seconds", shot->rows[i].name, &shot->rows[i].times.wait);
    head(out, "task_run_seconds", "histogram", "From begin to end of a task's function, of one task in 127.");
    write_histogram(out, "task_run_seconds", "pool", &shot->pool.run);
    for (size_t i = 0; i < shot->count; i++)
        if (shot->rows[i].lane)
            write_histogram(out, "task_run_seconds", shot->rows[i].name, &shot->rows[i].times.run);
}

int ql_metrics_write(ql_runtime *runtime, FILE *out)
{
    snapshot shot = {.stats = {.size = sizeof(shot.stats)}};
    if (!runtime || !out)
        return -EINVAL;
    if (qli_is_orphan(runtime))
        return -ECHILD;
    qli_runtime_look(runtime, read_thread, &shot);
    ql_runtime_stats(runtime, &shot.stats);
    if (!shot.failed) {
        write_stats(out, &shot.stats);
        write_threads(out, &shot);
        write_times(out, &shot);
        fputs("# EOF\n", out);
    }
    free(shot.rows);
    if (shot.failed)
        return -ENOMEM;
    return fflush(out) || ferror(out) ? -EIO : 0;
}
