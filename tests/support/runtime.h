/* A runtime for a test: with this many workers, whatever the machine has. */
#ifndef TESTS_SUPPORT_RUNTIME_H
#define TESTS_SUPPORT_RUNTIME_H

#include "qlane/runtime.h"

/* Any failure fails the test. */
ql_runtime *qlt_runtime(unsigned workers);
ql_runtime *qlt_runtime_with(unsigned workers, ql_runtime_config config);
void qlt_runtime_stop(ql_runtime *runtime);

/* `body`, in a child process, must end it with this wait status; one that hangs is killed by its alarm, and that is another. */
void qlt_ends_with(void (*body)(void), int status);

#endif
