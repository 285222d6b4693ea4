#include "examples/feeds/number.h"

#include "tests/support/harness.h"

static number_form form_of(const char *text)
{
    number_value value;
    return number_read(text, strlen(text), &value);
}

QLT(number, reads_integers_as_they_print)
{
    static const struct {
        const char *text;
        int64_t value;
    } integers[] = {{"0", 0},
                    {"7", 7},
                    {"-1", -1},
                    {"10", 10},
                    {"1000000000000000000", 1000000000000000000},
                    {"9223372036854775807", INT64_MAX},
                    {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof(integers) / sizeof(*integers); i++) {
        const char *text = integers[i].text;
        char printed[NUMBER_TEXT_MAX] = "";
        number_value value;
        qlt_eq_int(number_read(text, strlen(text), &value), FORM_INTEGER);
        qlt_eq_int(value.integer, integers[i].value);
        printed[number_print_integer(value.integer, printed)] = 0;
        qlt_eq_str(printed, text);
    }
}

QLT(number, reads_reals_as_they_print)
{
    static const char *const reals[] = {"0.5",
                                        "-0.5",
                                        "1.0",
                                        "0.0",
                                        "123.456",
                                        "0.1",
                                        "0.30000000000000004",
                                        "1e+20",
                                        "1.5e-07",
                                        "-1.7976931348623157e+308",
                                        "100000.0"};
    for (size_t i = 0; i < sizeof(reals) / sizeof(*reals); i++) {
        char printed[NUMBER_TEXT_MAX] = "";
        number_value value;
        qlt_eq_int(number_read(reals[i], strlen(reals[i]), &value), FORM_REAL);
        printed[number_print_real(value.real, printed)] = 0;
        qlt_eq_str(printed, reals[i]);
    }
}

QLT(number, what_would_print_otherwise_is_text)
{
    static const char *const texts[] = {"007",
                                        "01",
                                        "00",
                                        "-0",
                                        "-01",
                                        "+7",
                                        " 7",
                                        "7 ",
                                        "7,0",
                                        "0x10",
                                        "1e3",
                                        "1E+20",
                                        "0.50",
                                        ".5",
                                        "5.",
                                        "00.5",
                                        "-",
                                        "--1",
                                        "-0.0",
                                        "nan",
                                        "inf",
                                        "-inf",
                                        "infinity",
                                        "1e999",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "123456789012345678901234567890",
                                        "1.2.3",
                                        "1_000",
                                        "0.1000000000000000055511151231257827021181583404541015625",
                                        "a",
                                        "\xef\xbc\x91"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (form_of(texts[i]) != FORM_TEXT)
            qlt_fail("'%s' is not text", texts[i]);
    qlt_eq_int(number_read("1\0", 2, &(number_value){0}), FORM_TEXT);
    qlt_eq_int(number_read("1.5\0", 4, &(number_value){0}), FORM_TEXT);
    qlt_eq_int(form_of(""), FORM_EMPTY);
}
