/* Tables of q are read by an implementation of Arrow that is not ours, DuckDB's, and its tables by us. Its library is fetched by
 * tools/setup. */
#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "qlane/arrow.h"
#include "tests/lanes/q_lane.h"

/* As DuckDB's C API has it. */
typedef struct duckdb_result {
    uint64_t deprecated[3];
    void *deprecated_columns;
    char *deprecated_error;
    void *internal;
} duckdb_result;

#define FUNCTIONS(X)                                                                                  \
    X(int, open, (const char *path, void **database))                                                 \
    X(int, connect, (void *database, void **connection))                                              \
    X(void, disconnect, (void **connection))                                                          \
    X(void, close, (void **database))                                                                 \
    X(int, query, (void *connection, const char *sql, duckdb_result *result))                         \
    X(const char *, result_error, (duckdb_result * result))                                           \
    X(char *, value_varchar, (duckdb_result * result, uint64_t column, uint64_t row))                 \
    X(void, free, (void *memory))                                                                     \
    X(void, destroy_result, (duckdb_result * result))                                                 \
    X(int, arrow_array_scan,                                                                          \
      (void *connection, const char *name, struct ArrowSchema *, struct ArrowArray *, void **stream)) \
    X(void, destroy_arrow_stream, (void **stream))                                                    \
    X(int, query_arrow, (void *connection, const char *sql, void **result))                           \
    X(int, query_arrow_schema, (void *result, struct ArrowSchema **schema))                           \
    X(int, query_arrow_array, (void *result, struct ArrowArray **array))                              \
    X(void, destroy_arrow, (void **result))

static struct {
#define MEMBER(result, name, parameters) result(*name) parameters;
    FUNCTIONS(MEMBER)
#undef MEMBER
    void *database, *connection;
} duckdb;

/* Beside the sources, where tools/setup puts it. */
static void open_duckdb(void)
{
    static const char this[] = "tests/lanes/q_duckdb_test.c";
    char path[PATH_MAX + 64];
    qlt_check(realpath(this, path));
    snprintf(strstr(path, this), 64, "build/data/libduckdb.so");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        qlt_fail("build/data/libduckdb.so is not there: run tools/setup (%s)", dlerror());
    size_t at = 0;
#define LOOK_UP(result, name, parameters)                  \
    void *name##_symbol = dlsym(library, "duckdb_" #name); \
    qlt_check(name##_symbol);                              \
    memcpy((char *)&duckdb + at++ * sizeof(void *), &name##_symbol, sizeof(void *));
    FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    qlt_eq_int(duckdb.open(NULL, &duckdb.database), 0);
    qlt_eq_int(duckdb.connect(duckdb.database, &duckdb.connection), 0);
}

static void close_duckdb(void)
{
    duckdb.disconnect(&duckdb.connection);
    duckdb.close(&duckdb.database);
}

/* The first cell of an answer as text. */
static void answers(const char *sql, const char *expected)
{
    duckdb_result result = {{0}, NULL, NULL, NULL};
    if (duckdb.query(duckdb.connection, sql, &result))
        qlt_fail("%s: %s", sql, duckdb.result_error(&result));
    char *text = expected ? duckdb.value_varchar(&result, 0, 0) : NULL;
    if (expected)
        qlt_eq_str(text, expected);
    duckdb.free(text);
    duckdb.destroy_result(&result);
}

static const char table_text[] =
    "([]s:`a`bc``a;b:1010b;x:0x00ff7f01;h:1 0N 3 -4h;i:1 0N 3 -4i;n:1 0N 3 -4;e:1.5 0n 0w -0.25e;f:1.5 0n 0w "
    "-0.25;"
    "c:\"ab d\";p:2024.02.29D12:34:56.000000001 0N 2000.01.01D00:00:00.000000000 "
    "1999.12.31D23:59:59.000000000;"
    "m:2024.02 0N 2000.01 1999.12m;d:2024.02.29 0N 2000.01.01 1999.12.31;t:12:34:56.789 0N 00:00:00.000 "
    "23:59:59.999;"
    "v:12:34:56 0N 00:00:00 23:59:59;u:12:34 0N 00:00 23:59;note:(\"one\";\"\";\"two words\";\"z\"))";

Q_TEST(q_duckdb, reads_a_table_of_q)
{
    q_lane at = q_lane_open(NULL);
    ql_q_value *table = q_lane_eval(&at, table_text);
    q_lane_close(&at);
    struct ArrowSchema schema;
    struct ArrowArray array;
    ql_error error;
    if (ql_q_to_arrow(table, &schema, &array, &error))
        qlt_fail("%s", error.text);
    open_duckdb();
    void *stream = NULL;
    qlt_eq_int(duckdb.arrow_array_scan(duckdb.connection, "scan", &schema, &array, &stream), 0);
    answers("CREATE TABLE q AS SELECT * FROM scan", NULL);
    duckdb.destroy_arrow_stream(&stream);
    if (schema.release)
        schema.release(&schema);
    if (array.release)
        array.release(&array);
    answers("SELECT count(*) FROM q", "4");
    answers("SELECT string_agg(coalesce(s, '-'), ',') FROM q", "a,bc,-,a");
    answers("SELECT string_agg(b::VARCHAR, ',') FROM q", "true,false,true,false");
    answers("SELECT sum(x) FROM q", "383");
    answers("SELECT sum(h)::VARCHAR || ' ' || sum(i) || ' ' || sum(n) || ' ' || count(n) FROM q", "0 0 0 3");
    answers("SELECT string_agg(coalesce(f::VARCHAR, '-'), ',') FROM q", "1.5,-,inf,-0.25");
    answers("SELECT string_agg(coalesce(e::VARCHAR, '-'), ',') FROM q", "1.5,-,inf,-0.25");
    answers("SELECT string_agg(c, '|') FROM q", "a|b| |d");
    answers("SELECT string_agg(coalesce(p::VARCHAR, '-'), ',') FROM q",
            "2024-02-29 12:34:56.000000001,-,2000-01-01 00:00:00,1999-12-31 23:59:59");
    answers("SELECT string_agg(coalesce(m::VARCHAR, '-'), ',') FROM q", "2024-02-01,-,2000-01-01,1999-12-01");
    answers("SELECT string_agg(coalesce(d::VARCHAR, '-'), ',') FROM q", "2024-02-29,-,2000-01-01,1999-12-31");
    answers("SELECT string_agg(coalesce(t::VARCHAR, '-'), ',') FROM q",
            "12:34:56.789,-,00:00:00,23:59:59.999");
    answers("SELECT string_agg(coalesce(v::VARCHAR, '-'), ',') FROM q", "12:34:56,-,00:00:00,23:59:59");
    answers("SELECT string_agg(coalesce(u::VARCHAR, '-'), ',') FROM q", "12:34:00,-,00:00:00,23:59:00");
    answers("SELECT string_agg(note, '|') FROM q", "one||two words|z");
    close_duckdb();
}

Q_TEST(q_duckdb, writes_a_table_for_q)
{
    open_duckdb();
    void *result = NULL;
    struct ArrowSchema schema, *schema_at = &schema;
    struct ArrowArray array, *array_at = &array;
    qlt_eq_int(duckdb.query_arrow(
                   duckdb.connection,
                   "SELECT i::BIGINT n, i::DOUBLE / 2 f, CASE WHEN i <> 1 THEN 'row ' || i END s, "
                   "TIMESTAMP '2024-02-29 00:00:00' + to_seconds(i) p, DATE '2024-02-29' + i::INTEGER d "
                   "FROM range(3) t(i)",
                   &result),
               0);
    qlt_eq_int(duckdb.query_arrow_schema(result, &schema_at), 0);
    qlt_eq_int(duckdb.query_arrow_array(result, &array_at), 0);
    ql_q_value *table;
    ql_error error;
    if (ql_q_from_arrow(&schema, &array, &table, &error))
        qlt_fail("%s", error.text);
    array.release(&array);
    schema.release(&schema);
    duckdb.destroy_arrow(&result);
    close_duckdb();

    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    ql_q_call_init(&call, "set");
    ql_q_value arguments[] = {ql_q_symbol("duck"), *table};
    call.arguments = arguments;
    call.arguments_count = 2;
    q_lane_call(&at, &call, 0);
    ql_q_free(call.result);
    ql_q_free(table);
    q_lane_gives(&at, "sum duck`n", 3);
    q_lane_gives(&at, "`long$2*sum duck`f", 3);
    q_lane_gives(&at, "count where duck[`p]=2024.02.29D00:00:01.000000000", 1);
    q_lane_gives(&at, "`long$last duck[`d]-2024.02.29", 2);
    q_lane_gives(&at, "count duck[`s]0", 5);
    q_lane_gives(&at, "count duck[`s]1", 0);
    q_lane_close(&at);
}
