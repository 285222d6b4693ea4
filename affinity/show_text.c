#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/show.h"
#include "affinity/steal.h"

/* For a person at a terminal: who runs where, and why. */

enum { CELLS_PER_ROW = 16, CORES_DRAWN = 64 };

static void add_list(qli_out *out, const qli_pu_set *set)
{
    char text[256];
    int length = qli_pu_set_print(set, text, sizeof text);
    qli_out_add(out, "%s%s", length ? text : "-", length >= (int)sizeof text ? "..." : "");
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void add_bytes(qli_out *out, uint64_t bytes)
{
    if (bytes >= 1048576)
        qli_out_add(out, " %lluMB", (unsigned long long)(bytes / 1048576));
    else if (bytes)
        qli_out_add(out, " %lluKB", (unsigned long long)(bytes / 1024));
}

/* ---- The head: machine, cpus, lanes, workers, idle, config ---- */

static unsigned count_parts(const qli_machine *machine, qli_part_type type)
{
    unsigned count = 0;
    for (unsigned i = 0; i < machine->part_count; i++)
        count += machine->parts[i].type == type;
    return count;
}

static bool is_perf(const ql_plan *plan, unsigned core)
{
    return qli_pu_set_has(&plan->machine_perf, plan->machine->pus[plan->machine->cores[core].first_pu].os);
}

static bool two_kinds(const ql_plan *plan)
{
    return !qli_pu_set_equal(&plan->machine_perf, &plan->machine->online);
}

static void add_machine(qli_out *out, const ql_plan *plan)
{
    const qli_machine *machine = plan->machine;
    unsigned packages = count_parts(machine, QLI_PACKAGE), perf = 0;
    for (unsigned core = 0; core < machine->core_count; core++)
        perf += is_perf(plan, core);
    qli_out_add(out, "machine   %s%s", machine->name, machine->name[0] ? ": " : "");
    qli_out_add(out, "%u package%s, %u NUMA, %u core%s", packages, plural(packages), machine->node_count,
                machine->core_count, plural(machine->core_count));
    if (two_kinds(plan))
        qli_out_add(out, " (%uP+%uE)", perf, machine->core_count - perf);
    qli_out_add(out, ", %u PU%s        [%s]\n", machine->pu_count, plural(machine->pu_count),
                machine->simulated ? "simulated" : "this system");
}

static void add_cpus(qli_out *out, const ql_plan *plan)
{
    qli_out_add(out, "cpus      online ");
    add_list(out, &plan->machine->online);
    if (!qli_pu_set_empty(&plan->machine->offline)) {
        qli_out_add(out, "  offline ");
        add_list(out, &plan->machine->offline);
    }
    qli_out_add(out, "  allowed ");
    add_list(out, &plan->machine->allowed);
    qli_out_add(out, " (cgroup)  inherited ");
    add_list(out, &plan->limits.inherited);
    qli_out_add(out, " (affinity)  isolated ");
    add_list(out, &plan->isolated);
    if (!qli_pu_set_empty(&plan->limits.nohz_full)) {
        qli_out_add(out, "  nohz_full ");
        add_list(out, &plan->limits.nohz_full);
    }
    if (plan->limits.quota_milli)
        qli_out_add(out, "  quota %.2f CPUs (%s)%s", (double)plan->limits.quota_milli / 1000,
                    plan->limits.quota_file, plan->request.quota_ignore ? " ignored" : "");
    else
        qli_out_add(out, "  quota none");
    unsigned cores = qli_plan_cores_in(plan, &plan->usable);
    qli_out_add(out, "  => %u core%s\n", cores, plural(cores));
}

static void add_place(qli_out *out, const ql_slot *slot)
{
    if (slot->numa_os >= 0)
        qli_out_add(out, "   numa %d", slot->numa_os);
    if (slot->mem_os >= 0)
        qli_out_add(out, "   mem %d %s", slot->mem_os, slot->mem_remote ? "remote" : "local");
    if (slot->l3_logical >= 0)
        qli_out_add(out, "   L3 %d", slot->l3_logical);
}

static void add_lanes(qli_out *out, const ql_plan *plan)
{
    if (plan->lane_count == 0)
        qli_out_add(out, "lane      off\n");
    for (unsigned i = 0; i < plan->lane_count; i++) {
        const ql_slot *slot = &plan->lanes[i];
        qli_pu_set idle = plan->places[i].pus;
        qli_pu_set_remove(&idle, (unsigned)slot->pu_os);
        qli_out_add(out, "lane      ");
        if (plan->places[i].name)
            qli_out_add(out, "%s: ", plan->places[i].name);
        qli_out_add(out, "core %d {%s}  ", slot->core_logical, slot->pus);
        qli_out_add(out, slot->pin_pu_os < 0 ? "not pinned (planned: %d)" : "pin %d", slot->pu_os);
        if (!qli_pu_set_empty(&idle)) {
            qli_out_add(out, ", ");
            add_list(out, &idle);
            qli_out_add(out, " idle");
        }
        if (two_kinds(plan))
            qli_out_add(out, "   %c core", slot->kind == QL_KIND_PERF ? 'P' : 'E');
        add_place(out, slot);
        qli_out_add(out, "   why: %s\n", slot->why);
    }
}

static void add_workers(qli_out *out, const ql_plan *plan)
{
    unsigned most = 0, least = UINT32_MAX;
    qli_pu_set cores[2], pus;
    qli_pu_set_clear(&cores[0]);
    qli_pu_set_clear(&cores[1]);
    qli_pu_set_clear(&pus);
    for (unsigned i = 0; i < plan->worker_count; i++) {
        const ql_slot *slot = &plan->workers[i];
        unsigned core = (unsigned)slot->core_logical;
        unsigned here = plan->workers_before[core + 1] - plan->workers_before[core];
        most = here > most ? here : most;
        least = here < least ? here : least;
        qli_pu_set_add(&cores[slot->kind == QL_KIND_EFF], core);
        qli_pu_set_add(&pus, (unsigned)slot->pu_os);
    }
    qli_out_add(out, "workers   %u:", plan->worker_count);
    for (unsigned kind = 0; kind < 2; kind++)
        if (!qli_pu_set_empty(&cores[kind])) {
            qli_out_add(out, kind == 0 || qli_pu_set_empty(&cores[0]) ? " core " : " ");
            add_list(out, &cores[kind]);
            if (two_kinds(plan))
                qli_out_add(out, " (%c)", kind ? 'E' : 'P');
        }
    qli_out_add(out, least == most ? "   %u per core" : "   %u to %u per core", least, most);
    qli_out_add(out, "   pus ");
    add_list(out, &pus);
    qli_out_add(out, plan->request.bind == QLI_BIND_OFF ? "   not pinned\n" : "\n");
}

static void add_idle_of(qli_out *out, const char *who, const ql_slot *slot)
{
    static const char *const words[] = {"adaptive", "spin", "block"};
    qli_out_add(out, "%s %s", who, words[slot->idle]);
    if (slot->idle == QL_IDLE_ADAPTIVE)
        qli_out_add(out, "(%lldus)", (long long)(slot->spin_max_ns / 1000));
}

static void add_settings(qli_out *out, const ql_plan *plan)
{
    qli_out_add(out, "idle      ");
    if (plan->lane_count)
        add_idle_of(out, "lane", &plan->lanes[0]);
    add_idle_of(out, plan->lane_count ? "   workers" : "workers", &plan->workers[0]);
    qli_out_add(out, "\nconfig   ");
    for (unsigned i = 0; i < QLI_KEYS + plan->request.named_count; i++) {
        const qli_value *value =
            i < QLI_KEYS ? &plan->request.values[i] : &plan->request.named[i - QLI_KEYS].cores;
        /* Defaults that nobody touched say nothing, but for the three that make the plan. */
        bool main_key = i == QLI_LANE || i == QLI_WORKERS || i == QLI_CPUS;
        char source[128];
        qli_value_source(value, source, sizeof source);
        if (main_key || value->layer != QLI_BY_DEFAULT)
            qli_out_add(out, " %s=%s(%s)", value->key, value->text, source);
    }
    qli_out_add(out, "\n");
}

/* ---- The map ---- */

/* Neighbouring cores with the same package, node and L3. */
struct group {
    unsigned first, end;
    unsigned workers, lanes, unusable;
};

static bool same_group(const qli_core *a, const qli_core *b)
{
    return a->package == b->package && a->node == b->node && a->l3 == b->l3;
}

static struct group group_at(const ql_plan *plan, unsigned first)
{
    const qli_core *cores = plan->machine->cores;
    struct group group = {.first = first, .end = first};
    for (; group.end < plan->machine->core_count && same_group(&cores[first], &cores[group.end]);
         group.end++) {
        qli_pu_set pus;
        qli_plan_core_pus(plan, group.end, &plan->usable, &pus);
        group.lanes += plan->core_use[group.end] == QLI_CORE_LANE;
        group.unusable += qli_pu_set_empty(&pus);
    }
    group.workers = plan->workers_before[group.end] - plan->workers_before[first];
    return group;
}

static void add_where(qli_out *out, const ql_plan *plan, const struct group *group)
{
    const qli_core *core = &plan->machine->cores[group->first];
    qli_out_add(out, " ");
    if (core->package >= 0 && count_parts(plan->machine, QLI_PACKAGE) > 1)
        qli_out_add(out, " package %d ", core->package);
    if (core->node >= 0)
        qli_out_add(out, " numa %u ", plan->machine->nodes[core->node].os);
    if (core->l3 >= 0) {
        qli_out_add(out, " L3 %d", core->l3);
        add_bytes(out, core->l3_bytes);
    }
}

/* One PU of a core: worker, lane, reserved, unused, not ours. */
static void add_cell(qli_out *out, const ql_plan *plan, unsigned core, unsigned pu)
{
    unsigned os = plan->machine->pus[pu].os, shown = 0;
    for (unsigned i = 0; i < plan->lane_count && plan->core_use[core] == QLI_CORE_LANE; i++)
        if (plan->lanes[i].core_logical == (int)core) {
            if (plan->lanes[i].pu_os == (int)os && ++shown)
                qli_out_add(out, "LANE");
            else if (qli_pu_set_has(&plan->places[i].pus, os) && ++shown)
                qli_out_add(out, "-");
        }
    for (unsigned w = plan->workers_before[core]; w < plan->workers_before[core + 1]; w++)
        if (plan->workers[w].pu_os == (int)os)
            qli_out_add(out, shown++ ? "+w%u" : "w%u", w);
    if (!shown)
        qli_out_add(out, qli_pu_set_has(&plan->usable, os) ? "." : "x");
}

static void draw_group(qli_out *out, const ql_plan *plan, const struct group *group)
{
    const qli_core *cores = plan->machine->cores;
    unsigned cells = 0;
    for (unsigned core = group->first; core < group->end; core++) {
        bool kind_changes = core > group->first && is_perf(plan, core) != is_perf(plan, core - 1);
        if (core == group->first || kind_changes || cells >= CELLS_PER_ROW) {
            qli_out_add(out, "%s    %s ", core == group->first ? "" : "\n",
                        !two_kinds(plan)      ? " "
                        : is_perf(plan, core) ? "P"
                                              : "E");
            cells = 0;
        } else if (cores[core].l2 != cores[core - 1].l2 && core >= 2 && core - 2 >= group->first &&
                   cores[core - 1].l2 == cores[core - 2].l2 && cores[core].l2 >= 0) {
            qli_out_add(out, " |");
        }
        qli_out_add(out, cores[core].pus > 1 ? " [" : "");
        for (unsigned pu = cores[core].first_pu; pu < cores[core].first_pu + cores[core].pus; pu++, cells++) {
            qli_out_add(out, " ");
            add_cell(out, plan, core, pu);
        }
        qli_out_add(out, cores[core].pus > 1 ? " ]" : "");
    }
    qli_out_add(out, "\n");
}

static void add_group_line(qli_out *out, const ql_plan *plan, const struct group *first,
                           const struct group *last, unsigned count)
{
    const qli_core *cores = plan->machine->cores;
    add_where(out, plan, first);
    if (count > 1)
        qli_out_add(out, " ... L3 %d: %u alike, each", cores[last->first].l3, count);
    else
        qli_out_add(out, ":");
    qli_out_add(out, " %u core%s, %u worker%s", first->end - first->first, plural(first->end - first->first),
                first->workers, plural(first->workers));
    if (first->workers)
        qli_out_add(out, " (w%u-w%u)", plan->workers_before[first->first],
                    plan->workers_before[last->end] - 1);
    if (first->lanes)
        qli_out_add(out, ", %u LANE", first->lanes);
    if (first->unusable)
        qli_out_add(out, ", %u not ours", first->unusable);
    qli_out_add(out, "\n");
}

static bool alike(const struct group *a, const struct group *b)
{
    return a->end - a->first == b->end - b->first && a->workers == b->workers && a->lanes == 0 &&
           b->lanes == 0 && a->unusable == b->unusable;
}

/* Small machines are drawn core by core; of large ones each group has a line, and groups alike share one. */
static void add_map(qli_out *out, const ql_plan *plan)
{
    unsigned cores = plan->machine->core_count;
    for (unsigned core = 0; core < cores;) {
        struct group group = group_at(plan, core), last = group;
        if (cores <= CORES_DRAWN) {
            add_where(out, plan, &group);
            qli_out_add(out, "\n");
            draw_group(out, plan, &group);
            core = group.end;
            continue;
        }
        unsigned count = 1;
        while (last.end < cores) {
            struct group next = group_at(plan, last.end);
            if (!alike(&group, &next))
                break;
            last = next;
            count++;
        }
        add_group_line(out, plan, &group, &last, count);
        core = last.end;
    }
    if (cores <= CORES_DRAWN)
        qli_out_add(out, "      . sibling unused   - reserved for the lane   x not ours   | L2 cluster\n");
}

/* ---- Steal order and warnings ---- */

struct steal_line {
    qli_out *out;
    int ring;
};

static void add_steal_step(void *context, const qli_steal_step *step)
{
    static const char *const rings[] = {
        [QLI_MACHINE] = "machine", [QLI_PACKAGE] = "same-package", [QLI_DIE] = "same-die",
        [QLI_L3] = "same-L3",      [QLI_L2] = "same-L2",           [QLI_CORE] = "same-core",
        [QLI_OTHER] = "same-group"};
    struct steal_line *line = context;
    if (line->ring != (int)step->range.ring) {
        qli_out_add(line->out, "  %s", rings[step->within]);
        qli_out_add(line->out, step->distance ? " (distance %llu):" : ":",
                    (unsigned long long)step->distance);
    }
    line->ring = (int)step->range.ring;
    qli_out_add(line->out, " w%u", step->range.first);
    if (step->range.count > 1)
        qli_out_add(line->out, "-w%u", step->range.first + step->range.count - 1);
}

void qli_show_text(const ql_plan *plan, bool bound, bool steal, qli_out *out)
{
    add_machine(out, plan);
    add_cpus(out, plan);
    qli_out_add(out, "mode      %s%s\n", qli_mode_word(plan->mode),
                plan->machine->simulated ? ""
                : bound                  ? "   bound: yes"
                                         : "   bound: no");
    add_lanes(out, plan);
    add_workers(out, plan);
    add_settings(out, plan);
    add_map(out, plan);
    for (unsigned w = 0; w < (steal ? plan->worker_count : 1); w++) {
        struct steal_line line = {.out = out, .ring = -1};
        qli_out_add(out, "steal w%-3u", w);
        qli_steal_walk(plan, w, add_steal_step, &line);
        qli_out_add(out, plan->worker_count == 1 ? " nobody\n" : "\n");
    }
    qli_out_add(out, "warnings  %s\n", plan->warning_count ? plan->warnings[0] : "none");
    for (unsigned i = 1; i < plan->warning_count; i++)
        qli_out_add(out, "          %s\n", plan->warnings[i]);
}
