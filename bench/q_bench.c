/* bazel run -c opt //bench:q: what a call of q costs beside the lane's own round trip and the evaluation, and how fast a table
 * leaves q. On the library that stands in for libq: it says nothing of kdb+. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "qlane/q.h"

enum { ROUNDS_MAX = 101, CALLS = 20000, ROWS = 1000000 };

typedef struct field {
    ql_runtime *runtime;
    ql_lane *lane;
} field;

typedef struct samples {
    double round_trip_ns, evaluation_ns, call_ns; /* of one */
    double copy_ns, fixed_ns, symbols_ns;         /* of all */
} samples;

static void must(bool well, const char *what, const char *why)
{
    if (well)
        return;
    fprintf(stderr, "q: %s: %s\n", what, why);
    exit(1);
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
        must(ql_lane_call(at->lane, &task) == 0, "call", "refused");
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

/* On the lane: the same without the way there and back. */
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

/* ---- A table ----------------------------------------------------------------------------------------------------- */

/* On the lane: how long a copy of what `text` gives takes, once q has it. */
static double time_result(const char *text)
{
    ql_q_call call;
    int64_t began_ns = ql_now_ns();
    ql_q_call_init(&call, text);
    must(ql_q_run(&call) == 0, text, call.error_text);
    int64_t with_ns = ql_now_ns() - began_ns;
    ql_q_free(call.result);
    return (double)with_ns;
}

static double time_copy(void)
{
    const size_t size = (size_t)ROWS * 24;
    char *from = malloc(size);
    must(from != NULL, "copy", "no memory");
    memset(from, 1, size);
    int64_t began_ns = ql_now_ns();
    char *to = malloc(size);
    must(to != NULL, "copy", "no memory");
    memcpy(to, from, size);
    double took_ns = (double)(ql_now_ns() - began_ns);
    must(to[size / 2] == 1, "copy", "wrong");
    free(to);
    free(from);
    return took_ns;
}

static int time_tables(ql_task *task)
{
    samples *round = task->arg;
    round->copy_ns = time_copy();
    round->fixed_ns = time_result("fixed");
    round->symbols_ns = time_result("symbols");
    return 0;
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

static field open_field(void)
{
    static const char text[] = "bench:.bench.table;fixed:select n,f,p from bench;symbols:bench`s";
    field at;
    ql_error error = {0};
    char folder[4096], libq[4200];
    must(bench_own_folder(folder, sizeof(folder)), "libq", "this program does not know where it is");
    snprintf(libq, sizeof(libq), "%s/../tests/support/libq_standin/libq_standin.so", folder);
    ql_q_config config = {.size = sizeof(config), .libq = libq, .text = text};
    must(ql_runtime_start(NULL, &at.runtime, &error) == 0, "start", error.text);
    must(ql_q_open(at.runtime, NULL, &config, &at.lane, &error) == 0, "open", error.text);
    return at;
}

static void tell(const char *name, const samples *rounds, unsigned count, double (*of)(const samples *),
                 const char *unit, const char *mark)
{
    double values[ROUNDS_MAX];
    for (unsigned i = 0; i < count; i++)
        values[i] = of(&rounds[i]);
    bench_summary summary = bench_summarise(values, count);
    printf("%-44s %10.3f %s (spread %.0f%%)  %s\n", name, summary.median, unit, summary.spread * 100, mark);
}

static double call_ns(const samples *round)
{
    return round->call_ns;
}

static double call_ratio(const samples *round)
{
    return round->call_ns / (round->round_trip_ns + round->evaluation_ns);
}

static double fixed_ratio(const samples *round)
{
    return round->copy_ns / round->fixed_ns;
}

static double symbol_ns(const samples *round)
{
    return round->symbols_ns / ROWS;
}

int main(int argc, char **argv)
{
    static samples rounds[ROUNDS_MAX];
    bench_options options;
    ql_error error = {0};
    bench_options_read(&options, argc, argv,
                       "what a call of q costs, on the library that stands in for libq");
    unsigned count = options.rounds < ROUNDS_MAX ? options.rounds : ROUNDS_MAX;
    field at = open_field();
    for (unsigned i = 0; i < count; i++) {
        ql_task task;
        rounds[i].round_trip_ns = time_round_trips(&at);
        rounds[i].evaluation_ns = time_evaluations(&at);
        rounds[i].call_ns = time_calls(&at);
        ql_task_init(&task, time_tables, &rounds[i]);
        must(ql_lane_call(at.lane, &task) == 0, "tables", "refused");
    }
    tell("a call", rounds, count, call_ns, "ns", "");
    tell("a call / (round trip + evaluation)", rounds, count, call_ratio, "  ", "mark: 1.10 at most");
    tell("10^6 rows of three columns, speed / memcpy's", rounds, count, fixed_ratio, "  ",
         "mark: 0.5 at least");
    tell("a symbol of 10^6", rounds, count, symbol_ns, "ns", "mark: 10 at most");
    must(ql_runtime_stop(at.runtime, NULL, &error) == 0, "stop", error.text);
    return 0;
}
