/* The inside of the SQLite engine. sqlite.c: the connection and its tasks; sqlite_unit.c: transactions, what a task undoes,
 * interrupts; sqlite_sql.c: statements. */
#ifndef QLANE_LANES_ENGINES_SQLITE_H
#define QLANE_LANES_ENGINES_SQLITE_H

#include <pthread.h>

#include "lanes/engines/rows.h"
#include "lanes/engines/statements.h"

struct sqlite3_stmt;

enum {
    QLI_BEGIN,
    QLI_BEGIN_READING,
    QLI_COMMIT,
    QLI_ROLLBACK,
    QLI_SAVEPOINT,
    QLI_RELEASE,
    QLI_ROLLBACK_TO,
    QLI_OWN_STATEMENTS
};

/* What a running task has done; on its stack. */
typedef struct qli_unit {
    struct qli_unit *outer; /* the task that called this one, on the lane */
    bool single;            /* it is one statement, run once, which SQLite undoes by itself */
    unsigned stepping;      /* its statements that run inside one another */
    bool wrote, savepoint;
    bool others_wrote; /* in the same transaction, before it */
    int doomed;        /* what it wrote is gone, with this code */
} qli_unit;

/* A statement is run `times` times, each with its own `count` parameters. */
typedef struct qli_sqlite_runs {
    const ql_sqlite_cell *params;
    unsigned count;
    size_t times;
    int64_t *changes; /* of each time, or NULL */
} qli_sqlite_runs;

struct ql_sqlite {
    /* Set before the lane starts. */
    char *path; /* NULL: in memory */
    ql_sqlite_config config;

    /* The lane's. */
    struct sqlite3 *db;
    struct sqlite3_stmt *own[QLI_OWN_STATEMENTS];
    qli_statements kept;
    qli_rows rows;
    unsigned stepping; /* statements that run inside one another, of all units */
    bool preparing, refused_transaction;
    int64_t changes;
    const char *text; /* of the last error: static */

    /* The lane's: the batch. */
    bool alone, in_transaction;
    bool wrote; /* a task before the running one, in this transaction */
    int lost;   /* why the transaction is gone, with what others had written */
    ql_error lost_error;
    qli_unit *unit; /* the one that runs; NULL between tasks */

    /* An interrupt holds it while it calls SQLite, so that the statement it hits is one that may be hit. */
    pthread_mutex_t interrupt_lock;
    bool interruptible; /* with the lock; the lane may read it without */
};

/* ---- sqlite_sql.c */

/* SQLite's words for its error. */
int qli_sqlite_failed(ql_sqlite *at, int rc, ql_error *error);
/* errno for one of SQLite's codes. */
int qli_sqlite_code(int rc);
/* Run one of our own statements, which nobody interrupts. */
int qli_sqlite_run_own(ql_sqlite *at, int which, ql_error *error);
/* Run one of the user's. `out` may be NULL. */
int qli_sqlite_run(ql_sqlite *at, const char *sql, const qli_sqlite_runs *runs, ql_sqlite_rows **out,
                   ql_error *error);
/* After opening, before closing. */
int qli_sqlite_prepare_own(ql_sqlite *at, ql_error *error);
void qli_sqlite_finalize_all(ql_sqlite *at);

/* ---- sqlite_unit.c */

int qli_sqlite_begin_batch(void *self, unsigned tasks_max, ql_error *error);
int qli_sqlite_end_batch(void *self, ql_error *error);
/* A task, `single` if it is one statement, run once. It may run inside another one, and is then part of it. */
int qli_sqlite_unit(ql_sqlite *at, ql_task *task, bool single);
/* The running unit is about to read, or to write, with a statement of which this is to be known: SQLite may have changed
 * something before the statement fails for another's reasons. */
int qli_sqlite_before_read(ql_sqlite *at, ql_error *error);
int qli_sqlite_before_write(ql_sqlite *at, bool may_fail_late, ql_error *error);
/* After a statement failed: is the transaction gone with it? */
void qli_sqlite_check_lost(ql_sqlite *at, int code, const ql_error *error);
/* May the statement that runs next be interrupted? */
void qli_sqlite_allow_interrupt(ql_sqlite *at, bool allowed);
int qli_sqlite_interrupt(void *self);

#endif
