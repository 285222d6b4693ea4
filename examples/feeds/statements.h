/* The SQL of the two tables, made from the input's columns. */
#ifndef EXAMPLES_FEEDS_STATEMENTS_H
#define EXAMPLES_FEEDS_STATEMENTS_H

#include "examples/feeds/input.h"
#include "examples/feeds/options.h"

/* The name of the first column of `rows`; no other column is called so. */
extern const char line_column[];

typedef struct feed_statements {
    char *create_rows;
    char *put_row; /* ?1 the line number, ?2 ... the columns */
    /* With --key; else NULL. */
    char *keyed_by; /* what `keys` is keyed by and sums up, as text */
    char *create_keys;
    char *index_keys;
    char *fill_keys; /* from the rows that are in */
    char *put_key;   /* ?1 ... the key's columns, then the one to sum up */
    size_t *key;     /* which columns of `rows` those parameters are: key_count in all */
    size_t key_count;
    bool sums; /* the last of them is the one to sum up */
} feed_statements;

/* Errors: -EINVAL --key or --sum names what is not there; -ENOMEM. */
int statements_make(feed_statements *statements, const input_file *input, const feed_options *options,
                    ql_error *error);
void statements_free(feed_statements *statements);

#endif
