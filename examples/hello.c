#include <qlane/qlane.h>
#include <qlane/sqlite.h>
#include <stdio.h>

int main(void)
{
    ql_runtime *runtime;
    ql_lane *lane;
    ql_error error = {0};
    ql_sqlite_call call;
    ql_sqlite_config database = {.size = sizeof(database)};
    if (ql_runtime_start(NULL, &runtime, &error) || ql_sqlite_open(runtime, NULL, &database, &lane, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    ql_sqlite_call_init(&call, "SELECT 'hello from SQLite ' || sqlite_version()");
    call.task.text_buffer = error.text; /* gets SQLite's words if it refuses */
    call.task.text_size = sizeof(error.text);
    if (ql_lane_call(lane, &call.task) || call.task.future.code)
        fprintf(stderr, "%s\n", error.text);
    else
        puts(call.rows->cells[0].text.bytes);
    ql_sqlite_rows_free(call.rows);
    return ql_runtime_stop(runtime, NULL, &error) ? 1 : 0;
}
