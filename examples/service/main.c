/* A service to copy: a TCP server that embeds the runtime. See --help, and README.md beside this file. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/service/server.h"

enum { EXIT_FAILED = 1, EXIT_UNUSABLE = 2 };

static void log_line(void *context, ql_level level, const char *line)
{
    (void)context;
    if (level != QL_ERROR) /* errors are returned too, and told then */
        fprintf(stderr, "%s%s\n", level == QL_WARNING ? "qlane: " : "", line);
}

static void log_misuse(void *context, const char *sentence)
{
    log_line(context, QL_WARNING, sentence);
}

/* Before any thread starts, so that the loop alone gets them. */
static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int prepare(server *self, ql_runtime **runtime, const service_options *options, ql_error *error)
{
    service *shared = &self->shared;
    ql_affinity_config affinity = {.size = sizeof(affinity), .text = options->affinity};
    ql_runtime_config config = {
        .size = sizeof(config), .affinity = &affinity, .log = log_line, .on_misuse = log_misuse};
    ql_lane_config lane = {.size = sizeof(lane), .name = "q"};
    int code = ql_runtime_start(&config, runtime, error);
    if (code)
        return code;
    shared->pool = ql_runtime_pool(*runtime);
    shared->engine = engine_find(options->engine);
    code = shared->engine->open(*runtime, &lane, options, &shared->lane, error);
    if (code)
        return code;
    code = ql_completions_create(&shared->completions);
    if (code)
        return refuse(error, code, "completions: %s", strerror(-code));
    return server_open(self, options, error);
}

int main(int argc, char **argv)
{
    static service_options options;
    static server self = {.poll_fd = -1, .listen_fd = -1, .signal_fd = -1};
    ql_runtime *runtime = NULL;
    ql_error error = {0};
    int status = EXIT_SUCCESS;
    if (options_read(&options, argc, argv, &error)) {
        fprintf(stderr, "service: %s\n", error.text);
        return EXIT_UNUSABLE;
    }
    if (options.help) {
        fputs(options_help, stdout);
        return EXIT_SUCCESS;
    }
    block_signals();
    if (prepare(&self, &runtime, &options, &error)) {
        fprintf(stderr, "service: %s\n", error.text);
        status = EXIT_UNUSABLE;
    } else {
        server_run(&self);
    }
    server_close(&self);
    if (runtime && ql_runtime_stop(runtime, NULL, &error)) {
        fprintf(stderr, "service: %s\n", error.text);
        status = EXIT_FAILED;
    }
    if (ql_completions_destroy(self.shared.completions))
        status = EXIT_FAILED;
    return status;
}
