/* bazel run -c opt //bench:idle: what an idle runtime costs: 2 s from 100 ms after the last task, by the threads' own
 * counters. Exit 1 if it costs anything. */
#include <stdio.h>

#include "bench/harness/harness.h"

static bool measure(const bench_options *options, const char *file, bool *all_idle)
{
    bench_program program;
    char folder[512];
    if (!bench_own_folder(folder, sizeof(folder)) || !bench_program_ask(&program, folder, file)) {
        fprintf(stderr, "%s is not beside this program: build //bench/...\n", file);
        return false;
    }
    for (unsigned workers = 1; workers <= 2; workers++) {
        bool idle;
        if (!options->json)
            printf("%u worker%s\n", workers, workers == 1 ? "" : "s");
        if (!bench_idle(options, &program, workers, &idle))
            return false;
        *all_idle = *all_idle && idle;
    }
    return true;
}

int main(int argc, char **argv)
{
    bench_options options;
    bool all_idle = true;
    bench_options_read(&options, argc, argv, "bazel run -c opt //bench:idle -- [--json]");
    return measure(&options, "qlane", &all_idle) && measure(&options, "idle_lane", &all_idle) && all_idle ? 0
                                                                                                          : 1;
}
