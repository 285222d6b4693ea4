/* The stand-in as its own tests see it: loaded, with every function found. */
#ifndef TESTS_SUPPORT_LIBQ_STANDIN_HOST_H
#define TESTS_SUPPORT_LIBQ_STANDIN_HOST_H

#include "qlane/q_api.h"

typedef struct k0 *K;

extern ql_q_api q;
extern long long (*host_references)(void);
extern long long (*host_objects)(void);
extern int (*host_threads_cpus)(void);

/* From $QLANE_LIBQ. */
void host_load(void);
/* And qinit() on this thread, once, with these options between "q -q" and NULL. Its answer. */
int host_init(const char *option, const char *value);
/* It has begun, with `-s 0`. */
void host_begin(void);

/* `text` evaluates to what q would show as `expected` on one line, an error as 'text; no reference is lost. */
void host_expect(const char *text, const char *expected);

#endif
