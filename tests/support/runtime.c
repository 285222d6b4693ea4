#include "tests/support/runtime.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/harness.h"

static void misuse(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "misuse: %s\n", sentence);
}

ql_runtime *qlt_runtime_with(unsigned workers, ql_runtime_config config)
{
    char count[16];
    snprintf(count, sizeof(count), "%u", workers);
    ql_affinity_config affinity = {.size = sizeof(affinity), .workers = count};
    config.size = sizeof(config);
    if (!config.affinity)
        config.affinity = &affinity;
    if (!config.on_misuse)
        config.on_misuse = misuse;
    ql_runtime *runtime;
    ql_error error;
    if (ql_runtime_start(&config, &runtime, &error))
        qlt_fail("%s", error.text);
    if (config.affinity == &affinity)
        qlt_eq_int(ql_plan_workers(ql_runtime_plan(runtime)), workers);
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

void qlt_ends_with(void (*body)(void), int status)
{
    int found;
    fflush(NULL);
    pid_t child = fork();
    qlt_check(child >= 0);
    if (child == 0) {
        alarm(60);
        qlt_ends_untidily();
        body();
        _exit(99);
    }
    qlt_eq_int(waitpid(child, &found, 0), child);
    qlt_eq_int(found, status);
}
