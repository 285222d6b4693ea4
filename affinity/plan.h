#ifndef AFFINITY_PLAN_H
#define AFFINITY_PLAN_H

/* Requests x cores to one slot per thread. A pure function: the same machine, limits and request give the same plan. */

#include "affinity/config.h"
#include "affinity/cores.h"
#include "affinity/limits.h"
#include "affinity/pu_set.h"
#include "qlane/affinity.h"

/* A text that lives as long as the plan. */
typedef struct qli_text {
    struct qli_text *next;
    char text[];
} qli_text;

/* Where one lane goes, while the plan is made and after. */
typedef struct qli_lane {
    const qli_value *asked; /* lane=, lane.NAME=, or NULL for one more of `lanes` */
    const char *name;       /* NULL = for any lane */
    qli_lane_how how;
    bool placed;
    unsigned core;
    unsigned pin_os;
    qli_pu_set pus; /* its alone: the pin, and the siblings that stay idle */
} qli_lane;

/* Where a thread's memory comes from: an index in the machine's nodes, -1 = nowhere in particular. */
typedef struct qli_memory_choice {
    int node;
    bool remote;
} qli_memory_choice;

struct ql_plan {
    qli_machine *machine;
    qli_limits limits;
    qli_request request;

    /* What may be used. */
    qli_pu_set wide;         /* online and allowed */
    qli_pu_set usable;       /* ... inherited, configured: A */
    qli_pu_set listed;       /* the part of it that cpus= names one by one */
    qli_pu_set isolated;     /* isolated and allowed, in the mask or not */
    qli_pu_set perf, eff;    /* of `usable`: the best class present in it, and the rest */
    qli_pu_set machine_perf; /* the best class of the whole machine, to name cores by */
    const char *classes_why;
    uint64_t quota_milli;      /* 0 = none, or quota=ignore */
    qli_pu_set workers_from;   /* what workers= names; all of `usable` without a SET */
    qli_pu_set workers_listed; /* the part of it named one by one */
    qli_memory_choice *memory; /* per node: for the cores nearest to it */

    ql_plan_mode mode;
    qli_lane *places; /* lane_count of them */
    ql_slot *lanes;
    unsigned lane_count;
    ql_slot *workers; /* in the order of their cores */
    unsigned worker_count;
    unsigned *workers_before; /* per core and one more: the number of workers on earlier cores */
    unsigned char *core_use;  /* per core: qli_core_use */

    const char **warnings; /* warning_count of them */
    unsigned warning_count;
    qli_text *texts;
};

struct qli_scope;

typedef enum qli_core_use { QLI_CORE_UNUSED, QLI_CORE_WORKERS, QLI_CORE_LANE } qli_core_use;

/* Makes the plan. Owns: machine and request are the plan's from here on, whatever comes back. */
int qli_plan_make(qli_machine *machine, const qli_limits *limits, qli_request *request, ql_plan **plan,
                  ql_error *error);

/* The steps, in this order; each reads what the ones before wrote. */
int qli_plan_usable(ql_plan *plan, ql_error *error);
int qli_plan_lanes(ql_plan *plan, ql_error *error);
int qli_plan_workers(ql_plan *plan, ql_error *error);
int qli_plan_slots(ql_plan *plan, ql_error *error);

/* What the words of a SET mean once `usable` is known. */
void qli_plan_scope(const ql_plan *plan, struct qli_scope *scope);
/* Chooses the memory for each node's cores (P5): local before remote, DRAM before HBM before the rest. 0 or -ENOMEM. */
int qli_plan_memory(ql_plan *plan);

/* Too little CPU time for two threads that run at once. */
bool qli_plan_starved(const ql_plan *plan);
/* How many cores have a PU in the set. */
unsigned qli_plan_cores_in(const ql_plan *plan, const qli_pu_set *set);
/* The core's PUs that are also in `of`. */
void qli_plan_core_pus(const ql_plan *plan, unsigned core, const qli_pu_set *of, qli_pu_set *pus);
bool qli_plan_core_perf(const ql_plan *plan, unsigned core);

/* A formatted text, or a list of PUs, that lives as long as the plan; NULL when there is no memory. */
__attribute__((format(printf, 2, 3))) const char *qli_plan_text(ql_plan *plan, const char *format, ...);
const char *qli_plan_list(ql_plan *plan, const qli_pu_set *set);
/* 0 or -ENOMEM. */
__attribute__((format(printf, 2, 3))) int qli_plan_warn(ql_plan *plan, const char *format, ...);

#endif
