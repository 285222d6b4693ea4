/* Calls of q from any thread, on the library that stands in for libq. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/lanes/q_lane.h"

Q_TEST(q_call, applies_a_function_to_up_to_eight_arguments)
{
    q_lane at = q_lane_open(NULL);
    ql_q_value arguments[9];
    ql_q_free(q_lane_eval(&at, "add:{[a;b;c;d;e;f;g;h]a+b+c+d+e+f+g+h}"));
    for (int i = 0; i < 9; i++)
        arguments[i] = ql_q_long(QL_Q_LONG, 1 << i);
    ql_q_call call;
    ql_q_call_init(&call, "add");
    call.arguments = arguments;
    call.arguments_count = 8;
    q_lane_call(&at, &call, 0);
    qlt_eq_int(call.result->i64, 255);
    ql_q_free(call.result);
    call.arguments_count = 9;
    q_lane_call(&at, &call, -EINVAL);
    qlt_has_str(call.task.future.text, "eight");
    ql_q_call_init(&call, "neg");
    call.arguments = arguments;
    call.arguments_count = 1;
    q_lane_call(&at, &call, 0);
    qlt_eq_int(call.result->i64, -1);
    ql_q_free(call.result);
    q_lane_close(&at);
}

Q_TEST(q_call, an_error_has_qs_words_the_expression_and_the_tasks_name)
{
    q_lane at = q_lane_open(NULL);
    q_lane_fails(&at, "1+`a", -EPROTO, "'type");
    q_lane_fails(&at, "1+`a", -EPROTO, "1+`a");
    q_lane_fails(&at, "'\"my own words\"", -EPROTO, "'my own words");
    ql_q_call call;
    ql_q_call_init(&call, "1+1\0+1");
    call.text_length = 6;
    q_lane_call(&at, &call, -EINVAL);
    qlt_has_str(call.task.future.text, "zero byte");
    ql_q_call_init(&call, "40+2+`a");
    call.text_length = 4;
    q_lane_call(&at, &call, 0);
    qlt_eq_int(call.result->i64, 42);
    ql_q_free(call.result);
    ql_q_call_init(&call, NULL);
    q_lane_call(&at, &call, -EINVAL);
    q_lane_close(&at);
}

Q_TEST(q_call, wsfull_is_survived)
{
    q_lane at = q_lane_open(&(ql_q_config){.size = sizeof(ql_q_config), .memory_mb = 64});
    q_lane_fails(&at, "sum til 100000000", -ENOMEM, "'wsfull");
    q_lane_gives(&at, "6*7", 42);
    static char text[1 << 20];
    ql_q_value items[100];
    for (int i = 0; i < 100; i++)
        items[i] = ql_q_vector(QL_Q_CHAR, text, sizeof(text));
    ql_q_value list = ql_q_vector(QL_Q_LIST, items, 100);
    ql_q_call call;
    ql_q_call_init(&call, "count");
    call.arguments = &list;
    call.arguments_count = 1;
    q_lane_call(&at, &call, -ENOMEM);
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}

Q_TEST(q_call, a_call_that_is_not_on_a_lane_of_q_is_refused)
{
    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    ql_q_call_init(&call, "1");
    qlt_eq_int(ql_submit(ql_runtime_pool(at.runtime), &call.task), 0);
    qlt_eq_int(ql_future_wait(&call.task.future), 0);
    qlt_eq_int(call.task.future.code, -EPERM);
    qlt_has_str(call.task.future.text, "lane of q");
    q_lane_close(&at);
}

/* ---- Upserts ----------------------------------------------------------------------------------------------------- */

Q_TEST(q_call, upserts_tables_and_rows)
{
    q_lane at = q_lane_open(NULL);
    const char *const names[] = {"sym", "price", "size", "note"};
    const char *const symbols[] = {"a", "b"};
    const double prices[] = {1.5, 2.5};
    const int64_t sizes[] = {10, 20};
    const ql_q_value notes[] = {ql_q_text("first"), ql_q_text("second")};
    const ql_q_value columns[] = {ql_q_vector(QL_Q_SYMBOL, symbols, 2), ql_q_vector(QL_Q_FLOAT, prices, 2),
                                  ql_q_vector(QL_Q_LONG, sizes, 2), ql_q_vector(QL_Q_LIST, notes, 2)};
    const ql_q_value table = ql_q_table(names, columns, 4);
    const ql_q_value cells[] = {
        ql_q_symbol("b"),
        ql_q_float(QL_Q_FLOAT, 7.5),
        ql_q_nil(),
        ql_q_text("third"),
        ql_q_symbol("c"),
        ql_q_nil(),
        ql_q_long(QL_Q_LONG, 30),
        ql_q_text("fourth"),
    };
    ql_q_call call;
    ql_q_free(q_lane_eval(&at, "t:([]sym:`symbol$();price:`float$();size:`long$();note:())"));
    ql_q_free(q_lane_eval(&at, "k:([sym:`symbol$()]price:`float$();size:`long$();note:())"));
    for (int i = 0; i < 2; i++) {
        ql_q_upsert_init(&call, i ? "k" : "t", &table);
        q_lane_call(&at, &call, 0);
        ql_q_free(call.result);
        ql_q_upsert_rows_init(&call, i ? "k" : "t", names, 4, cells, 2);
        q_lane_call(&at, &call, 0);
        ql_q_free(call.result);
    }
    q_lane_gives(&at, "count t", 4);
    q_lane_gives(&at, "count k", 3);
    q_lane_gives(&at, "sum t`size", 60);
    q_lane_gives(&at, "count where null t`size", 1);
    ql_q_value *price = q_lane_eval(&at, "sum t`price");
    qlt_check(price->f64 == 11.5);
    ql_q_free(price);
    ql_q_value *note = q_lane_eval(&at, "t[3;`note]");
    qlt_check(note->type == QL_Q_CHAR && note->count == 6 && strcmp(note->text, "fourth") == 0);
    ql_q_free(note);
    q_lane_close(&at);
}

Q_TEST(q_call, rows_that_do_not_fit_are_refused_and_change_nothing)
{
    q_lane at = q_lane_open(NULL);
    const char *const names[] = {"a", "b"};
    const ql_q_value cells[] = {ql_q_long(QL_Q_LONG, 1), ql_q_symbol("x"), ql_q_float(QL_Q_FLOAT, 1),
                                ql_q_symbol("y")};
    ql_q_call call;
    ql_q_free(q_lane_eval(&at, "t:([]a:1 2;b:`x`y)"));
    ql_q_upsert_rows_init(&call, "t", names, 2, cells, 2);
    q_lane_call(&at, &call, -EINVAL);
    qlt_has_str(call.task.future.text, "row 1 of column 'a'");
    ql_q_upsert_init(&call, "t", &cells[0]);
    q_lane_call(&at, &call, -EINVAL);
    const ql_q_value no_symbol[] = {ql_q_symbol(NULL)};
    ql_q_upsert_rows_init(&call, "t", names + 1, 1, no_symbol, 1);
    q_lane_call(&at, &call, -EINVAL);
    qlt_has_str(call.task.future.text, "a symbol is NULL");
    ql_q_upsert_rows_init(&call, "t", names, 0, cells, 1);
    q_lane_call(&at, &call, -EINVAL);
    qlt_has_str(call.task.future.text, "rows without names");
    q_lane_gives(&at, "count t", 2);
    q_lane_close(&at);
}

/* In the second row of two: a column that is nil alone has no type. */
Q_TEST(q_call, a_nil_among_rows_is_the_null_of_its_column)
{
    enum { WIDTH = 11 };
    q_lane at = q_lane_open(NULL);
    const char *const names[WIDTH] = {"b", "g", "x", "h", "i", "j", "e", "f", "c", "s", "p"};
    ql_q_value cells[2 * WIDTH] = {
        ql_q_boolean(1),
        {.type = -QL_Q_GUID, .count = 1, .guid = {{1}}},
        {.type = -QL_Q_BYTE, .count = 1, .byte = 7},
        {.type = -QL_Q_SHORT, .count = 1, .i16 = 7},
        ql_q_int(QL_Q_INT, 7),
        ql_q_long(QL_Q_LONG, 7),
        {.type = -QL_Q_REAL, .count = 1, .f32 = 0.5F},
        ql_q_float(QL_Q_FLOAT, 0.5),
        {.type = -QL_Q_CHAR, .count = 1, .character = 'c'},
        ql_q_symbol("s"),
        ql_q_long(QL_Q_TIMESTAMP, 7),
    };
    for (int i = 0; i < WIDTH; i++)
        cells[WIDTH + i] = ql_q_nil();
    ql_q_call call;
    ql_q_free(q_lane_eval(&at, "t:([]b:`boolean$();g:`guid$();x:`byte$();h:`short$();i:`int$();j:`long$();"
                               "e:`real$();f:`float$();c:`char$();s:`symbol$();p:`timestamp$())"));
    ql_q_upsert_rows_init(&call, "t", names, WIDTH, cells, 2);
    q_lane_call(&at, &call, 0);
    ql_q_free(call.result);
    ql_q_value *table = q_lane_eval(&at, "t");
    const ql_q_value *columns = table->table.columns;
    static const ql_q_guid no_guid;
    qlt_check(columns[0].bytes[0] == 1 && columns[0].bytes[1] == 0);
    qlt_check(memcmp(&columns[1].guids[1], &no_guid, sizeof(no_guid)) == 0);
    qlt_check(columns[2].bytes[0] == 7 && columns[2].bytes[1] == 0);
    qlt_check(columns[3].shorts[0] == 7 && columns[3].shorts[1] == QL_Q_NULL_SHORT);
    qlt_check(columns[4].ints[0] == 7 && columns[4].ints[1] == QL_Q_NULL_INT);
    qlt_check(columns[5].longs[0] == 7 && columns[5].longs[1] == QL_Q_NULL_LONG);
    qlt_check(columns[6].reals[0] == 0.5F && isnan(columns[6].reals[1]));
    qlt_check(columns[7].floats[0] == 0.5 && isnan(columns[7].floats[1]));
    qlt_check(columns[8].text[0] == 'c' && columns[8].text[1] == ' ');
    qlt_check(strcmp(columns[9].symbols[0], "s") == 0 && strcmp(columns[9].symbols[1], "") == 0);
    qlt_check(columns[10].longs[0] == 7 && columns[10].longs[1] == QL_Q_NULL_LONG);
    ql_q_free(table);
    q_lane_close(&at);
}

enum { THREADS = 8, UPSERTS = 200 };

static void *upsert_rows(void *arg)
{
    const q_lane *at = arg;
    const char *const names[] = {"a", "b"};
    for (int i = 0; i < UPSERTS; i++) {
        char text[32];
        snprintf(text, sizeof(text), "s%d", i);
        const ql_q_value cells[] = {ql_q_long(QL_Q_LONG, i), ql_q_symbol(text)};
        ql_q_call call;
        ql_q_upsert_rows_init(&call, "t", names, 2, cells, 1);
        q_lane_call(at, &call, 0);
        ql_q_free(call.result);
    }
    return NULL;
}

Q_TEST(q_call, threads_upsert_into_one_table)
{
    q_lane at = q_lane_open(NULL);
    pthread_t threads[THREADS];
    ql_q_free(q_lane_eval(&at, "t:([]a:`long$();b:`symbol$())"));
    for (int i = 0; i < THREADS; i++)
        qlt_eq_int(pthread_create(&threads[i], NULL, upsert_rows, &at), 0);
    for (int i = 0; i < THREADS; i++)
        qlt_eq_int(pthread_join(threads[i], NULL), 0);
    q_lane_gives(&at, "count t", THREADS * UPSERTS);
    q_lane_gives(&at, "sum t`a", THREADS * (UPSERTS * (UPSERTS - 1) / 2));
    q_lane_close(&at);
}
