#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "affinity/error.h"
#include "affinity/plan.h"

/* From cores and PUs to what a thread needs to know: memory, idling, names. */

/* ---- Memory ---- */

/* mem=node:N, checked once. */
static int find_node(const ql_plan *plan, int *index, ql_error *error)
{
    const qli_machine *machine = plan->machine;
    const qli_value *mem = &plan->request.values[QLI_MEM];
    for (unsigned i = 0; i < machine->node_count; i++) {
        if (machine->nodes[i].os != plan->request.mem_node_os)
            continue;
        if (!machine->nodes[i].allowed)
            return qli_value_refuse(
                mem, 0, -EACCES, error,
                "NUMA node %u is not allowed here (cgroup cpuset.mems); widen it or name another",
                machine->nodes[i].os);
        if (!machine->nodes[i].bytes)
            return qli_value_refuse(mem, 0, -ENODEV, error, "NUMA node %u has no memory; name another",
                                    machine->nodes[i].os);
        *index = (int)i;
        return 0;
    }
    return qli_value_refuse(mem, 0, -ENOENT, error, "no such NUMA node; this machine has %u",
                            machine->node_count);
}

static void give_memory(const ql_plan *plan, int fixed_node, ql_slot *slot)
{
    const qli_machine *machine = plan->machine;
    const qli_core *core = &machine->cores[slot->core_logical];
    qli_memory_choice choice = {.node = -1};
    if (plan->request.mem == QLI_MEM_NODE) {
        const qli_node *node = &machine->nodes[fixed_node];
        bool local = core->first_pu >= node->first_pu && core->first_pu < node->first_pu + node->pus;
        choice = (qli_memory_choice){.node = fixed_node, .remote = !local};
    } else if (plan->request.mem != QLI_MEM_NONE && core->node >= 0) {
        choice = plan->memory[core->node];
    }
    slot->mem_os = choice.node < 0 ? -1 : (int)machine->nodes[choice.node].os;
    slot->mem_remote = choice.remote;
    slot->mem_strict = plan->request.mem == QLI_MEM_STRICT;
}

/* ---- Idling ---- */

/* Why a slot may not spin, or NULL: waiting never burns a core that is not the thread's own. */
static const char *no_spinning(const ql_plan *plan, const ql_slot *slot)
{
    if (plan->mode == QL_MODE_SHARED)
        return "in shared mode";
    if (qli_plan_starved(plan))
        return "under a quota below 2 CPUs";
    if (slot->pin_pu_os < 0)
        return "on a thread that is not pinned";
    return slot->dedicated ? NULL : "on a core that it shares";
}

static void give_idle(const ql_plan *plan, const qli_idle *idle, bool chosen, ql_slot *slot)
{
    const char *no = no_spinning(plan, slot);
    slot->idle = idle->kind;
    slot->spin_max_ns = idle->spin_max_ns;
    if (idle->kind == QL_IDLE_SPIN && no)
        slot->idle = QL_IDLE_ADAPTIVE;
    if (no || (idle->kind == QL_IDLE_ADAPTIVE && plan->quota_milli))
        slot->spin_max_ns = 0;
    if (plan->mode == QL_MODE_SHARED && !chosen)
        slot->idle = QL_IDLE_BLOCK;
}

/* One sentence on an idle= that had to give way, for the first slot it concerns. */
static int warn_of_idle(ql_plan *plan, qli_key key, const qli_idle *idle, const ql_slot *slots,
                        unsigned count)
{
    const char *text = plan->request.values[key].text, *word = qli_key_word(key);
    for (unsigned i = 0; i < count; i++) {
        const char *no = no_spinning(plan, &slots[i]);
        if (idle->kind == QL_IDLE_SPIN && no)
            return qli_plan_warn(plan, "%s=%s: nothing spins %s; adaptive is used, which blocks", word, text,
                                 no);
        if (idle->spin_given && idle->spin_max_ns && (no || plan->quota_milli))
            return qli_plan_warn(plan, "%s=%s: nothing spins %s; it blocks", word, text,
                                 no ? no : "under a CPU quota");
    }
    if (idle->kind == QL_IDLE_SPIN && plan->quota_milli && count)
        return qli_plan_warn(plan, "%s=spin uses %u.0 of the %llu.%llu CPUs of the quota (%s)", word, count,
                             (unsigned long long)plan->quota_milli / 1000,
                             (unsigned long long)plan->quota_milli % 1000 / 100, plan->limits.quota_file);
    return 0;
}

/* ---- Slots ---- */

static void fill_slot(const ql_plan *plan, ql_slot *slot)
{
    const qli_machine *machine = plan->machine;
    const qli_core *core = &machine->cores[slot->core_logical];
    slot->pin_pu_os = plan->request.bind == QLI_BIND_OFF ? -1 : slot->pu_os;
    slot->package_logical = core->package;
    slot->l3_logical = core->l3;
    slot->numa_os = core->node < 0 ? -1 : (int)machine->nodes[core->node].os;
    slot->isolated = qli_pu_set_has(&plan->isolated, (unsigned)slot->pu_os);
    slot->kind = qli_pu_set_has(&plan->machine_perf, (unsigned)slot->pu_os) ? QL_KIND_PERF : QL_KIND_EFF;
}

static const char *why_lane(ql_plan *plan, const qli_lane *lane)
{
    if (lane->asked)
        return qli_plan_text(plan, "%s=%s", lane->asked->key, lane->asked->text);
    qli_pu_set core, foreign;
    qli_core_pus(plan->machine, lane->core, &core);
    foreign = core;
    qli_pu_set_minus(&foreign, &plan->usable);
    int first = qli_pu_set_next(&plan->usable, 0);
    const char *class = qli_pu_set_empty(&plan->eff)           ? ""
                        : qli_pu_set_meets(&core, &plan->perf) ? "perf class, "
                                                               : "eff class, ";
    return qli_plan_text(plan, "%s%s%s%s", class,
                         qli_pu_set_meets(&core, &plan->isolated) ? "isolated, " : "",
                         qli_pu_set_empty(&foreign) ? "whole" : "not whole",
                         qli_pu_set_has(&core, (unsigned)first) ? "" : ", not the first core");
}

static int fill_lanes(ql_plan *plan, int fixed_node)
{
    for (unsigned i = 0; i < plan->lane_count; i++) {
        const qli_lane *lane = &plan->places[i];
        ql_slot *slot = &plan->lanes[i];
        unsigned workers = plan->workers_before[lane->core + 1] - plan->workers_before[lane->core];
        *slot =
            (ql_slot){.pu_os = (int)lane->pin_os, .core_logical = (int)lane->core, .dedicated = workers == 0};
        fill_slot(plan, slot);
        give_memory(plan, fixed_node, slot);
        give_idle(plan, &plan->request.idle, qli_request_given(&plan->request, QLI_IDLE), slot);
        slot->pus = qli_plan_list(plan, &lane->pus);
        slot->why = why_lane(plan, lane);
        if (!slot->pus || !slot->why)
            return -ENOMEM;
        if (slot->mem_remote && plan->request.mem != QLI_MEM_NODE &&
            qli_plan_warn(
                plan,
                "the lane on core %d has its memory on NUMA node %d, which is remote: no memory of its own "
                "node %d may be used",
                slot->core_logical, slot->mem_os, slot->numa_os) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int fill_workers(ql_plan *plan, int fixed_node)
{
    bool crowded = false;
    for (unsigned i = 0; i < plan->worker_count; i++)
        crowded = crowded || plan->workers[i].round > 0;
    for (unsigned i = 0; i < plan->worker_count; i++) {
        ql_slot *slot = &plan->workers[i];
        fill_slot(plan, slot);
        give_memory(plan, fixed_node, slot);
        give_idle(plan, &plan->request.worker_idle, qli_request_given(&plan->request, QLI_WORKER_IDLE), slot);
        if (crowded)
            slot->spin_max_ns = 0;
        if (crowded && slot->idle == QL_IDLE_SPIN)
            slot->idle = QL_IDLE_ADAPTIVE;
        slot->pus = qli_plan_text(plan, "%d", slot->pu_os);
        slot->why = crowded                        ? "shares its core"
                    : plan->mode == QL_MODE_SHARED ? "beside the lane"
                                                   : "one per core";
        if (!slot->pus)
            return -ENOMEM;
    }
    return 0;
}

static int warn_of_mode(ql_plan *plan)
{
    unsigned long long cpus = plan->quota_milli / 1000, tenth = plan->quota_milli % 1000 / 100;
    if (plan->mode == QL_MODE_SHARED && qli_plan_starved(plan))
        return qli_plan_warn(
            plan,
            "shared mode: the quota is %llu.%llu CPUs (%s), too little for two threads at once; nothing "
            "spins (quota=ignore overrides)",
            cpus, tenth, plan->limits.quota_file);
    if (plan->mode == QL_MODE_SHARED)
        return qli_plan_warn(
            plan, "shared mode: lane and workers share core %u, the only one usable; nothing spins",
            plan->places[0].core);
    if (plan->quota_milli && plan->request.workers == QLI_WORKERS_AUTO)
        return qli_plan_warn(
            plan, "note: the quota is %llu.%llu CPUs (%s): %u worker%s planned (quota=ignore overrides)",
            cpus, tenth, plan->limits.quota_file, plan->worker_count, plan->worker_count == 1 ? "" : "s");
    if (plan->quota_milli && (uint64_t)(plan->worker_count + plan->lane_count) * 1000 > plan->quota_milli)
        return qli_plan_warn(
            plan,
            "workers=%s: %u workers and %u lanes under a quota of %llu.%llu CPUs (%s) will be throttled",
            plan->request.values[QLI_WORKERS].text, plan->worker_count, plan->lane_count, cpus, tenth,
            plan->limits.quota_file);
    return 0;
}

int qli_plan_slots(ql_plan *plan, ql_error *error)
{
    int fixed_node = -1;
    int code = plan->request.mem == QLI_MEM_NODE ? find_node(plan, &fixed_node, error) : 0;
    if (code < 0)
        return code;
    plan->lanes = calloc(plan->lane_count ? plan->lane_count : 1, sizeof *plan->lanes);
    code = plan->lanes ? fill_lanes(plan, fixed_node) : -ENOMEM;
    if (code == 0)
        code = fill_workers(plan, fixed_node);
    if (code == 0)
        code = warn_of_idle(plan, QLI_IDLE, &plan->request.idle, plan->lanes, plan->lane_count);
    if (code == 0)
        code = warn_of_idle(plan, QLI_WORKER_IDLE, &plan->request.worker_idle, plan->workers,
                            plan->worker_count);
    if (code == 0)
        code = warn_of_mode(plan);
    return code < 0 ? qli_error_set(error, -ENOMEM, "no memory for the plan") : 0;
}
