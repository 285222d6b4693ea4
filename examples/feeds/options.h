/* What the command line asks for. */
#ifndef EXAMPLES_FEEDS_OPTIONS_H
#define EXAMPLES_FEEDS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "qlane/error.h"

typedef struct feed_options {
    const char *csv;     /* NULL: the flights that tools/setup fetched */
    const char *db;      /* NULL: in memory */
    const char *engine;  /* NULL: what QLANE_ENGINE says, else sqlite */
    const char *query;   /* NULL: none */
    const char *key;     /* NULL: no table of keys */
    const char *sum;     /* NULL: the first numeric column that is not in the key */
    uint64_t rows;       /* 0: all */
    uint64_t rate;       /* rows a second, of all feeds together; 0: as fast as it goes */
    const char *trace;   /* NULL: none */
    const char *metrics; /* NULL: none */
    unsigned feeds;
    unsigned repeat;
    bool json;
    bool help;
    char affinity[1024]; /* "key=value;key=value" */
} feed_options;

/* Errors: -EINVAL, with the option, its value and what it may be. */
int options_read(feed_options *options, int argc, char **argv, ql_error *error);

extern const char options_help[];

#endif
