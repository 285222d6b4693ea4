#ifndef AFFINITY_OUT_H
#define AFFINITY_OUT_H

/* A text that grows. The first failure (no memory) sticks, so only the end needs a check. */

#include <stdbool.h>
#include <stddef.h>

typedef struct qli_out {
    char *text;
    size_t length, size;
    bool failed;
} qli_out;

__attribute__((format(printf, 2, 3))) void qli_out_add(qli_out *out, const char *format, ...);
/* The text as a JSON string with its quotes; as XML text. What is not UTF-8 becomes '?'. */
void qli_out_json(qli_out *out, const char *text);
void qli_out_xml(qli_out *out, const char *text);
/* The text, to free(), or NULL when something failed. Ends the use of `out`. */
char *qli_out_take(qli_out *out);

#endif
