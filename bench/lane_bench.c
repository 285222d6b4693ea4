/* bazel run -c opt //bench:lane: what one operation on a lane costs, beside what it costs elsewhere and what the hardware asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lane/report.h"

enum { ENTRIES_MAX = 2 * BENCH_FIELD_MAX, REFERENCES = 2, GROWTH = 8 };

/* How long a sample is, by what a small one took. */
static const double SAMPLE_NS = 5e7;

typedef struct lane_work {
    const char *name;
    unsigned callers;
    long pilot, least, most; /* operations; least == most: always so many */
    const char *references[REFERENCES];
    const char *reference_work; /* what the first does, with one caller, when it is not the same */
    lane_mark confined[LANE_MARKS], free[LANE_MARKS];
} lane_work;

#define LINE_MARKS(mark, p99)                 \
    {                                         \
        {"line", "line", LANE_TIME, mark},    \
        {                                     \
            "line_p99", "line", LANE_P99, p99 \
        }                                     \
    }
#define PARK_MARKS                           \
    {                                        \
        {"futex", "futex", LANE_TIME, 1.15}, \
        {                                    \
            "wakes", "", LANE_WAKES, 2       \
        }                                    \
    }
#define MUTEX_MARKS                          \
    {                                        \
        {                                    \
            "mutex", "mutex", LANE_TIME, 2.0 \
        }                                    \
    }
#define FRESH_MARKS                        \
    {                                      \
        {"best", NULL, LANE_TIME, 0.7},    \
        {                                  \
            "mutex", "mutex", LANE_TIME, 0 \
        }                                  \
    }
#define CROSSBEAM(mark)                                  \
    {                                                    \
        {"crossbeam", "crossbeam", LANE_TIME, mark},     \
        {                                                \
            "crossbeam_cpu", "crossbeam", LANE_CPU, mark \
        }                                                \
    }
#define SQLITE(mark, often)                                \
    {                                                      \
        {"mutex", "mutex", LANE_TIME, mark},               \
        {                                                  \
            "mutex_often", "mutex_often", LANE_TIME, often \
        }                                                  \
    }
#define SUBMIT(name, callers)                                                           \
    {                                                                                   \
        name, callers, 4000, 4000, 4000000, {"mutex"}, "call", MUTEX_MARKS, MUTEX_MARKS \
    }

static const lane_work works[] = {
    {"call", 1, 200, 200, 400000, {"line"}, NULL, LINE_MARKS(1.15, 1.5), LINE_MARKS(0, 0)},
    {"call_park", 1, 100, 100, 20000, {"futex"}, NULL, PARK_MARKS, PARK_MARKS},
    {"call20", 20, 400, 400, 400000, {"crossbeam"}, NULL, CROSSBEAM(0), CROSSBEAM(0.75)},
    SUBMIT("submit1", 1),
    SUBMIT("submit4", 4),
    SUBMIT("submit20", 20),
    {"submit_fresh", 1, 1000000, 1000000, 1000000, {"mutex"}, NULL, FRESH_MARKS, FRESH_MARKS},
    {"sqlite_async_memory",
     20,
     20000,
     20000,
     20000,
     {"mutex", "mutex_often"},
     NULL,
     SQLITE(0, 0),
     SQLITE(0.8, 1.05)},
    {"sqlite_async_wal",
     20,
     20000,
     20000,
     20000,
     {"mutex", "mutex_often"},
     NULL,
     SQLITE(0, 0),
     SQLITE(0.3, 0)},
    {"sqlite_sync_memory",
     20,
     20000,
     20000,
     20000,
     {"mutex", "mutex_often"},
     NULL,
     SQLITE(0, 0),
     SQLITE(1.8, 0)},
    {"sqlite_sync_wal", 20, 20000, 20000, 20000, {"mutex", "mutex_often"}, NULL, SQLITE(0, 0), SQLITE(0, 0)},
    {"memory",
     1,
     100000,
     100000,
     100000,
     {NULL},
     NULL,
     {{NULL, NULL, LANE_TIME, 0}},
     {{NULL, NULL, LANE_TIME, 0}}},
};

enum { WORKS = sizeof(works) / sizeof(*works) };

static bool is_reference(const lane_work *work, const bench_program *program)
{
    for (int i = 0; i < REFERENCES && work->references[i]; i++)
        if (!strcmp(program->name, work->references[i]))
            return true;
    return false;
}

/* A sample of the right length, found with longer and longer ones. False: it fails. */
static bool fit(bench_entry *entry, const lane_work *work, const char *told, unsigned callers)
{
    long size = work->pilot;
    double fits = 0;
    while (work->least < work->most) {
        bench_sample pilot;
        if (!bench_program_run(entry->program, told, callers, size, &pilot)) {
            fprintf(stderr, "%s failed: %s\n", entry->program->path, told);
            return false;
        }
        fits = SAMPLE_NS / (pilot.ns / (double)size);
        if (fits < 8 * (double)size || 8 * size > work->most)
            break;
        size *= 8;
    }
    entry->size = fits < (double)work->least ? work->least : (long)fits;
    if (work->least == work->most || fits > (double)work->most)
        entry->size = work->most;
    entry->size -= entry->size % (long)callers;
    entry->ops = (double)entry->size;
    return true;
}

/* ---- a match */

static bool enter(bench_match *match, const lane_work *work, const bench_program *program, const char *place)
{
    static char other[32];
    bench_entry *entry = &match->entries[match->count++];
    *entry = (bench_entry){.program = program, .key = is_reference(work, program) ? program->name : NULL};
    if (entry->key && work->reference_work) {
        snprintf(other, sizeof(other), "%s/%s", work->reference_work, place);
        entry->work = other;
        entry->workers = 1;
        return fit(entry, work, other, 1);
    }
    return fit(entry, work, match->work, work->callers);
}

/* mutex_often commits as qlane does. */
static bool learn_rows_a_commit(const bench_match *match, const lane_work *work, const bench_program *program)
{
    char text[32];
    bench_sample sample;
    if (!bench_program_run(program, match->work, work->callers, work->most, &sample))
        return false;
    snprintf(text, sizeof(text), "%.0f", sample.rows_a_commit);
    return !setenv("BENCH_ROWS_A_COMMIT", text, 1);
}

static bool play(const bench_options *options, const bench_field *all, const lane_work *work, bool confined)
{
    char told[64];
    const char *place = confined ? "confined" : "free";
    bench_entry entries[ENTRIES_MAX];
    bench_match match = {.work = told, .workers = work->callers, .entries = entries};
    bool well = true;
    snprintf(told, sizeof(told), "%s/%s", work->name, place);
    for (unsigned i = 0; i < all->count && well; i++) {
        const bench_program *program = &all->programs[i];
        const char *does =
            is_reference(work, program) && work->reference_work ? work->reference_work : work->name;
        if (!bench_program_does(program, does) ||
            (!bench_chosen(options->peers, program->name) && !is_reference(work, program)))
            continue;
        if (!strncmp(work->name, "sqlite", 6) && !strcmp(program->name, "qlane"))
            well = learn_rows_a_commit(&match, work, program);
        well = well && enter(&match, work, program, place);
    }
    well = well && (!match.count || bench_play(options, &match));
    if (well && match.count)
        lane_report(options, &match, confined ? work->confined : work->free);
    bench_free(&match);
    return well;
}

/* ---- growth: one program against itself, with longer queues, or more callers */

typedef struct growth {
    const char *name;
    long from[GROWTH];
    long base;
    lane_mark marks[LANE_MARKS];
} growth;

static const growth grows[] = {
    {"length",
     {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000},
     1000,
     {{"length_1000", "base", LANE_TIME, 0}}},
    {"producers", {1, 2, 4, 20, 100, 1000}, 1, {{"producers_1", "base", LANE_TIME, 2}}},
};

static bool play_growth(const bench_options *options, const bench_program *program, const growth *what)
{
    char told[32];
    bench_entry entries[GROWTH];
    bench_match match = {.work = told, .workers = 1, .entries = entries};
    bool by_length = !strcmp(what->name, "length");
    snprintf(told, sizeof(told), "%s/confined", what->name);
    for (int i = 0; i < GROWTH && what->from[i]; i++) {
        long size = by_length ? what->from[i] : 200000;
        entries[match.count++] = (bench_entry){.program = program,
                                               .key = what->from[i] == what->base ? "base" : NULL,
                                               .work = told,
                                               .workers = by_length ? 1 : (unsigned)what->from[i],
                                               .size = size,
                                               .ops = (double)(by_length ? size + 1 : size)};
    }
    bool well = bench_play(options, &match);
    if (well)
        lane_report(options, &match, what->marks);
    bench_free(&match);
    return well;
}

static bool play_all_growth(const bench_options *options, const bench_field *all)
{
    for (size_t i = 0; i < sizeof(grows) / sizeof(*grows); i++)
        for (unsigned k = 0; k < all->count && bench_chosen(options->works, grows[i].name); k++) {
            const bench_program *program = &all->programs[k];
            /* By itself it is qlane's; another's growth is told when that one is asked for. */
            if (bench_program_does(program, grows[i].name) &&
                (options->peers ? bench_chosen(options->peers, program->name)
                                : !strcmp(program->name, "qlane")) &&
                !play_growth(options, program, &grows[i]))
                return false;
        }
    return true;
}

static bool play_idle(const bench_options *options, const bench_field *all)
{
    if (!options->json)
        puts("idle: 2 s from 100 ms after the last task");
    for (unsigned i = 0; i < all->count; i++) {
        const bench_program *program = &all->programs[i];
        bool idle;
        if (bench_program_does(program, "idle") && bench_chosen(options->peers, program->name) &&
            !bench_idle(options, program, 1, &idle))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const char *const ours[] = {"lane_qlane",   "lane_qlane_sqlite",    "lane_line",
                                       "lane_futex",   "lane_mutex",           "lane_mutex_often",
                                       "lane_mailbox", "lane_mailbox_batched", "lane_eventfd",
                                       "lane_pykx"};
    static bench_field all;
    char peers[600];
    bench_options options;
    bench_options_read(&options, argc, argv,
                       "bazel run -c opt //bench:lane -- [OPTION]...\n"
                       "works: call call_park call20 submit1 submit4 submit20 submit_fresh\n"
                       "       sqlite_async_memory sqlite_async_wal sqlite_sync_memory sqlite_sync_wal\n"
                       "       memory idle length producers; --workers confined,free: where the callers are");
    snprintf(peers, sizeof(peers), "%s/lane", options.folder);
    if (!bench_field_find(&all, ours, sizeof(ours) / sizeof(*ours), peers))
        return 1;
#ifndef NDEBUG
    fputs("not built with -c opt: these numbers mean nothing\n", stderr);
#endif
    fprintf(stderr, "seed %llu, %u rounds\n", (unsigned long long)options.seed, options.rounds);
    for (unsigned i = 0; i < WORKS; i++) {
        if (!bench_chosen(options.works, works[i].name))
            continue;
        for (int confined = 1; confined >= 0; confined--)
            if (bench_chosen(options.workers, confined ? "confined" : "free") &&
                !play(&options, &all, &works[i], confined))
                return 1;
    }
    if (!play_all_growth(&options, &all))
        return 1;
    return bench_chosen(options.works, "idle") && !play_idle(&options, &all) ? 1 : 0;
}
