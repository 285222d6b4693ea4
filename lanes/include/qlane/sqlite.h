/* SQLite on a lane: one connection, which only the lane touches. Link with //:qlane_sqlite.
 *
 *   ql_sqlite_config database = {.size = sizeof(database), .path = "flights.db"};
 *   ql_sqlite_open(runtime, NULL, &database, &lane, &error);
 *   ql_sqlite_call call;
 *   ql_sqlite_call_init(&call, "INSERT INTO t VALUES (?, ?)");
 *   call.params = cells; call.params_count = 2;
 *   ql_lane_submit(lane, &call.task);
 *
 * Tasks that queue together share one commit: a result is given when it is stored, and a failed commit fails every task of
 * its batch. A task that fails undoes only itself. QL_OWN_COMMIT in task.flags asks for a commit of its own, and is
 * needed for statements that cannot stand in a transaction, such as VACUUM: without it they fail where tasks queue together.
 *
 * BEGIN, COMMIT, ROLLBACK, SAVEPOINT and RELEASE are refused: a task is a transaction. It sees one state of the database, and never
 * writes over what another connection has written since it read: it fails with -EBUSY then. What rolls back more than its own
 * statement (OR ROLLBACK, a full disk) fails every task of its batch, so use QL_OWN_COMMIT with OR ROLLBACK. What keeps part of a failed
 * statement (OR FAIL, RAISE(FAIL)) keeps it where that statement is a ql_sqlite_call; in a task of one's own it is undone.
 *
 * An SQL function may use ql_sqlite_run() and call the lane; one that writes is undone with the statement that called it, and is refused
 * (-EPERM) in a ql_sqlite_call that writes itself: that one is to be run with ql_sqlite_run().
 *
 * Cancel: a query stops soon and settles with -ECANCELED; with QL_DEADLINE_RUNS in task.flags a deadline stops it too. A statement that writes can only be stopped while no neighbour
 * in its batch has written, because SQLite would roll those back too; else ql_task_cancel() answers -ENOTSUP.
 *
 * Fork: SQLite has locks of its own, and a thread that was in it at the fork holds them in the child for ever. So a child of a
 * process that has such a lane uses no SQLite: here every call answers -ECHILD, for a runtime of the child's own too, and none of
 * SQLite's own is safe. It calls exec first. */
#ifndef QLANE_SQLITE_H
#define QLANE_SQLITE_H

#include "qlane/lane.h"

#ifdef __cplusplus
extern "C" {
#endif

/* PRAGMA synchronous, for a file: what a commit waits for. After a power failure NORMAL may have lost the last commits, OFF the
 * whole file; after a crash of the process nothing is lost. */
typedef enum ql_sqlite_sync {
    QL_SQLITE_SYNC_DEFAULT, /* NORMAL */
    QL_SQLITE_SYNC_OFF,
    QL_SQLITE_SYNC_NORMAL,
    QL_SQLITE_SYNC_FULL
} ql_sqlite_sync;

/* Set `size` to sizeof, zero the rest: every zero is the default. */
typedef struct ql_sqlite_config {
    size_t size;
    const char *path; /* copied; NULL: ":memory:"; not "". A file is in WAL mode, and made if need be */
    ql_sqlite_sync synchronous;
    int busy_timeout_ms;     /* how long to wait for another process; 0 = 5,000 */
    unsigned statements_max; /* prepared statements kept; 0 = 64 */
} ql_sqlite_config;

/** Open a lane with a connection. `lane_config` gives name, bounds and batches, its engine is filled in; may be NULL: a lane named "sqlite".
 *  Errors: as ql_lane_open(); -EINVAL; -ENOMEM; -ECHILD the parent of this process had such a lane at the fork; -EIO and the like: the database cannot be opened, read or written, or is
 *          none. *error has the sentence. */
QL_MUST_USE int ql_sqlite_open(ql_runtime *runtime, const ql_lane_config *lane_config,
                               const ql_sqlite_config *config, ql_lane **lane, ql_error *error);

/* ---- Values ---------------------------------------------------------------------------------------------------- */

typedef enum ql_sqlite_type {
    QL_SQLITE_NULL,
    QL_SQLITE_INTEGER,
    QL_SQLITE_REAL,
    QL_SQLITE_TEXT, /* UTF-8 */
    QL_SQLITE_BLOB
} ql_sqlite_type;

typedef struct ql_sqlite_bytes {
    const char *bytes;
    size_t length;
} ql_sqlite_bytes;

/* A parameter, or a value of a row. Bytes of a parameter must live until its task settles; bytes of a row live with the
 * rows, and text is followed by a zero byte that `length` does not count. */
typedef struct ql_sqlite_cell {
    ql_sqlite_type type;
    union {
        int64_t integer;
        double real;
        ql_sqlite_bytes text; /* TEXT and BLOB */
    };
} ql_sqlite_cell;

/* What a query found: plain memory, one block of malloc()'s. */
typedef struct ql_sqlite_rows {
    unsigned columns;
    size_t count; /* of rows */
    const char *const *names;
    const ql_sqlite_cell *cells; /* count x columns, row by row */
} ql_sqlite_rows;

/** Threads: any. NULL is allowed. */
void ql_sqlite_rows_free(ql_sqlite_rows *rows);

/* ---- One statement as a task ----------------------------------------------------------------------------------- */

typedef struct ql_sqlite_call {
    ql_task task; /* submit this one; its future has code and text; its value.i64 is `changes` */

    /* Set between ql_sqlite_call_init() and submit; the cells may still be written by a task that this one follows. */
    const char *sql;              /* one statement; must live until the task settles */
    const ql_sqlite_cell *params; /* params_count for ?1, ?2, ..., and that param_rows times */
    unsigned params_count;
    unsigned
        param_rows; /* run it so many times, each with its own parameters, all or none; 0 = 1: with no row, submit nothing */

    /* Once settled. */
    ql_sqlite_rows *rows; /* NULL if it returned no columns; ql_sqlite_rows_free() it whatever the code */
    int64_t changes;      /* rows inserted, updated or deleted; after an error it means nothing */
} ql_sqlite_call;

/** Every other member is zero and may be set before submit. A text_buffer (task.h) gets SQLite's own words on an error. */
void ql_sqlite_call_init(ql_sqlite_call *call, const char *sql);

/* ---- Inside a task of one's own, on the lane -------------------------------------------------------------------- */

typedef struct ql_sqlite ql_sqlite;
struct sqlite3;

/** The connection of the lane that the calling thread is in; NULL anywhere else. */
ql_sqlite *ql_sqlite_here(void);

/** Run one statement; prepared ones are kept by their text. `rows` may be NULL: they are not kept then.
 *  Threads: the lane's own, inside a task.
 *  Errors:  -EPERM not on its lane, or not in a task; -ECHILD in a fork's child; -EINVAL SQL that SQLite does not understand, no statement, more than
 *           one, or another number of parameters; -ECANCELED, -ETIMEDOUT, -ESHUTDOWN the task was asked to end; -EEXIST a constraint;
 *           -ENOSPC, -EIO, -EBUSY, -ENOMEM, -EROFS, -EACCES, -E2BIG; -EBADMSG the file is damaged or no database; -EPROTO SQLite
 *           refused for another reason. *error has its words.
 *           The task should return that code: then all it did is undone. */
QL_MUST_USE int ql_sqlite_run(ql_sqlite *sqlite, const char *sql, const ql_sqlite_cell *params,
                              unsigned params_count, ql_sqlite_rows **rows, ql_error *error);

/** Run one statement `times` times, each with its own params_count parameters: less work a row than ql_sqlite_run(). What it
 *  returns is not kept. `changes`: what each time inserted, updated or deleted, or NULL; together it is ql_sqlite_changes().
 *  Threads, Errors: as ql_sqlite_run(). The first that fails ends it. */
QL_MUST_USE int ql_sqlite_run_each(ql_sqlite *sqlite, const char *sql, const ql_sqlite_cell *params,
                                   unsigned params_count, size_t times, int64_t *changes, ql_error *error);

/** SQLite's own handle, for what this header does not offer, such as sqlite3_create_function(). Transactions stay the lane's.
 *  Threads: the lane's own. */
struct sqlite3 *ql_sqlite_handle(ql_sqlite *sqlite);

/** Rows that the last ql_sqlite_run(), or _each(), inserted, updated or deleted. */
int64_t ql_sqlite_changes(const ql_sqlite *sqlite);

#ifdef __cplusplus
}
#endif
#endif
