/* The main job: many feeds stream the rows of a CSV file, workers parse them, one lane upserts them. See --help. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "examples/feeds/report.h"
#include "examples/feeds/statements.h"
#include "qlane/metrics.h"
#include "qlane/trace.h"

enum { EXIT_UNPROVEN = 1, EXIT_UNUSABLE = 2, EXIT_SIGNAL = 128 };
enum {
    BLOCK_ROWS = 256,
    BLOCKS_A_FEED = 8,
    BLOCKS_A_SECOND = 20,
    TICK_MS = 250,
    METRICS_MS = 1000,
    TRACE_EVENTS = 20000
};

static const char flights[] = "build/data/flights-3m.csv";

/* For the signal handler, which can be given nothing. */
static volatile sig_atomic_t signal_seen;
static int stop_fd = -1;

struct job {
    feed_options options;
    char csv[4096];
    input_file input;
    FILE *trace, *metrics;
    int64_t metrics_ns; /* when they were last written */
    ql_runtime *runtime;
    feed_store *store;
    feed_stream stream;
    feed_proof proof;
    store_query before, after, keys, answer;
    store_query aside; /* the query while rows come in */
    int64_t aside_ns;  /* when it was asked; 0: it is not under way */
    unsigned asked;
    int64_t slowest_ns;
};

static void on_signal(int number)
{
    signal_seen = number;
    stream_signal(stop_fd);
}

/* The first signal ends the feeds, a second one the program. */
static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Errors are returned too, and told then. */
static void log_line(void *context, ql_level level, const char *line)
{
    (void)context;
    if (level != QL_ERROR)
        fprintf(stderr, "%s%s\n", level == QL_WARNING ? "qlane: " : "", line);
}

static void log_misuse(void *context, const char *sentence)
{
    log_line(context, QL_WARNING, sentence);
}

/* ---- Before ----------------------------------------------------------------------------------------------------- */

/* Under `bazel run` the program starts elsewhere: paths are meant from where the user is. */
static void find_files(struct job *job)
{
    const char *from = getenv("BUILD_WORKING_DIRECTORY"), *top = getenv("BUILD_WORKSPACE_DIRECTORY");
    if (from && chdir(from) != 0)
        fprintf(stderr, "feeds: %s: %s\n", from, strerror(errno));
    snprintf(job->csv, sizeof(job->csv), "%s%s%s", top ? top : "", top ? "/" : "", flights);
    if (job->options.csv)
        snprintf(job->csv, sizeof(job->csv), "%s", job->options.csv);
}

/* Blocks so small that each feed has some, and that a slow rate still flows. */
/* Where the trace and the metrics go: opened first, so that nothing runs in vain. */
static int open_outputs(struct job *job, ql_error *error)
{
    const char *const names[] = {job->options.trace, job->options.metrics};
    FILE **const files[] = {&job->trace, &job->metrics};
    for (int i = 0; i < 2; i++)
        if (names[i] && !(*files[i] = fopen(names[i], "w")))
            return refuse(error, -errno, "%s: %s", names[i], strerror(errno));
    return 0;
}

static int open_input(struct job *job, ql_error *error)
{
    const feed_options *options = &job->options;
    input_cut cut = {options->rows, BLOCK_ROWS, (size_t)options->feeds * BLOCKS_A_FEED, line_column};
    if (options->rate && options->rate / BLOCKS_A_SECOND < cut.block_records)
        cut.block_records = options->rate / BLOCKS_A_SECOND + 1;
    if (options->rows && options->rows / options->feeds < cut.block_records)
        cut.block_records = options->rows / options->feeds + 1;
    int code = input_open(&job->input, job->csv, &cut, error);
    if (code == -ENOENT && !options->csv)
        refuse(error, code, "%s is not there: run tools/setup, or name a file with --csv", flights);
    return code;
}

static int start_runtime(struct job *job, ql_error *error)
{
    ql_affinity_config affinity = {.size = sizeof(affinity), .text = job->options.affinity};
    ql_runtime_config config = {.size = sizeof(config),
                                .affinity = &affinity,
                                .log = log_line,
                                .on_misuse = log_misuse,
                                .trace_events = job->options.trace ? TRACE_EVENTS : 0};
    return ql_runtime_start(&config, &job->runtime, error);
}

static int ask_before(struct job *job, ql_error *error)
{
    const char *first_rows = job->store->engine->first_rows;
    int code = store_answer(job->store, &job->before, first_rows);
    if (code)
        return refuse(error, code, "%s: %s", first_rows, job->before.text);
    if (!job->options.query)
        return 0;
    code = store_answer(job->store, &job->aside, job->options.query);
    ql_sqlite_rows_free(job->aside.rows);
    return code ? refuse(error, code, "--query: %s", job->aside.text) : 0;
}

static int prepare(struct job *job, ql_error *error)
{
    int code = open_outputs(job, error);
    if (!code)
        code = open_input(job, error);
    if (!code)
        code = start_runtime(job, error);
    if (!code)
        code = input_type(&job->input, job->runtime, error);
    if (!code)
        code = store_open(&job->store, job->runtime, &job->input, &job->options, error);
    if (!code)
        code = ask_before(job, error);
    return code;
}

/* ---- While the feeds run ---------------------------------------------------------------------------------------- */

/* Take the answer of the query that goes beside, if it is there, and ask again. */
static void ask_aside(struct job *job, bool again)
{
    if (job->aside_ns && !again && ql_future_wait(&job->aside.task.future) != 0)
        return;
    if (job->aside_ns && ql_future_settled(&job->aside.task.future)) {
        int64_t took_ns = ql_now_ns() - job->aside_ns;
        job->asked += job->aside.task.future.code == 0;
        job->slowest_ns = took_ns > job->slowest_ns ? took_ns : job->slowest_ns;
        ql_sqlite_rows_free(job->aside.rows);
        job->aside_ns = 0;
    }
    if (again && !job->aside_ns && store_ask(job->store, &job->aside, job->options.query) == 0)
        job->aside_ns = ql_now_ns();
}

static void write_metrics(struct job *job, bool now)
{
    if (!job->metrics || (!now && ql_now_ns() - job->metrics_ns < METRICS_MS * INT64_C(1000000)))
        return;
    job->metrics_ns = ql_now_ns();
    if (ql_metrics_write(job->runtime, job->metrics))
        fprintf(stderr, "feeds: the metrics cannot be written to %s\n", job->options.metrics);
}

/* Until every feed has ended. Without a terminal or a query there is nothing to wake up for in between. */
static void watch(struct job *job)
{
    bool terminal = isatty(STDERR_FILENO);
    int tick_ms = terminal || job->options.query ? TICK_MS : job->metrics ? METRICS_MS : -1;
    live_line live = {0};
    struct pollfd done = {.fd = job->stream.done_fd, .events = POLLIN};
    for (uint64_t ended = 0, more; ended < job->stream.feeds;) {
        if (terminal)
            live_show(&live, &job->stream, job->store->lane);
        write_metrics(job, false);
        if (job->options.query)
            ask_aside(job, true);
        if (poll(&done, 1, tick_ms) > 0 && read(done.fd, &more, sizeof(more)) == sizeof(more))
            ended += more;
    }
    if (terminal)
        live_clear();
    ask_aside(job, false);
}

static int run_feeds(struct job *job, double *seconds, ql_error *error)
{
    feed_stream *stream = &job->stream;
    int code = stream_start(stream, error);
    if (code)
        return code;
    watch(job);
    stream_join(stream);
    *seconds = (double)(ql_now_ns() - stream->began_ns) / 1e9;
    if (stream->error.code)
        fprintf(stderr, "feeds: a feed failed: %s\n", stream->error.text);
    return stream->error.code;
}

/* ---- After ------------------------------------------------------------------------------------------------------ */

static bool report(struct job *job, double seconds)
{
    feed_report report = {
        .input = &job->input,
        .stream = &job->stream,
        .lane = job->store->lane,
        .proof = &job->proof,
        .seconds = seconds,
        .query = job->options.query,
        .before = job->before.rows,
        .after = job->after.rows,
        .keys = job->keys.rows,
        .answer = job->answer.rows,
        .asked = job->asked,
        .slowest_ms = (double)job->slowest_ns / 1e6,
    };
    report_rejects(&job->stream);
    (job->options.json ? report_json : report_text)(&report);
    bool told = fflush(stdout) == 0 && !ferror(stdout);
    if (!told)
        fprintf(stderr, "feeds: the report cannot be written: %s\n", strerror(errno));
    return told;
}

/* The exit status. */
static int run_job(struct job *job)
{
    ql_error error = {0};
    double seconds = 0;
    int code = run_feeds(job, &seconds, &error);
    if (code && !job->stream.error.code)
        fprintf(stderr, "feeds: %s\n", error.text);
    int proven = proof_make(&job->proof, &job->stream, &error);
    if (!proven)
        proven = store_answer(job->store, &job->after, job->store->engine->first_rows);
    if (!proven && job->options.key)
        proven = store_answer(job->store, &job->keys, job->store->engine->some_keys);
    if (!proven && job->options.query)
        proven = store_answer(job->store, &job->answer, job->options.query);
    if (proven)
        fprintf(stderr, "feeds: the engine failed: %s\n", error.code ? error.text : strerror(-proven));
    bool told = report(job, seconds);
    if (code || proven || !told || !job->proof.holds)
        return EXIT_UNPROVEN;
    return signal_seen ? EXIT_SIGNAL + signal_seen : EXIT_SUCCESS;
}

static void write_outputs(struct job *job)
{
    if (job->runtime)
        write_metrics(job, true);
    if (job->runtime && job->trace && ql_trace_write(job->runtime, job->trace))
        fprintf(stderr, "feeds: the trace cannot be written to %s\n", job->options.trace);
    if (job->trace)
        fclose(job->trace);
    if (job->metrics)
        fclose(job->metrics);
}

static int stop(struct job *job)
{
    ql_error error = {0};
    write_outputs(job);
    int code = job->runtime ? ql_runtime_stop(job->runtime, NULL, &error) : 0;
    if (code)
        fprintf(stderr, "feeds: %s\n", error.text);
    ql_sqlite_rows_free(job->before.rows);
    ql_sqlite_rows_free(job->after.rows);
    ql_sqlite_rows_free(job->keys.rows);
    ql_sqlite_rows_free(job->answer.rows);
    store_free(job->store);
    input_close(&job->input);
    return code;
}

int main(int argc, char **argv)
{
    static struct job job;
    ql_error error = {0};
    if (options_read(&job.options, argc, argv, &error)) {
        fprintf(stderr, "feeds: %s\n", error.text);
        return EXIT_UNUSABLE;
    }
    if (job.options.help) {
        fputs(options_help, stdout);
        return EXIT_SUCCESS;
    }
    find_files(&job);
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int status = EXIT_UNUSABLE;
    watch_signals();
    if (stop_fd < 0 || done_fd < 0) {
        fprintf(stderr, "feeds: eventfd: %s\n", strerror(errno));
    } else if (prepare(&job, &error)) {
        fprintf(stderr, "feeds: %s\n", error.text);
    } else {
        job.stream = (feed_stream){.runtime = job.runtime,
                                   .input = &job.input,
                                   .store = job.store,
                                   .feeds = job.options.feeds,
                                   .repeat = job.options.repeat,
                                   .rate = job.options.rate,
                                   .stop_fd = stop_fd,
                                   .done_fd = done_fd};
        status = run_job(&job);
        stream_free(&job.stream);
    }
    if (stop(&job) && status == EXIT_SUCCESS)
        status = EXIT_UNPROVEN;
    close(done_fd);
    return status;
}
