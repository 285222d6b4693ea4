#ifndef AFFINITY_LIMITS_H
#define AFFINITY_LIMITS_H

/* What a process may use of the machine, and what the kernel says about CPUs beyond hwloc: masks, quota, isolation, types
 * of core. Files are read below `root`, "" on a real system, so that tests can write any machine. */

#include <stdbool.h>
#include <stdint.h>

#include "affinity/cores.h"
#include "affinity/pu_set.h"

typedef struct qli_limits {
    qli_pu_set inherited; /* affinity mask: the union over the process's threads */
    qli_pu_set isolated;  /* isolcpus, cpuset partitions of type isolated */
    qli_pu_set nohz_full;
    qli_pu_set type_pus[3]; /* the kernel's lists of performance, efficiency, low-power cores */
    uint64_t quota_milli;   /* thousandths of a CPU, rounded down; 0 = no quota */
    char quota_file[256];   /* which file said so */
    bool omp_binds;         /* OMP_PROC_BIND is set: a reason why the mask may be narrow */
} qli_limits;

/* Everything but `inherited`, which only the kernel can tell. pid 0 is this process. A file that is missing or cannot be
 * read sets no limit. */
void qli_limits_read(const char *root, int pid, qli_limits *limits);

/* All of it for a machine. A machine from a file has no limits beyond its own. */
void qli_limits_of(const qli_machine *machine, const char *root, int pid, qli_limits *limits);

/* The union of the masks of a process's threads; pid 0 is this process, and then without threads that a runtime pinned.
 * False when no thread can be asked. */
bool qli_limits_mask(int pid, qli_pu_set *mask);

/* Reads a small file whole, as text; cut at text_size - 1. False when it cannot be read. */
__attribute__((format(printf, 4, 5))) bool qli_file_read(char *text, size_t text_size, const char *root,
                                                         const char *path_format, ...);

#endif
