#ifndef AFFINITY_APART_H
#define AFFINITY_APART_H

#include "affinity/cores.h"

/* Reads a file's topology in a child process, which hands the table back: hwloc trusts the files it reads, and one that
 * contradicts itself can make it crash, stop on an assertion, or run for ever. Then the answer is -EIO. The child is silent,
 * leaves no core file, and runs none of the caller's signal handlers. Where no child can be made, it is read here. */
int qli_machine_read_apart(qli_machine_from from, const char *what, qli_machine **machine, ql_error *error);

#endif
