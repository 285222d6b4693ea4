/* SQLite where the disk is full: a small tmpfs, where this process may mount one, and a limit on the size of files anywhere. No
 * row is reported stored that is not, and the lane goes on once there is room. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qlane/lane.h"
#include "qlane/sqlite.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

enum { PRODUCERS = 4, WINDOW = 16, EACH = 40 * WINDOW, ROWS = PRODUCERS * EACH };

static ql_lane *lane;
static char blob[1000];
static bool reported[ROWS]; /* row i is stored, says its future */

static ql_lane *open_file(ql_runtime *runtime, const char *path)
{
    ql_lane *opened;
    ql_error error;
    ql_sqlite_config config = {.size = sizeof(config), .path = path};
    if (ql_sqlite_open(runtime, NULL, &config, &opened, &error))
        qlt_fail("%s", error.text);
    return opened;
}

static void close_file(void)
{
    ql_error error;
    if (ql_lane_close(lane, NULL, NULL, &error))
        qlt_fail("%s", error.text);
    qlt_eq_int(ql_lane_free(lane), 0);
}

static int exec(const char *sql)
{
    ql_sqlite_call call;
    ql_sqlite_call_init(&call, sql);
    qlt_eq_int(ql_lane_call(lane, &call.task), 0);
    ql_sqlite_rows_free(call.rows);
    return call.task.future.code;
}

typedef struct insert {
    ql_sqlite_call call;
    ql_sqlite_cell cells[2];
} insert;

/* Hand over a window of rows, then see what became of each. */
static void store_window(insert *window, int first)
{
    for (int i = 0; i < WINDOW; i++) {
        insert *at = &window[i];
        ql_sqlite_call_init(&at->call, "INSERT INTO t VALUES (?1, ?2)");
        at->cells[0] = (ql_sqlite_cell){.type = QL_SQLITE_INTEGER, .integer = first + i};
        at->cells[1] = (ql_sqlite_cell){.type = QL_SQLITE_BLOB, .text = {blob, sizeof(blob)}};
        at->call.params = at->cells;
        at->call.params_count = 2;
        qlt_eq_int(ql_lane_submit(lane, &at->call.task), 0);
    }
    for (int i = 0; i < WINDOW; i++) {
        qlt_eq_int(ql_future_wait(&window[i].call.task.future), 0);
        reported[first + i] = window[i].call.task.future.code == 0;
    }
}

static void *produce(void *arg)
{
    static insert windows[PRODUCERS][WINDOW];
    int first = *(int *)arg;
    for (int i = 0; i < EACH; i += WINDOW)
        store_window(windows[first / EACH], first + i);
    return NULL;
}

static int store_all(void)
{
    pthread_t threads[PRODUCERS];
    int firsts[PRODUCERS], stored = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        firsts[i] = i * EACH;
        pthread_create(&threads[i], NULL, produce, &firsts[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < ROWS; i++)
        stored += reported[i];
    return stored;
}

/* Every row that was reported stored is in the table; so says a connection of its own, after everything was closed. */
static void look_for_rows(ql_runtime *runtime, const char *path)
{
    ql_sqlite_call query;
    lane = open_file(runtime, path);
    ql_sqlite_call_init(&query, "SELECT k FROM t WHERE length(v) = 1000 ORDER BY k");
    qlt_eq_int(ql_lane_call(lane, &query.task), 0);
    qlt_eq_int(query.task.future.code, 0);
    size_t at = 0;
    for (int i = 0; i < ROWS; i++) {
        while (at < query.rows->count && query.rows->cells[at].integer < i)
            at++;
        bool there = at < query.rows->count && query.rows->cells[at].integer == i;
        if (reported[i] && !there)
            qlt_fail("row %d was reported stored, and is not there", i);
    }
    ql_sqlite_rows_free(query.rows);
    ql_sqlite_call_init(&query, "PRAGMA integrity_check");
    qlt_eq_int(ql_lane_call(lane, &query.task), 0);
    qlt_eq_str(query.rows->cells[0].text.bytes, "ok");
    ql_sqlite_rows_free(query.rows);
    close_file();
}

static void fill_disk(const char *path, void (*begin)(void *arg), void (*end)(void *arg), void *arg)
{
    ql_runtime *runtime = qlt_runtime(1);
    lane = open_file(runtime, path);
    qlt_eq_int(exec("CREATE TABLE t (k INTEGER PRIMARY KEY, v)"), 0);
    begin(arg);
    int stored = store_all();
    fprintf(stderr, "%d of %d rows were stored\n", stored, (int)ROWS);
    qlt_check(stored > 0 && stored < ROWS);
    qlt_check(exec("INSERT INTO t SELECT -1 - k, zeroblob(100000) FROM t LIMIT 50") != 0);
    end(arg);
    qlt_eq_int(exec("INSERT INTO t SELECT -1 - k, zeroblob(100) FROM t LIMIT 50"), 0);
    close_file();
    look_for_rows(runtime, path);
    qlt_runtime_stop(runtime);
}

/* ---- A limit on the size of files ------------------------------------------------------------------------------ */

static void limit_files(void *arg)
{
    struct rlimit limit;
    qlt_eq_int(getrlimit(RLIMIT_FSIZE, &limit), 0);
    *(rlim_t *)arg = limit.rlim_cur;
    limit.rlim_cur = 400 * 1024;
    qlt_eq_int(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void unlimit_files(void *arg)
{
    struct rlimit limit;
    qlt_eq_int(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = *(rlim_t *)arg;
    qlt_eq_int(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

QLT(full_disk, no_row_is_reported_stored_that_a_limit_keeps_out)
{
    const char *tmp = getenv("TEST_TMPDIR");
    char path[512];
    rlim_t before;
    snprintf(path, sizeof(path), "%s/limited-%d.db", tmp ? tmp : "/tmp", (int)getpid());
    unlink(path);
    fill_disk(path, limit_files, unlimit_files, &before);
    unlink(path);
}

/* ---- A small tmpfs --------------------------------------------------------------------------------------------- */

static void write_map(const char *file, unsigned id)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "0 %u 1", id), fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, text, (size_t)n) != n)
        fprintf(stderr, "%s: %s\n", file, strerror(errno));
    close(fd);
}

/* In mounts of this thread's own, and of those that it starts; as root, or as who is root to itself. */
static bool mount_small(const char *where)
{
    unsigned uid = getuid();
    if (unshare(CLONE_NEWNS)) {
        if (unshare(CLONE_NEWNS | CLONE_NEWUSER))
            return false;
        write_map("/proc/self/uid_map", uid);
    }
    return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
           !mount("tmpfs", where, "tmpfs", 0, "size=768k");
}

static void is_small(void *arg)
{
    (void)arg;
}

static void grow(void *arg)
{
    qlt_eq_int(mount(NULL, arg, NULL, MS_REMOUNT, "size=16m"), 0);
}

QLT(full_disk, no_row_is_reported_stored_that_a_small_tmpfs_has_no_room_for)
{
    const char *tmp = getenv("TEST_TMPDIR");
    char where[400], path[512];
    snprintf(where, sizeof(where), "%s/small-%d", tmp ? tmp : "/tmp", (int)getpid());
    snprintf(path, sizeof(path), "%s/t.db", where);
    qlt_eq_int(mkdir(where, 0700), 0);
    if (mount_small(where)) {
        fill_disk(path, is_small, grow, where);
        qlt_eq_int(umount2(where, MNT_DETACH), 0);
    } else {
        fprintf(stderr, "skipped: no tmpfs can be mounted here: %s; the limit on files stands in for it\n",
                strerror(errno));
    }
    rmdir(where);
}
