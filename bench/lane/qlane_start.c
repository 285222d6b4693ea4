#include <stdio.h>
#include <stdlib.h>

#include "bench/lane/contender.h"
#include "bench/lane/qlane.h"

void must(int code, const char *what, const char *text)
{
    if (!code)
        return;
    fprintf(stderr, "%s: %d %s\n", what, code, text ? text : "");
    exit(1);
}

ql_runtime *start_runtime(bool blocking)
{
    char text[128];
    ql_runtime *runtime;
    ql_error error = {.code = 0};
    snprintf(text, sizeof(text), "lane=%d;workers=1%s", lane_pu(),
             blocking ? ";idle=block;worker_idle=block" : "");
    ql_affinity_config affinity = {.size = sizeof(affinity), .text = text};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &affinity};
    must(ql_runtime_start(&config, &runtime, &error), "ql_runtime_start", error.text);
    return runtime;
}

void stop_runtime(ql_runtime *runtime)
{
    ql_error error = {.code = 0};
    must(ql_runtime_stop(runtime, NULL, &error), "ql_runtime_stop", error.text);
}
