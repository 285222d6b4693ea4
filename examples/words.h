/* The command line of an example: --name value or --name=value, the placement keys of affinity/README.md among them. */
#ifndef EXAMPLES_WORDS_H
#define EXAMPLES_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qlane/error.h"

typedef enum word_kind {
    WORD_FLAG,     /* a bool; no value */
    WORD_TEXT,     /* a const char *, not empty */
    WORD_UNSIGNED, /* an unsigned from 1 to max */
    WORD_UINT64    /* a uint64_t from 1 to max */
} word_kind;

typedef struct word_option {
    const char *name;
    word_kind kind;
    void *to;
    uint64_t max;
} word_option;

/* Read the words of a command line. What is none of `known` is a placement key, and becomes a part of `placement`, a text for
 * ql_affinity_config, where a later key beats an earlier one.
 *  Errors: -EINVAL, with the option, its value and what it may be. */
int words_read(const word_option *known, size_t count, char *placement, size_t placement_size, int argc,
               char **argv, ql_error *error);

/* Write an error's code and sentence. Returns the code. */
int refuse(ql_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
