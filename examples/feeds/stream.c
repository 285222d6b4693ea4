#include "examples/feeds/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/feeds/hash.h"

/* Blocks that a feed may have on the way: one with the lane, one with a worker, and what covers a commit. */
enum { SLOTS = 4 };

/* A block on its way. The feed's; between submit and settle its tasks'. */
struct slot {
    ql_task parse;
    store_batch batch;
    row_reader reader;
    feed_result result;
    size_t block;
    bool busy;
    feed_stream *stream;
};

struct feed {
    pthread_t thread;
    feed_stream *stream;
    struct slot slots[SLOTS];
};

/* ---- On a worker ------------------------------------------------------------------------------------------------ */

static int add_reject(feed_result *result, uint64_t line, row_verdict verdict)
{
    feed_reject *rejects = realloc(result->rejects, (result->rejects_count + 1) * sizeof(*rejects));
    if (!rejects)
        return -ENOMEM;
    rejects[result->rejects_count++] = (feed_reject){line, verdict};
    result->rejects = rejects;
    return 0;
}

static void add_row(struct slot *slot, uint64_t line)
{
    const input_file *input = slot->stream->input;
    ql_sqlite_cell *cells = slot->batch.cells + slot->batch.rows++ * (input->columns_count + 1);
    uint64_t hash = hash_begin(line);
    *cells++ = (ql_sqlite_cell){QL_SQLITE_INTEGER, .integer = (int64_t)line};
    for (size_t i = 0; i < input->columns_count; i++) {
        csv_field field = slot->reader.fields[i];
        *cells++ = store_cell(&input->columns[i], field);
        hash = hash_field(hash, field.text, field.length);
    }
    slot->result.checksum = hash_add(slot->result.checksum, hash);
}

/* Parse a block and hand its rows to the lane. */
static int parse(ql_task *task)
{
    struct slot *slot = task->arg;
    row_verdict verdict;
    uint64_t line;
    int code = row_reader_start(&slot->reader, &slot->stream->input->blocks[slot->block]);
    while (!code && row_reader_next(&slot->reader, &verdict, &line)) {
        if (verdict == ROW_GOOD)
            add_row(slot, line);
        else
            code = add_reject(&slot->result, line, verdict);
    }
    slot->result.rows = slot->batch.rows;
    return code ? code : store_submit(&slot->batch);
}

/* ---- On a feed's thread ----------------------------------------------------------------------------------------- */

void stream_signal(int event_fd)
{
    uint64_t one = 1;
    /* It fails only when the count is at its end, and then whoever waits is told already. */
    ssize_t ignored = write(event_fd, &one, sizeof(one));
    (void)ignored;
}

static void fail(feed_stream *stream, int code, const char *text)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->error.code)
        refuse(&stream->error, code, "%s", text && *text ? text : strerror(-code));
    pthread_mutex_unlock(&stream->lock);
    stream_signal(stream->stop_fd);
}

/* Wait until the block of this slot is stored, and take down what became of it. */
static void finish(struct slot *slot)
{
    feed_stream *stream = slot->stream;
    feed_result *result = &stream->results[slot->block];
    if (!slot->busy)
        return;
    slot->busy = false;
    int code = ql_future_wait(&slot->parse.future);
    code = code ? code : slot->parse.future.code;
    bool sent = !code;
    if (sent)
        code = ql_future_wait(&slot->batch.task.future);
    if (sent && !code)
        code = slot->batch.task.future.code;
    if (code)
        fail(stream, code, sent ? slot->batch.task.future.text : slot->parse.future.text);
    pthread_mutex_lock(&stream->lock);
    if (sent && !result->read) {
        *result = slot->result;
        result->read = true;
        slot->result.rejects = NULL;
    }
    stream->rows_stored += code ? 0 : slot->result.rows;
    pthread_mutex_unlock(&stream->lock);
    free(slot->result.rejects);
}

static bool send_block(struct slot *slot, size_t block)
{
    slot->block = block;
    slot->result = (feed_result){0};
    slot->batch.rows = 0;
    ql_task_init(&slot->parse, parse, slot);
    slot->parse.name = "parse";
    int code = ql_submit(ql_runtime_pool(slot->stream->runtime), &slot->parse);
    slot->busy = !code;
    if (code)
        fail(slot->stream, code, NULL);
    return slot->busy;
}

/* Sleep until the time has come. False: the stream was stopped. */
static bool wait_until(const feed_stream *stream, int64_t due_ns)
{
    for (;;) {
        int64_t left_ns = due_ns - ql_now_ns();
        left_ns = left_ns > 0 ? left_ns : 0;
        struct timespec timeout = {left_ns / 1000000000, left_ns % 1000000000};
        struct pollfd stop = {.fd = stream->stop_fd, .events = POLLIN};
        int ready = ppoll(&stop, 1, &timeout, NULL);
        if (ready == 0)
            return true;
        if (ready > 0 || errno != EINTR)
            return false;
    }
}

/* All feeds together keep to the rate: a block is due when so many rows before it are. */
static int64_t due(const feed_stream *stream, uint64_t pass, size_t block)
{
    if (!stream->rate)
        return 0;
    double rows_before =
        (double)pass * (double)stream->input->records + (double)stream->input->blocks[block].records_before;
    return stream->began_ns + (int64_t)(rows_before * 1e9 / (double)stream->rate);
}

/* The next block that no feed has. */
static bool take_block(feed_stream *stream, uint64_t *pass, size_t *block)
{
    uint64_t count = stream->input->blocks_count;
    if (stream->taken == count * stream->repeat)
        return false;
    *pass = stream->taken / count;
    *block = stream->taken++ % count;
    return true;
}

/* Blocks leave one by one, in their order, which a B-tree likes: rows that come late are put between others. */
static bool send_next(struct slot *slot)
{
    feed_stream *stream = slot->stream;
    uint64_t pass;
    size_t block;
    pthread_mutex_lock(&stream->turn);
    bool sent = take_block(stream, &pass, &block) && wait_until(stream, due(stream, pass, block)) &&
                send_block(slot, block);
    pthread_mutex_unlock(&stream->turn);
    return sent;
}

static void *feed_main(void *arg)
{
    struct feed *feed = arg;
    size_t sent = 0;
    while (send_next(&feed->slots[sent % SLOTS]))
        finish(&feed->slots[++sent % SLOTS]);
    for (size_t i = 0; i < SLOTS; i++)
        finish(&feed->slots[(sent + i) % SLOTS]);
    stream_signal(feed->stream->done_fd);
    return NULL;
}

/* ---- All of them ------------------------------------------------------------------------------------------------ */

static size_t rows_max(const input_file *input)
{
    size_t max = 0;
    for (size_t i = 0; i < input->blocks_count; i++)
        max = input->blocks[i].records > max ? input->blocks[i].records : max;
    return max;
}

static int init_feed(struct feed *feed, feed_stream *stream)
{
    size_t rows = rows_max(stream->input) + 1;
    feed->stream = stream;
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &feed->slots[i];
        slot->stream = stream;
        slot->batch.store = stream->store;
        slot->batch.cells = calloc(rows * (stream->input->columns_count + 1), sizeof(*slot->batch.cells));
        slot->batch.changes = calloc(rows, sizeof(*slot->batch.changes));
        if (!slot->batch.cells || !slot->batch.changes || row_reader_init(&slot->reader, stream->input))
            return -ENOMEM;
    }
    return 0;
}

int stream_start(feed_stream *stream, ql_error *error)
{
    int code = 0;
    pthread_mutex_init(&stream->turn, NULL);
    pthread_mutex_init(&stream->lock, NULL);
    stream->results = calloc(stream->input->blocks_count + 1, sizeof(*stream->results));
    stream->all = calloc(stream->feeds, sizeof(*stream->all));
    if (!stream->results || !stream->all)
        code = -ENOMEM;
    for (unsigned i = 0; i < stream->feeds && !code; i++)
        code = init_feed(&stream->all[i], stream);
    stream->began_ns = ql_now_ns();
    while (!code && stream->started < stream->feeds) {
        struct feed *feed = &stream->all[stream->started];
        code = -pthread_create(&feed->thread, NULL, feed_main, feed);
        stream->started += !code;
    }
    if (!code)
        return 0;
    stream_signal(stream->stop_fd);
    stream_join(stream);
    return refuse(error, code, "%u feeds could not be started: %s", stream->feeds, strerror(-code));
}

void stream_join(feed_stream *stream)
{
    for (unsigned i = 0; i < stream->started; i++)
        pthread_join(stream->all[i].thread, NULL);
}

void stream_free(feed_stream *stream)
{
    for (unsigned i = 0; stream->all && i < stream->feeds; i++)
        for (size_t s = 0; s < SLOTS; s++) {
            row_reader_fini(&stream->all[i].slots[s].reader);
            free(stream->all[i].slots[s].batch.cells);
            free(stream->all[i].slots[s].batch.changes);
        }
    for (size_t i = 0; stream->results && i < stream->input->blocks_count; i++)
        free(stream->results[i].rejects);
    free(stream->results);
    free(stream->all);
    pthread_mutex_destroy(&stream->lock);
    pthread_mutex_destroy(&stream->turn);
}

uint64_t stream_rows_stored(feed_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    uint64_t rows = stream->rows_stored;
    pthread_mutex_unlock(&stream->lock);
    return rows;
}
