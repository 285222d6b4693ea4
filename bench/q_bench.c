/* bazel run -c opt //bench:q: what q costs on a lane, on the library that stands in for libq: it says nothing of kdb+. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/lane/report.h"
#include "bench/q_calls.h"

enum { CALLERS = 20, UPSERTS = 1000 };

typedef struct upserts {
    const char *name;
    double mark; /* of the time of PyKX's protocol */
} upserts;

static const upserts works[] = {{"q_sync", 0.05}, {"q_async", 0}};

/* 20 threads, each with its upserts of one row, wherever the kernel puts them. False: a contender failed, and it was said. */
static bool play(const bench_options *options, const bench_program *programs, const upserts *work)
{
    char told[64];
    bench_entry entries[2];
    bench_match match = {.work = told, .workers = CALLERS, .entries = entries};
    const lane_mark marks[LANE_MARKS] = {{"pykx", "PyKX-like", LANE_TIME, work->mark}};
    snprintf(told, sizeof(told), "%s/free", work->name);
    for (int i = 0; i < 2; i++)
        entries[match.count++] = (bench_entry){.program = &programs[i],
                                               .key = i ? programs[i].name : NULL,
                                               .size = (long)CALLERS * UPSERTS,
                                               .ops = (double)CALLERS * UPSERTS};
    bool well = bench_play(options, &match);
    if (well)
        lane_report(options, &match, marks);
    bench_free(&match);
    return well;
}

int main(int argc, char **argv)
{
    static bench_program programs[2];
    bench_options options;
    char folder[4096], libq[4200];
    bench_options_read(
        &options, argc, argv,
        "bazel run -c opt //bench:q -- [OPTION]...\n"
        "works: q_sync q_async, 20 threads; q_round_trip q_evaluation q_call q_fixed q_symbol, one");
    if (!bench_own_folder(folder, sizeof(folder)) ||
        !bench_program_ask(&programs[0], folder, "lane_qlane_q") ||
        !bench_program_ask(&programs[1], folder, "lane_pykx_q")) {
        fputs("the contenders are not beside this program: build //bench/...\n", stderr);
        return 1;
    }
    snprintf(libq, sizeof(libq), "%s/../tests/support/libq_standin/libq_standin.so", folder);
    setenv("QLANE_LIBQ", libq, 1);
#ifndef NDEBUG
    fputs("not built with -c opt: these numbers mean nothing\n", stderr);
#endif
    fprintf(stderr, "seed %llu, %u rounds\n", (unsigned long long)options.seed, options.rounds);
    for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++)
        if (bench_chosen(options.works, works[i].name) && !play(&options, programs, &works[i]))
            return 1;
    q_calls(&options, libq);
    return 0;
}
