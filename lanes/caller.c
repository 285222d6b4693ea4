/* A lane on a thread that the caller brings: the one that opened it. */
#include <errno.h>

#include "core/atfork.h"
#include "lanes/lane.h"

bool qli_lane_is_callers(const ql_lane *lane)
{
    return lane->flags & QL_LANE_ON_CALLER && !qli_context_current() &&
           !qli_is_orphan(lane->executor.runtime) && pthread_equal(pthread_self(), lane->thread.handle);
}

int qli_lane_live_until(ql_lane *lane, int64_t deadline_ns, bool once)
{
    qli_context_enter(&lane->context);
    bool closed = qli_lane_serve(lane, deadline_ns, once);
    if (closed)
        qli_lane_end_life(lane);
    else
        qli_context_enter(NULL);
    return closed ? 0 : -ETIMEDOUT;
}

static int check_caller(const ql_lane *lane, const char *function)
{
    if (!lane || !(lane->flags & QL_LANE_ON_CALLER))
        return -EINVAL;
    if (qli_is_orphan(lane->executor.runtime))
        return -ECHILD;
    if (!qli_lane_is_callers(lane))
        return qli_misuse(lane->executor.runtime, -EPERM,
                          "%s: expected the thread that opened lane '%s', outside of any task", function,
                          lane->name);
    return lane->state == QLI_LANE_CLOSED ? -ESHUTDOWN : 0;
}

int ql_lane_run(ql_lane *lane)
{
    int code = check_caller(lane, "ql_lane_run");
    if (code)
        return code;
    qli_store(&lane->executor.absent, false, __ATOMIC_RELAXED);
    return qli_lane_live_until(lane, QL_FOREVER, false);
}

int ql_lane_poll(ql_lane *lane, int64_t deadline_ns)
{
    int code = check_caller(lane, "ql_lane_poll");
    if (code)
        return code;
    return qli_lane_live_until(lane, deadline_ns, true) ? 0 : -ESHUTDOWN;
}
