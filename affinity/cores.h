#ifndef AFFINITY_CORES_H
#define AFFINITY_CORES_H

/* The machine as flat tables, in topology order: what lies together on the machine lies together in the array, so every
 * part of the machine is a range of PUs and a range of cores. Made once, then only read. hwloc stops here. */

#include <stdbool.h>
#include <stdint.h>

#include "affinity/pu_set.h"
#include "qlane/error.h"

typedef enum qli_part_type {
    QLI_MACHINE,
    QLI_PACKAGE,
    QLI_DIE,
    QLI_L3,
    QLI_L2,
    QLI_CORE,
    QLI_PU,
    QLI_NUMA,
    QLI_OTHER /* a level that matters for distance only: groups, other caches */
} qli_part_type;

/* One online PU. Its index is its logical number. */
typedef struct qli_pu {
    unsigned os;
    unsigned core;
    int kind; /* index in kinds; -1 = in none */
} qli_pu;

/* Where there is no Core level every PU is a core. */
typedef struct qli_core {
    unsigned first_pu, pus;
    unsigned part;            /* the smallest part around it (itself, where it is one) */
    int package, die, l3, l2; /* logical numbers; -1 = none */
    int node;                 /* index in nodes: the nearest NUMA node; -1 = none */
    uint64_t l3_bytes;
} qli_core;

/* One object of the machine's tree above the PUs, in depth-first order; parts[0] is the machine. */
typedef struct qli_part {
    qli_part_type type;
    int logical; /* among its type; counted in topology order */
    int parent;  /* -1 for the machine */
    unsigned depth;
    unsigned first_core, cores;
    unsigned first_pu, pus;
    uint64_t bytes; /* of a cache */
} qli_part;

/* Better memory first: the order in which a thread's memory node is chosen. */
typedef enum qli_memory_kind { QLI_DRAM, QLI_HBM, QLI_NVM, QLI_GPU_MEMORY } qli_memory_kind;

typedef struct qli_node {
    unsigned os;
    int logical;
    uint64_t bytes; /* 0 = no memory */
    qli_memory_kind kind;
    bool allowed;
    unsigned depth; /* of the part it belongs to: deeper is nearer */
    unsigned first_pu, pus;
} qli_node;

/* Neighbouring cores whose nearest node is the same. */
typedef struct qli_run {
    unsigned first_core, cores, node;
} qli_run;

/* What the machine says about one kind of core. */
typedef enum qli_core_type {
    QLI_TYPE_UNKNOWN,
    QLI_TYPE_PERF,
    QLI_TYPE_EFF,
    QLI_TYPE_LOW_POWER
} qli_core_type;

typedef struct qli_kind {
    qli_core_type type;
    unsigned capacity, max_mhz, base_mhz; /* 0 = not said */
} qli_kind;

typedef struct qli_machine {
    qli_pu *pus;
    unsigned pu_count;
    qli_core *cores;
    unsigned core_count;
    qli_part *parts;
    unsigned part_count;
    qli_node *nodes; /* by logical number */
    unsigned node_count;
    qli_run *runs; /* all cores, cut by node; none where a core has no node */
    unsigned run_count;
    qli_kind *kinds;
    unsigned kind_count;
    uint64_t *distances; /* node_count x node_count, from row to column; NULL = not said, or no use */
    qli_pu_set online;   /* = the PUs above */
    qli_pu_set offline;
    qli_pu_set allowed; /* cgroup cpuset; part of online */
    bool simulated;     /* from a file or string, not bound to this system */
    bool core_level;    /* false: every PU counts as a core */
    char name[128];
} qli_machine;

typedef enum qli_machine_from {
    QLI_FROM_THIS_SYSTEM,
    QLI_FROM_XML_FILE,
    QLI_FROM_SYNTHETIC
} qli_machine_from;

/* Reads the machine; `what` is the file or the string. -EIO when it cannot be read, -ENOMEM, -E2BIG. */
int qli_machine_load(qli_machine_from from, const char *what, qli_machine **machine, ql_error *error);
void qli_machine_free(qli_machine *machine);
/* The same, but trusting a file not to make hwloc crash. */
int qli_machine_read(qli_machine_from from, const char *what, qli_machine **machine, ql_error *error);

/* The PU with this OS number, or -1. */
int qli_machine_pu(const qli_machine *machine, unsigned os);
/* How many of a core's PUs are in a set. */
unsigned qli_core_count(const qli_machine *machine, unsigned core, const qli_pu_set *set);
/* The core's PUs, as a set. */
void qli_core_pus(const qli_machine *machine, unsigned core, qli_pu_set *set);

/* Private to cores.c and machine.c: a core's numbers from the parts around it; `runs`, 0 or -ENOMEM. */
void qli_core_fill(const qli_machine *machine, qli_core *core);
int qli_machine_add_runs(qli_machine *machine);

/* For the one other file that speaks to hwloc, `misc` to add objects of its own. The caller destroys the topology. */
struct hwloc_topology;
int qli_hwloc_load(qli_machine_from from, const char *what, bool misc, struct hwloc_topology **topology,
                   ql_error *error);

#endif
