/* What happened when, as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing: docs/trace.md. Off unless the runtime is started
 * with trace_events: then each thread of the runtime keeps its last so many events, and those of the host share as many. */
#ifndef QLANE_TRACE_H
#define QLANE_TRACE_H

#include <stdio.h>

#include "qlane/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Write what the threads have kept, as Chrome trace JSON: a slice for each run, submit, settle, sleep and commit, and an arrow for
 *  each task from its submit to its run to its settling. What lanes that were freed kept is gone.
 *  Threads: any, while the runtime lives; tasks go on meanwhile.
 *  Errors:  -EINVAL NULL; -ENOTSUP the runtime keeps no trace; -ENOMEM; -EIO `out` has an error; -ECHILD. */
QL_MUST_USE int ql_trace_write(ql_runtime *runtime, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
