#ifndef AFFINITY_CONFIG_H
#define AFFINITY_CONFIG_H

/* From struct, text and environment to one request. Reads no machine: what a value names is looked up by the plan. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qlane/affinity.h"

typedef enum qli_key {
    QLI_CPUS,
    QLI_LANE,
    QLI_LANES,
    QLI_CALLERS,
    QLI_WORKERS,
    QLI_SMT,
    QLI_THREADS_PER_CORE,
    QLI_LANE_KIND,
    QLI_WORKER_KIND,
    QLI_MEM,
    QLI_STEAL,
    QLI_QUOTA,
    QLI_BIND,
    QLI_IDLE,
    QLI_WORKER_IDLE,
    QLI_SHOW,
    QLI_KEYS
} qli_key;

/* "cpus", "lane", ... */
const char *qli_key_word(qli_key key);

/* Who said it; later beats earlier. */
typedef enum qli_layer {
    QLI_BY_DEFAULT,
    QLI_BY_STRUCT,
    QLI_BY_TEXT,
    QLI_BY_UMBRELLA, /* QLANE_AFFINITY */
    QLI_BY_VARIABLE, /* QLANE_<KEY> */
    QLI_BY_OPTION,   /* topo --KEY */
    QLI_LAYERS
} qli_layer;

/* A value and where it comes from. */
typedef struct qli_value {
    char *key;  /* "lane", or "lane.NAME" */
    char *text; /* the built-in default where nobody said anything */
    qli_layer layer;
} qli_value;

enum { QLI_NAME_MAX = 64 };

/* The source of a value for people and for the JSON: "default", "config", "QLANE_CPUS". */
void qli_value_source(const qli_value *value, char *source, size_t source_size);

/* Refuses a value: "QLANE_CPUS: '0-3,x': column 5: reason" or "lane=12: reason". Column 0: the whole value. Returns code. */
__attribute__((format(printf, 5, 6))) int qli_value_refuse(const qli_value *value, unsigned column, int code,
                                                           ql_error *error, const char *format, ...);

typedef enum qli_lane_how { QLI_LANE_AUTO, QLI_LANE_SET, QLI_LANE_ISOLATED, QLI_LANE_OFF } qli_lane_how;
typedef enum qli_workers_how {
    QLI_WORKERS_AUTO,
    QLI_WORKERS_COUNT,
    QLI_WORKERS_SET,
    QLI_WORKERS_COUNT_IN_SET
} qli_workers_how;
typedef enum qli_kinds { QLI_KINDS_PERF, QLI_KINDS_EFF, QLI_KINDS_ALL } qli_kinds;
typedef enum qli_mem { QLI_MEM_LOCAL, QLI_MEM_STRICT, QLI_MEM_NONE, QLI_MEM_NODE } qli_mem;
typedef enum qli_bind { QLI_BIND_WARN, QLI_BIND_REQUIRE, QLI_BIND_OFF } qli_bind;

typedef struct qli_idle {
    ql_idle_kind kind;
    int64_t spin_max_ns;
    bool spin_given; /* adaptive(T) was written */
} qli_idle;

/* A lane with a place of its own. */
typedef struct qli_named_lane {
    char name[QLI_NAME_MAX];
    qli_value cores;
    qli_lane_how how;
} qli_named_lane;

typedef struct qli_request {
    qli_value values[QLI_KEYS];
    qli_named_lane *named;
    unsigned named_count;
    /* The values, read. SETs stay text. */
    qli_lane_how lane;
    unsigned lanes;
    bool confine;
    qli_workers_how workers;
    unsigned worker_count; /* QLI_WORKERS_COUNT, QLI_WORKERS_COUNT_IN_SET */
    size_t workers_set_at; /* where the SET starts in the value */
    bool lend;
    unsigned threads_per_core; /* 0 = all */
    qli_kinds lane_kind, worker_kind;
    qli_mem mem;
    unsigned mem_node_os;
    bool steal_random, quota_ignore;
    qli_bind bind;
    qli_idle idle, worker_idle;
    unsigned show;
} qli_request;

/* Was the key set by anybody? */
bool qli_request_given(const qli_request *request, qli_key key);

/* Reads all layers. `environ` is a NULL-ended list of NAME=VALUE, or NULL for none; `options` is a last layer of
 * "key=value" strings, NULL-ended or NULL. Nothing is half applied: on failure there is nothing to free. */
int qli_request_read(const ql_affinity_config *config, char *const *environment, const char *const *options,
                     qli_request *request, ql_error *error);
void qli_request_fini(qli_request *request);

/* Reads the values into the fields below them. Private to config.c and values.c. */
int qli_values_read(qli_request *request, ql_error *error);
int qli_lane_value_read(const qli_value *value, qli_lane_how *how, ql_error *error);

/* Names of lanes as both the text and the environment can write them: letters in lower case, digits, the rest '_'. */
void qli_lane_name(const char *from, char name[QLI_NAME_MAX]);

#endif
