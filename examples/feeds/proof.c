#include "examples/feeds/proof.h"

#include <errno.h>
#include <string.h>

#include "examples/feeds/hash.h"

/* Ranges asked for at a time, so that the lane reads while this thread hashes. */
enum { WINDOW = 8 };

static void count_read(feed_proof *proof, const feed_stream *stream)
{
    for (size_t i = 0; i < stream->input->blocks_count; i++) {
        const feed_result *result = &stream->results[i];
        if (!result->read)
            continue;
        proof->rows_read += result->rows + result->rejects_count;
        proof->rejected += result->rejects_count;
        proof->checksum_workers = hash_add(proof->checksum_workers, result->checksum);
    }
}

/* The lines of a block. The first and the last reach as far as numbers do: no other row may be in the table. */
static int ask_block(const feed_stream *stream, size_t block, bool whole, store_range *range)
{
    const input_file *input = stream->input;
    bool first = whole && block == 0, last = block + 1 == input->blocks_count;
    int64_t end = (int64_t)(last ? input->lines : input->blocks[block + 1].line - 1);
    return store_read(stream->store, range, first ? INT64_MIN : (int64_t)input->blocks[block].line,
                      whole && last ? INT64_MAX : end);
}

static int take_block(feed_proof *proof, store_range *range, ql_error *error)
{
    int code = ql_future_wait(&range->task.future);
    code = code ? code : range->task.future.code;
    const ql_sqlite_rows *rows = range->rows;
    for (size_t i = 0; !code && i < rows->count; i++) {
        proof->rows_in_table++;
        uint64_t hash = store_hash(rows->cells + i * rows->columns, rows->columns);
        proof->checksum_engine = hash_add(proof->checksum_engine, hash);
    }
    if (code)
        refuse(error, code, "the rows cannot be read back: %s",
               range->text[0] ? range->text : strerror(-code));
    ql_sqlite_rows_free(range->rows);
    return code;
}

static int read_back(feed_proof *proof, const feed_stream *stream, ql_error *error)
{
    static const store_range none;
    store_range ranges[WINDOW];
    size_t count = stream->input->blocks_count;
    bool whole = true, asked[WINDOW] = {false};
    int code = 0;
    for (size_t i = 0; i < count; i++)
        whole = whole && stream->results[i].read;
    for (size_t i = 0; i < count + WINDOW; i++) {
        size_t at = i % WINDOW;
        if (asked[at]) {
            int taken = take_block(proof, &ranges[at], error);
            code = code ? code : taken;
        }
        asked[at] = false;
        if (i >= count || !stream->results[i].read || code)
            continue;
        ranges[at] = none;
        code = ask_block(stream, i, whole, &ranges[at]);
        asked[at] = !code;
        if (code)
            refuse(error, code, "the rows cannot be read back: %s", strerror(-code));
    }
    return code;
}

int proof_make(feed_proof *proof, const feed_stream *stream, ql_error *error)
{
    *proof = (feed_proof){0};
    count_read(proof, stream);
    int code = read_back(proof, stream, error);
    proof->holds = !code && proof->rows_read == proof->rows_in_table + proof->rejected &&
                   proof->checksum_workers == proof->checksum_engine;
    return code;
}
