/* A contender of //bench:lane: a program with one thread, the lane, that alone may do the operation, and its way for other
 * threads to have it done. Each fills in `lane_this`; main(), the clocks and the calling threads are contender.c's, the
 * operation is operation.c's. It is started as pool/contender.h says, and a work says where the callers may run:
 *
 *   PROGRAM about                        name=GLib version=2.74 works=call,call20
 *   PROGRAM call/confined CALLERS SIZE   ns=.. cpu_ns=.. p50_ns=.. p90_ns=.. p99_ns=.. p999_ns=.. check=..
 *   PROGRAM memory/free 1 SIZE           ns=.. the bytes that SIZE queued operations take beside what the caller keeps
 *
 * `confined`: on every core but the lane's; `free`: on all. */
#ifndef BENCH_LANE_CONTENDER_H
#define BENCH_LANE_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/harness/works.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lane_contender {
    const char *name, *version;
    const char *works; /* those that it does; NULL: all but SQLite's */

    /* Start the lane. `blocking`: nobody shall spin while he waits. */
    void (*start)(bool blocking);
    void (*stop)(void);

    /* A calling thread, which has at most `slots` operations under way; what it needs for them is touched. */
    void *(*open)(size_t slots);
    void (*close)(void *caller);

    /* LANE_LOOPS() makes both. `count` operations, each waited for before the next; or with `slots` of them under way. Returns
     * the sum of what they returned. took_ns, if not NULL, gets how long each held the caller up. */
    uint64_t (*calls)(void *caller, size_t count, uint64_t key, int64_t *took_ns);
    uint64_t (*stream)(void *caller, size_t count, size_t slots, uint64_t key, int64_t *took_ns);
    /* Have one done; wait for it and return what it returned. They are reaped in the order in which they were submitted. */
    void (*submit)(void *caller, size_t slot, uint64_t key);
    uint64_t (*reap)(void *caller, size_t slot);

    /* System calls so far that woke a thread; NULL: not counted. */
    uint64_t (*wakes)(void);
    /* Who has an engine of its own: how much all upserts added, and how many rows a commit stored so far. */
    uint64_t (*stored)(void);
    double (*rows_a_commit)(void);
} lane_contender;

extern const lane_contender lane_this;

#define LANE_ALL_WORKS "call,call20,submit1,submit4,submit20,submit_fresh,producers,memory,length,"
#define LANE_SQLITE_WORKS "sqlite_async_memory,sqlite_async_wal,sqlite_sync_memory,sqlite_sync_wal,"
#define LANE_Q_WORKS "q_async,q_sync,"

/* ---- the operation: increment a counter and return it, or an upsert, which returns 1 */

#define LANE_GATE UINT64_MAX /* the key of an operation that holds the lane until the gate opens */

extern uint64_t lane_counter;
extern bool lane_is_special; /* the operation is an upsert, or there is a gate */
extern bool lane_is_upsert;
extern int lane_gate;

/* First thing on the lane's thread: to its core, and open what the operation needs. */
void lane_here(void);
/* The same for who has no thread for it. */
void lane_operation_open(void);
/* Last thing there, where the thread ends before the process. */
void lane_operation_close(void);
/* How much all upserts added. */
uint64_t lane_operation_stored(void);

uint64_t lane_operate_specially(uint64_t key);

static inline uint64_t lane_operate(uint64_t key)
{
    return __builtin_expect(lane_is_special, 0) ? lane_operate_specially(key) : ++lane_counter;
}

/* sqlite.c: an upsert of SQLite's; q.c: of the library's that stands in for kdb+'s. Where the contender has its own way
 * (`stored`) they are not called. */
void lane_upsert_open(void);
void lane_upsert_close(void);
uint64_t lane_upsert(uint64_t key);
uint64_t lane_upsert_stored(void);

/* SQLite: what is done in between is committed together; otherwise each upsert by itself. */
void lane_batch_begin(void);
void lane_batch_end(void);

/* For who has a connection of its own. The upsert's parameter is 1 + key % LANE_SQLITE_KEYS. */
enum { LANE_SQLITE_KEYS = 2000 };
extern const char *lane_sqlite_path; /* NULL: ":memory:"; q.c has no use for it */
extern const char lane_sqlite_table[], lane_sqlite_upsert[], lane_sqlite_sum[];

/* The PU that the lane is on, in the kernel's numbers. */
int lane_pu(void);

/* ---- the loops */

#define LANE_LOOPS(CALL, SUBMIT, REAP)                                                           \
    static uint64_t calls(void *me, size_t count, uint64_t key, int64_t *took_ns)                \
    {                                                                                            \
        uint64_t sum = 0;                                                                        \
        int64_t before_ns = took_ns ? bench_now_ns() : 0, now_ns;                                \
        for (size_t i = 0; i < count; i++) {                                                     \
            sum += CALL(me, key + i);                                                            \
            if (took_ns) {                                                                       \
                now_ns = bench_now_ns();                                                         \
                took_ns[i] = now_ns - before_ns;                                                 \
                before_ns = now_ns;                                                              \
            }                                                                                    \
        }                                                                                        \
        return sum;                                                                              \
    }                                                                                            \
    static uint64_t stream(void *me, size_t count, size_t slots, uint64_t key, int64_t *took_ns) \
    {                                                                                            \
        uint64_t sum = 0;                                                                        \
        size_t slot = 0, oldest = 0;                                                             \
        int64_t before_ns = took_ns ? bench_now_ns() : 0, now_ns;                                \
        for (size_t i = 0; i < count; i++) {                                                     \
            if (i >= slots) {                                                                    \
                sum += REAP(me, oldest);                                                         \
                oldest = oldest + 1 == slots ? 0 : oldest + 1;                                   \
            }                                                                                    \
            SUBMIT(me, slot, key + i);                                                           \
            slot = slot + 1 == slots ? 0 : slot + 1;                                             \
            if (took_ns) {                                                                       \
                now_ns = bench_now_ns();                                                         \
                took_ns[i] = now_ns - before_ns;                                                 \
                before_ns = now_ns;                                                              \
            }                                                                                    \
        }                                                                                        \
        for (size_t left = count < slots ? count : slots; left; left--) {                        \
            sum += REAP(me, oldest);                                                             \
            oldest = oldest + 1 == slots ? 0 : oldest + 1;                                       \
        }                                                                                        \
        return sum;                                                                              \
    }

#ifdef __cplusplus
}
#endif
#endif
