#ifndef AFFINITY_ERROR_H
#define AFFINITY_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#include "qlane/error.h"

/* The rooms' own name for it. */
#define qli_error_set ql_error_set

/* The same with a list of arguments. */
__attribute__((format(printf, 3, 0))) int qli_error_set_v(ql_error *error, int code, const char *format,
                                                          va_list args);

/* -EINVAL: a struct of the caller's has another size than this library's. `what` is the call and the member, `type` the struct. */
int qli_error_size(ql_error *error, const char *what, size_t size, const char *type, size_t expected);

#endif
