#include <stdio.h>

#include "bench/harness/harness.h"

bool bench_idle(const bench_options *options, const bench_program *program, unsigned workers, bool *idle)
{
    double cpu_ns = 0, wakeups = 0;
    if (!bench_program_idle(program, workers, &cpu_ns, &wakeups)) {
        fprintf(stderr, "%s failed: idle\n", program->path);
        return false;
    }
    *idle = cpu_ns <= 0 && wakeups <= 0;
    if (options->json)
        printf("{\"work\":\"idle\",\"peer\":\"%s\",\"workers\":%u,\"cpu_ns\":%.0f,\"wakeups\":%.0f,"
               "\"version\":\"%s\"}\n",
               program->name, workers, cpu_ns, wakeups, program->version);
    else
        printf("  %-14s %12.0f ns of CPU, %6.0f wake-ups\n", program->name, cpu_ns, wakeups);
    fflush(stdout);
    return true;
}
