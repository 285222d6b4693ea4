#include <errno.h>
#include <stdlib.h>

#include "affinity/apart.h"
#include "affinity/cores.h"
#include "affinity/error.h"

/* What the table can tell from itself, without hwloc. */

void qli_core_fill(const qli_machine *machine, qli_core *core)
{
    for (int at = (int)core->part; at >= 0; at = machine->parts[at].parent) {
        const qli_part *part = &machine->parts[at];
        if (part->type == QLI_PACKAGE)
            core->package = part->logical;
        else if (part->type == QLI_DIE)
            core->die = part->logical;
        else if (part->type == QLI_L2)
            core->l2 = part->logical;
        else if (part->type == QLI_L3) {
            core->l3 = part->logical;
            core->l3_bytes = part->bytes;
        }
    }
}

int qli_machine_add_runs(qli_machine *machine)
{
    machine->runs = calloc(machine->core_count, sizeof machine->runs[0]);
    if (!machine->runs)
        return -ENOMEM;
    for (unsigned core = 0; core < machine->core_count; core++) {
        int node = machine->cores[core].node;
        qli_run *last = machine->run_count ? &machine->runs[machine->run_count - 1] : NULL;
        if (node < 0) {
            machine->run_count = 0;
            return 0;
        }
        if (last && last->node == (unsigned)node)
            last->cores++;
        else
            machine->runs[machine->run_count++] =
                (qli_run){.first_core = core, .cores = 1, .node = (unsigned)node};
    }
    return 0;
}

int qli_machine_load(qli_machine_from from, const char *what, qli_machine **machine, ql_error *error)
{
    bool file = from == QLI_FROM_XML_FILE || (from == QLI_FROM_THIS_SYSTEM && getenv("HWLOC_XMLFILE"));
    return file ? qli_machine_read_apart(from, what, machine, error)
                : qli_machine_read(from, what, machine, error);
}

void qli_machine_free(qli_machine *machine)
{
    if (!machine)
        return;
    free(machine->pus);
    free(machine->cores);
    free(machine->parts);
    free(machine->nodes);
    free(machine->runs);
    free(machine->kinds);
    free(machine->distances);
    free(machine);
}

int qli_machine_pu(const qli_machine *machine, unsigned os)
{
    for (unsigned i = 0; i < machine->pu_count; i++)
        if (machine->pus[i].os == os)
            return (int)i;
    return -1;
}

unsigned qli_core_count(const qli_machine *machine, unsigned core, const qli_pu_set *set)
{
    const qli_core *at = &machine->cores[core];
    unsigned count = 0;
    for (unsigned i = at->first_pu; i < at->first_pu + at->pus; i++)
        count += qli_pu_set_has(set, machine->pus[i].os);
    return count;
}

void qli_core_pus(const qli_machine *machine, unsigned core, qli_pu_set *set)
{
    const qli_core *at = &machine->cores[core];
    qli_pu_set_clear(set);
    for (unsigned i = at->first_pu; i < at->first_pu + at->pus; i++)
        qli_pu_set_add(set, machine->pus[i].os);
}
