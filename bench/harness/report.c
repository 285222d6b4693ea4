#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/harness.h"

typedef struct compared {
    const char *key;
    bench_summary is;
} compared;

static double ns_of(const bench_entry *entry, unsigned round)
{
    return entry->samples[round].ns / entry->ops;
}

/* Against each reference that did the same amount, or if none did against the one that did it all. */
static unsigned ratios_of(const bench_match *match, const bench_entry *entry, compared *ratios)
{
    unsigned count = 0;
    double *values = calloc(match->rounds, sizeof(*values));
    for (unsigned i = 0; i < match->count && count < BENCH_REFERENCES && values; i++) {
        const bench_entry *reference = &match->entries[i];
        if (!reference->key || reference->size != entry->size)
            continue;
        for (unsigned round = 0; round < match->rounds; round++)
            values[round] = ns_of(entry, round) / ns_of(reference, round);
        ratios[count++] = (compared){reference->key, bench_summarise(values, match->rounds)};
    }
    free(values);
    return count;
}

typedef double sample_value(const bench_entry *entry, unsigned round);

static double cpu_ns_of(const bench_entry *entry, unsigned round)
{
    return entry->samples[round].cpu_ns / entry->ops;
}

static double p99_ns_of(const bench_entry *entry, unsigned round)
{
    return entry->samples[round].p99_ns;
}

static double wakes_of(const bench_entry *entry, unsigned round)
{
    return entry->samples[round].wakes;
}

static double line_ns_of(const bench_entry *entry, unsigned round)
{
    return entry->samples[round].line_ns;
}

static bench_summary summary_of(const bench_match *match, const bench_entry *entry, sample_value *value)
{
    bench_summary summary = {.median = 0};
    double *values = calloc(match->rounds, sizeof(*values));
    for (unsigned round = 0; round < match->rounds && values; round++)
        values[round] = value(entry, round);
    if (values)
        summary = bench_summarise(values, match->rounds);
    free(values);
    return summary;
}

static void print_json(const bench_match *match, const bench_entry *entry, const compared *ratios,
                       unsigned count)
{
    bench_summary ns = summary_of(match, entry, ns_of);
    double line_ns = summary_of(match, entry, line_ns_of).median;
    printf("{\"work\":\"%s\",\"peer\":\"%s\",\"workers\":%u,\"median_ns\":%.4g,\"spread\":%.3f,\"ratio\":{",
           match->work, entry->program->name, match->workers, ns.median, ns.spread);
    for (unsigned i = 0; i < count; i++)
        printf("%s\"%s\":%.3f", i ? "," : "", ratios[i].key, ratios[i].is.median);
    printf("},\"ratio_spread\":{");
    for (unsigned i = 0; i < count; i++)
        printf("%s\"%s\":%.3f", i ? "," : "", ratios[i].key, ratios[i].is.spread);
    printf("},\"cpu_ns\":%.4g,", summary_of(match, entry, cpu_ns_of).median);
    if (entry->samples[0].p99_ns > 0)
        printf("\"p99_ns\":%.4g,", summary_of(match, entry, p99_ns_of).median);
    if (entry->samples[0].wakes > 0)
        printf("\"wakes\":%.3f,", summary_of(match, entry, wakes_of).median);
    if (match->mark > 0 && !strcmp(entry->program->name, "qlane"))
        printf("\"mark\":%.2f,", match->mark);
    printf(
        "\"version\":\"%s\",\"size\":%ld,\"rounds\":%u,\"disturbed\":%u,\"line\":\"%s\",\"line_ns\":%.0f}\n",
        entry->program->version, entry->size, match->rounds, match->disturbed,
        bench_line_name(bench_line_of(line_ns)), line_ns);
}

static void print_ratios(const bench_match *match, const bench_entry *entry, const compared *ratios,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        printf("  %7.3f ÷ %s (±%.0f%%)", ratios[i].is.median, ratios[i].key, 100 * ratios[i].is.spread);
    if (strcmp(entry->program->name, "qlane"))
        return;
    for (unsigned i = 0; i < count; i++)
        if (match->mark > 0 && !strcmp(ratios[i].key, match->mark_key))
            printf("  %s %.2f", ratios[i].is.median <= match->mark ? "reached:" : "MISSED:", match->mark);
}

static void print_text(const bench_match *match, const bench_entry *entry, const compared *ratios,
                       unsigned count)
{
    bench_summary ns = summary_of(match, entry, ns_of);
    double cpu_ns = summary_of(match, entry, cpu_ns_of).median;
    printf("  %-14s %9.4g ns ±%-3.0f%% %5.2f CPUs", entry->program->name, ns.median, 100 * ns.spread,
           cpu_ns / ns.median);
    if (entry->samples[0].p99_ns > 0)
        printf("  p99 %.4g ns", summary_of(match, entry, p99_ns_of).median);
    if (entry->samples[0].wakes > 0)
        printf("  %.3f wakes", summary_of(match, entry, wakes_of).median);
    print_ratios(match, entry, ratios, count);
    if (entry->size != match->entries[0].size)
        printf("  size %ld", entry->size);
    putchar('\n');
}

static void print_head(const bench_match *match)
{
    double line_ns = summary_of(match, &match->entries[0], line_ns_of).median;
    printf("%s, %u worker%s: %u rounds", match->work, match->workers, match->workers == 1 ? "" : "s",
           match->rounds);
    if (match->disturbed)
        printf(" (%u of them disturbed)", match->disturbed);
    printf(", line %s (%.0f ns)\n", bench_line_name(bench_line_of(line_ns)), line_ns);
}

void bench_report(const bench_options *options, const bench_match *match)
{
    if (!options->json)
        print_head(match);
    for (unsigned i = 0; i < match->count; i++) {
        compared ratios[BENCH_REFERENCES];
        const bench_entry *entry = &match->entries[i];
        unsigned count = ratios_of(match, entry, ratios);
        if (options->json)
            print_json(match, entry, ratios, count);
        else
            print_text(match, entry, ratios, count);
    }
    fflush(stdout);
}
