/* What a lane does for its callers, the same for all contenders. What an upsert is, another file says. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/lane/contender.h"

_Alignas(128) uint64_t lane_counter;
_Alignas(128) bool lane_is_special;
bool lane_is_upsert;
int lane_gate;

void lane_operation_open(void)
{
    if (lane_is_upsert && !lane_this.stored)
        lane_upsert_open();
}

void lane_operation_close(void)
{
    if (lane_is_upsert && !lane_this.stored)
        lane_upsert_close();
}

uint64_t lane_operation_stored(void)
{
    return lane_this.stored ? lane_this.stored() : lane_upsert_stored();
}

uint64_t lane_operate_specially(uint64_t key)
{
    if (key == LANE_GATE) {
        while (!__atomic_load_n(&lane_gate, __ATOMIC_ACQUIRE))
            sched_yield();
        return ++lane_counter;
    }
    return lane_is_upsert ? lane_upsert(key) : ++lane_counter;
}

/* ---- where the lane is: as qlane's plan has it, on the last PU */

int lane_pu(void)
{
    static int last = -1;
    cpu_set_t allowed;
    if (last < 0 && !sched_getaffinity(0, sizeof(allowed), &allowed))
        for (size_t pu = 0; pu < CPU_SETSIZE; pu++)
            if (CPU_ISSET(pu, &allowed))
                last = (int)pu;
    return last;
}

void lane_here(void)
{
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET((size_t)lane_pu(), &own);
    sched_setaffinity(0, sizeof(own), &own);
    lane_operation_open();
}
