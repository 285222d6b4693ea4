#ifndef AFFINITY_SETS_H
#define AFFINITY_SETS_H

/* A SET on a machine: from words, numbers and places to OS PU numbers. */

#include "affinity/config.h"
#include "affinity/cores.h"
#include "affinity/limits.h"

/* What the words mean where a SET is read. */
typedef struct qli_scope {
    const qli_machine *machine;
    const qli_limits *limits;
    qli_pu_set usable;     /* 'inherit', and all that numbers and places may name */
    qli_pu_set wide;       /* 'allowed', 'online' */
    qli_pu_set isolated;   /* 'isolated' */
    qli_pu_set perf, eff;  /* 'pcores', 'ecores' */
    const qli_value *cpus; /* what narrowed `usable`; NULL where cpus itself is read */
} qli_scope;

/* Reads value->text from `from` on. `listed` (may be NULL) gets what was named one by one: by
 * numbers, masks, places with a last index, and 'isolated'; not by words and open ranges.
 * -EINVAL, -ENOENT no such object, -EACCES not ours to use, -ENODEV nothing is left. */
int qli_set_read(const qli_scope *scope, const qli_value *value, size_t from, qli_pu_set *set,
                 qli_pu_set *listed, ql_error *error);

#endif
