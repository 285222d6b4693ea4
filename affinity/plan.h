#ifndef AFFINITY_PLAN_H
#define AFFINITY_PLAN_H

#include "affinity/cores.h"
#include "affinity/pu_set.h"
#include "qlane/affinity.h"

struct ql_plan {
    qli_machine *machine;
    qli_pu_set usable; /* online, allowed, inherited, configured */
    ql_plan_mode mode;
    bool require, bind;
    ql_slot *workers;
    unsigned worker_count;
    ql_slot *lanes;
    unsigned lane_count;
};

#endif
