#include <errno.h>
#include <stdlib.h>

#include "affinity/plan.h"

static bool has_memory(const qli_node *node)
{
    return node->allowed && node->bytes > 0;
}

static bool is_local(const qli_machine *machine, const qli_node *node, unsigned core)
{
    unsigned pu = machine->cores[core].first_pu;
    return pu >= node->first_pu && pu < node->first_pu + node->pus;
}

/* Depth of the smallest part around both: what is left of distance when the machine states none. */
static unsigned common_depth(const qli_machine *machine, const qli_node *node, unsigned core)
{
    int at = (int)machine->cores[core].part;
    for (; at > 0; at = machine->parts[at].parent) {
        const qli_part *part = &machine->parts[at];
        if (node->pus && node->first_pu >= part->first_pu &&
            node->first_pu + node->pus <= part->first_pu + part->pus)
            break;
    }
    return machine->parts[at < 0 ? 0 : at].depth;
}

/* Is node a better home than b for the core? Local first; then the nearest; then the better memory. */
static bool better_home(const qli_machine *machine, unsigned core, const qli_node *a, const qli_node *b)
{
    bool a_local = is_local(machine, a, core), b_local = is_local(machine, b, core);
    if (a_local != b_local)
        return a_local;
    if (a_local)
        return a->kind != b->kind ? a->kind < b->kind : a->depth > b->depth;
    int from = machine->cores[core].node;
    if (machine->distances && from >= 0) {
        const uint64_t *row = machine->distances + (size_t)from * machine->node_count;
        if (row[a->logical] != row[b->logical])
            return row[a->logical] < row[b->logical];
    }
    unsigned a_depth = common_depth(machine, a, core), b_depth = common_depth(machine, b, core);
    return a_depth != b_depth ? a_depth > b_depth : a->kind < b->kind;
}

int qli_plan_memory(ql_plan *plan)
{
    const qli_machine *machine = plan->machine;
    plan->memory = calloc(machine->node_count ? machine->node_count : 1, sizeof *plan->memory);
    if (!plan->memory)
        return -ENOMEM;
    for (unsigned i = 0; i < machine->node_count; i++)
        plan->memory[i] = (qli_memory_choice){.node = -1};
    for (unsigned core = 0; core < machine->core_count; core++) {
        int nearest = machine->cores[core].node;
        if (nearest < 0 || plan->memory[nearest].node >= 0)
            continue; /* all cores nearest to one node have the same choice */
        int best = -1;
        for (unsigned i = 0; i < machine->node_count; i++)
            if (has_memory(&machine->nodes[i]) &&
                (best < 0 || better_home(machine, core, &machine->nodes[i], &machine->nodes[best])))
                best = (int)i;
        plan->memory[nearest] = (qli_memory_choice){
            .node = best, .remote = best >= 0 && !is_local(machine, &machine->nodes[best], core)};
    }
    return 0;
}
