#include "bench/q_calls.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/q.h"

enum { ROUNDS_MAX = 1000, TRIES = 3, SLICES = 20, CALLS = 1000, TURNS = 5, ROWS = 1000000 };

typedef struct field {
    ql_runtime *runtime;
    ql_lane *lane;
    uint64_t random;
} field;

/* One round: of one call, and of the whole table. */
typedef struct sample {
    double round_trip_ns, evaluation_ns, call_ns;
    double memcpy_ns, memcpy_again_ns, fixed_ns, symbols_ns;
    double line_ns;
} sample;

static void must(bool well, const char *what, const char *why)
{
    if (well)
        return;
    fprintf(stderr, "q: %s: %s\n", what, why);
    exit(1);
}

/* 0 .. count - 1, in random order. */
static void shuffle(field *at, unsigned *order, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        at->random = at->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned other = (unsigned)((at->random >> 33) % (i + 1));
        order[i] = order[other];
        order[other] = i;
    }
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

static double time_round_trips(const field *at)
{
    int64_t began_ns = ql_now_ns();
    for (int i = 0; i < CALLS; i++) {
        ql_task task;
        ql_task_init(&task, nothing, NULL);
        must(ql_lane_call(at->lane, &task) == 0, "round trip", "refused");
    }
    return (double)(ql_now_ns() - began_ns) / CALLS;
}

static double time_calls(const field *at)
{
    int64_t began_ns = ql_now_ns();
    for (int i = 0; i < CALLS; i++) {
        ql_q_call call;
        ql_q_call_init(&call, "42");
        must(ql_lane_call(at->lane, &call.task) == 0 && !call.task.future.code, "call", call.error_text);
        ql_q_free(call.result);
    }
    return (double)(ql_now_ns() - began_ns) / CALLS;
}

/* On the lane: a call without the way there and back. */
static int evaluate(ql_task *task)
{
    int64_t began_ns = ql_now_ns();
    for (int i = 0; i < CALLS; i++) {
        ql_q_call call;
        ql_q_call_init(&call, "42");
        must(ql_q_run(&call) == 0, "evaluation", call.error_text);
        ql_q_free(call.result);
    }
    return ql_task_return(task, (ql_value){.f64 = (double)(ql_now_ns() - began_ns) / CALLS});
}

static double time_evaluations(const field *at)
{
    ql_task task;
    ql_task_init(&task, evaluate, NULL);
    must(ql_lane_call(at->lane, &task) == 0, "evaluation", "refused");
    return task.future.value.f64;
}

/* Their parts by turns, so that whatever slows the machine down slows all of them. */
static void time_parts(field *at, sample *round)
{
    static double (*const parts[])(const field *) = {time_round_trips, time_evaluations, time_calls};
    double sums[3] = {0};
    for (int slice = -1; slice < SLICES; slice++) {
        unsigned order[3];
        shuffle(at, order, 3);
        for (int i = 0; i < 3; i++) {
            double ns = parts[order[i]](at);
            sums[order[i]] += slice < 0 ? 0 : ns / SLICES; /* the first one warms up */
        }
    }
    round->round_trip_ns = sums[0];
    round->evaluation_ns = sums[1];
    round->call_ns = sums[2];
}

/* ---- A table ----------------------------------------------------------------------------------------------------- */

static void is_used(void *memory)
{
    __asm__ volatile("" : : "r"(memory) : "memory");
}

enum { COLUMNS = 3, COLUMN_BYTES = ROWS * 8 };

/* Three columns to one new block of memory, as a result is; or to one that was written before. */
static double time_memcpy(char *const *columns, bool again)
{
    char *to = again ? malloc((size_t)COLUMNS * COLUMN_BYTES) : NULL;
    if (to)
        memset(to, 1, (size_t)COLUMNS * COLUMN_BYTES);
    is_used(to);
    int64_t began_ns = ql_now_ns();
    if (!again)
        to = malloc((size_t)COLUMNS * COLUMN_BYTES);
    must(to != NULL, "memcpy", "no memory");
    for (size_t i = 0; i < COLUMNS; i++)
        memcpy(to + i * COLUMN_BYTES, columns[i], COLUMN_BYTES);
    is_used(to);
    double took_ns = (double)(ql_now_ns() - began_ns);
    free(to);
    return took_ns;
}

/* How long the lane is held by a call that gives a table, which q has already. */
static double time_result(const char *text)
{
    ql_q_call call;
    int64_t began_ns = ql_now_ns();
    ql_q_call_init(&call, text);
    must(ql_q_run(&call) == 0, text, call.error_text);
    double took_ns = (double)(ql_now_ns() - began_ns);
    must(call.result->type == QL_Q_TABLE || call.result->type == QL_Q_SYMBOL, text, "gave something else");
    must(call.result->count == ROWS, text, "gave another number of rows");
    ql_q_free(call.result);
    return took_ns;
}

typedef struct tables {
    field *at;
    sample *round;
    char *columns[COLUMNS];
} tables;

static int time_tables(ql_task *task)
{
    tables *all = task->arg;
    double sums[4] = {0};
    for (int turn = -1; turn < TURNS; turn++) {
        unsigned order[4];
        shuffle(all->at, order, 4);
        for (int i = 0; i < 4; i++) {
            unsigned what = order[i];
            double ns =
                what < 2 ? time_memcpy(all->columns, what) : time_result(what == 2 ? "fixed" : "symbols");
            sums[what] += turn < 0 ? 0 : ns / TURNS;
        }
    }
    all->round->memcpy_ns = sums[0];
    all->round->memcpy_again_ns = sums[1];
    all->round->fixed_ns = sums[2];
    all->round->symbols_ns = sums[3];
    return 0;
}

static void time_all_tables(field *at, sample *round)
{
    tables all = {.at = at, .round = round};
    ql_task task;
    for (int i = 0; i < COLUMNS; i++) {
        all.columns[i] = malloc(COLUMN_BYTES);
        must(all.columns[i] != NULL, "memcpy", "no memory");
        memset(all.columns[i], i, COLUMN_BYTES);
    }
    ql_task_init(&task, time_tables, &all);
    must(ql_lane_call(at->lane, &task) == 0, "tables", "refused");
    for (int i = 0; i < COLUMNS; i++)
        free(all.columns[i]);
}

/* ---- What is told ------------------------------------------------------------------------------------------------ */

typedef struct line {
    const char *work, *key;
    double (*ns)(const sample *round);    /* of one call, row or symbol */
    double (*ratio)(const sample *round); /* to `key`; NULL: the mark is in ns */
    double mark;                          /* at most; 0: only told */
} line;

static double call_ns(const sample *round)
{
    return round->call_ns;
}

static double call_ratio(const sample *round)
{
    return round->call_ns / (round->round_trip_ns + round->evaluation_ns);
}

static double round_trip_ns(const sample *round)
{
    return round->round_trip_ns;
}

static double evaluation_ns(const sample *round)
{
    return round->evaluation_ns;
}

static double fixed_ns(const sample *round)
{
    return round->fixed_ns / ROWS;
}

static double fixed_ratio(const sample *round)
{
    return round->fixed_ns / round->memcpy_ns;
}

static double fixed_ratio_again(const sample *round)
{
    return round->fixed_ns / round->memcpy_again_ns;
}

static double symbol_ns(const sample *round)
{
    return round->symbols_ns / ROWS;
}

static double line_ns(const sample *round)
{
    return round->line_ns;
}

static const line lines[] = {
    {"q_round_trip", "", round_trip_ns, NULL, 0},
    {"q_evaluation", "", evaluation_ns, NULL, 0},
    {"q_call", "round_trip_and_evaluation", call_ns, call_ratio, 1.10},
    {"q_fixed", "memcpy", fixed_ns, fixed_ratio, 2.0},
    {"q_fixed", "memcpy_again", fixed_ns, fixed_ratio_again, 0},
    {"q_symbol", "", symbol_ns, NULL, 10},
};

typedef struct played {
    sample *rounds;
    unsigned count, disturbed;
} played;

static bench_summary summary_of(const played *all, double (*of)(const sample *))
{
    static double values[ROUNDS_MAX];
    for (unsigned i = 0; i < all->count; i++)
        values[i] = of(&all->rounds[i]);
    return bench_summarise(values, all->count);
}

static void tell_json(const played *all, const line *what)
{
    bench_summary ns = summary_of(all, what->ns);
    double line_is_ns = summary_of(all, line_ns).median;
    printf("{\"work\":\"%s\",\"peer\":\"qlane\",\"median_ns\":%.4g,\"spread\":%.3f", what->work, ns.median,
           ns.spread);
    if (what->ratio) {
        bench_summary ratio = summary_of(all, what->ratio);
        printf(",\"ratio\":{\"%s\":%.3f},\"ratio_spread\":{\"%s\":%.3f}", what->key, ratio.median, what->key,
               ratio.spread);
    }
    if (what->mark > 0)
        printf(",\"%s\":%.2f", what->ratio ? "mark" : "mark_ns", what->mark);
    printf(",\"version\":\"tree\",\"rounds\":%u,\"disturbed\":%u,\"line\":\"%s\",\"line_ns\":%.0f}\n",
           all->count, all->disturbed, bench_line_name(bench_line_of(line_is_ns)), line_is_ns);
}

static void tell_text(const played *all, const line *what)
{
    bench_summary ns = summary_of(all, what->ns), ratio = ns;
    printf("  %-14s %9.4g ns ±%-3.0f%%", what->work, ns.median, 100 * ns.spread);
    if (what->ratio) {
        ratio = summary_of(all, what->ratio);
        printf("  %.3f ÷ %s (±%.0f%%)", ratio.median, what->key, 100 * ratio.spread);
    }
    if (what->mark > 0)
        printf("  %s %.2f", ratio.median <= what->mark ? "reached:" : "MISSED:", what->mark);
    putchar('\n');
}

static void tell(const bench_options *options, const played *all)
{
    double line_is_ns = summary_of(all, line_ns).median;
    if (!options->json) {
        printf("one caller: %u rounds", all->count);
        if (all->disturbed)
            printf(" (%u of them disturbed)", all->disturbed);
        printf(", line %s (%.0f ns)\n", bench_line_name(bench_line_of(line_is_ns)), line_is_ns);
    }
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        if (bench_chosen(options->works, lines[i].work))
            (options->json ? tell_json : tell_text)(all, &lines[i]);
    fflush(stdout);
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

/* The lane on the last core, this thread on the others. */
static field open_field(const bench_options *options, const char *libq)
{
    static const char text[] = "bench:.bench.table;fixed:select n,f,p from bench;symbols:bench`s";
    field at = {.random = options->seed};
    cpu_set_t mine;
    size_t last = 0;
    char plan[64];
    ql_error error = {0};
    must(sched_getaffinity(0, sizeof(mine), &mine) == 0, "start", "no affinity");
    for (size_t pu = 0; pu < CPU_SETSIZE; pu++)
        last = CPU_ISSET(pu, &mine) ? pu : last;
    snprintf(plan, sizeof(plan), "lane=%zu;workers=1", last);
    ql_affinity_config affinity = {.size = sizeof(affinity), .text = plan};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &affinity};
    ql_q_config q = {.size = sizeof(q), .libq = libq, .text = text};
    must(ql_runtime_start(&config, &at.runtime, &error) == 0, "start", error.text);
    must(ql_q_open(at.runtime, NULL, &q, &at.lane, &error) == 0, "open", error.text);
    if (CPU_COUNT(&mine) > 1)
        CPU_CLR(last, &mine);
    sched_setaffinity(0, sizeof(mine), &mine);
    return at;
}

/* False: others were not quiet, or the line changed. */
static bool play_round(field *at, const bench_options *options, const cpu_set_t *all, sample *round)
{
    cpu_set_t mine;
    bench_load before = bench_load_now();
    sched_getaffinity(0, sizeof(mine), &mine);
    sched_setaffinity(0, sizeof(*all), all); /* the line is that between two cores */
    double before_ns = bench_line_ns();
    sched_setaffinity(0, sizeof(mine), &mine);
    time_parts(at, round);
    time_all_tables(at, round);
    sched_setaffinity(0, sizeof(*all), all);
    double after_ns = bench_line_ns();
    sched_setaffinity(0, sizeof(mine), &mine);
    round->line_ns = (before_ns + after_ns) / 2;
    return bench_line_of(before_ns) == bench_line_of(after_ns) &&
           bench_others_since(&before) <= options->others_max;
}

static bool any_chosen(const bench_options *options)
{
    bool any = false;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        any = any || bench_chosen(options->works, lines[i].work);
    return any;
}

void q_calls(const bench_options *options, const char *libq)
{
    static sample rounds[ROUNDS_MAX];
    if (!any_chosen(options))
        return;
    played all = {.rounds = rounds};
    unsigned tries_left = TRIES * options->rounds;
    cpu_set_t allowed;
    ql_error error = {0};
    sched_getaffinity(0, sizeof(allowed), &allowed);
    field at = open_field(options, libq);
    while (all.count < options->rounds) {
        bool fair = play_round(&at, options, &allowed, &rounds[all.count]);
        tries_left--;
        if (fair || tries_left < options->rounds - all.count) {
            all.count++;
            all.disturbed += !fair;
        }
    }
    tell(options, &all);
    must(ql_runtime_stop(at.runtime, NULL, &error) == 0, "stop", error.text);
}
