/* bazel run -c opt //bench:pool: what a task costs, beside what it costs elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/harness.h"
#include "bench/pool/grow.h"
#include "qlane/affinity.h"

enum { ENTRIES_MAX = 3 * BENCH_FIELD_MAX, SIZES = 3, WORKERS_MAX = 2 };

/* A sample of a contender too slow for the full size is of a smaller one: what is told is per node, task or item. */
static const double SAMPLE_NS_MAX = 1.2e9;

typedef struct pool_work {
    const char *name;
    struct {
        long size;
        double ops;
    } sizes[SIZES]; /* growing; the last is the full one */
    const char *references[BENCH_REFERENCES], *keys[BENCH_REFERENCES];
    double marks[WORKERS_MAX]; /* of the first ratio, for 1 and 2 workers; 0 none */
} pool_work;

#define FIB_NODES(n, fib_of_n_plus_1) \
    {                                 \
        n, 2.0 * (fib_of_n_plus_1)-1  \
    }

static const pool_work works[] = {
    {"fib",
     {FIB_NODES(24, 75025), FIB_NODES(32, 3524578), FIB_NODES(40, 165580141)},
     {"call_per_node", "o3"},
     {"call_per_node", "o3"},
     {0.80, 0.40}},
    {"nqueens",
     {{9, 72378}, {11, 1806706}, {13, 59815314}},
     {"call_per_node", "o3"},
     {"call_per_node", "o3"},
     {1.5, 0.85}},
    {"tree", {{2000, 5971617}}, {"call_per_node", "o3"}, {"call_per_node", "o3"}, {1.05, 0.55}},
    {"loop_medium", {{1000000, 1e6}}, {"o3"}, {"serial"}, {0, 0.52}},
    {"loop_cheap", {{400000000, 4e8}}, {"o3"}, {"serial"}, {0, 0.55}},
    {"sum1000",
     {{1000, 1e3}, {10000, 1e4}, {100000, 1e5}},
     {"call_per_node", "o3"},
     {"call_per_node", "o3"},
     {0, 1.5}},
    {"outside1", {{1000000, 1e6}}, {"cqueue"}, {"cqueue"}, {0.45, 0.45}},
    {"outside4", {{1000000, 1e6}}, {"cqueue"}, {"cqueue"}, {0.35, 0.35}},
    {"wake", {{100, 1}}, {"call_per_node"}, {"futex"}, {1.15, 1.15}},
};

enum { WORKS = sizeof(works) / sizeof(*works) };

static const bench_program *named(const bench_field *all, const char *name)
{
    for (unsigned i = 0; i < all->count; i++)
        if (!strcmp(all->programs[i].name, name))
            return &all->programs[i];
    return NULL;
}

static bool has(const bench_match *match, const bench_program *program, long size)
{
    for (unsigned i = 0; i < match->count; i++)
        if (match->entries[i].program == program && match->entries[i].size == size)
            return true;
    return false;
}

static void enter(bench_match *match, const pool_work *work, const bench_program *program, int size,
                  const char *key)
{
    if (match->count == ENTRIES_MAX || has(match, program, work->sizes[size].size))
        return;
    match->entries[match->count++] = (bench_entry){
        .program = program,
        .key = key,
        .size = work->sizes[size].size,
        .ops = work->sizes[size].ops,
    };
}

static int full_size(const pool_work *work)
{
    int last = SIZES - 1;
    while (!work->sizes[last].size)
        last--;
    return last;
}

/* The largest size whose sample is short enough, found from small to large; it warms the file up too. -1: it fails. */
static int fitting_size(const pool_work *work, const bench_program *program, unsigned workers)
{
    int last = full_size(work), size = 0;
    for (; size < last; size++) {
        bench_sample sample;
        if (!bench_program_run(program, work->name, workers, work->sizes[size].size, &sample))
            return -1;
        if (sample.ns / work->sizes[size].ops * work->sizes[size + 1].ops > SAMPLE_NS_MAX)
            break;
    }
    return size;
}

static void enter_references(bench_match *match, const pool_work *work, const bench_field *all, int size)
{
    for (int i = 0; i < BENCH_REFERENCES && work->references[i]; i++)
        enter(match, work, named(all, work->references[i]), size, work->keys[i]);
}

static bool is_reference(const pool_work *work, const bench_program *program)
{
    for (int i = 0; i < BENCH_REFERENCES && work->references[i]; i++)
        if (!strcmp(program->name, work->references[i]))
            return true;
    return false;
}

static bool is_serial(const bench_program *program)
{
    return !strcmp(program->name, "call_per_node") || !strcmp(program->name, "o3");
}

static bool play(const bench_options *options, const bench_field *all, const pool_work *work,
                 unsigned workers)
{
    bench_entry entries[ENTRIES_MAX];
    bench_match match = {
        .work = work->name,
        .workers = workers,
        .mark = workers <= WORKERS_MAX ? work->marks[workers - 1] : 0,
        .mark_key = work->keys[0],
        .entries = entries,
    };
    for (unsigned i = 0; i < all->count; i++) {
        const bench_program *program = &all->programs[i];
        if (!bench_program_does(program, work->name) || is_reference(work, program) || is_serial(program) ||
            !bench_chosen(options->peers, program->name))
            continue;
        int size = fitting_size(work, program, workers);
        if (size < 0) {
            fprintf(stderr, "%s failed: %s with %u workers\n", program->path, work->name, workers);
            return false;
        }
        enter(&match, work, program, size, NULL);
    }
    for (unsigned i = 0, contenders = match.count; i < contenders; i++)
        for (int size = 0; size < SIZES; size++)
            if (entries[i].size == work->sizes[size].size)
                enter_references(&match, work, all, size);
    bool well = !match.count || bench_play(options, &match);
    if (well && match.count)
        bench_report(options, &match);
    bench_free(&match);
    return well;
}

static bool play_idle(const bench_options *options, const bench_field *all, unsigned workers)
{
    if (!options->json)
        printf("idle, %u worker%s: 2 s from 100 ms after the last task\n", workers, workers == 1 ? "" : "s");
    for (unsigned i = 0; i < all->count; i++) {
        const bench_program *program = &all->programs[i];
        bool idle;
        if (!is_serial(program) && bench_chosen(options->peers, program->name) &&
            !bench_idle(options, program, workers, &idle))
            return false;
    }
    return true;
}

static void show_plan(unsigned workers)
{
    char text[64];
    ql_plan *plan;
    ql_error error;
    snprintf(text, sizeof(text), "lane=off;workers=%u", workers);
    ql_affinity_config config = {.size = sizeof(config), .text = text};
    if (ql_plan_create(&config, &plan, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return;
    }
    char *shown = ql_plan_show(plan, QL_SHOW_TEXT, false);
    fprintf(stderr, "qlane's plan, %s:\n%s", text, shown ? shown : "");
    free(shown);
    ql_plan_destroy(plan);
}

int main(int argc, char **argv)
{
    static const char *const ours[] = {"qlane", "call_per_node", "o3", "cqueue"};
    static bench_field all;
    bench_options options;
    bench_options_read(&options, argc, argv,
                       "bazel run -c opt //bench:pool -- [OPTION]...\n"
                       "works: fib nqueens tree loop_medium loop_cheap sum1000 outside1 outside4 wake idle\n"
                       "       pending crowd_outside crowd_tree");
    if (!bench_field_find(&all, ours, sizeof(ours) / sizeof(*ours), options.folder))
        return 1;
#ifndef NDEBUG
    fputs("not built with -c opt: these numbers mean nothing\n", stderr);
#endif
    fprintf(stderr, "seed %llu, %u rounds\n", (unsigned long long)options.seed, options.rounds);
    for (unsigned workers = 1; workers <= WORKERS_MAX; workers++) {
        char text[8];
        snprintf(text, sizeof(text), "%u", workers);
        if (!bench_chosen(options.workers, text))
            continue;
        show_plan(workers);
        for (unsigned i = 0; i < WORKS; i++)
            if (bench_chosen(options.works, works[i].name) && !play(&options, &all, &works[i], workers))
                return 1;
        if (bench_chosen(options.works, "idle") && !play_idle(&options, &all, workers))
            return 1;
    }
    return !bench_grow(&options, named(&all, "qlane"), named(&all, "cqueue"));
}
