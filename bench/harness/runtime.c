#include "bench/harness/runtime.h"

#include <stdio.h>
#include <stdlib.h>

void bench_fail(int code, const char *what, const char *text)
{
    fprintf(stderr, "%s: %d %s\n", what, code, text ? text : "");
    exit(1);
}

ql_runtime *start_runtime(const char *affinity)
{
    ql_runtime *runtime;
    ql_error error = {.code = 0};
    ql_affinity_config plan = {.size = sizeof(plan), .text = affinity};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &plan};
    must(ql_runtime_start(&config, &runtime, &error), "ql_runtime_start", error.text);
    return runtime;
}

void stop_runtime(ql_runtime *runtime)
{
    ql_error error = {.code = 0};
    must(ql_runtime_stop(runtime, NULL, &error), "ql_runtime_stop", error.text);
}
