#ifndef AFFINITY_TERMS_H
#define AFFINITY_TERMS_H

/* The grammar of a SET, one term at a time, without a machine:
 *
 *     SET   := term (',' term)*
 *     term  := ['~'] atom                         '~' removes
 *     atom  := 'inherit' | 'allowed' | 'online' | 'isolated' | 'pcores' | 'ecores' | 'none'
 *            | NUM ['-' [NUM]] [':' STRIDE]       OS PU numbers
 *            | '0x' HEX                           one mask
 *            | LOC
 *     LOC   := OBJ ('.' OBJ)*
 *     OBJ   := type ':' idx                       logical objects
 *     type  := package | numa | die | l3 | l2 | core | pu
 *     idx   := N | N-M | N- | all | odd | even */

#include <stdbool.h>
#include <stddef.h>

#include "affinity/cores.h"

typedef enum qli_term_kind {
    QLI_TERM_INHERIT,
    QLI_TERM_ALLOWED,
    QLI_TERM_ONLINE,
    QLI_TERM_ISOLATED,
    QLI_TERM_PCORES,
    QLI_TERM_ECORES,
    QLI_TERM_NONE,
    QLI_TERM_RANGE,
    QLI_TERM_MASK,
    QLI_TERM_PLACE
} qli_term_kind;

/* first, first + stride, ... last. */
typedef struct qli_index {
    unsigned first, last, stride;
    bool open; /* to the end: `last` is the highest number there can be */
} qli_index;

typedef struct qli_step {
    qli_part_type type;
    qli_index index;
} qli_step;

enum { QLI_STEPS_MAX = 8 };

typedef struct qli_term {
    qli_term_kind kind;
    bool remove;
    unsigned column, length; /* of the atom in the value; columns count from 1 */
    qli_index range;         /* QLI_TERM_RANGE */
    const char *mask;        /* QLI_TERM_MASK: the digits, most significant first */
    unsigned mask_digits;
    qli_step steps[QLI_STEPS_MAX]; /* QLI_TERM_PLACE */
    unsigned step_count;
} qli_term;

/* Why a value cannot be read. */
typedef struct qli_fault {
    unsigned column;
    char reason[160];
} qli_fault;

/* Reads the term at *at and moves *at behind it and its comma: 1 a term, 0 the end, -1 a fault. Starts with *at = 0. */
int qli_term_next(const char *value, size_t *at, qli_term *term, qli_fault *fault);

/* The whole value is a SET. */
bool qli_terms_check(const char *value, qli_fault *fault);

/* The word for a type in places: "core". */
const char *qli_type_word(qli_part_type type);

#endif
