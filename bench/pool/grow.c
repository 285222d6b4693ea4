#include "bench/pool/grow.h"

#include <stdio.h>
#include <string.h>

enum { SIZES = 5, COUNTS = 7, ENTRIES_MAX = 2 * SIZES + COUNTS };

static const long sizes[SIZES] = {1000, 10000, 100000, 1000000, 10000000};
static const unsigned counts[COUNTS] = {1, 2, 4, 8, 16, 32, 64};

/* What an entry is about: how many tasks queue, or how many workers there are. */
static long at(const bench_match *match, const bench_entry *entry)
{
    return strcmp(match->work, "pending") ? (long)entry->workers : entry->size;
}

static double cpu_ns_of(const bench_entry *entry, unsigned round)
{
    return entry->samples[round].cpu_ns / entry->ops;
}

static void tell(const bench_options *options, const bench_match *match, const bench_entry *entry,
                 const bench_entry *smallest)
{
    double cpu[1000], growth[1000];
    for (unsigned round = 0; round < match->rounds; round++) {
        cpu[round] = cpu_ns_of(entry, round);
        growth[round] = cpu[round] / cpu_ns_of(smallest, round);
    }
    bench_summary ns = bench_summarise(cpu, match->rounds), ratio = bench_summarise(growth, match->rounds);
    if (options->json)
        printf("{\"work\":\"%s\",\"peer\":\"%s\",\"workers\":%u,\"at\":%ld,\"cpu_ns\":%.4g,\"spread\":%.3f,"
               "\"ratio\":{\"smallest\":%.3f},\"ratio_spread\":{\"smallest\":%.3f},\"rounds\":%u,"
               "\"disturbed\":%u}\n",
               match->work, entry->program->name, entry->workers, at(match, entry), ns.median, ns.spread,
               ratio.median, ratio.spread, match->rounds, match->disturbed);
    else
        printf("  %-8s %9ld  %7.4g ns of CPU ±%-3.0f%%  %6.3f ÷ at %ld (±%.0f%%)\n", entry->program->name,
               at(match, entry), ns.median, 100 * ns.spread, ratio.median, at(match, smallest),
               100 * ratio.spread);
}

static bool play(const bench_options *options, bench_match *match)
{
    if (!bench_chosen(options->works, match->work))
        return true;
    bool well = bench_play(options, match);
    if (well && !options->json)
        printf("%s: %u rounds, %u of them disturbed\n", match->work, match->rounds, match->disturbed);
    const bench_entry *smallest = match->entries;
    for (unsigned i = 0; i < match->count && well; i++) {
        if (match->entries[i].program != smallest->program)
            smallest = &match->entries[i];
        tell(options, match, &match->entries[i], smallest);
    }
    fflush(stdout);
    bench_free(match);
    return well;
}

static bool play_pending(const bench_options *options, const bench_program *const *programs, unsigned count)
{
    bench_entry entries[ENTRIES_MAX];
    bench_match match = {.work = "pending", .workers = 1, .entries = entries};
    for (unsigned i = 0; i < count; i++)
        for (unsigned size = 0; size < SIZES; size++)
            entries[match.count++] = (bench_entry){.program = programs[i],
                                                   .work = "pending",
                                                   .workers = 1,
                                                   .size = sizes[size],
                                                   .ops = (double)sizes[size]};
    return play(options, &match);
}

static bool play_crowd(const bench_options *options, const bench_program *program, const char *told,
                       const char *work, long size, double ops)
{
    bench_entry entries[ENTRIES_MAX];
    bench_match match = {.work = told, .workers = counts[COUNTS - 1], .entries = entries};
    for (unsigned i = 0; i < COUNTS; i++)
        entries[match.count++] =
            (bench_entry){.program = program, .work = work, .workers = counts[i], .size = size, .ops = ops};
    return play(options, &match);
}

bool bench_grow(const bench_options *options, const bench_program *own, const bench_program *queue)
{
    const bench_program *both[] = {own, queue};
    return play_pending(options, both, 2) &&
           play_crowd(options, own, "crowd_outside", "outside1", 1000000, 1e6) &&
           play_crowd(options, own, "crowd_tree", "tree", 2000, 5971617);
}
