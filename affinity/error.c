#include "affinity/error.h"

#include <errno.h>
#include <stdio.h>

int qli_error_set_v(ql_error *error, int code, const char *format, va_list args)
{
    if (error) {
        error->code = code;
        if (vsnprintf(error->text, sizeof error->text, format, args) < 0)
            error->text[0] = '\0';
    }
    return code;
}

int ql_error_set(ql_error *error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    qli_error_set_v(error, code, format, args);
    va_end(args);
    return code;
}

int qli_error_size(ql_error *error, const char *what, size_t size, const char *type, size_t expected)
{
    return qli_error_set(
        error, -EINVAL,
        "%s is %zu, this library's is %zu: set it to sizeof(%s), and use the header that came with the "
        "library",
        what, size, expected, type);
}
