#ifndef QLANE_AFFINITY_H
#define QLANE_AFFINITY_H

/* Which thread on which core.
 *
 * A plan is made once, from the machine and a configuration, and gives every thread its place: a slot. Then each thread
 * binds itself to its slot and reads back what it was granted. What was asked (the slot), what was granted and where the
 * thread is now (ql_bound) are three facts.
 *
 * CPU numbers: `pu_os` is the number the kernel, taskset and top use; `core_logical` counts cores in topology order.
 * Nothing here prints, exits, or changes any thread but the calling one, with one stated exception: ql_callers_confine(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qlane/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration -------------------------------------------------------------------------------------------- */

/* Take no QLANE_* variable into account. */
#define QL_IGNORE_ENV 1u

/* The cores of one lane: `lane.NAME` of the text, QLANE_LANE_NAME of the environment. Names of lanes are compared without
 * regard to case, and any character but a letter or digit counts as '_': the environment knows no others. */
typedef struct ql_lane_place {
    const char *name;
    const char *cores; /* a SET meaning one core, or "auto" or "isolated" */
} ql_lane_place;

/* Zero or NULL means the default. The strings are read by ql_plan_create() and not kept. Later beats earlier: built-in,
 * the members below, `text`, QLANE_AFFINITY, QLANE_<KEY>. The grammar of every value is in affinity/README.md. */
typedef struct ql_affinity_config {
    size_t size; /* sizeof(ql_affinity_config) */
    uint64_t flags;
    const char *text;             /* "key=value;key=value", or a preset: "dedicated", "laptop", "off" */
    const char *cpus;             /* SET; "inherit" */
    const char *lane;             /* "auto", a SET meaning one core, "isolated", "off" */
    const char *lanes;            /* cores to reserve for lanes: "1" */
    const char *callers;          /* "free", "confine" */
    const char *workers;          /* "auto", N, SET, N@SET */
    const char *smt;              /* "reserve", "lend" */
    const char *threads_per_core; /* "1", N, "all" */
    const char *lane_kind;        /* "perf", "eff", "all" */
    const char *worker_kind;      /* "all", "perf", "eff" */
    const char *mem;              /* "local", "strict", "none", "node:N" */
    const char *steal;            /* "near", "random" */
    const char *quota;            /* "respect", "ignore" */
    const char *bind;             /* "warn", "require", "off" */
    const char *idle;             /* lanes: "adaptive", "adaptive(200us)", "spin", "block" */
    const char *worker_idle;      /* workers: the same */
    const char *show;             /* "0", "1" one line per thread at start, "2" the whole plan */
    const ql_lane_place *named;   /* named_count of them */
    size_t named_count;
} ql_affinity_config;

/* ---- Plan ----------------------------------------------------------------------------------------------------- */

/* Immutable once made; any thread may read it. */
typedef struct ql_plan ql_plan;

typedef enum ql_plan_mode {
    QL_MODE_DEDICATED, /* every lane has a core of its own */
    QL_MODE_SHARED,    /* lanes and workers share a core, or too little CPU time: nothing spins */
    QL_MODE_OFF        /* no lane was asked for */
} ql_plan_mode;

typedef enum ql_core_kind { QL_KIND_PERF, QL_KIND_EFF } ql_core_kind;

typedef enum ql_idle_kind {
    QL_IDLE_ADAPTIVE, /* spin a learned budget of at most spin_max_ns, then block */
    QL_IDLE_SPIN,     /* spin only */
    QL_IDLE_BLOCK     /* block only */
} ql_idle_kind;

/* One thread's place: what is asked for. Strings belong to the plan. */
typedef struct ql_slot {
    int pin_pu_os;       /* the PU to pin to; -1 = do not pin (bind=off) */
    int pu_os;           /* the PU planned, pinned or not */
    const char *pus;     /* cpulist of the PUs that are this slot's alone; for a lane its siblings too */
    int core_logical;    /* the core; all numbers that start with zero count in topology order */
    int package_logical; /* -1 = the machine does not say; so for the three below */
    int l3_logical;
    int numa_os;         /* NUMA node of the core */
    int mem_os;          /* NUMA node for this thread's memory; -1 = wherever the kernel puts it */
    bool mem_remote;     /* mem_os is not local to the core */
    bool mem_strict;     /* fail rather than fall back to another node (mem=strict) */
    bool dedicated;      /* no other thread of ours runs on this core: it may spin */
    bool isolated;       /* the kernel keeps other tasks off this PU (isolcpus, cpuset partition) */
    ql_core_kind kind;   /* QL_KIND_PERF on a machine with one kind of core */
    ql_idle_kind idle;   /* how the thread waits for work */
    int64_t spin_max_ns; /* the most it may spin at a time: 0 never, INT64_MAX for ever */
    unsigned round;  /* how many slots of the same sort come before it on its core; park high rounds first */
    const char *why; /* one line: why here */
} ql_slot;

/** Read the machine and the configuration, and give every thread its place.
 *  Threads: any, also several at once, but not while another one changes the environment. Starts no thread and binds nothing. With
 *           HWLOC_XMLFILE the file is read in a child process, where one can be had.
 *  Owns:    *plan is the caller's until ql_plan_destroy().
 *  Errors:  -EINVAL a value that cannot be read, or contradicts another; -ENOENT it names what the machine lacks; -EACCES
 *           what this process may not use; -ENODEV nothing is left to run on; -ENOMEM; -EIO the machine cannot be read.
 *           The text names key, value, reason and fix. *plan is then NULL. */
QL_MUST_USE int ql_plan_create(const ql_affinity_config *config, ql_plan **plan, ql_error *error);

/** Frees the plan and its strings. NULL is allowed. */
void ql_plan_destroy(ql_plan *plan);

ql_plan_mode ql_plan_how(const ql_plan *plan);
/* The machine is a file or a string, not this one: nothing can be bound. */
bool ql_plan_simulated(const ql_plan *plan);
/* callers=confine was asked for. */
bool ql_plan_confines(const ql_plan *plan);
/* The value of `show`. */
unsigned ql_plan_show_level(const ql_plan *plan);

/* How many workers and lanes are planned at most; with lane=off there are no lane slots. */
unsigned ql_plan_workers(const ql_plan *plan);
/* How many of its workers the CPU quota of this moment leaves room for, beside the lanes: at least 1; all without a quota, or
 * with quota=ignore. Reads files. */
unsigned ql_plan_workers_now(const ql_plan *plan);
unsigned ql_plan_lanes(const ql_plan *plan);
/* NULL beyond the last. */
const ql_slot *ql_plan_worker(const ql_plan *plan, unsigned worker);
const ql_slot *ql_plan_lane(const ql_plan *plan, unsigned lane);
/* The slot that lane.NAME reserved, or -1. */
int ql_plan_lane_named(const ql_plan *plan, const char *name);
/* The name a lane slot is reserved for, or NULL: for any lane. */
const char *ql_plan_lane_name(const ql_plan *plan, unsigned lane);

/* What the plan had to give up, and what its user should know: one sentence each; NULL beyond the last. For the caller's
 * log, at start. */
const char *ql_plan_warning(const ql_plan *plan, unsigned index);

/* ---- Steal order ---------------------------------------------------------------------------------------------- */

/* Workers first .. first + count - 1. Ranges with the same ring are equally near. */
typedef struct ql_steal_range {
    unsigned first, count, ring;
} ql_steal_range;

/** Whom `worker` steals from, near to far: rings numbered from 0, each one or more ranges of workers. All ranges together
 *  name every other worker once. steal=random gives one ring.
 *  Returns how many ranges there are; at most `ranges_max` of them are written. Costs no memory in the plan. */
unsigned ql_plan_steal_ranges(const ql_plan *plan, unsigned worker, ql_steal_range *ranges,
                              unsigned ranges_max);

/** The same as a list of workers. `ring_ends[r]` is where ring r ends in it; either array may be NULL with a maximum of 0.
 *  Returns the number of victims, always workers - 1; *rings is set when not NULL. */
unsigned ql_plan_steal_order(const ql_plan *plan, unsigned worker, unsigned *victims, unsigned victims_max,
                             unsigned *ring_ends, unsigned ring_ends_max, unsigned *rings);

/* ---- Binding -------------------------------------------------------------------------------------------------- */

/* What became of a slot on its thread. The thread's own; plain data; zeroed before the first bind. */
typedef struct ql_bound {
    int asked_pu_os;           /* -1 = no pin was asked for (bind=off) */
    int granted_pu_os;         /* the only PU the thread may run on; -1 = it may run on several */
    unsigned granted_pus;      /* how many PUs it may run on; 0 = unknown */
    int now_pu_os;             /* where it was when this was written */
    bool pinned;               /* asked and granted are the same */
    bool simulated;            /* not bound because the plan is of another machine */
    bool news;                 /* the outcome differs from the bind before: worth a line in the log */
    int code;                  /* 0, or -errno of the refusal */
    unsigned lost;             /* how often the binding was found lost since the thread started */
    unsigned reported, checks; /* private */
    int64_t spin_max_ns;       /* the slot's, or 0 when the PU is not the thread's own after all */
    const char
        *problem; /* static text: what is not as asked, or was not since the last bind; NULL = all well */
} ql_bound;

/** Put the calling thread on its slot, and read back where it is.
 *  Errors: with bind=require -EPERM, -ENOSYS (refused, as by seccomp), -EINVAL (the PU went away), -EXDEV (granted
 *          something else), -ENOTSUP (simulated). With bind=warn and bind=off always 0; then `bound` tells. */
int ql_slot_bind(const ql_plan *plan, const ql_slot *slot, ql_bound *bound);

/** Did the thread lose its place? For a thread that is awake anyway: costs a few ns, no system call. When true, call
 *  ql_slot_bind() again with the same `bound`. Also true now and then while a lost place may be had again. */
bool ql_slot_lost(const ql_slot *slot, ql_bound *bound);

/** Put the calling thread on every PU that the plan may use: for an engine that counts CPUs or starts threads of its own
 *  before the lane is pinned. Errors as ql_slot_bind(), `bound` may be NULL. */
int ql_slot_bind_engine(const ql_plan *plan, ql_bound *bound);

/** One line on slot and bound, as QLANE_SHOW=1 prints it, without newline. Call it on the thread itself.
 *  Returns the length it has, as snprintf does. */
int ql_slot_line(const ql_slot *slot, const ql_bound *bound, const char *name, char *line, size_t line_size);

/* ---- The host's own threads ----------------------------------------------------------------------------------- */

/* Which threads were kept off the lanes' cores, and what their masks were. */
typedef struct ql_callers ql_callers;

/** callers=confine: keep every other thread of this process off the lanes' cores. Does nothing, with *callers NULL, when
 *  the plan does not ask for it. Call it before threads of our own start; threads started later inherit it.
 *  Errors: -ENOMEM; -EPERM, -ENOSYS refused for a thread: reported with bind=require, else skipped. */
QL_MUST_USE int ql_callers_confine(const ql_plan *plan, ql_callers **callers, ql_error *error);

/** Give every confined thread, and those that inherited from one, its former mask, unless it was changed meanwhile.
 *  Frees `callers`; NULL is allowed. */
void ql_callers_restore(ql_callers *callers);

/** The threads of this process that are not a runtime's own and were last seen on a lane's core, as
 *  "name(tid) on PU n, ...". Returns how many there are. For a report; reads /proc. */
unsigned ql_callers_seen(const ql_plan *plan, char *text, size_t text_size);

/* ---- Memory --------------------------------------------------------------------------------------------------- */

typedef struct ql_memory {
    int node_os; /* the node asked for; -1 = none */
    int code;    /* 0, or -errno why it is plain memory instead */
} ql_memory;

/** Zeroed memory in whole pages on the slot's node, whichever thread touches it first. Falls back to plain memory, and says
 *  so in `memory` (may be NULL), unless mem=strict. Changes no policy of the process.
 *  Returns NULL when there is no memory, or when mem=strict cannot be had. Free with ql_slot_free() and the same size. */
QL_MUST_USE void *ql_slot_alloc(const ql_plan *plan, const ql_slot *slot, size_t size, ql_memory *memory);
void ql_slot_free(void *address, size_t size);

/* ---- Show ----------------------------------------------------------------------------------------------------- */

typedef enum ql_show_format { QL_SHOW_TEXT, QL_SHOW_JSON, QL_SHOW_SVG } ql_show_format;

/** The whole plan. `bound`: every thread has its place, as their ql_bound say; false before any has started.
 *  Returns a string to free(), or NULL when there is no memory. */
QL_MUST_USE char *ql_plan_show(const ql_plan *plan, ql_show_format format, bool bound);

#ifdef __cplusplus
}
#endif

#endif
