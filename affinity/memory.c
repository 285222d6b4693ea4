#include <errno.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "affinity/plan.h"

/* A policy for one mapping, never for the process. Preferred, so that a full node costs speed and not the process; strict
 * only on request. */
static int prefer(void *address, size_t size, int node_os, bool strict)
{
    qli_pu_set nodes;
    qli_pu_set_clear(&nodes);
    qli_pu_set_add(&nodes, (unsigned)node_os);
    int mode = strict ? MPOL_BIND : MPOL_PREFERRED;
    /* The kernel reads one bit less than it is told. */
    return syscall(SYS_mbind, address, size, mode, nodes.words, QLI_PUS_MAX + 1ul, 0u) < 0 ? -errno : 0;
}

void *ql_slot_alloc(const ql_plan *plan, const ql_slot *slot, size_t size, ql_memory *memory)
{
    ql_memory unused;
    if (!memory)
        memory = &unused;
    *memory = (ql_memory){.node_os = -1, .code = -EINVAL};
    if (!plan || !slot || !size)
        return NULL;
    memory->code = 0;
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) {
        memory->code = -errno;
        return NULL;
    }
    if (slot->mem_os < 0 || plan->machine->simulated)
        return address;
    memory->node_os = slot->mem_os;
    memory->code = prefer(address, size, slot->mem_os, slot->mem_strict);
    if (memory->code < 0 && slot->mem_strict) {
        munmap(address, size);
        return NULL;
    }
    return address;
}

void ql_slot_free(void *address, size_t size)
{
    if (address)
        munmap(address, size);
}
