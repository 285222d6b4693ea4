#include <errno.h>
#include <sched.h>

#include "qlane/affinity.h"
#include "tests/support/harness.h"

QLT(bind, puts_the_calling_thread_on_its_slot_and_reads_it_back)
{
    cpu_set_t before, now;
    qlt_eq_int(sched_getaffinity(0, sizeof before, &before), 0);
    ql_plan *plan;
    ql_error error;
    qlt_eq_int(ql_plan_create(NULL, &plan, &error), 0);
    for (unsigned w = 0; w < ql_plan_workers(plan); w++) {
        const ql_slot *slot = ql_plan_worker(plan, w);
        ql_bound bound = {0};
        qlt_eq_int(ql_slot_bind(plan, slot, &bound), 0);
        qlt_check(bound.pinned);
        qlt_eq_int(bound.granted_pu_os, slot->pin_pu_os);
        qlt_eq_int(bound.now_pu_os, slot->pin_pu_os);
        qlt_eq_int(sched_getaffinity(0, sizeof now, &now), 0);
        qlt_eq_int(CPU_COUNT(&now), 1);
        qlt_check(CPU_ISSET((unsigned)slot->pin_pu_os, &now));
        qlt_check(CPU_ISSET((unsigned)slot->pin_pu_os, &before));
    }
    ql_plan_destroy(plan);
}
