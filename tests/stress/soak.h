/* The soak: everything public, mixed at random, with each task accounted for by number.
 *   soak_test.c: lives of a runtime, threads of the host    mixes.c: what those do with the pool    lane_mixes.c: with lanes
 *   jobs.c: one task and its account     work.c: what tasks do     places.c: lanes that come and go, and an engine that fails
 *   stall.c: says what hangs             children.c: fork() */
#ifndef TESTS_STRESS_SOAK_H
#define TESTS_STRESS_SOAK_H

#include <pthread.h>

#include "qlane/qlane.h"
#include "qlane/sqlite.h"
#include "qlane/watch.h"

enum { HOSTS = 3, BATCH = 16, CALLS = 8, PLACES = 3 };

/* What a place's lane has for an engine. */
typedef enum place_kind { PLAIN, FAILING, SQLITE } place_kind;

/* A lane from its opening to the end of the runtime's life. */
typedef struct place {
    ql_lane *lane;
    ql_client *client;
    place_kind kind;
    bool drops;      /* full, it or its client drops the oldest */
    bool impatient;  /* its close may settle what queues */
    unsigned refs;   /* jobs and threads that may still use the lane */
    uint64_t given;  /* tasks that the lane has taken */
    uint64_t unsure; /* tasks that it may have taken */
    uint64_t stored; /* rows, as far as we were told */
    struct place *next;

    /* The lane's thread only. */
    uint64_t stream;
    unsigned opens, closes, exits, batches;
    bool open, in_batch;
    ql_timer timer;
    ql_watch watch;
    uint64_t ticks, written, read;
    int fd;
} place;

/* One host's strand: what only its tasks touch, one at a time and in order. */
typedef struct series {
    ql_strand *strand;
    uint64_t given, ran;
} series;

/* Why a task may end before it has begun. */
enum { MAY_CANCEL = 1, MAY_EXPIRE = 2, MAY_SHUT = 4 };

/* A task that knows whether it ran. */
typedef struct job {
    ql_task task; /* first */
    unsigned ran, draw;
    int answer; /* what it returned */
    unsigned may;
    bool accepted, followed;
    place *place; /* where it was handed to a lane; held until it is accounted for */
    series *series;
    uint64_t number; /* in the series */
    ql_completion done;
    char text[32];
    struct job *next_orphan;
} job;

typedef struct host {
    pthread_t thread;
    uint64_t stream;
    series series;
    ql_completions *completions;
    job jobs[BATCH];
    ql_sqlite_call calls[CALLS];
} host;

/* ---- soak_test.c */

extern ql_runtime *soak_runtime;
extern ql_executor *soak_pool;
extern unsigned soak_workers;
extern bool soak_impatient; /* this life's stop may settle what queues */
extern struct soak_counts {
    uint64_t accepted, settled, refused, spawned, spawns_ran, spawns_failed, lanes, forks;
} soak_counts;

void soak_count(uint64_t *counter, uint64_t n);

/* ---- jobs.c */

void job_init(job *of, unsigned draw);
/* After an attempt to hand it over: 0, or a refusal that is in order. */
void job_handed(job *of, int code);
/* Its task, or one like it, has settled. */
void job_account(job *of);
/* A wait that hangs says so. */
void job_settle(job *of);
int64_t job_patience(void);
void job_cancel(job *of);
/* It cannot be waited for here: it is left to the end of this life. */
void job_orphan(job *of);
void job_account_for_orphans(void);

/* ---- work.c */

ql_task_fn work;
ql_task_fn work_spawned;

/* ---- places.c */

/* The lane at an index drawn, held; NULL: there is none now. */
place *place_take(uint64_t draw);
place *place_hold(place *of);
void place_drop(place *of);
/* Close the lane of an index, if there is one, and open another; false: the runtime stops. */
bool place_renew(uint64_t *stream);
/* Before and after a runtime's life. */
void places_begin(void);
void places_end(void);
/* On the lane: something with its timer or its watch. */
void place_events(place *of, unsigned draw);

/* ---- engine.c */

extern const ql_engine_ops soak_engine;

/* ---- mixes.c, lane_mixes.c: false: refused, the runtime stops */

bool mix(host *of);
bool mix_lanes(host *of);
void settle_all(host *of, unsigned n);
void prepare_all(host *of, unsigned n);

/* ---- children.c */

void fork_child(void);

/* ---- stall.c */

void stall_watch_begin(void);
void stall_watch_end(void);
void stall_beat(void);
__attribute__((noreturn)) void stall(const char *what);

#endif
