/* Values through q and back, on the library that stands in for libq. */
#include <errno.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lanes/q_lane.h"
#include "tests/lanes/q_objects.h"

static void eval_is(const q_lane *at, const char *text, const ql_q_value *expected)
{
    ql_q_value *value = q_lane_eval(at, text);
    if (!objects_same(value, expected))
        qlt_fail("%s gave type %d, %zu items", text, value->type, value->count);
    ql_q_free(value);
}

Q_TEST(q_value, scalars_have_their_type_and_value)
{
    q_lane at = q_lane_open(NULL);
    const struct {
        const char *text;
        ql_q_value value;
    } cases[] = {
        {"1b", ql_q_boolean(1)},
        {"42", ql_q_long(QL_Q_LONG, 42)},
        {"42i", ql_q_int(QL_Q_INT, 42)},
        {"0N", ql_q_long(QL_Q_LONG, QL_Q_NULL_LONG)},
        {"0W", ql_q_long(QL_Q_LONG, QL_Q_INFINITE_LONG)},
        {"-0W", ql_q_long(QL_Q_LONG, -QL_Q_INFINITE_LONG)},
        {"0Ni", ql_q_int(QL_Q_INT, QL_Q_NULL_INT)},
        {"1.5", ql_q_float(QL_Q_FLOAT, 1.5)},
        {"0w", ql_q_float(QL_Q_FLOAT, INFINITY)},
        {"`abc", ql_q_symbol("abc")},
        {"`", ql_q_symbol("")},
        {"2000.01.01D00:00:00.000000001", ql_q_long(QL_Q_TIMESTAMP, 1)},
        {"2000.02m", ql_q_int(QL_Q_MONTH, 1)},
        {"2000.01.03", ql_q_int(QL_Q_DATE, 2)},
        {"0D00:00:00.000000002", ql_q_long(QL_Q_TIMESPAN, 2)},
        {"00:02", ql_q_int(QL_Q_MINUTE, 2)},
        {"00:00:03", ql_q_int(QL_Q_SECOND, 3)},
        {"00:00:00.004", ql_q_int(QL_Q_TIME, 4)},
        {"0Nd", ql_q_int(QL_Q_DATE, QL_Q_NULL_INT)},
        {"0Np", ql_q_long(QL_Q_TIMESTAMP, QL_Q_NULL_LONG)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        eval_is(&at, cases[i].text, &cases[i].value);
    ql_q_value *null = q_lane_eval(&at, "0n");
    qlt_check(null->type == -QL_Q_FLOAT && isnan(null->f64));
    ql_q_free(null);
    ql_q_value *nil = q_lane_eval(&at, "a:1");
    qlt_eq_int(nil->type, QL_Q_NIL);
    ql_q_free(nil);
    q_lane_close(&at);
}

Q_TEST(q_value, vectors_lists_dictionaries_and_tables_come_out)
{
    q_lane at = q_lane_open(NULL);
    const int64_t longs[] = {1, 2, 3};
    const char *const symbols[] = {"a", "b", "a"};
    const ql_q_value vectors[] = {ql_q_vector(QL_Q_SYMBOL, symbols, 3), ql_q_vector(QL_Q_LONG, longs, 3)};
    const ql_q_value mixed[] = {ql_q_long(QL_Q_LONG, 1), ql_q_text("two"), ql_q_symbol("three")};
    const char *const names[] = {"s", "n"};
    const ql_q_value table = ql_q_table(names, vectors, 2), list = ql_q_vector(QL_Q_LIST, mixed, 3);
    const ql_q_value keyed[] = {ql_q_table(names, vectors, 1), ql_q_table(names + 1, vectors + 1, 1)};
    const ql_q_value dictionary = ql_q_dictionary(vectors), keyed_table = ql_q_dictionary(keyed);
    const ql_q_value text = ql_q_text("text"), no_text = ql_q_text(""),
                     none = ql_q_vector(QL_Q_LIST, NULL, 0);
    eval_is(&at, "1 2 3", &vectors[1]);
    eval_is(&at, "`a`b`a", &vectors[0]);
    eval_is(&at, "\"text\"", &text);
    eval_is(&at, "\"\"", &no_text);
    eval_is(&at, "()", &none);
    eval_is(&at, "(1;\"two\";`three)", &list);
    eval_is(&at, "`a`b`a!1 2 3", &dictionary);
    eval_is(&at, "([]s:`a`b`a;n:1 2 3)", &table);
    eval_is(&at, "([s:`a`b`a]n:1 2 3)", &keyed_table);
    q_lane_close(&at);
}

/* Into q and back. */
static void echo(const q_lane *at, const ql_q_value *value)
{
    ql_q_call call;
    ql_q_call_init(&call, "{x}");
    call.arguments = value;
    call.arguments_count = 1;
    q_lane_call(at, &call, 0);
    if (!objects_same(call.result, value))
        qlt_fail("type %d came back as type %d, %zu items", value->type, call.result->type,
                 call.result->count);
    ql_q_free(call.result);
}

Q_TEST(q_value, every_type_goes_in_and_comes_back_the_same)
{
    q_lane at = q_lane_open(NULL);
    static const char data[64] = {1, 2, 3, 0, 5, -128, 127, 8, 0, 0, 0, 0, 0, 0, 0, -128, -1, -1, -1, 127};
    static const uint8_t bits[] = {1, 0, 1};
    const char *const symbols[] = {"a", "", "a b", "z\xc3\xbcrich"};
    for (int32_t type = 1; type <= QL_Q_TIME; type++) {
        if (!ql_q_width(type) || type == QL_Q_SYMBOL || type == QL_Q_BOOLEAN)
            continue;
        ql_q_value vector = ql_q_vector((ql_q_type)type, data, 64 / ql_q_width(type) / 2);
        ql_q_value atom = ql_q_nil(), empty = ql_q_vector((ql_q_type)type, NULL, 0);
        atom.type = -type;
        memcpy(&atom.i64, data, ql_q_width(type));
        echo(&at, &vector);
        echo(&at, &atom);
        echo(&at, &empty);
    }
    ql_q_value some[] = {ql_q_vector(QL_Q_BOOLEAN, bits, 3), ql_q_boolean(1),
                         ql_q_vector(QL_Q_SYMBOL, symbols, 4), ql_q_nil(), ql_q_symbol("x")};
    for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
        echo(&at, &some[i]);
    ql_q_value list = ql_q_vector(QL_Q_LIST, some, 5), nested[] = {list, list};
    ql_q_value deep = ql_q_vector(QL_Q_LIST, nested, 2), dictionary = ql_q_dictionary(nested);
    echo(&at, &deep);
    echo(&at, &dictionary);
    q_lane_close(&at);
}

Q_TEST(q_value, what_q_cannot_hold_is_refused_with_a_sentence)
{
    q_lane at = q_lane_open(NULL);
    static char huge[QL_Q_SYMBOL_MAX + 2];
    memset(huge, 'x', sizeof(huge) - 1);
    const int64_t longs[] = {1, 2, 3};
    const char *const names[] = {"a", "b"};
    const ql_q_value columns[] = {ql_q_vector(QL_Q_LONG, longs, 3), ql_q_vector(QL_Q_LONG, longs, 2)};
    ql_q_value bomb[QL_Q_DEPTH_MAX + 3] = {ql_q_vector(QL_Q_LIST, NULL, 0)};
    for (size_t i = 1; i < sizeof(bomb) / sizeof(*bomb); i++)
        bomb[i] = ql_q_vector(QL_Q_LIST, &bomb[i - 1], 1);
    ql_q_value unknown = ql_q_long(QL_Q_LONG, 1), no_column = ql_q_table(names, NULL, 0);
    const ql_q_value atom = ql_q_long(QL_Q_LONG, 1), atom_for_column = ql_q_table(names, &atom, 1);
    unknown.type = 33;
    const struct {
        ql_q_value value;
        int code;
        const char *part;
    } cases[] = {
        {ql_q_symbol(huge), -E2BIG, "symbol"},
        {ql_q_symbol(NULL), -EINVAL, "symbol"},
        {ql_q_table(names, columns, 2), -EINVAL, "'b' has 2"},
        {ql_q_dictionary(columns), -EINVAL, "keys"},
        {bomb[QL_Q_DEPTH_MAX + 2], -E2BIG, "deep"},
        {unknown, -EINVAL, "type 33"},
        {no_column, -EINVAL, "columns"},
        {ql_q_vector(QL_Q_LONG, NULL, 4), -EINVAL, "NULL"},
        {ql_q_vector(QL_Q_LONG, longs, SIZE_MAX), -E2BIG, "a vector of 18446744073709551615"},
        {atom_for_column, -EINVAL, "column 'a' of a table is no vector"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ql_q_call call;
        ql_q_call_init(&call, "{x}");
        call.arguments = &cases[i].value;
        call.arguments_count = 1;
        q_lane_call(&at, &call, cases[i].code);
        qlt_has_str(call.task.future.text, cases[i].part);
    }
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}

Q_TEST(q_value, a_result_beyond_its_bound_is_refused_and_a_function_cannot_leave)
{
    q_lane at = q_lane_open(&(ql_q_config){.size = sizeof(ql_q_config), .result_bytes_max = 1000});
    q_lane_fails(&at, "til 1000", -E2BIG, "1000 bytes");
    q_lane_fails(&at, "20#enlist til 5", -E2BIG, "the result is larger than the 1000 bytes");
    q_lane_fails(&at, "{x+y}", -ENOTSUP, "function");
    q_lane_fails(&at, "(1;{x+y})", -ENOTSUP, "function");
    q_lane_gives(&at, "count til 1000", 1000);
    q_lane_close(&at);
}

/* The kernel has a large page only for what begins at one. */
Q_TEST(q_value, a_large_result_is_whole_and_begins_at_a_large_page)
{
    enum { COUNT = 600000, LARGE_PAGE = 1 << 21 };
    q_lane at = q_lane_open(NULL);
    ql_q_value *large = q_lane_eval(&at, "til 600000");
    qlt_eq_uint(large->count, COUNT);
    qlt_eq_uint((uintptr_t)large % LARGE_PAGE, 0);
    for (int64_t i = 0; i < COUNT; i++)
        qlt_eq_int(large->longs[i], i);
    ql_q_free(large);
    q_lane_close(&at);
}

/* Vectors that end where their memory ends, and say that they are one item longer. */
QLT(q_value, a_length_a_little_beyond_its_memory_is_refused)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    qlt_eq_int(munmap(pages + 2 * page, page), 0);
    qli_q_reader reader = {.bytes_max = 4 * page};
    for (size_t count = 1; count < 2 * page / 8 - 2; count++) {
        struct k0 *vector = (struct k0 *)(void *)(pages + 2 * page - 16 - 8 * count);
        ql_error error = {0};
        ql_q_value *value;
        vector->t = QL_Q_LONG;
        vector->n = (long long)count;
        qlt_eq_int(qli_q_read(&reader, vector, &value, &error), 0);
        qlt_eq_uint(value->count, count);
        ql_q_free(value);
        vector->n++;
        qlt_eq_int(qli_q_read(&reader, vector, &value, &error), -EBADMSG);
        qlt_has_str(error.text, "goes beyond its memory");
    }
    qli_q_symbols_fini(&reader.symbols);
    munmap(pages, 2 * page);
}

Q_TEST(q_value, damaged_objects_of_q_are_refused)
{
    static const struct {
        const char *text;
        int code;
        const char *part;
    } damaged[] = {
        {".bad.length", -EBADMSG, "whose length is -5"},
        {".bad.beyond", -EBADMSG, "goes beyond its memory"},
        {".bad.ragged", -EBADMSG, "columns of different length"},
        {".bad.deep", -E2BIG, "more than 64 deep"},
        {".bad.type", -ENOTSUP, "type 90"},
        {".bad.null", -EBADMSG, "an object that is NULL"},
        {".bad.symbol", -E2BIG, "longer than 65,536 bytes"},
    };
    /* No bound but that of memory. */
    q_lane at = q_lane_open(&(ql_q_config){.size = sizeof(ql_q_config), .result_bytes_max = SIZE_MAX / 2});
    for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
        q_lane_fails(&at, damaged[i].text, damaged[i].code, damaged[i].part);
        q_lane_fails(&at, damaged[i].text, damaged[i].code, damaged[i].text);
    }
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}
