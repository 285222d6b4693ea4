/* Things kept by their text, the least recently used given up first: prepared statements, which this knows nothing of.
 * One thread's. */
#ifndef QLANE_LANES_ENGINES_STATEMENTS_H
#define QLANE_LANES_ENGINES_STATEMENTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct qli_statement {
    char *text;
    void *prepared;
    uint64_t hash;
    struct qli_statement *next;          /* in its bucket */
    struct qli_statement *newer, *older; /* by last use */
} qli_statement;

typedef struct qli_statements {
    unsigned max, count, buckets_count; /* a power of two */
    qli_statement **buckets;
    qli_statement *newest, *oldest;
} qli_statements;

/* -ENOMEM. */
int qli_statements_init(qli_statements *kept, unsigned max);
/* All must have been given up. */
void qli_statements_fini(qli_statements *kept);

/* What is kept under this text, now the newest; or NULL. */
void *qli_statements_find(qli_statements *kept, const char *text);
/* Keep it. False: no memory, it is not kept. There must be room. */
bool qli_statements_add(qli_statements *kept, const char *text, void *prepared);
/* Is there room for one more? */
static inline bool qli_statements_full(const qli_statements *kept)
{
    return kept->count >= kept->max;
}
/* The oldest, or NULL; give it up. */
void *qli_statements_oldest(const qli_statements *kept);
void qli_statements_drop(qli_statements *kept);

#endif
