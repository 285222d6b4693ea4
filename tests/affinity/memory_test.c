#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "qlane/affinity.h"
#include "tests/affinity/real.h"
#include "tests/support/harness.h"

static ql_plan *plan_with(const char *text)
{
    ql_affinity_config config = {.size = sizeof config, .flags = QL_IGNORE_ENV, .text = text};
    ql_plan *plan;
    ql_error error = {0};
    if (ql_plan_create(&config, &plan, &error) < 0)
        qlt_fail("%s", error.text);
    return plan;
}

/* The policy of an address, or of the process. False where the kernel does not say. */
static bool policy(const void *address, int *mode, unsigned long *nodes)
{
    *nodes = 0;
    return syscall(SYS_get_mempolicy, mode, nodes, 64ul, address, address ? MPOL_F_ADDR : 0) == 0;
}

static int node_of(void *address)
{
    void *page = address;
    int node = -1;
    return syscall(SYS_move_pages, 0, 1ul, &page, NULL, &node, 0) == 0 ? node : -1;
}

QLT(memory, lies_on_the_slots_node_and_changes_no_policy_of_the_process)
{
    static const char *const asked[] = {"mem=local", "mem=strict", "mem=node:0"};
    for (unsigned i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        ql_plan *plan = plan_with(asked[i]);
        const ql_slot *slot = ql_plan_lane(plan, 0);
        ql_memory memory;
        size_t size = 3 * 4096 + 5;
        unsigned char *bytes = ql_slot_alloc(plan, slot, size, &memory);
        qlt_check(bytes);
        for (size_t at = 0; at < size; at++)
            qlt_eq_int(bytes[at], 0);
        memset(bytes, 1, size);
        qlt_eq_int(memory.node_os, slot->mem_os);
        int mode;
        unsigned long nodes;
        if (memory.code == 0 && policy(bytes, &mode, &nodes)) {
            qlt_eq_int(mode, i == 1 ? MPOL_BIND : MPOL_PREFERRED);
            qlt_eq_uint(nodes, 1ul << slot->mem_os);
            qlt_eq_int(node_of(bytes), slot->mem_os);
        }
        if (policy(NULL, &mode, &nodes))
            qlt_eq_int(mode, MPOL_DEFAULT);
        ql_slot_free(bytes, size);
        ql_plan_destroy(plan);
    }
}

QLT(memory, falls_back_and_says_so_unless_strict)
{
    ql_plan *plan = plan_with(NULL);
    ql_slot slot = *ql_plan_lane(plan, 0);
    ql_memory memory;
    slot.mem_os = 1000;
    void *bytes = ql_slot_alloc(plan, &slot, 4096, &memory);
    qlt_check(bytes);
    qlt_check(memory.code < 0);
    qlt_eq_int(memory.node_os, 1000);
    memset(bytes, 1, 4096);
    ql_slot_free(bytes, 4096);
    slot.mem_strict = true;
    qlt_eq_ptr(ql_slot_alloc(plan, &slot, 4096, &memory), NULL);
    qlt_check(memory.code < 0);
    ql_plan_destroy(plan);
}

QLT(memory, none_is_plain_and_bad_input_is_an_error)
{
    ql_plan *plan = plan_with("mem=none");
    const ql_slot *slot = ql_plan_lane(plan, 0);
    ql_memory memory;
    qlt_eq_int(slot->mem_os, -1);
    void *bytes = ql_slot_alloc(plan, slot, 1, &memory);
    qlt_check(bytes && memory.node_os == -1 && memory.code == 0);
    ql_slot_free(bytes, 1);
    qlt_eq_ptr(ql_slot_alloc(plan, slot, 0, &memory), NULL);
    qlt_eq_int(memory.code, -EINVAL);
    qlt_eq_ptr(ql_slot_alloc(plan, NULL, 1, &memory), NULL);
    qlt_eq_ptr(ql_slot_alloc(NULL, slot, 1, NULL), NULL);
    qlt_eq_ptr(ql_slot_alloc(plan, slot, SIZE_MAX / 2, &memory), NULL);
    qlt_eq_int(memory.code, -ENOMEM);
    ql_plan_destroy(plan);
}
