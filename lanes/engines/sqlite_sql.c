/* Statements: prepared, kept, bound, stepped; and what an error of SQLite means. */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "affinity/error.h"
#include "lanes/engines/sqlite.h"

/* How many steps of SQLite's machine pass between looks whether the task was asked to end: some 100 us. */
enum { STEPS_BETWEEN_LOOKS = 10000 };

/* ---- Errors ---------------------------------------------------------------------------------------------------- */

int qli_sqlite_code(int rc)
{
    static const struct {
        int rc, code;
    } codes[] = {
        {SQLITE_CONSTRAINT, -EEXIST}, {SQLITE_FULL, -ENOSPC},    {SQLITE_IOERR, -EIO},
        {SQLITE_CANTOPEN, -EIO},      {SQLITE_BUSY, -EBUSY},     {SQLITE_LOCKED, -EBUSY},
        {SQLITE_NOMEM, -ENOMEM},      {SQLITE_READONLY, -EROFS}, {SQLITE_TOOBIG, -E2BIG},
        {SQLITE_CORRUPT, -EBADMSG},   {SQLITE_NOTADB, -EBADMSG}, {SQLITE_PERM, -EACCES},
        {SQLITE_ERROR, -EINVAL},      {SQLITE_RANGE, -EINVAL},   {SQLITE_MISMATCH, -EINVAL},
        {SQLITE_AUTH, -EACCES},       {SQLITE_SCHEMA, -EINVAL},
    };
    if (rc == SQLITE_IOERR_NOMEM)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (codes[i].rc == (rc & 0xff))
            return codes[i].code;
    return -EPROTO;
}

static int why_asked_to_end(void)
{
    int reason = ql_task_cancelled(ql_task_current());
    return reason ? -reason : -ECANCELED;
}

/* SQLite's words; to those that leave a reader at a loss, what helps. */
int qli_sqlite_failed(ql_sqlite *at, int rc, ql_error *error)
{
    at->text = sqlite3_errstr(rc);
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        return qli_error_set(error, why_asked_to_end(), "%s", at->text);
    const char *words = at->db ? sqlite3_errmsg(at->db) : at->text, *help = "";
    if (rc == SQLITE_ERROR && at->in_transaction && strstr(words, " a transaction")) {
        at->text = "it cannot stand in a transaction; set QL_OWN_COMMIT";
        help = "; set QL_OWN_COMMIT";
    } else if (rc == SQLITE_BUSY_SNAPSHOT) {
        at->text = "another connection has written since this task read; submit it again";
        help = ": another connection has written since this task read; submit it again";
    }
    return qli_error_set(error, qli_sqlite_code(rc), "%s%s", words, help);
}

/* Ours; `text` is static. */
static int refused(ql_sqlite *at, int code, const char *text, ql_error *error)
{
    at->text = text;
    return qli_error_set(error, code, "%s", text);
}

static const char *const own_sql[QLI_OWN_STATEMENTS] = {
    "BEGIN IMMEDIATE", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT unit", "RELEASE unit", "ROLLBACK TO unit"};

int qli_sqlite_run_own(ql_sqlite *at, int which, ql_error *error)
{
    bool may_end = at->interruptible;
    qli_sqlite_allow_interrupt(at, false);
    int rc = sqlite3_step(at->own[which]);
    int code = rc == SQLITE_DONE ? 0 : qli_sqlite_failed(at, rc, error);
    sqlite3_reset(at->own[which]);
    qli_sqlite_allow_interrupt(at, may_end);
    return code;
}

/* ---- Statements ------------------------------------------------------------------------------------------------ */

/* For an interrupt that came just before its statement began, of which SQLite then knows nothing. */
static int look(void *self)
{
    const ql_sqlite *at = self;
    return at->interruptible && ql_task_cancelled(ql_task_current());
}

/* Transactions are the lane's. What SQLite prepares by itself, for a VACUUM or after a change of the schema, is not asked. */
static int authorize(void *self, int action, const char *a, const char *b, const char *c, const char *d)
{
    ql_sqlite *at = self;
    (void)a, (void)b, (void)c, (void)d;
    if (!at->preparing || (action != SQLITE_TRANSACTION && action != SQLITE_SAVEPOINT))
        return SQLITE_OK;
    at->refused_transaction = true;
    return SQLITE_DENY;
}

static int prepare(ql_sqlite *at, const char *sql, sqlite3_stmt **statement, ql_error *error)
{
    const char *tail = NULL;
    sqlite3_stmt *second = NULL;
    at->refused_transaction = false;
    at->preparing = true;
    int rc = sqlite3_prepare_v3(at->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, &tail);
    at->preparing = false;
    if (at->refused_transaction)
        return refused(
            at, -EINVAL,
            "a task is a transaction: BEGIN, COMMIT, ROLLBACK, SAVEPOINT and RELEASE are the lane's", error);
    if (rc)
        return qli_sqlite_failed(at, rc, error);
    if (!*statement)
        return refused(at, -EINVAL, "the SQL has no statement", error);
    rc = sqlite3_prepare_v2(at->db, tail, -1, &second, NULL);
    sqlite3_finalize(second);
    if (!rc && !second)
        return 0;
    int code = rc ? qli_sqlite_failed(at, rc, error) : 0;
    sqlite3_finalize(*statement);
    if (code && code != -EINVAL)
        return code;
    return refused(at, -EINVAL, "the SQL has more than one statement", error);
}

/* A prepared statement that does not run already. Unless *kept it is finalized after use. */
static int find(ql_sqlite *at, const char *sql, sqlite3_stmt **statement, bool *kept, ql_error *error)
{
    *statement = qli_statements_find(&at->kept, sql);
    *kept = *statement && !sqlite3_stmt_busy(*statement);
    if (*kept)
        return 0;
    bool runs_already = *statement;
    int code = prepare(at, sql, statement, error);
    if (code || runs_already)
        return code;
    if (qli_statements_full(&at->kept)) {
        sqlite3_stmt *oldest = qli_statements_oldest(&at->kept);
        if (sqlite3_stmt_busy(oldest))
            return 0;
        qli_statements_drop(&at->kept);
        sqlite3_finalize(oldest);
    }
    *kept = qli_statements_add(&at->kept, sql, *statement);
    return 0;
}

/* SQLite takes a NULL pointer for NULL, and a length that is negative as its signed one for "up to the zero byte". */
static int bind_bytes(sqlite3_stmt *statement, int i, const ql_sqlite_cell *param)
{
    size_t length = param->text.length;
    const char *bytes = length ? param->text.bytes : "";
    if (length > INT32_MAX)
        return SQLITE_TOOBIG;
    if (!bytes)
        return SQLITE_MISMATCH;
    return param->type == QL_SQLITE_TEXT
               ? sqlite3_bind_text64(statement, i, bytes, length, SQLITE_STATIC, SQLITE_UTF8)
               : sqlite3_bind_blob64(statement, i, bytes, length, SQLITE_STATIC);
}

static int bind(sqlite3_stmt *statement, const ql_sqlite_cell *params, unsigned count)
{
    int rc = SQLITE_OK;
    for (int i = 1; i <= (int)count && !rc; i++, params++) {
        switch (params->type) {
        case QL_SQLITE_INTEGER:
            rc = sqlite3_bind_int64(statement, i, params->integer);
            break;
        case QL_SQLITE_REAL:
            rc = sqlite3_bind_double(statement, i, params->real);
            break;
        case QL_SQLITE_TEXT:
        case QL_SQLITE_BLOB:
            rc = bind_bytes(statement, i, params);
            break;
        case QL_SQLITE_NULL:
            rc = sqlite3_bind_null(statement, i);
            break;
        default:
            rc = SQLITE_MISMATCH;
        }
    }
    return rc;
}

static const char *wrong_with(const ql_sqlite_cell *param)
{
    if ((unsigned)param->type > QL_SQLITE_BLOB)
        return "its type is none of ql_sqlite_type";
    if (param->type < QL_SQLITE_TEXT || !param->text.length)
        return NULL;
    if (param->text.length > INT32_MAX)
        return "it is longer than SQLite takes";
    return param->text.bytes ? NULL : "its bytes are NULL, its length is not 0";
}

/* Of what bind() refused by itself SQLite has no words. */
static int bind_failed(ql_sqlite *at, int rc, const ql_sqlite_cell *params, unsigned count, ql_error *error)
{
    for (unsigned i = 0; i < count; i++) {
        const char *wrong = wrong_with(&params[i]);
        if (!wrong)
            continue;
        at->text = wrong;
        return qli_error_set(error, qli_sqlite_code(rc), "parameter %u: %s", i + 1, wrong);
    }
    return qli_sqlite_failed(at, rc, error);
}

static ql_sqlite_cell cell_of(sqlite3_stmt *statement, int column)
{
    ql_sqlite_cell cell = {.type = QL_SQLITE_NULL};
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        cell.type = QL_SQLITE_INTEGER;
        cell.integer = sqlite3_column_int64(statement, column);
        break;
    case SQLITE_FLOAT:
        cell.type = QL_SQLITE_REAL;
        cell.real = sqlite3_column_double(statement, column);
        break;
    case SQLITE_TEXT:
        cell.type = QL_SQLITE_TEXT;
        cell.text.bytes = (const char *)sqlite3_column_text(statement, column);
        break;
    case SQLITE_BLOB:
        cell.type = QL_SQLITE_BLOB;
        cell.text.bytes = sqlite3_column_blob(statement, column);
        break;
    default:
        break;
    }
    if (cell.type == QL_SQLITE_TEXT || cell.type == QL_SQLITE_BLOB)
        cell.text.length = (size_t)sqlite3_column_bytes(statement, column);
    return cell;
}

/* SQLite had no memory to give them in. Only of a blob without any there is nothing to point to. */
static bool has_no_bytes(const ql_sqlite_cell *cell)
{
    bool none = cell->type == QL_SQLITE_TEXT || (cell->type == QL_SQLITE_BLOB && cell->text.length);
    return none && !cell->text.bytes;
}

static int gather_names(qli_rows *rows, sqlite3_stmt *statement)
{
    int columns = sqlite3_column_count(statement), code = 0;
    for (int i = 0; i < columns && !code; i++) {
        const char *name = sqlite3_column_name(statement, i);
        ql_sqlite_cell cell = {.type = QL_SQLITE_TEXT, .text = {name, name ? strlen(name) : 0}};
        code = name ? qli_rows_add(rows, &cell) : -ENOMEM;
    }
    rows->columns = (unsigned)columns;
    return code;
}

/* The names, if it has not them, and the row if there is one. */
static int gather(qli_rows *rows, sqlite3_stmt *statement, bool row)
{
    int code = rows->columns ? 0 : gather_names(rows, statement);
    if (!row)
        return code;
    for (int i = 0; i < (int)rows->columns && !code; i++) {
        ql_sqlite_cell cell = cell_of(statement, i);
        code = has_no_bytes(&cell) ? -ENOMEM : qli_rows_add(rows, &cell);
    }
    return code;
}

/* Step a bound statement to its end. Its columns are known after the first step, for which SQLite prepares it anew if the
 * schema has changed. */
static int step(ql_sqlite *at, sqlite3_stmt *statement, qli_rows *rows, ql_error *error)
{
    int rc, code = 0;
    if (ql_task_cancelled(ql_task_current()))
        return qli_sqlite_failed(at, SQLITE_INTERRUPT, error);
    at->stepping++;
    at->unit->stepping++;
    do {
        rc = sqlite3_step(statement);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            code = qli_sqlite_failed(at, rc, error);
        else if (rows && (code = gather(rows, statement, rc == SQLITE_ROW)))
            refused(at, code, "no memory for the rows", error);
    } while (!code && rc == SQLITE_ROW);
    at->unit->stepping--;
    at->stepping--;
    sqlite3_reset(statement);
    if (code)
        qli_sqlite_check_lost(at, code, error);
    return code;
}

static int run_prepared(ql_sqlite *at, sqlite3_stmt *statement, const qli_sqlite_runs *runs, qli_rows *rows,
                        ql_error *error)
{
    bool reads = sqlite3_stmt_readonly(statement), may_end = at->interruptible || !at->stepping;
    int total = sqlite3_total_changes(at->db), code = 0;
    if ((unsigned)sqlite3_bind_parameter_count(statement) != runs->count)
        return refused(at, -EINVAL, "the statement has another number of parameters", error);
    if (!reads)
        code = qli_sqlite_before_write(
            at, rows && sqlite3_strlike("%returning%", sqlite3_sql(statement), 0) == 0, error);
    else if (sqlite3_column_count(statement))
        code = qli_sqlite_before_read(at, error);
    /* Before a look whether the task was asked to end: see look(). An interrupt hits all statements that run. */
    qli_sqlite_allow_interrupt(at, may_end && (reads || !at->unit->others_wrote));
    for (size_t i = 0; i < runs->times && !code; i++) {
        int64_t changes = 0;
        const ql_sqlite_cell *params = runs->params + i * runs->count;
        int rc = bind(statement, params, runs->count);
        code = rc ? bind_failed(at, rc, params, runs->count, error) : step(at, statement, rows, error);
        if (!code && !reads && total != sqlite3_total_changes(at->db)) {
            total = sqlite3_total_changes(at->db);
            changes = sqlite3_changes64(at->db);
        }
        at->changes += changes;
        if (runs->changes)
            runs->changes[i] = changes;
    }
    if (at->stepping)
        qli_sqlite_allow_interrupt(at, may_end);
    return code;
}

/* A statement that runs while another one does gathers its rows in memory of its own. */
int qli_sqlite_run(ql_sqlite *at, const char *sql, const qli_sqlite_runs *runs, ql_sqlite_rows **out,
                   ql_error *error)
{
    sqlite3_stmt *statement;
    qli_rows inner = {0}, *rows = !out ? NULL : at->stepping ? &inner : &at->rows;
    bool kept;
    at->changes = 0;
    if (at->lost || at->unit->doomed)
        return refused(at, at->lost ? at->lost : at->unit->doomed, "the transaction was rolled back", error);
    int code = find(at, sql, &statement, &kept, error);
    if (code)
        return code;
    if (rows)
        qli_rows_clear(rows);
    code = run_prepared(at, statement, runs, rows, error);
    if (!code && rows && rows->columns && !(*out = qli_rows_finish(rows)))
        code = refused(at, -ENOMEM, "no memory for the rows", error);
    if (!kept)
        sqlite3_finalize(statement);
    qli_rows_fini(&inner);
    return code;
}

/* ---- All of them ----------------------------------------------------------------------------------------------- */

int qli_sqlite_prepare_own(ql_sqlite *at, ql_error *error)
{
    int code = 0;
    for (int i = 0; i < QLI_OWN_STATEMENTS && !code; i++) {
        int rc = sqlite3_prepare_v3(at->db, own_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &at->own[i], NULL);
        code = rc ? qli_sqlite_failed(at, rc, error) : 0;
    }
    sqlite3_set_authorizer(at->db, authorize, at);
    sqlite3_progress_handler(at->db, STEPS_BETWEEN_LOOKS, look, at);
    return code;
}

void qli_sqlite_finalize_all(ql_sqlite *at)
{
    for (sqlite3_stmt *oldest; (oldest = qli_statements_oldest(&at->kept));) {
        qli_statements_drop(&at->kept);
        sqlite3_finalize(oldest);
    }
    for (int i = 0; i < QLI_OWN_STATEMENTS; i++)
        sqlite3_finalize(at->own[i]);
}
