#include <stdio.h>

#include "bench/lane/contender.h"
#include "bench/lane/qlane.h"

ql_runtime *start_lane_runtime(bool blocking)
{
    char affinity[128];
    snprintf(affinity, sizeof(affinity), "lane=%d;workers=1%s", lane_pu(),
             blocking ? ";idle=block;worker_idle=block" : "");
    return start_runtime(affinity);
}
