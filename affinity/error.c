#include "affinity/error.h"

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
