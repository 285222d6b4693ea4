#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/affinity/machine.h"
#include "tests/support/harness.h"

/* The policy of placement in the plainest words, on the tests' own table: slow, and written from its text alone. */

struct facts {
    const machine *of;
    bool usable[M_PUS];     /* A */
    bool best[M_KINDS + 1]; /* is this kind of the best class in A? the last is "in no kind" */
    int lowest_pu;
    int node_cores[M_NODES];
};

static bool listed(const char *list, int pu)
{
    for (const char *at = list; at && *at;) {
        char *end;
        long first = strtol(at, &end, 10), last = first;
        if (*end == '-')
            last = strtol(end + 1, &end, 10);
        if (pu >= first && pu <= last)
            return true;
        at = *end == ',' ? end + 1 : NULL;
    }
    return list == NULL;
}

static int usable_pus(const struct facts *f, int core)
{
    int count = 0;
    for (int i = 0; i < f->of->cores[core].pu_count; i++)
        count += f->usable[f->of->cores[core].pus[i]];
    return count;
}

static bool has_pu(const m_core *core, int pu)
{
    for (int i = 0; i < core->pu_count; i++)
        if (core->pus[i] == pu)
            return true;
    return false;
}

/* ---- Classes: section 3 of the policy, in its order ---- */

static bool perf_type(const char *type)
{
    return strcmp(type, "IntelCore") == 0 || strcmp(type, "AMDPerformance") == 0;
}

static void find_classes(struct facts *f)
{
    const machine *of = f->of;
    bool all_types = true, all_capacities = true, all_frequencies = true, all_in_kinds = true,
         perf_present = false;
    int capacity = 0, max_mhz = 0, base_mhz = 0;
    for (int i = 0; i <= M_KINDS; i++)
        f->best[i] = true;
    for (int core = 0; core < of->core_count; core++)
        all_in_kinds = all_in_kinds && of->cores[core].kind >= 0;
    if (of->kind_count < 2 || !all_in_kinds)
        return; /* (1) */
    for (int kind = 0; kind < of->kind_count; kind++) {
        all_capacities = all_capacities && of->kinds[kind].capacity;
        all_frequencies = all_frequencies && of->kinds[kind].max_mhz;
    }
    for (int core = 0; core < of->core_count; core++) {
        const m_kind *kind = &of->kinds[of->cores[core].kind];
        if (!usable_pus(f, core))
            continue;
        all_types = all_types && kind->type;
        perf_present = perf_present || (kind->type && perf_type(kind->type));
        capacity = kind->capacity > capacity ? kind->capacity : capacity;
        max_mhz = kind->max_mhz > max_mhz ? kind->max_mhz : max_mhz;
        base_mhz = kind->base_mhz > base_mhz ? kind->base_mhz : base_mhz;
    }
    for (int i = 0; i < of->kind_count; i++) {
        const m_kind *kind = &of->kinds[i];
        if (all_types) /* (2) */
            f->best[i] = !perf_present || perf_type(kind->type);
        else if (all_capacities) /* (3) */
            f->best[i] = kind->capacity >= 0.85 * capacity;
        else if (all_frequencies) /* (4) */
            f->best[i] =
                kind->max_mhz >= 0.85 * max_mhz && (!kind->base_mhz || kind->base_mhz >= 0.85 * base_mhz);
    }
}

static bool is_best(const struct facts *f, int core)
{
    int kind = f->of->cores[core].kind;
    return f->best[kind < 0 ? M_KINDS : kind];
}

/* ---- P2, P3, P4 and the canonical choice ---- */

static bool is_whole(const struct facts *f, int core)
{
    return usable_pus(f, core) == f->of->cores[core].pu_count;
}

static bool is_memory(const struct facts *f, int node)
{
    return f->of->nodes[node].megabytes > 0 && !f->of->nodes[node].disallowed;
}

static bool is_local(const struct facts *f, int core, int node)
{
    int home = f->of->cores[core].node;
    return node == home || f->of->nodes[node].beside == home;
}

static bool has_memory(const struct facts *f, int core)
{
    for (int node = 0; node < f->of->node_count; node++)
        if (is_local(f, core, node) && is_memory(f, node))
            return true;
    return false;
}

/* Would the policy rather have core a than core b for the lane? */
static bool rather(const struct facts *f, int a, int b)
{
    const m_core *ca = &f->of->cores[a], *cb = &f->of->cores[b];
    if (is_best(f, a) != is_best(f, b))
        return is_best(f, a);
    if (is_whole(f, a) != is_whole(f, b))
        return is_whole(f, a);
    if (has_memory(f, a) != has_memory(f, b))
        return has_memory(f, a);
    if (has_pu(ca, f->lowest_pu) != has_pu(cb, f->lowest_pu))
        return has_pu(cb, f->lowest_pu);
    if (ca->node != cb->node && f->node_cores[ca->node] != f->node_cores[cb->node])
        return f->node_cores[ca->node] > f->node_cores[cb->node];
    if (ca->node != cb->node)
        return ca->node < cb->node;
    int l3_a = ca->l3 < 0 ? 0 : f->of->l3_kilobytes[ca->l3],
        l3_b = cb->l3 < 0 ? 0 : f->of->l3_kilobytes[cb->l3];
    if (l3_a != l3_b)
        return l3_a > l3_b;
    return a > b;
}

/* ---- P5 ---- */

static int rank_of(const char *subtype)
{
    if (!subtype || strcmp(subtype, "DRAM") == 0)
        return 0;
    return strcmp(subtype, "HBM") == 0 || strcmp(subtype, "MCDRAM") == 0 ? 1 : 2;
}

static void check_memory(const struct facts *f, const ql_slot *slot)
{
    int core = slot->core_logical, home = f->of->cores[core].node, least = 99, nearest = 0;
    for (int node = 0; node < f->of->node_count; node++) {
        if (!is_memory(f, node))
            continue;
        if (is_local(f, core, node) && rank_of(f->of->nodes[node].subtype) < least)
            least = rank_of(f->of->nodes[node].subtype);
        if (nearest == 0 || f->of->distances[home][node] < nearest)
            nearest = f->of->distances[home][node];
    }
    if (slot->mem_os < 0) {
        for (int node = 0; node < f->of->node_count; node++)
            qlt_check(!is_memory(f, node));
        return;
    }
    qlt_check(is_memory(f, slot->mem_os));
    if (least < 99) {
        qlt_check(is_local(f, core, slot->mem_os) && !slot->mem_remote);
        qlt_eq_int(rank_of(f->of->nodes[slot->mem_os].subtype), least);
    } else {
        qlt_check(slot->mem_remote);
        qlt_eq_int(f->of->distances[home][slot->mem_os], nearest);
    }
}

/* ---- P7 ---- */

/* How deep the smallest thing is that both cores are in. */
static int common_depth(const m_core *a, const m_core *b)
{
    if (a == b)
        return 5;
    if (a->l2 >= 0 && a->l2 == b->l2)
        return 4;
    if (a->l3 >= 0 && a->l3 == b->l3)
        return 3;
    if (a->node == b->node)
        return 2;
    return a->package >= 0 && a->package == b->package ? 1 : 0;
}

static void check_steal(const struct facts *f, const ql_plan *plan, unsigned worker)
{
    unsigned workers = ql_plan_workers(plan), rings, *victims = calloc(workers, sizeof *victims),
             *ends = calloc(workers, sizeof *ends);
    bool *seen = calloc(workers, sizeof *seen);
    qlt_check(victims && ends && seen);
    const m_core *home = &f->of->cores[ql_plan_worker(plan, worker)->core_logical];
    qlt_eq_uint(ql_plan_steal_order(plan, worker, victims, workers, ends, workers, &rings), workers - 1);
    int depth = 99, distance = 0;
    for (unsigned i = 0, ring = 0; i + 1 < workers; i++) {
        qlt_check(victims[i] < workers && victims[i] != worker && !seen[victims[i]]);
        seen[victims[i]] = true;
        const m_core *there = &f->of->cores[ql_plan_worker(plan, victims[i])->core_logical];
        int its_depth = common_depth(home, there), its_distance = f->of->distances[home->node][there->node];
        if (ends[ring] == i)
            ring++;
        else if (i)
            qlt_check(its_depth == depth && its_distance == distance); /* a ring is what is equally near */
        qlt_check(ring < rings);
        qlt_check(its_depth < depth || (its_depth == depth && its_distance >= distance));
        depth = its_depth;
        distance = its_distance;
    }
    if (workers > 1)
        qlt_eq_uint(ends[rings - 1], workers - 1);
    free(victims);
    free(ends);
    free(seen);
}

/* ---- All of it ---- */

static void check_lane(const struct facts *f, const ql_plan *plan, int core, bool shared)
{
    const ql_slot *lane = ql_plan_lane(plan, 0);
    static qli_pu_set pus;
    qlt_eq_uint(ql_plan_lanes(plan), 1);
    qlt_eq_int(lane->core_logical, core);
    qlt_check(qli_pu_set_parse(&pus, lane->pus));
    int first = -1;
    for (int i = 0; i < f->of->cores[core].pu_count; i++) {
        int pu = f->of->cores[core].pus[i];
        if (f->usable[pu] && first < 0)
            first = pu;
        bool ours = shared ? pu == first : f->usable[pu];
        qlt_eq_int(qli_pu_set_has(&pus, (unsigned)pu), ours && f->usable[pu]);
    }
    qlt_eq_int(lane->pu_os, first);
    qlt_eq_int(lane->dedicated, !shared);
    check_memory(f, lane);
    bool warned = false;
    for (unsigned i = 0; ql_plan_warning(plan, i); i++)
        warned = warned || strstr(ql_plan_warning(plan, i), "not ours");
    qlt_eq_int(warned, !is_whole(f, core));
}

/* P6, or P8 where there is one core. */
static void check_workers(const struct facts *f, const ql_plan *plan, int lane_core, int cores, double quota)
{
    bool shared = cores == 1 || (quota > 0 && quota < 2);
    int expected = shared ? 1 : cores - 1;
    if (!shared && quota > 0 && (int)quota - 1 < expected)
        expected = (int)quota - 1 < 1 ? 1 : (int)quota - 1;
    qlt_eq_uint(ql_plan_workers(plan), expected);
    int last = -1;
    for (unsigned w = 0; w < ql_plan_workers(plan); w++) {
        const ql_slot *slot = ql_plan_worker(plan, w);
        const m_core *core = &f->of->cores[slot->core_logical];
        qlt_check(has_pu(core, slot->pu_os) && f->usable[slot->pu_os]);
        qlt_check(slot->core_logical > last);
        last = slot->core_logical;
        if (shared) {
            qlt_eq_int(slot->core_logical, lane_core);
            qlt_eq_int(slot->spin_max_ns, 0);
            qlt_eq_int(slot->idle, QL_IDLE_BLOCK);
            if (usable_pus(f, lane_core) > 1)
                qlt_check(slot->pu_os != ql_plan_lane(plan, 0)->pu_os);
        } else {
            qlt_check(slot->core_logical != lane_core);
            for (int i = 0; i < core->pu_count && core->pus[i] != slot->pu_os; i++)
                qlt_check(!f->usable[core->pus[i]]); /* the first usable one of the core */
        }
        check_memory(f, slot);
        check_steal(f, plan, w);
    }
}

void oracle_check(const machine *of, m_ask ask, const ql_plan *plan)
{
    struct facts *f = calloc(1, sizeof *f);
    qlt_check(f);
    f->of = of;
    f->lowest_pu = M_PUS;
    int cores = 0, lane_core = -1;
    for (int core = 0; core < of->core_count; core++) {
        for (int i = 0; i < of->cores[core].pu_count; i++) {
            int pu = of->cores[core].pus[i];
            f->usable[pu] = !of->disallowed[pu] && listed(ask.mask, pu);
            if (f->usable[pu] && pu < f->lowest_pu)
                f->lowest_pu = pu;
        }
        f->node_cores[of->cores[core].node] += usable_pus(f, core) > 0;
        cores += usable_pus(f, core) > 0;
    }
    find_classes(f);
    for (int core = 0; core < of->core_count; core++)
        if (usable_pus(f, core) && (lane_core < 0 || rather(f, core, lane_core)))
            lane_core = core;
    bool shared = cores == 1 || (ask.quota > 0 && ask.quota < 2);
    qlt_eq_int(ql_plan_how(plan), shared ? QL_MODE_SHARED : QL_MODE_DEDICATED);
    check_lane(f, plan, lane_core, shared);
    check_workers(f, plan, lane_core, cores, ask.quota);
    free(f);
}
