#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/affinity/machine.h"
#include "tests/support/harness.h"

/* Every kind of machine, each against the policy as the oracle derives it. */

static void check(machine *of, m_ask ask)
{
    ql_plan *plan = machine_plan(of, ask);
    oracle_check(of, ask, plan);
    ql_plan_destroy(plan);
}

static void check_and_free(machine *of, m_ask ask)
{
    check(of, ask);
    free(of);
}

/* 6 cores of two threads and 8 of one, four of these to an L2: a laptop. */
static machine *hybrid(void)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .l2s = 14, .cores = 1, .threads = 1});
    for (int core = 0, pu = 0; core < 14; core++) {
        m_core *at = &of->cores[core];
        at->pu_count = core < 6 ? 2 : 1;
        for (int i = 0; i < at->pu_count; i++)
            at->pus[i] = pu++;
        at->l2 = core < 6 ? core : 6 + (core - 6) / 4;
        at->kind = core < 6;
    }
    of->kind_count = 2;
    of->kinds[0] = (m_kind){.type = "IntelAtom", .max_mhz = 3900, .base_mhz = 1600};
    of->kinds[1] = (m_kind){.type = "IntelCore", .max_mhz = 5000, .base_mhz = 2200};
    return of;
}

QLT(policy, holds_on_a_plain_laptop)
{
    check_and_free(machine_make((m_shape){.packages = 1, .l3s = 1, .l2s = 4, .cores = 1, .threads = 2}),
                   (m_ask){0});
}

QLT(policy, holds_on_one_core_with_and_without_siblings)
{
    check_and_free(machine_make((m_shape){.packages = 1, .cores = 1, .threads = 1}), (m_ask){0});
    check_and_free(machine_make((m_shape){.packages = 1, .cores = 1, .threads = 2}), (m_ask){0});
    check_and_free(machine_make((m_shape){.packages = 1, .cores = 4, .threads = 2}), (m_ask){.mask = "4-5"});
    check_and_free(machine_make((m_shape){.packages = 1, .cores = 4, .threads = 2}), (m_ask){.mask = "5"});
}

QLT(policy, holds_on_two_sockets_with_far_siblings)
{
    check_and_free(machine_make((m_shape){
                       .packages = 2, .l3s = 1, .l2s = 8, .cores = 1, .threads = 2, .far_siblings = true}),
                   (m_ask){0});
}

QLT(policy, holds_on_256_cpus_in_16_caches)
{
    machine *of = machine_make((m_shape){
        .packages = 2, .nodes = 2, .l3s = 4, .l2s = 8, .cores = 1, .threads = 2, .far_siblings = true});
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            of->distances[i][j] = i == j ? 10 : i / 2 == j / 2 ? 12 : 32;
    check(of, (m_ask){0});
    check_and_free(of, (m_ask){.mask = "3-100,140-255"});
}

QLT(policy, takes_a_performance_core_of_a_hybrid)
{
    machine *of = hybrid();
    check(of, (m_ask){0});
    /* Only efficiency cores are ours: then those are the best class there is. */
    check(of, (m_ask){.mask = "12-19"});
    /* The last performance core is not whole; P2 beats P3. */
    check(of, (m_ask){.mask = "11-19"});
    check_and_free(of, (m_ask){.mask = "0-1,12-19"});
}

QLT(policy, tells_classes_by_type_capacity_and_frequency)
{
    static const m_kind kinds[][M_KINDS] = {
        {{.type = "IntelAtom"}, {.type = "IntelCore"}},
        {{.capacity = 440}, {.capacity = 1024}},
        {{.capacity = 997}, {.capacity = 1017}},                                    /* one class */
        {{.max_mhz = 2800, .base_mhz = 1000}, {.max_mhz = 3000, .base_mhz = 1400}}, /* by base only */
        {{.max_mhz = 5100}, {.max_mhz = 5200}},  /* favoured cores: one class */
        {{.max_mhz = 3000}, {.capacity = 1024}}, /* nothing ranks them */
        {{.type = "IntelAtom", .capacity = 1024},
         {.type = "IntelCore", .capacity = 1024}}, /* type beats capacity */
    };
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        machine *of = hybrid();
        memcpy(of->kinds, kinds[i], sizeof of->kinds);
        check(of, (m_ask){0});
        of->cores[3].kind = -1; /* a PU in no kind: one class */
        check(of, (m_ask){0});
        free(of);
    }
}

QLT(policy, merges_five_near_kinds_of_arm_cores)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 2, .l2s = 10, .cores = 1, .threads = 1});
    static const int capacities[] = {718, 718, 997, 1017, 1024};
    of->kind_count = 5;
    for (int i = 0; i < 5; i++)
        of->kinds[i] = (m_kind){.capacity = capacities[i]};
    for (int core = 0; core < of->core_count; core++)
        of->cores[core].kind = core % 5;
    of->l3_kilobytes[0] = 16384;
    of->l3_kilobytes[1] = 8192;
    check(of, (m_ask){0});
    check_and_free(of, (m_ask){.mask = "0-1,5-6,10-11"});
}

QLT(policy, finds_cores_with_one_thread_allowed)
{
    /* The classic bug: no core is inside the allowed set, yet all are usable. */
    machine *of = machine_make(
        (m_shape){.packages = 2, .l3s = 1, .l2s = 64, .cores = 1, .threads = 2, .far_siblings = true});
    for (int pu = 128; pu < 256; pu++)
        of->disallowed[pu] = true;
    check_and_free(of, (m_ask){0});
}

QLT(policy, prefers_a_whole_core_and_names_foreign_siblings)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .l2s = 8, .cores = 1, .threads = 2});
    for (int pu = 5; pu < 16; pu += 2)
        of->disallowed[pu] = true;
    check(of, (m_ask){0}); /* only cores 0 and 1 are whole */
    of->disallowed[1] = of->disallowed[3] = true;
    check_and_free(of, (m_ask){0});
}

QLT(policy, lives_with_holes_offline_cpus_and_narrow_masks)
{
    machine *of = machine_make((m_shape){.packages = 2, .l3s = 1, .l2s = 4, .cores = 1, .threads = 2});
    /* Core 2 lost its second thread, PU 16 to 19 never came up. */
    of->cores[2].pu_count = 1;
    of->offline[5] = of->offline[16] = of->offline[17] = of->offline[18] = of->offline[19] = true;
    of->disallowed[8] = true;
    check(of, (m_ask){0});
    check_and_free(of, (m_ask){.mask = "0,2,4,6,9,12-13"});
}

QLT(policy, keeps_lane_memory_local_and_real)
{
    machine *of = machine_make((m_shape){.packages = 4, .l3s = 1, .l2s = 4, .cores = 1, .threads = 1});
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            of->distances[i][j] = i == j ? 10 : 20 + (i ^ j);
    check(of, (m_ask){0});
    of->nodes[0].megabytes = 0; /* P4 leads elsewhere */
    check(of, (m_ask){0});
    check(of, (m_ask){.mask = "0-3"}); /* no choice: remote, nearest */
    of->nodes[1].disallowed = true;
    check(of, (m_ask){.mask = "0-3"});
    check_and_free(of, (m_ask){.mask = "0-7"});
}

QLT(policy, takes_dram_before_hbm_before_nvm)
{
    machine *of = machine_make((m_shape){.packages = 2, .l3s = 1, .l2s = 4, .cores = 1, .threads = 1});
    of->node_count = 6;
    of->nodes[2] = (m_node){.megabytes = 16384, .subtype = "HBM", .beside = 0};
    of->nodes[3] = (m_node){.megabytes = 16384, .subtype = "HBM", .beside = 1};
    of->nodes[4] = (m_node){.megabytes = 65536, .subtype = "NVM", .beside = 0};
    of->nodes[5] = (m_node){.megabytes = 65536, .subtype = "CXL-DRAM", .beside = 1};
    check(of, (m_ask){0});
    of->nodes[0].megabytes = 0; /* a package with HBM only, as the Xeon Max can be booted */
    check(of, (m_ask){.mask = "0-3"});
    of->nodes[2].disallowed = true;
    check(of, (m_ask){.mask = "0-3"});
    for (int node = 0; node < 6; node++)
        of->nodes[node].megabytes = 0;
    check_and_free(of, (m_ask){0});
}

QLT(policy, prefers_the_node_with_most_cores_then_the_largest_cache)
{
    machine *of = machine_make((m_shape){.packages = 2, .l3s = 2, .l2s = 4, .cores = 1, .threads = 1});
    of->l3_kilobytes[2] = 98304; /* one cache with more on top */
    check(of, (m_ask){0});
    check(of, (m_ask){.mask = "3-15"});
    check_and_free(of, (m_ask){.mask = "0-11"});
}

QLT(policy, counts_pus_as_cores_where_there_is_no_core_level)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .cores = 6, .threads = 1});
    of->no_core_level = true;
    check(of, (m_ask){0});
    check_and_free(of, (m_ask){.mask = "2-3"});
}

QLT(policy, respects_quotas)
{
    static const double quotas[] = {0.3, 1.0, 1.5, 1.999, 2.0, 2.5, 3.0, 4.0, 7.9, 8.0, 100.0};
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .l2s = 8, .cores = 1, .threads = 2});
    for (unsigned i = 0; i < sizeof quotas / sizeof quotas[0]; i++) {
        check(of, (m_ask){.quota = quotas[i]});
        check(of, (m_ask){.quota = quotas[i], .mask = "0,2"});
    }
    free(of);
}

/* ---- Any machine at all ---- */

static int pick(uint64_t *stream, int count)
{
    return (int)(qlt_random(stream) % (unsigned)count);
}

static void disturb(machine *of, uint64_t *stream)
{
    of->kind_count = pick(stream, 3) ? 0 : 2 + pick(stream, 3);
    bool typed = pick(stream, 2), rated = pick(stream, 2), clocked = pick(stream, 2);
    for (int i = 0; i < of->kind_count; i++)
        of->kinds[i] = (m_kind){.type = typed ? pick(stream, 2) ? "IntelCore" : "IntelAtom" : NULL,
                                .capacity = rated ? 400 + pick(stream, 625) : 0,
                                .max_mhz = clocked ? 2000 + pick(stream, 3500) : 0,
                                .base_mhz = pick(stream, 2) ? 1000 + pick(stream, 2000) : 0};
    for (int core = 0; core < of->core_count; core++) {
        m_core *at = &of->cores[core];
        at->kind = of->kind_count && (core || pick(stream, 9)) ? core * of->kind_count / of->core_count : -1;
        if (at->pu_count > 1 && pick(stream, 9) == 0)
            of->offline[at->pus[--at->pu_count]] = true;
        for (int i = 0; i < at->pu_count; i++)
            of->disallowed[at->pus[i]] = core != of->core_count / 2 && pick(stream, 5) == 0;
    }
    bool stated = pick(stream, 2);
    for (int i = 0; i < of->node_count; i++) {
        of->nodes[i].megabytes = pick(stream, 5) ? 1024 : 0;
        of->nodes[i].disallowed = i && pick(stream, 6) == 0;
        for (int j = 0; stated && j < of->node_count; j++)
            of->distances[i][j] = i == j ? 10 : 12 + pick(stream, 3) * 10;
    }
    for (int i = 0; i < of->core_count; i++)
        of->l3_kilobytes[i] = 8192 << pick(stream, 3);
}

QLT(policy, holds_on_random_machines)
{
    uint64_t stream = qlt_seed();
    for (int round = 0; round < 150; round++) {
        m_shape shape = {.packages = pick(&stream, 5),
                         .nodes = pick(&stream, 4),
                         .l3s = pick(&stream, 4),
                         .l2s = pick(&stream, 4),
                         .cores = 1 + pick(&stream, 3),
                         .threads = 1 + pick(&stream, 4),
                         .far_siblings = pick(&stream, 2)};
        machine *of = machine_make(shape);
        disturb(of, &stream);
        check(of, (m_ask){.quota = pick(&stream, 4) ? 0 : 0.5 * pick(&stream, 20)});
        free(of);
    }
}
