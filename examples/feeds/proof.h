/* The proof that every row is accounted for: rows read = rows in the table + rows rejected, and the sum of the rows' hashes
 * as the workers took them from the text is the sum over the rows as they are stored. */
#ifndef EXAMPLES_FEEDS_PROOF_H
#define EXAMPLES_FEEDS_PROOF_H

#include "examples/feeds/stream.h"

typedef struct feed_proof {
    uint64_t rows_read;
    uint64_t rejected;
    uint64_t rows_in_table; /* of the lines that were read */
    uint64_t checksum_workers;
    uint64_t checksum_engine;
    bool holds;
} feed_proof;

/* Count what the feeds read, and read back what is stored. Off the lane, after stream_join(). On failure the error says
 * why it cannot be read. */
int proof_make(feed_proof *proof, const feed_stream *stream, ql_error *error);

#endif
