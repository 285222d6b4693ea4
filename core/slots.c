/* Which lane has which of the plan's lane slots; and what is said when a thread was bound to one. */
#include "core/runtime.h"

const ql_slot *qli_runtime_claim_slot(ql_runtime *runtime, const char *name, unsigned *index)
{
    const ql_plan *plan = runtime->plan;
    unsigned count = ql_plan_lanes(plan) < 64 ? ql_plan_lanes(plan) : 64;
    int named = ql_plan_lane_named(plan, name);
    const ql_slot *slot = NULL;
    pthread_mutex_lock(&runtime->lock);
    for (unsigned i = 0; i < count && !slot; i++) {
        bool wanted = named >= 0 ? i == (unsigned)named : !ql_plan_lane_name(plan, i);
        if (!wanted || (runtime->lanes_claimed >> i & 1))
            continue;
        runtime->lanes_claimed |= (uint64_t)1 << i;
        slot = ql_plan_lane(plan, i);
        *index = i;
    }
    pthread_mutex_unlock(&runtime->lock);
    return slot;
}

void qli_runtime_release_slot(ql_runtime *runtime, unsigned index)
{
    pthread_mutex_lock(&runtime->lock);
    runtime->lanes_claimed &= ~((uint64_t)1 << index);
    pthread_mutex_unlock(&runtime->lock);
}

void qli_runtime_bound(ql_runtime *runtime, const ql_slot *slot, const ql_bound *bound, const char *thread,
                       bool first)
{
    char line[256];
    if (bound->problem && bound->news)
        qli_log(runtime, QL_WARNING, "%s: %s", thread, bound->problem);
    if (!first || !ql_plan_show_level(runtime->plan))
        return;
    ql_slot_line(slot, bound, thread, line, sizeof(line));
    qli_log(runtime, QL_INFO, "%s", line);
    for (unsigned i = 0; i < ql_plan_lanes(runtime->plan); i++)
        if (slot == ql_plan_lane(runtime->plan, i) && ql_callers_seen(runtime->plan, line, sizeof(line)))
            qli_log(runtime, QL_WARNING, "on a lane's core: %s; callers=confine keeps them off", line);
}
