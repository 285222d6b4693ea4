#ifndef AFFINITY_ERROR_H
#define AFFINITY_ERROR_H

#include <stdarg.h>

#include "qlane/error.h"

/* Writes code and text where the caller asked for them (`error` may be NULL) and returns the code. A text too long is cut. */
__attribute__((format(printf, 3, 4))) int qli_error_set(ql_error *error, int code, const char *format, ...);
__attribute__((format(printf, 3, 0))) int qli_error_set_v(ql_error *error, int code, const char *format,
                                                          va_list args);

#endif
