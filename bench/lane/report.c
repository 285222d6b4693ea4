#include "bench/lane/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double value_of(const bench_entry *entry, unsigned round, lane_value value)
{
    const bench_sample *sample = &entry->samples[round];
    switch (value) {
    case LANE_P99:
        return sample->p99_ns;
    case LANE_CPU:
        return sample->cpu_ns / entry->ops;
    case LANE_WAKES:
        return sample->wakes;
    case LANE_TIME:
    default:
        return sample->ns / entry->ops;
    }
}

static double *scratch(const bench_match *match)
{
    double *values = calloc(match->rounds, sizeof(*values));
    if (!values)
        abort();
    return values;
}

static bench_summary over_rounds(const bench_match *match, const bench_entry *entry, lane_value value)
{
    double *values = scratch(match);
    for (unsigned round = 0; round < match->rounds; round++)
        values[round] = value_of(entry, round, value);
    bench_summary summary = bench_summarise(values, match->rounds);
    free(values);
    return summary;
}

/* The median of a field of the samples. */
static double median_of(const bench_match *match, const bench_entry *entry, size_t field)
{
    double *values = scratch(match);
    for (unsigned round = 0; round < match->rounds; round++)
        memcpy(&values[round], (const char *)&entry->samples[round] + field, sizeof(double));
    double median = bench_summarise(values, match->rounds).median;
    free(values);
    return median;
}

#define MEDIAN(match, entry, member) median_of(match, entry, offsetof(bench_sample, member))

/* ---- ratios */

static bool is_peer(const bench_entry *entry)
{
    return strcmp(entry->program->name, "qlane") && !entry->key;
}

static const bench_entry *reference_of(const bench_match *match, const lane_mark *mark)
{
    const bench_entry *found = NULL;
    for (unsigned i = 0; i < match->count; i++) {
        const bench_entry *entry = &match->entries[i];
        if (mark->reference ? entry->key && !strcmp(entry->key, mark->reference)
                            : is_peer(entry) && (!found || over_rounds(match, entry, mark->value).median <
                                                               over_rounds(match, found, mark->value).median))
            found = entry;
    }
    return found;
}

static bool is_ratio(const lane_mark *mark)
{
    return !mark->reference || *mark->reference;
}

/* False: there is none. */
static bool compare(const bench_match *match, const bench_entry *entry, const lane_mark *mark,
                    bench_summary *ratio)
{
    if (!mark->key)
        return false;
    if (!is_ratio(mark)) {
        *ratio = over_rounds(match, entry, mark->value);
        return !strcmp(entry->program->name, "qlane");
    }
    const bench_entry *reference = reference_of(match, mark);
    if (!reference)
        return false;
    double *values = scratch(match);
    for (unsigned round = 0; round < match->rounds; round++) {
        double under = value_of(reference, round, mark->value);
        values[round] = under > 0 ? value_of(entry, round, mark->value) / under : 0;
    }
    *ratio = bench_summarise(values, match->rounds);
    free(values);
    return ratio->median > 0;
}

/* ---- JSON */

static void print_ratios_json(const bench_match *match, const bench_entry *entry, const lane_mark *marks,
                              bool spread)
{
    const char *between = "";
    for (int i = 0; i < LANE_MARKS; i++) {
        bench_summary ratio;
        if (!compare(match, entry, &marks[i], &ratio) || !is_ratio(&marks[i]))
            continue;
        printf("%s\"%s\":%.3f", between, marks[i].key, spread ? ratio.spread : ratio.median);
        between = ",";
    }
}

static void print_percentiles_json(const bench_match *match, const bench_entry *entry)
{
    if (MEDIAN(match, entry, p50_ns) > 0)
        printf(",\"p50_ns\":%.4g,\"p90_ns\":%.4g,\"p99_ns\":%.4g,\"p999_ns\":%.4g",
               MEDIAN(match, entry, p50_ns), MEDIAN(match, entry, p90_ns), MEDIAN(match, entry, p99_ns),
               MEDIAN(match, entry, p999_ns));
}

static void print_json(const bench_match *match, const bench_entry *entry, const lane_mark *marks)
{
    bench_summary ns = over_rounds(match, entry, LANE_TIME);
    const char *slash = strchr(match->work, '/');
    bool is_memory = !strncmp(match->work, "memory", 6);
    double line_ns = MEDIAN(match, entry, line_ns);
    printf("{\"work\":\"%.*s\",\"peer\":\"%s\",\"producers\":%u,\"confined\":%s,\"%s\":%.4g,\"spread\":%.3f",
           (int)(slash - match->work), match->work, entry->program->name,
           entry->work ? entry->workers : match->workers, strcmp(slash, "/confined") ? "false" : "true",
           is_memory ? "bytes" : "median_ns", ns.median, ns.spread);
    print_percentiles_json(match, entry);
    printf(",\"cpu_ns\":%.4g,\"ratio\":{", over_rounds(match, entry, LANE_CPU).median);
    print_ratios_json(match, entry, marks, false);
    printf("},\"ratio_spread\":{");
    print_ratios_json(match, entry, marks, true);
    printf("}");
    if (MEDIAN(match, entry, wakes) > 0)
        printf(",\"wakes\":%.3f", MEDIAN(match, entry, wakes));
    if (MEDIAN(match, entry, rows_a_commit) > 0)
        printf(",\"rows_a_commit\":%.0f", MEDIAN(match, entry, rows_a_commit));
    if (!strcmp(entry->program->name, "qlane") && marks[0].mark > 0)
        printf(",\"mark\":%.2f", marks[0].mark);
    printf(
        ",\"version\":\"%s\",\"size\":%ld,\"rounds\":%u,\"disturbed\":%u,\"line\":\"%s\",\"line_ns\":%.0f}\n",
        entry->program->version, entry->size, match->rounds, match->disturbed,
        bench_line_name(bench_line_of(line_ns)), line_ns);
}

/* ---- for a person */

static void print_marks(const bench_match *match, const bench_entry *entry, const lane_mark *marks)
{
    for (int i = 0; i < LANE_MARKS; i++) {
        bench_summary ratio;
        if (!compare(match, entry, &marks[i], &ratio))
            continue;
        printf("  %.3f %s%s", ratio.median, is_ratio(&marks[i]) ? "÷ " : "", marks[i].key);
        if (!strcmp(entry->program->name, "qlane") && marks[i].mark > 0)
            printf(" (±%.0f%%) %s %.2f", 100 * ratio.spread,
                   ratio.median <= marks[i].mark + 5e-4 ? "reached:" : "MISSED:", marks[i].mark);
    }
}

static void print_text(const bench_match *match, const bench_entry *entry, const lane_mark *marks)
{
    bench_summary ns = over_rounds(match, entry, LANE_TIME);
    printf("  %-16s", entry->program->name);
    if (entry->work)
        printf(" %6u x %-8ld", entry->workers, entry->size);
    printf(" %9.4g ±%-3.0f%% cpu %-8.4g", ns.median, 100 * ns.spread,
           over_rounds(match, entry, LANE_CPU).median);
    if (MEDIAN(match, entry, p50_ns) > 0)
        printf(" p50 %-7.4g p90 %-7.4g p99 %-7.4g p99.9 %-7.4g", MEDIAN(match, entry, p50_ns),
               MEDIAN(match, entry, p90_ns), MEDIAN(match, entry, p99_ns), MEDIAN(match, entry, p999_ns));
    if (MEDIAN(match, entry, rows_a_commit) > 0)
        printf(" %.0f rows a commit", MEDIAN(match, entry, rows_a_commit));
    print_marks(match, entry, marks);
    putchar('\n');
}

void lane_report(const bench_options *options, const bench_match *match, const lane_mark marks[LANE_MARKS])
{
    if (!options->json) {
        double line_ns = MEDIAN(match, &match->entries[0], line_ns);
        printf("%s: %s, %u rounds", match->work,
               strncmp(match->work, "memory", 6) ? "ns" : "bytes for each that queues", match->rounds);
        if (match->disturbed)
            printf(" (%u of them disturbed)", match->disturbed);
        printf(", line %s (%.0f ns)\n", bench_line_name(bench_line_of(line_ns)), line_ns);
    }
    for (unsigned i = 0; i < match->count; i++) {
        if (options->json)
            print_json(match, &match->entries[i], marks);
        else
            print_text(match, &match->entries[i], marks);
    }
    fflush(stdout);
}
