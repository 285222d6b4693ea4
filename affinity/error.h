#ifndef AFFINITY_ERROR_H
#define AFFINITY_ERROR_H

#include <stdarg.h>

#include "qlane/error.h"

/* The rooms' own name for it. */
#define qli_error_set ql_error_set

/* The same with a list of arguments. */
__attribute__((format(printf, 3, 0))) int qli_error_set_v(ql_error *error, int code, const char *format,
                                                          va_list args);

#endif
