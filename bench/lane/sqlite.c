/* An upsert of SQLite's. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/lane/contender.h"

const char *lane_sqlite_path;

const char lane_sqlite_table[] = "CREATE TABLE sums (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL)";
const char lane_sqlite_upsert[] =
    "INSERT INTO sums VALUES (?1, 1) ON CONFLICT (id) DO UPDATE SET sum = sum + 1";
const char lane_sqlite_sum[] = "SELECT COALESCE(sum(sum), 0) FROM sums";

static sqlite3 *database;
static sqlite3_stmt *upsert, *begin, *commit;

static void must(int rc, int expected)
{
    if (rc == expected)
        return;
    fprintf(stderr, "SQLite: %s\n", database ? sqlite3_errmsg(database) : sqlite3_errstr(rc));
    exit(1);
}

static void execute(const char *sql)
{
    must(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;
    must(sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), SQLITE_OK);
    return statement;
}

static void step(sqlite3_stmt *statement)
{
    must(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_reset(statement);
}

void lane_upsert_open(void)
{
    must(sqlite3_open_v2(lane_sqlite_path ? lane_sqlite_path : ":memory:", &database,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL),
         SQLITE_OK);
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = NORMAL");
    execute(lane_sqlite_table);
    upsert = prepare(lane_sqlite_upsert);
    begin = prepare("BEGIN IMMEDIATE");
    commit = prepare("COMMIT");
}

void lane_upsert_close(void)
{
}

uint64_t lane_upsert_stored(void)
{
    sqlite3_stmt *sum = prepare(lane_sqlite_sum);
    must(sqlite3_step(sum), SQLITE_ROW);
    uint64_t stored = (uint64_t)sqlite3_column_int64(sum, 0);
    sqlite3_finalize(sum);
    return stored;
}

uint64_t lane_upsert(uint64_t key)
{
    must(sqlite3_bind_int64(upsert, 1, (int64_t)(1 + key % LANE_SQLITE_KEYS)), SQLITE_OK);
    step(upsert);
    return 1;
}

void lane_batch_begin(void)
{
    if (begin)
        step(begin);
}

void lane_batch_end(void)
{
    if (commit)
        step(commit);
}
