#include "tests/support/runtime.h"

#include <stdio.h>

#include "tests/support/harness.h"

static void misuse(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "misuse: %s\n", sentence);
}

ql_runtime *qlt_runtime_with(unsigned workers, ql_runtime_config config)
{
    char text[64];
    snprintf(text, sizeof(text), "workers=%u", workers);
    ql_affinity_config affinity = {.size = sizeof(affinity), .text = text};
    config.size = sizeof(config);
    if (!config.affinity)
        config.affinity = &affinity;
    if (!config.on_misuse)
        config.on_misuse = misuse;
    ql_runtime *runtime;
    ql_error error;
    if (ql_runtime_start(&config, &runtime, &error))
        qlt_fail("%s", error.text);
    return runtime;
}

ql_runtime *qlt_runtime(unsigned workers)
{
    return qlt_runtime_with(workers, (ql_runtime_config){.log = NULL});
}

void qlt_runtime_stop(ql_runtime *runtime)
{
    ql_error error;
    if (ql_runtime_stop(runtime, NULL, &error))
        qlt_fail("%s", error.text);
}
