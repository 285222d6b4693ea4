#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "affinity/error.h"
#include "affinity/plan.h"

/* cpu_set_t of the size QLI_PUS_MAX needs. */
enum { MASK_BYTES = QLI_PUS_MAX / 8 };

static int set_mask(const qli_pu_set *set)
{
    return sched_setaffinity(0, MASK_BYTES, (const cpu_set_t *)(const void *)set) < 0 ? -errno : 0;
}

static int get_mask(qli_pu_set *set)
{
    qli_pu_set_clear(set);
    return sched_getaffinity(0, MASK_BYTES, (cpu_set_t *)(void *)set) < 0 ? -errno : 0;
}

static void read_back(ql_bound *bound)
{
    qli_pu_set granted;
    bound->granted_pu_os = -1;
    bound->granted_pus = 0;
    if (get_mask(&granted) == 0) {
        bound->granted_pus = qli_pu_set_count(&granted);
        if (bound->granted_pus == 1)
            bound->granted_pu_os = qli_pu_set_next(&granted, 0);
    }
    bound->now_pu_os = sched_getcpu();
}

int ql_slot_bind(const ql_plan *plan, const ql_slot *slot, ql_bound *bound)
{
    unsigned lost = bound->lost;
    *bound = (ql_bound){.asked_pu_os = slot->pin_pu_os, .simulated = plan->machine->simulated, .lost = lost};
    if (slot->pin_pu_os >= 0 && !bound->simulated) {
        qli_pu_set one;
        qli_pu_set_clear(&one);
        qli_pu_set_add(&one, (unsigned)slot->pin_pu_os);
        bound->code = set_mask(&one);
    }
    read_back(bound);
    bound->pinned = slot->pin_pu_os >= 0 && bound->granted_pu_os == slot->pin_pu_os;
    bound->spin_max_ns = bound->pinned ? slot->spin_max_ns : 0;
    if (!bound->pinned && slot->pin_pu_os >= 0)
        bound->problem = "not pinned";
    if (bound->pinned || !(plan->request.bind == QLI_BIND_REQUIRE))
        return 0;
    return bound->code ? bound->code : bound->simulated ? -ENOTSUP : -EXDEV;
}

bool ql_slot_lost(const ql_slot *slot, ql_bound *bound)
{
    if (!bound->pinned || sched_getcpu() == slot->pin_pu_os)
        return false;
    bound->lost++;
    return true;
}

int ql_slot_bind_engine(const ql_plan *plan, ql_bound *bound)
{
    int code =
        plan->machine->simulated || !(plan->request.bind != QLI_BIND_OFF) ? 0 : set_mask(&plan->usable);
    if (bound) {
        *bound = (ql_bound){.asked_pu_os = -1, .code = code};
        read_back(bound);
    }
    return (plan->request.bind == QLI_BIND_REQUIRE) ? code : 0;
}

int ql_slot_line(const ql_slot *slot, const ql_bound *bound, const char *name, char *line, size_t line_size)
{
    return snprintf(line, line_size, "qlane: pid %d tid %d %-8s core %d pu %d %s", getpid(), gettid(), name,
                    slot->core_logical, slot->pu_os, bound->pinned ? "bound ok" : "not bound");
}

int ql_callers_confine(const ql_plan *plan, ql_callers **callers, ql_error *error)
{
    (void)plan;
    (void)error;
    *callers = NULL;
    return 0;
}

void ql_callers_restore(ql_callers *callers)
{
    (void)callers;
}

unsigned ql_callers_seen(const ql_plan *plan, const int *lane_tids, unsigned lane_tids_count, char *text,
                         size_t text_size)
{
    (void)plan;
    (void)lane_tids;
    (void)lane_tids_count;
    if (text_size)
        text[0] = '\0';
    return 0;
}

void *ql_slot_alloc(const ql_slot *slot, size_t size, ql_memory *memory)
{
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory)
        *memory = (ql_memory){.node_os = slot->mem_os};
    return address == MAP_FAILED ? NULL : address;
}

void ql_slot_free(void *address, size_t size)
{
    if (address)
        munmap(address, size);
}
