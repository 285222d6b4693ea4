/* SQLite's own allocations fail, one at a time and all from one on, while a lane of it is opened, used and closed: nothing crashes or
 * leaks, what is reported stored is stored, and the code is that of memory. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "qlane/sqlite.h"
#include "tests/lanes/lanes.h"

static sqlite3_mem_methods plain;
static struct {
    long allocations, fails_at, fails_until; /* 0: none */
    long live;                               /* blocks that SQLite holds */
} memory;                                    /* atomic */

static bool fails(void)
{
    long number = __atomic_add_fetch(&memory.allocations, 1, __ATOMIC_RELAXED);
    long from = __atomic_load_n(&memory.fails_at, __ATOMIC_RELAXED);
    return from && number >= from && number <= __atomic_load_n(&memory.fails_until, __ATOMIC_RELAXED);
}

static void *allocate(int size)
{
    void *block = fails() ? NULL : plain.xMalloc(size);
    __atomic_fetch_add(&memory.live, block != NULL, __ATOMIC_RELAXED);
    return block;
}

static void *reallocate(void *block, int size)
{
    return fails() ? NULL : plain.xRealloc(block, size);
}

static void release(void *block)
{
    __atomic_fetch_sub(&memory.live, block != NULL, __ATOMIC_RELAXED);
    plain.xFree(block);
}

static void take_over(void)
{
    qlt_eq_int(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain), SQLITE_OK);
    sqlite3_mem_methods ours = plain;
    ours.xMalloc = allocate;
    ours.xRealloc = reallocate;
    ours.xFree = release;
    qlt_eq_int(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
    qlt_eq_int(sqlite3_initialize(), SQLITE_OK);
}

static void fail_between(long from, long until)
{
    __atomic_store_n(&memory.allocations, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&memory.fails_until, until, __ATOMIC_RELAXED);
    __atomic_store_n(&memory.fails_at, from, __ATOMIC_RELAXED);
}

/* ---- The story --------------------------------------------------------------------------------------------------- */

static ql_runtime *runtime;
static char path[256];

static void fits(int code, const char *what)
{
    if (code && code != -ENOMEM)
        qlt_fail("%s gave %d, allocation %ld", what, code, memory.fails_at);
}

static int run_sql(ql_lane *lane, const char *sql, int64_t *number)
{
    ql_sqlite_call run;
    ql_sqlite_call_init(&run, sql);
    call(lane, &run.task);
    int code = run.task.future.code;
    fits(code, sql);
    qlt_check(!code || !run.rows);
    if (number && !code)
        *number = run.rows ? run.rows->cells[0].integer : run.changes;
    ql_sqlite_rows_free(run.rows);
    return code;
}

static int insert_two(ql_task *task)
{
    ql_error error;
    ql_sqlite *here = ql_sqlite_here();
    int code = ql_sqlite_run(here, "INSERT INTO t VALUES (1, zeroblob(5000))", NULL, 0, NULL, &error);
    (void)task;
    return code ? code
                : ql_sqlite_run(here, "INSERT INTO t SELECT a + 1, hex(b) FROM t LIMIT 1", NULL, 0, NULL,
                                &error);
}

/* The rows that were reported stored. */
static int64_t use(ql_lane *lane)
{
    int64_t stored = 0, changes = 0, ignored;
    for (int i = 0; i < 2; i++) {
        ql_task two;
        ql_task_init(&two, insert_two, NULL);
        call(lane, &two);
        fits(two.future.code, "a task of two");
        stored += two.future.code ? 0 : 2;
        if (!run_sql(lane, "INSERT INTO t VALUES (5, 'five')", &changes))
            stored += changes;
        if (!run_sql(lane, "INSERT INTO t VALUES (6, zeroblob(3000)), (7, 7) RETURNING a, b", &ignored))
            stored += 2;
        (void)run_sql(lane, "SELECT count(*), a, max(b) FROM t GROUP BY a ORDER BY b", &ignored);
    }
    return stored;
}

static void remove_database(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char name[300];
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static void story(long from, long until)
{
    ql_sqlite_config config = {.size = sizeof(config), .path = path, .synchronous = QL_SQLITE_SYNC_OFF};
    ql_lane *lane;
    ql_error error;
    remove_database();
    fail_between(from, until);
    int code = ql_sqlite_open(runtime, NULL, &config, &lane, &error);
    fits(code, "open");
    if (code)
        return;
    if (!run_sql(lane, "CREATE TABLE t (a, b)", NULL)) {
        int64_t stored = use(lane), found = -1;
        long made = __atomic_load_n(&memory.allocations, __ATOMIC_RELAXED);
        __atomic_store_n(&memory.fails_at, 0, __ATOMIC_RELAXED);
        qlt_eq_int(run_sql(lane, "SELECT count(*) FROM t", &found), 0);
        if (found != stored)
            qlt_fail("%d rows, reported %d, allocation %ld", (int)found, (int)stored, from);
        __atomic_store_n(&memory.allocations, made, __ATOMIC_RELAXED);
        __atomic_store_n(&memory.fails_at, from, __ATOMIC_RELAXED);
    }
    close_lane(lane);
}

/* Until a story ends before the allocation that was to fail. */
static void each(bool for_ever)
{
    enum { AT_LEAST = 50 };
    long at = 0;
    story(0, 0); /* what SQLite keeps for good, it has then */
    do {
        long before = __atomic_load_n(&memory.live, __ATOMIC_RELAXED);
        at++;
        story(at, for_ever ? INT64_MAX : at);
        long left = __atomic_load_n(&memory.live, __ATOMIC_RELAXED) - before;
        if (left)
            qlt_fail("%ld blocks are left, allocation %ld", left, at);
    } while (__atomic_load_n(&memory.allocations, __ATOMIC_RELAXED) >= at);
    qlt_check(at > AT_LEAST);
}

static void sweep(bool for_ever)
{
    const char *folder = getenv("TEST_TMPDIR");
    snprintf(path, sizeof(path), "%s/memory-%d.db", folder ? folder : "/tmp", (int)getpid());
    take_over();
    runtime = qlt_runtime(1);
    each(for_ever);
    qlt_runtime_stop(runtime);
    remove_database();
    fail_between(0, 0);
    sqlite3_shutdown();
    qlt_eq_int(memory.live, 0);
    qlt_eq_int(sqlite3_config(SQLITE_CONFIG_MALLOC, &plain), SQLITE_OK);
}

QLT(sqlite_memory, one_allocation_of_sqlite_fails)
{
    sweep(false);
}

QLT(sqlite_memory, all_allocations_of_sqlite_fail_from_one_on)
{
    sweep(true);
}
