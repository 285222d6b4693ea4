/* bazel run -c opt //bench:feeds: rows per second of the main job, beside one thread that puts the same rows, parsed
 * before, straight into SQLite with the same statements and as many rows in a transaction. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness/harness.h"
#include "examples/feeds/statements.h"
#include "examples/feeds/stream.h"

enum { FEEDS = 20, BLOCK_ROWS = 256, TRIES_PER_ROUND = 3, CONTENDERS = 2 };
static const double mark = 0.8;

typedef struct feeds_work {
    const char *name;
    const char *key;
    bool file;
} feeds_work;

static const feeds_work works[] = {
    {"memory", NULL, false},
    {"memory_keys", "origin,destination", false},
    {"file", NULL, true},
    {"file_keys", "origin,destination", true},
};

/* What both contenders get. */
typedef struct feeds_field {
    feed_options options;
    input_file input;
    ql_sqlite_cell *cells; /* every row, parsed */
    size_t rows, columns;
    feed_statements sql;
    char folder[64], db[96];
    size_t rows_a_commit; /* as the lane had them last */
} feeds_field;

typedef struct feeds_sample {
    double ns, cpu_ns;
    double engine_cpu_ns; /* of the thread that has the connection */
} feeds_sample;

static bool failed(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return false;
}

/* ---- The rows --------------------------------------------------------------------------------------------------- */

static ql_runtime *start(void)
{
    ql_runtime_config config = {.size = sizeof(config)};
    ql_runtime *runtime = NULL;
    ql_error error;
    if (ql_runtime_start(&config, &runtime, &error))
        failed("runtime", error.text);
    return runtime;
}

static bool stop(ql_runtime *runtime)
{
    ql_error error;
    return !ql_runtime_stop(runtime, NULL, &error) || failed("runtime", error.text);
}

static bool parse(feeds_field *field)
{
    const input_file *input = &field->input;
    row_reader reader;
    row_verdict verdict;
    uint64_t line;
    field->columns = input->columns_count + 1;
    field->cells = calloc(input->records * field->columns, sizeof(*field->cells));
    if (!field->cells || row_reader_init(&reader, input))
        return failed(input->path, "no memory");
    for (size_t i = 0; i < input->blocks_count; i++) {
        if (row_reader_start(&reader, &input->blocks[i]))
            return failed(input->path, "no memory");
        while (row_reader_next(&reader, &verdict, &line)) {
            ql_sqlite_cell *cells = field->cells + field->rows * field->columns;
            if (verdict != ROW_GOOD)
                return failed(input->path, verdict_text(verdict));
            cells[0] = (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = (int64_t)line};
            for (size_t c = 1; c < field->columns; c++)
                cells[c] = store_cell(&input->columns[c - 1], reader.fields[c - 1]);
            field->rows++;
        }
    }
    row_reader_fini(&reader);
    return true;
}

static bool read_input(feeds_field *field)
{
    static char path[4096];
    const char *tree = getenv("BUILD_WORKSPACE_DIRECTORY");
    input_cut cut = {0, BLOCK_ROWS, FEEDS, line_column};
    ql_error error = {0};
    snprintf(path, sizeof(path), "%s/build/data/flights-3m.csv", tree ? tree : ".");
    if (input_open(&field->input, path, &cut, &error))
        return failed("tools/setup fetches the flights", error.text);
    ql_runtime *runtime = start();
    if (!runtime)
        return false;
    bool typed = input_type(&field->input, runtime, &error) == 0 || failed(path, error.text);
    return stop(runtime) && typed && parse(field);
}

static void remove_db(const feeds_field *field)
{
    char path[128];
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; end++) {
        snprintf(path, sizeof(path), "%s%s", field->db, *end);
        unlink(path);
    }
}

/* ---- One thread ------------------------------------------------------------------------------------------------- */

static bool bind(sqlite3_stmt *statement, int at, const ql_sqlite_cell *cell)
{
    int code = SQLITE_OK;
    if (cell->type == QL_SQLITE_INTEGER)
        code = sqlite3_bind_int64(statement, at, cell->integer);
    else if (cell->type == QL_SQLITE_REAL)
        code = sqlite3_bind_double(statement, at, cell->real);
    else if (cell->type == QL_SQLITE_NULL)
        code = sqlite3_bind_null(statement, at);
    else
        code = sqlite3_bind_text(statement, at, cell->text.bytes, (int)cell->text.length, SQLITE_STATIC);
    return code == SQLITE_OK;
}

static bool finish(sqlite3_stmt *statement)
{
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    return sqlite3_reset(statement) == SQLITE_OK && done;
}

static bool put(const feeds_field *field, sqlite3_stmt *put_row, sqlite3_stmt *put_key,
                const ql_sqlite_cell *row)
{
    bool well = true;
    for (size_t c = 0; c < field->columns; c++)
        well = well && bind(put_row, (int)c + 1, &row[c]);
    well = well && finish(put_row);
    for (size_t k = 0; put_key && k < field->sql.key_count; k++)
        well = well && bind(put_key, (int)k + 1, &row[field->sql.key[k]]);
    return well && (!put_key || finish(put_key));
}

static bool put_all(const feeds_field *field, sqlite3 *database)
{
    const feed_statements *sql = &field->sql;
    sqlite3_stmt *put_row = NULL, *put_key = NULL, *begin = NULL, *commit = NULL;
    bool well = sqlite3_prepare_v2(database, sql->put_row, -1, &put_row, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(database, "BEGIN IMMEDIATE", -1, &begin, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(database, "COMMIT", -1, &commit, NULL) == SQLITE_OK;
    if (well && sql->put_key)
        well = sqlite3_prepare_v2(database, sql->put_key, -1, &put_key, NULL) == SQLITE_OK;
    for (size_t i = 0; i < field->rows && well; i++) {
        if (i % field->rows_a_commit == 0)
            well = (i == 0 || finish(commit)) && finish(begin);
        well = well && put(field, put_row, put_key, field->cells + i * field->columns);
    }
    well = well && finish(commit);
    sqlite3_finalize(put_row);
    sqlite3_finalize(put_key);
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    return well;
}

static bool run_one_thread(feeds_field *field, feeds_sample *sample)
{
    const feed_statements *sql = &field->sql;
    sqlite3 *database = NULL;
    bool well = sqlite3_open_v2(field->options.db ? field->db : ":memory:", &database,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                NULL) == SQLITE_OK &&
                sqlite3_exec(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL,
                             NULL) == SQLITE_OK &&
                sqlite3_exec(database, sql->create_rows, NULL, NULL, NULL) == SQLITE_OK;
    if (well && sql->put_key)
        well = sqlite3_exec(database, sql->create_keys, NULL, NULL, NULL) == SQLITE_OK &&
               sqlite3_exec(database, sql->index_keys, NULL, NULL, NULL) == SQLITE_OK;
    bench_load before = bench_load_now();
    well = well && put_all(field, database);
    bench_load after = bench_load_now();
    *sample = (feeds_sample){(after.wall_s - before.wall_s) * 1e9, (after.ours_s - before.ours_s) * 1e9, 0};
    sample->engine_cpu_ns = sample->cpu_ns;
    if (!well)
        failed("sqlite", sqlite3_errmsg(database));
    sqlite3_close(database);
    return well;
}

/* ---- Feeds ------------------------------------------------------------------------------------------------------ */

static bool all_stored(const feeds_field *field, feed_stream *stream)
{
    if (stream->error.code)
        return failed("feeds", stream->error.text);
    return stream_rows_stored(stream) == field->rows || failed("feeds", "rows are missing");
}

static int read_cpu_clock(ql_task *task)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return ql_task_return(task, (ql_value){.i64 = used.tv_sec * 1000000000 + used.tv_nsec});
}

static double lane_cpu_ns(const feed_store *store)
{
    ql_task task;
    ql_task_init(&task, read_cpu_clock, NULL);
    return ql_lane_call(store->lane, &task) == 0 ? (double)task.future.value.i64 : 0;
}

static bool stream_all(feeds_field *field, ql_runtime *runtime, const feed_store *store, feeds_sample *sample)
{
    feed_stream stream = {.runtime = runtime,
                          .input = &field->input,
                          .store = store,
                          .feeds = FEEDS,
                          .repeat = 1,
                          .stop_fd = eventfd(0, EFD_NONBLOCK),
                          .done_fd = eventfd(0, EFD_NONBLOCK)};
    ql_lane_stats start = {.size = sizeof(start)}, end = start;
    ql_error error;
    ql_lane_stats_get(store->lane, &start);
    double lane_before_ns = lane_cpu_ns(store);
    bench_load before = bench_load_now();
    bool well = stream_start(&stream, &error) == 0 || failed("feeds", error.text);
    if (well)
        stream_join(&stream);
    bench_load after = bench_load_now();
    ql_lane_stats_get(store->lane, &end);
    *sample = (feeds_sample){(after.wall_s - before.wall_s) * 1e9, (after.ours_s - before.ours_s) * 1e9,
                             lane_cpu_ns(store) - lane_before_ns};
    field->rows_a_commit = field->rows / (end.batches - start.batches + !end.batches);
    well = well && all_stored(field, &stream);
    stream_free(&stream);
    close(stream.stop_fd);
    close(stream.done_fd);
    return well;
}

static bool run_feeds(feeds_field *field, feeds_sample *sample)
{
    ql_runtime *runtime = start();
    feed_store *store;
    ql_error error = {0};
    if (!runtime)
        return false;
    bool well = store_open(&store, runtime, &field->input, &field->options, &error) == 0 ||
                failed("store", error.text);
    well = well && stream_all(field, runtime, store, sample);
    well = stop(runtime) && well;
    store_free(store);
    return well;
}

/* ---- Rounds ----------------------------------------------------------------------------------------------------- */

typedef struct feeds_match {
    feeds_sample *feeds, *one_thread; /* one for each round */
    double line_ns;
    unsigned rounds, disturbed;
} feeds_match;

static bool play_round(feeds_field *field, bool feeds_first, feeds_sample *feeds, feeds_sample *one_thread)
{
    bool well = true;
    for (int i = 0; i < CONTENDERS && well; i++) {
        bool is_feeds = (i == 0) == feeds_first;
        well = is_feeds ? run_feeds(field, feeds) : run_one_thread(field, one_thread);
        remove_db(field);
    }
    return well;
}

static bool play(const bench_options *options, feeds_field *field, feeds_match *match)
{
    feeds_sample warm_up;
    uint64_t random = options->seed;
    unsigned tries_left = TRIES_PER_ROUND * options->rounds;
    bool well = run_feeds(field, &warm_up);
    remove_db(field);
    while (well && match->rounds < options->rounds) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        double line_ns = bench_line_ns();
        bench_load before = bench_load_now();
        well =
            play_round(field, random >> 63, &match->feeds[match->rounds], &match->one_thread[match->rounds]);
        bool fair = bench_others_since(&before) <= options->others_max &&
                    bench_line_of(bench_line_ns()) == bench_line_of(line_ns);
        tries_left--;
        if (fair || tries_left < options->rounds - match->rounds) {
            match->rounds++;
            match->disturbed += !fair;
            match->line_ns = line_ns;
        }
    }
    return well;
}

/* ---- What is told ----------------------------------------------------------------------------------------------- */

static bench_summary rows_per_second(const feeds_field *field, const feeds_sample *samples, unsigned rounds,
                                     double *scratch)
{
    for (unsigned i = 0; i < rounds; i++)
        scratch[i] = (double)field->rows * 1e9 / samples[i].ns;
    return bench_summarise(scratch, rounds);
}

static double cpus(const feeds_sample *samples, unsigned rounds, double *scratch)
{
    for (unsigned i = 0; i < rounds; i++)
        scratch[i] = samples[i].cpu_ns / samples[i].ns;
    return bench_summarise(scratch, rounds).median;
}

static double engine_cpu_ns(const feeds_field *field, const feeds_sample *samples, unsigned rounds,
                            double *scratch)
{
    for (unsigned i = 0; i < rounds; i++)
        scratch[i] = samples[i].engine_cpu_ns / (double)field->rows;
    return bench_summarise(scratch, rounds).median;
}

static void print_contender(const bench_options *options, const char *name, const feeds_field *field,
                            const feeds_sample *samples, unsigned rounds, double *scratch)
{
    bench_summary rate = rows_per_second(field, samples, rounds, scratch);
    double used = cpus(samples, rounds, scratch), engine_ns = engine_cpu_ns(field, samples, rounds, scratch);
    if (options->json)
        printf("\"%s\":{\"rows_per_second\":%.0f,\"spread\":%.3f,\"cpus\":%.2f,\"engine_cpu_ns\":%.0f},",
               name, rate.median, rate.spread, used, engine_ns);
    else
        printf("  %-12s %9.0f rows/s ±%-3.0f%% %5.2f CPUs, %.0f ns of CPU a row on the engine's thread\n",
               name, rate.median, 100 * rate.spread, used, engine_ns);
}

static bool report(const bench_options *options, const feeds_work *work, const feeds_field *field,
                   const feeds_match *match)
{
    unsigned rounds = match->rounds;
    double *scratch = calloc(rounds, sizeof(*scratch));
    if (!scratch)
        return failed(work->name, "no memory");
    for (unsigned i = 0; i < rounds; i++)
        scratch[i] = match->one_thread[i].ns / match->feeds[i].ns;
    bench_summary ratio = bench_summarise(scratch, rounds);
    const char *line = bench_line_name(bench_line_of(match->line_ns));
    if (options->json)
        printf("{\"work\":\"%s\",\"rows\":%zu,\"rows_a_commit\":%zu,", work->name, field->rows,
               field->rows_a_commit);
    else
        printf("%s: %u rounds (%u of them disturbed), line %s, %zu rows a commit\n", work->name, rounds,
               match->disturbed, line, field->rows_a_commit);
    print_contender(options, "one_thread", field, match->one_thread, rounds, scratch);
    print_contender(options, "feeds", field, match->feeds, rounds, scratch);
    if (options->json)
        printf("\"ratio\":%.3f,\"ratio_spread\":%.3f,\"mark\":%.2f,\"rounds\":%u,\"disturbed\":%u,\"line\":"
               "\"%s\"}\n",
               ratio.median, ratio.spread, mark, rounds, match->disturbed, line);
    else
        printf("  rows per second, feeds ÷ one thread: %.3f (±%.0f%%)  %s %.2f\n", ratio.median,
               100 * ratio.spread, ratio.median >= mark ? "reached:" : "MISSED:", mark);
    fflush(stdout);
    free(scratch);
    return true;
}

static bool run_work(const bench_options *options, feeds_field *field, const feeds_work *work)
{
    feeds_match match = {.feeds = calloc(options->rounds, sizeof(feeds_sample)),
                         .one_thread = calloc(options->rounds, sizeof(feeds_sample))};
    ql_error error;
    field->options = (feed_options){.db = work->file ? field->db : NULL, .key = work->key};
    bool well = match.feeds && match.one_thread;
    if (well && statements_make(&field->sql, &field->input, &field->options, &error))
        well = failed(work->name, error.text);
    well = well && play(options, field, &match) && report(options, work, field, &match);
    statements_free(&field->sql);
    free(match.feeds);
    free(match.one_thread);
    return well;
}

int main(int argc, char **argv)
{
    bench_options options;
    static feeds_field field = {.folder = "/tmp/feeds_bench.XXXXXX"};
    bench_options_read(&options, argc, argv,
                       "feeds: --work memory,memory_keys,file,file_keys; --rounds, --others, --seed, --json");
    bool well = read_input(&field) && (mkdtemp(field.folder) || failed(field.folder, "cannot be made"));
    snprintf(field.db, sizeof(field.db), "%s/rows.db", field.folder);
    for (size_t i = 0; i < sizeof(works) / sizeof(*works) && well; i++)
        if (bench_chosen(options.works, works[i].name))
            well = run_work(&options, &field, &works[i]);
    rmdir(field.folder);
    free(field.cells);
    input_close(&field.input);
    return well ? 0 : 1;
}
