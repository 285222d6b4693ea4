/* What becomes of a trace that cannot be had or written; tests/trace reads one that was. */
#include "qlane/trace.h"

#include <errno.h>

#include "tests/support/harness.h"
#include "tests/support/runtime.h"

QLT(trace, is_refused_where_none_is_kept)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.trace_events = 0});
    qlt_eq_int(ql_trace_write(runtime, stdout), -ENOTSUP);
    qlt_eq_int(ql_trace_write(NULL, stdout), -EINVAL);
    qlt_eq_int(ql_trace_write(runtime, NULL), -EINVAL);
    qlt_runtime_stop(runtime);
}

QLT(trace, says_that_a_disk_is_full)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.trace_events = 8});
    FILE *full = fopen("/dev/full", "w");
    qlt_eq_int(ql_trace_write(runtime, full), -EIO);
    fclose(full);
    qlt_runtime_stop(runtime);
}
