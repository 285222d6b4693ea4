#ifndef AFFINITY_PU_SET_H
#define AFFINITY_PU_SET_H

/* A set of PUs by OS number: a plain value, nothing to free. Also used for sets of NUMA nodes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's own limit on x86 (NR_CPUS with MAXSMP). A machine with higher numbers is refused, not cut. */
#define QLI_PUS_MAX 8192u

typedef struct qli_pu_set {
    uint64_t words[QLI_PUS_MAX / 64];
} qli_pu_set;

void qli_pu_set_clear(qli_pu_set *set);
void qli_pu_set_add(qli_pu_set *set, unsigned pu);
void qli_pu_set_remove(qli_pu_set *set, unsigned pu);
bool qli_pu_set_has(const qli_pu_set *set, unsigned pu);
/* into: set |= other, and so on. */
void qli_pu_set_or(qli_pu_set *set, const qli_pu_set *other);
void qli_pu_set_and(qli_pu_set *set, const qli_pu_set *other);
void qli_pu_set_minus(qli_pu_set *set, const qli_pu_set *other);

bool qli_pu_set_empty(const qli_pu_set *set);
bool qli_pu_set_equal(const qli_pu_set *a, const qli_pu_set *b);
bool qli_pu_set_meets(const qli_pu_set *a, const qli_pu_set *b);
/* Every PU of `part` is in `whole`. */
bool qli_pu_set_within(const qli_pu_set *part, const qli_pu_set *whole);
unsigned qli_pu_set_count(const qli_pu_set *set);
/* The lowest PU >= from, or -1. */
int qli_pu_set_next(const qli_pu_set *set, unsigned from);

/* The kernel's list format: "0-3,8". Empty text is the empty set; a final newline is allowed. False: not such a list. */
bool qli_pu_set_parse(qli_pu_set *set, const char *text);
/* Returns the length the text has, as snprintf does. The empty set is "". */
int qli_pu_set_print(const qli_pu_set *set, char *text, size_t text_size);

#endif
