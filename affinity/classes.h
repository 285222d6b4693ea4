#ifndef AFFINITY_CLASSES_H
#define AFFINITY_CLASSES_H

#include "affinity/cores.h"
#include "affinity/limits.h"

/* The PUs of the best performance class present in `among`, and the others of `among`. Returns how it was told, for people.
 * Kinds of 85 % of the best are the same class: favoured cores differ by a few percent, real classes by far more. */
const char *qli_classes(const qli_machine *machine, const qli_limits *limits, const qli_pu_set *among,
                        qli_pu_set *perf, qli_pu_set *eff);

#endif
