/* A runtime of qlane's in a bench: what fails ends the program and says what it was. */
#ifndef BENCH_HARNESS_RUNTIME_H
#define BENCH_HARNESS_RUNTIME_H

#include "qlane/runtime.h"

_Noreturn void bench_fail(int code, const char *what, const char *text);

/* In the timed parts too, so only its failure is a call. `text` may be NULL. */
static inline void must(int code, const char *what, const char *text)
{
    if (__builtin_expect(code, 0))
        bench_fail(code, what, text);
}

/* `affinity`: the text of a ql_affinity_config. */
ql_runtime *start_runtime(const char *affinity);
void stop_runtime(ql_runtime *runtime);

#endif
