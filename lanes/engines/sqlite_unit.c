/* What a task does to the database, and how it is undone.
 *
 * A batch is a transaction, begun before its first write. A batch of one statement commits by itself. A task of several
 * statements that reads before anyone has written begins one for itself, so that it sees one state and writes on no other:
 * it ends with the task if that has not written. Each task is a *unit*, which is undone alone:
 *
 *   one statement                            SQLite undoes a failed statement itself, unless a function in it wrote
 *   several, the first to write in a batch   ROLLBACK: there is nothing else to lose
 *   several, others have written             a savepoint, set before its first write
 *
 * Some errors (a full disk, an interrupted write) make SQLite roll the whole transaction back. If others had written, the
 * batch is *lost*: it ends, and its tasks fail. That is why a write is only interrupted while no other unit has written. */
#include <errno.h>
#include <sqlite3.h>

#include "affinity/error.h"
#include "lanes/engines/sqlite.h"

/* ---- Transactions ---------------------------------------------------------------------------------------------- */

/* SQLite rolled the transaction back, or nobody can: then it is still open, and its batch is lost whoever wrote. */
static void lose(ql_sqlite *at, int code, const ql_error *error)
{
    at->in_transaction = false;
    for (qli_unit *unit = at->unit; unit; unit = unit->outer) {
        unit->savepoint = false;
        unit->doomed = code;
    }
    if (at->wrote || !sqlite3_get_autocommit(at->db)) {
        at->lost = code;
        at->lost_error = *error;
        ql_batch_end_soon();
    }
}

void qli_sqlite_check_lost(ql_sqlite *at, int code, const ql_error *error)
{
    if (at->in_transaction && sqlite3_get_autocommit(at->db))
        lose(at, code, error);
}

/* A statement that runs keeps its view by itself. */
int qli_sqlite_before_read(ql_sqlite *at, ql_error *error)
{
    if (at->in_transaction || at->unit->single || at->stepping)
        return 0;
    int code = qli_sqlite_run_own(at, QLI_BEGIN_READING, error);
    at->in_transaction = !code;
    return code;
}

/* The transaction of a task that has only read would show its view to those that follow. */
static int end_reading(ql_sqlite *at, int failed)
{
    ql_error error;
    int code = qli_sqlite_run_own(at, failed ? QLI_ROLLBACK : QLI_COMMIT, &error);
    at->in_transaction = false;
    if (code)
        lose(at, code, &error);
    return failed ? failed : code;
}

/* What a unit writes, the one around it writes too. */
static int before_write(ql_sqlite *at, qli_unit *unit, ql_error *error)
{
    int code = 0;
    if (unit->stepping && unit->single) {
        /* A function in its statement writes: that is more than SQLite undoes with the statement. */
        if (unit->wrote) {
            at->text =
                "a function writes in a statement that writes: run that statement with ql_sqlite_run()";
            return qli_error_set(error, -EPERM, "%s", at->text);
        }
        unit->single = false;
    }
    if (unit->wrote)
        return 0;
    if (unit->outer) {
        code = before_write(at, unit->outer, error);
        unit->others_wrote = true;
    } else if (!at->in_transaction && !(at->alone && unit->single)) {
        code = qli_sqlite_run_own(at, QLI_BEGIN, error);
        at->in_transaction = !code;
    }
    if (!code && !unit->single && unit->others_wrote) {
        code = qli_sqlite_run_own(at, QLI_SAVEPOINT, error);
        unit->savepoint = !code;
    }
    unit->wrote = !code;
    return code;
}

int qli_sqlite_before_write(ql_sqlite *at, bool may_fail_late, ql_error *error)
{
    if (may_fail_late && !at->unit->wrote)
        at->unit->single = false;
    return before_write(at, at->unit, error);
}

static void undo(ql_sqlite *at, const qli_unit *unit)
{
    ql_error error;
    int code = 0;
    if (unit->savepoint) {
        code = qli_sqlite_run_own(at, QLI_ROLLBACK_TO, &error);
        if (!code)
            code = qli_sqlite_run_own(at, QLI_RELEASE, &error);
    } else if (unit->wrote && !unit->single && !unit->others_wrote && at->in_transaction) {
        code = qli_sqlite_run_own(at, QLI_ROLLBACK, &error);
        at->in_transaction = !sqlite3_get_autocommit(at->db);
    }
    if (code)
        lose(at, code, &error);
}

int qli_sqlite_unit(ql_sqlite *at, ql_task *task, bool single)
{
    qli_unit unit = {.outer = at->unit, .single = single, .others_wrote = at->wrote};
    at->unit = &unit;
    int code = task->fn(task);
    if (!code)
        code = at->lost ? at->lost : unit.doomed;
    if (code) {
        undo(at, &unit);
    } else if (unit.savepoint) {
        ql_error error;
        code = qli_sqlite_run_own(at, QLI_RELEASE, &error);
        if (code)
            lose(at, code, &error);
    }
    at->unit = unit.outer;
    if (at->unit)
        return code;
    at->wrote = at->wrote || (unit.wrote && !code);
    return at->in_transaction && !at->wrote && !unit.wrote ? end_reading(at, code) : code;
}

/* ---- Batches --------------------------------------------------------------------------------------------------- */

int qli_sqlite_begin_batch(void *self, unsigned tasks_max, ql_error *error)
{
    ql_sqlite *at = self;
    at->alone = tasks_max == 1;
    at->wrote = false;
    at->lost = 0;
    /* One that could not be rolled back when it was lost. */
    return sqlite3_get_autocommit(at->db) ? 0 : qli_sqlite_run_own(at, QLI_ROLLBACK, error);
}

int qli_sqlite_end_batch(void *self, ql_error *error)
{
    ql_sqlite *at = self;
    if (at->lost)
        return qli_error_set(error, at->lost, "the batch was rolled back: %s", at->lost_error.text);
    if (!at->in_transaction)
        return 0;
    int code = qli_sqlite_run_own(at, QLI_COMMIT, error);
    if (code && !sqlite3_get_autocommit(at->db)) {
        ql_error ignored;
        (void)qli_sqlite_run_own(at, QLI_ROLLBACK, &ignored);
    }
    at->in_transaction = false;
    return code;
}

/* ---- Interrupts ------------------------------------------------------------------------------------------------ */

int qli_sqlite_interrupt(void *self)
{
    ql_sqlite *at = self;
    pthread_mutex_lock(&at->interrupt_lock);
    int code = at->interruptible ? 0 : -ENOTSUP;
    if (!code)
        sqlite3_interrupt(at->db);
    pthread_mutex_unlock(&at->interrupt_lock);
    return code;
}

void qli_sqlite_allow_interrupt(ql_sqlite *at, bool allowed)
{
    if (at->interruptible == allowed)
        return;
    pthread_mutex_lock(&at->interrupt_lock);
    at->interruptible = allowed;
    pthread_mutex_unlock(&at->interrupt_lock);
}
