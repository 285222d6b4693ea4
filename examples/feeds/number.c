#include "examples/feeds/number.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool read_integer(const char *text, size_t length, int64_t *value)
{
    bool negative = text[0] == '-';
    const char *digits = text + negative, *end = text + length;
    if (digits == end || end - digits > 19 || (*digits == '0' && length > 1))
        return false;
    uint64_t sum = 0; /* 19 digits fit */
    for (const char *at = digits; at < end; at++) {
        if (!is_digit(*at))
            return false;
        sum = 10 * sum + (uint64_t)(*at - '0');
    }
    if (sum > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

/* A digit first, and only what number_print_real() prints: strtod() reads hexadecimal and "inf" too. */
static bool read_real(const char *text, size_t length, double *value)
{
    char copy[NUMBER_TEXT_MAX], printed[NUMBER_TEXT_MAX];
    if (length >= sizeof(copy) || !is_digit(text[text[0] == '-' && length > 1]))
        return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (strspn(copy, "0123456789.e+-") != length)
        return false;
    char *end;
    *value = strtod(copy, &end);
    /* No minus zero: an engine may store it as zero. */
    return *end == 0 && number_print_real(*value, printed) == length && memcmp(printed, text, length) == 0 &&
           strcmp(copy, "-0.0") != 0;
}

number_form number_read(const char *text, size_t length, number_value *value)
{
    if (!length)
        return FORM_EMPTY;
    if (read_integer(text, length, &value->integer))
        return FORM_INTEGER;
    return read_real(text, length, &value->real) ? FORM_REAL : FORM_TEXT;
}

size_t number_print_integer(int64_t value, char *text)
{
    char reversed[NUMBER_TEXT_MAX];
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t digits = 0, length = 0;
    do
        reversed[digits++] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        text[length++] = '-';
    while (digits)
        text[length++] = reversed[--digits];
    return length;
}

size_t number_print_real(double value, char *text)
{
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(text, NUMBER_TEXT_MAX, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (!strpbrk(text, ".en"))
        length += snprintf(text + length, NUMBER_TEXT_MAX - (size_t)length, ".0");
    return (size_t)length;
}
