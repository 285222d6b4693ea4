#include "bench/harness/harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES_PER_ROUND = 3 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int less(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value at a share of the way through, between neighbours if need be. */
static double quantile(const double *sorted, unsigned count, double share)
{
    double at = share * (count - 1);
    unsigned below = (unsigned)at, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

bench_summary bench_summarise(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), less);
    double median = quantile(values, count, 0.5);
    double between = quantile(values, count, 0.75) - quantile(values, count, 0.25);
    return (bench_summary){.median = median, .spread = median > 0 ? between / median : 0};
}

static void live(const bench_match *match, const bench_entry *entry, unsigned tries)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s, %u workers: round %u, try %u: %s", match->work, match->workers,
                match->rounds + 1, tries, entry ? entry->program->name : "done\r\033[K");
}

static void shuffle(unsigned *order, unsigned count, uint64_t *random)
{
    for (unsigned i = 0; i < count; i++)
        order[i] = i;
    for (unsigned i = count; i > 1; i--) {
        unsigned other = (unsigned)(next_random(random) % i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

/* One try at a round: the samples go to `match->rounds`. *fair: others were quiet, and the line stayed as it was. */
static bool play_round(const bench_options *options, bench_match *match, const unsigned *order,
                       unsigned tries, bool *fair)
{
    double line_ns = bench_line_ns();
    const bench_line line = bench_line_of(line_ns);
    const bench_load before = bench_load_now();
    *fair = true;
    for (unsigned i = 0; i < match->count; i++) {
        bench_entry *entry = &match->entries[order[i]];
        bench_sample *sample = &entry->samples[match->rounds];
        live(match, entry, tries);
        const char *work = entry->work ? entry->work : match->work;
        unsigned workers = entry->work ? entry->workers : match->workers;
        if (!bench_program_run(entry->program, work, workers, entry->size, sample)) {
            fprintf(stderr, "%s failed: %s %u %ld\n", entry->program->path, work, workers, entry->size);
            return false;
        }
        double after_ns = bench_line_ns();
        sample->line_ns = (line_ns + after_ns) / 2;
        line_ns = after_ns;
        *fair = *fair && bench_line_of(after_ns) == line;
    }
    *fair = *fair && bench_others_since(&before) <= options->others_max;
    return true;
}

/* Contenders must agree on what the answer is. */
static bool agreed(const bench_match *match)
{
    for (unsigned i = 1; i < match->count; i++) {
        const bench_entry *first = &match->entries[0], *entry = &match->entries[i];
        for (unsigned round = 0; round < match->rounds; round++) {
            if (entry->size != first->size || entry->samples[round].check == first->samples[0].check)
                continue;
            fprintf(stderr, "%s: %s and %s do not agree: %llu, %llu\n", match->work, first->program->name,
                    entry->program->name, (unsigned long long)first->samples[0].check,
                    (unsigned long long)entry->samples[round].check);
            return false;
        }
    }
    return true;
}

bool bench_play(const bench_options *options, bench_match *match)
{
    uint64_t random = options->seed;
    unsigned *order = calloc(match->count, sizeof(*order)), tries_left = TRIES_PER_ROUND * options->rounds;
    bool well = order;
    for (unsigned i = 0; i < match->count && well; i++)
        well = (match->entries[i].samples = calloc(options->rounds, sizeof(bench_sample)));
    match->rounds = match->disturbed = 0;
    while (well && match->rounds < options->rounds) {
        bool fair;
        shuffle(order, match->count, &random);
        well = play_round(options, match, order, TRIES_PER_ROUND * options->rounds - tries_left + 1, &fair);
        tries_left--;
        if (fair || tries_left < options->rounds - match->rounds) {
            match->rounds++;
            match->disturbed += !fair;
        }
    }
    live(match, NULL, 0);
    free(order);
    return well && agreed(match);
}

void bench_free(bench_match *match)
{
    for (unsigned i = 0; i < match->count; i++)
        free(match->entries[i].samples);
}
