/* When is a text a number? When the number, printed, is that text again: 7 and -0.5 are, 007, +7, 1e3 and 0.50 are not.
 * So a number may be stored in the text's place, and the text is had back from it. */
#ifndef EXAMPLES_FEEDS_NUMBER_H
#define EXAMPLES_FEEDS_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Bits, so that what a column holds is a set of them. */
typedef enum number_form { FORM_EMPTY = 1, FORM_INTEGER = 2, FORM_REAL = 4, FORM_TEXT = 8 } number_form;

typedef union number_value {
    int64_t integer;
    double real;
} number_value;

enum { NUMBER_TEXT_MAX = 32 };

/* The form of a text; `value` is set for the two that are numbers. */
number_form number_read(const char *text, size_t length, number_value *value);

/* Print into NUMBER_TEXT_MAX bytes. Return the length. Reals print as the shortest text that is read as the same number,
 * with a point or an exponent. */
size_t number_print_integer(int64_t value, char *text);
size_t number_print_real(double value, char *text);

#endif
