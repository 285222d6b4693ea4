#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/affinity/machine.h"
#include "tests/support/harness.h"

/* What a configuration asks for, on machines small enough to say the answer. */

/* 8 cores of 2 neighbouring siblings: core c has PU 2c and 2c + 1; two packages of four. */
static machine *smt8(void)
{
    return machine_make((m_shape){.packages = 2, .l3s = 1, .l2s = 4, .cores = 1, .threads = 2});
}

/* 6 performance cores of two PUs (0-11), 8 efficiency cores (12-19). */
static machine *hybrid(void)
{
    machine *of = machine_make((m_shape){.packages = 1, .l3s = 1, .cores = 14, .threads = 1});
    for (int core = 0, pu = 0; core < 14; core++) {
        m_core *at = &of->cores[core];
        at->pu_count = core < 6 ? 2 : 1;
        for (int i = 0; i < at->pu_count; i++)
            at->pus[i] = pu++;
        at->kind = core < 6;
    }
    of->kind_count = 2;
    of->kinds[0] = (m_kind){.type = "IntelAtom"};
    of->kinds[1] = (m_kind){.type = "IntelCore"};
    return of;
}

/* The pins of lanes and workers as a text: "lanes 10(10-11) workers 0 2 4". A lane's reserved PUs stand in brackets. */
static void is_with(machine *of, m_ask ask, const char *expected)
{
    char found[1024];
    ql_plan *plan = machine_plan(of, ask);
    int length = snprintf(found, sizeof found, "%s lanes",
                          (const char *[]){"dedicated", "shared", "off"}[ql_plan_how(plan)]);
    for (unsigned i = 0; i < ql_plan_lanes(plan); i++)
        length += snprintf(found + length, sizeof found - (size_t)length, " %d(%s)",
                           ql_plan_lane(plan, i)->pu_os, ql_plan_lane(plan, i)->pus);
    length += snprintf(found + length, sizeof found - (size_t)length, " workers");
    for (unsigned i = 0; i < ql_plan_workers(plan); i++)
        length +=
            snprintf(found + length, sizeof found - (size_t)length, " %d", ql_plan_worker(plan, i)->pu_os);
    if (strcmp(found, expected) != 0)
        qlt_fail("%s gives \"%s\", expected \"%s\"", ask.config, found, expected);
    ql_plan_destroy(plan);
    free(of);
}

static void is(machine *of, const char *config, const char *expected)
{
    is_with(of, (m_ask){.config = config}, expected);
}

static void refused(machine *of, const char *config, int code, const char *sentence)
{
    machine_refuses(of, (m_ask){.config = config}, code, sentence);
    free(of);
}

static void warned(machine *of, m_ask ask, const char *part)
{
    ql_plan *plan = machine_plan(of, ask);
    bool found = false;
    for (unsigned i = 0; ql_plan_warning(plan, i); i++)
        found = found || strstr(ql_plan_warning(plan, i), part);
    if (!found)
        qlt_fail("no warning has \"%s\"; the first is \"%s\"", part,
                 ql_plan_warning(plan, 0) ? ql_plan_warning(plan, 0) : "");
    ql_plan_destroy(plan);
    free(of);
}

/* ---- Lanes ---- */

QLT(request, lane_names_one_core_by_any_means)
{
    static const char *const ways[] = {"lane=core:5",           "lane=10",   "lane=10-11", "lane=0xc00",
                                       "lane=package:1.core:1", "lane=10,11"};
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++)
        is(smt8(), ways[i], "dedicated lanes 10(10-11) workers 0 2 4 6 8 12 14");
    is(smt8(), "lane=11", "dedicated lanes 11(10-11) workers 0 2 4 6 8 12 14");
    refused(smt8(), "lane=0,2", -EINVAL, "lane=0,2: names 2 cores (core:0, core:1); a lane is one core");
    refused(smt8(), "lane=core:all", -EINVAL,
            "lane=core:all: names 8 cores (core:0, core:1, core:2, core:3, ...); a lane is one core");
}

QLT(request, lane_off_frees_the_core)
{
    is(smt8(), "lane=off", "off lanes workers 0 2 4 6 8 10 12 14");
    is(smt8(), "lane=off;cpus=3", "off lanes workers 3");
    warned(smt8(), (m_ask){.config = "lane=off;lanes=2"}, "lane=off: no core is reserved for any lane");
}

QLT(request, several_lanes_take_the_best_cores_in_turn)
{
    is(smt8(), "lanes=2", "dedicated lanes 6(6-7) 4(4-5) workers 0 2 8 10 12 14");
    is(smt8(), "lanes=7",
       "dedicated lanes 6(6-7) 4(4-5) 2(2-3) 14(14-15) 12(12-13) 10(10-11) 8(8-9) workers 0");
    refused(smt8(), "lanes=8", -ENODEV,
            "lanes=8: only 8 cores are usable, and workers need one of them; ask for fewer lanes");
    refused(smt8(), "lanes=900", -ENODEV, "lanes=900: only 8 cores are usable");
    refused(smt8(), "cpus=0;lanes=2", -ENODEV, "lanes=2: only 1 core is usable");
}

QLT(request, each_lane_may_have_a_place_of_its_own)
{
    is(smt8(), "lane.q=core:1", "dedicated lanes 2(2-3) workers 0 4 6 8 10 12 14");
    is(smt8(), "lane.q=core:1;lane.log=auto", "dedicated lanes 2(2-3) 6(6-7) workers 0 4 8 10 12 14");
    is(smt8(), "lane=core:3;lane.q=core:1", "dedicated lanes 6(6-7) 2(2-3) workers 0 4 8 10 12 14");
    is(smt8(), "lanes=3;lane.q=core:3", "dedicated lanes 4(4-5) 2(2-3) 6(6-7) workers 0 8 10 12 14");
    refused(smt8(), "lane.a=core:3;lane.b=7", -EINVAL,
            "lane.b=7: core:3 is another lane's already; name another core");
    refused(smt8(), "lane.a=core:3;lane.b=core:9", -ENOENT, "lane.b=core:9: no such core (usable: core:0-7)");
    refused(smt8(), "cpus=0-3;lane.a=0;lane.b=2", -ENODEV,
            "2 lanes have places of their own, but only 2 cores are usable");
}

QLT(request, lanes_are_found_by_name_in_any_spelling)
{
    machine *of = smt8();
    ql_plan *plan = machine_plan(of, (m_ask){.config = "lane.Fix-Feed=core:1;lane.q=core:2"});
    qlt_eq_int(ql_plan_lane_named(plan, "fix-feed"), 0);
    qlt_eq_int(ql_plan_lane_named(plan, "FIX_FEED"), 0);
    qlt_eq_int(ql_plan_lane_named(plan, "Q"), 1);
    qlt_eq_int(ql_plan_lane_named(plan, "qq"), -1);
    qlt_eq_str(ql_plan_lane_name(plan, 1), "q");
    qlt_eq_ptr(ql_plan_lane_name(plan, 2), NULL);
    ql_plan_destroy(plan);
    free(of);
}

/* ---- Workers ---- */

QLT(request, workers_are_a_count_a_set_or_a_count_in_a_set)
{
    is(smt8(), "workers=3", "dedicated lanes 6(6-7) workers 0 2 4");
    is(smt8(), "workers=8-15", "dedicated lanes 6(6-7) workers 8 10 12 14");
    is(smt8(), "workers=9,11,13", "dedicated lanes 6(6-7) workers 9 11 13");
    is(smt8(), "workers=2@8-", "dedicated lanes 6(6-7) workers 8 10");
    is(smt8(), "workers=1@4", "dedicated lanes 6(6-7) workers 4");
    is(smt8(), "workers=package:1", "dedicated lanes 6(6-7) workers 8 10 12 14");
    is(hybrid(), "workers=ecores", "dedicated lanes 10(10-11) workers 12 13 14 15 16 17 18 19");
    is(hybrid(), "workers=pcores", "dedicated lanes 10(10-11) workers 0 2 4 6 8");
    is(hybrid(), "workers=7", "dedicated lanes 10(10-11) workers 0 2 4 6 8 12 13");
}

QLT(request, a_lane_keeps_off_the_cores_that_workers_name)
{
    is(smt8(), "workers=0-7", "dedicated lanes 14(14-15) workers 0 2 4 6");
    is(hybrid(), "workers=0-11", "dedicated lanes 19(19) workers 0 2 4 6 8 10");
    warned(hybrid(), (m_ask){.config = "workers=0-11"}, "lane is on core 13, an efficiency core");
    /* No core is left: the automatic lane takes one of them, and says so. */
    is(smt8(), "cpus=0-3;workers=0-3", "dedicated lanes 2(2-3) workers 0");
    warned(smt8(), (m_ask){.config = "cpus=0-3;workers=0-3"},
           "workers=0-3: CPU 2-3 is reserved for a lane and left out");
    refused(smt8(), "lane=core:3;workers=4-7", -EINVAL,
            "workers=4-7: CPU 6 is on core 3, which lane=core:3 takes; leave it out");
    refused(smt8(), "lane=core:3;workers=1@7", -EINVAL,
            "workers=1@7: CPU 7 is on core 3, which lane=core:3 takes; leave it out");
    refused(smt8(), "lane=core:3;workers=core:3", -EINVAL, "workers=core:3: CPU 6 is on core 3");
    is(smt8(), "lane=core:3;workers=core:all", "dedicated lanes 6(6-7) workers 0 2 4 8 10 12 14");
}

QLT(request, more_workers_than_cores_share_them_and_do_not_spin)
{
    machine *of = smt8();
    is(smt8(), "workers=9", "dedicated lanes 6(6-7) workers 0 1 2 3 4 8 10 12 14");
    warned(smt8(), (m_ask){.config = "workers=9"},
           "workers=9: only 7 cores for them: threads share cores, and no worker spins");
    ql_plan *plan = machine_plan(of, (m_ask){.config = "workers=30;worker_idle=spin"});
    qlt_eq_uint(ql_plan_workers(plan), 30);
    for (unsigned i = 0; i < 30; i++) {
        qlt_eq_int(ql_plan_worker(plan, i)->spin_max_ns, 0);
        qlt_check(ql_plan_worker(plan, i)->idle != QL_IDLE_SPIN);
        qlt_check(!ql_plan_worker(plan, i)->dedicated);
    }
    qlt_check(ql_plan_lane(plan, 0)->dedicated);
    ql_plan_destroy(plan);
    free(of);
}

QLT(request, threads_per_core_fills_siblings)
{
    is(smt8(), "threads_per_core=2;cpus=0-5", "dedicated lanes 4(4-5) workers 0 1 2 3");
    is(smt8(), "threads_per_core=all;cpus=0-5", "dedicated lanes 4(4-5) workers 0 1 2 3");
    is(hybrid(), "threads_per_core=all",
       "dedicated lanes 10(10-11) workers 0 1 2 3 4 5 6 7 8 9 12 13 14 15 16 17 18 19");
    is(smt8(), "threads_per_core=2;workers=3;cpus=0-5", "dedicated lanes 4(4-5) workers 0 1 2");
    refused(smt8(), "workers=15;threads_per_core=2", -ENODEV,
            "workers=15;threads_per_core=2: only 7 cores remain; ask for threads_per_core=3");
    refused(hybrid(), "workers=20;threads_per_core=1", -ENODEV,
            "workers=20;threads_per_core=1: only 13 cores remain; ask for threads_per_core=2");
}

QLT(request, smt_lend_gives_the_lanes_siblings_to_workers)
{
    machine *of = smt8();
    is(smt8(), "smt=lend", "dedicated lanes 6(6) workers 0 2 4 7 8 10 12 14");
    is(smt8(), "smt=lend;lane=2-3", "dedicated lanes 2(2-3) workers 0 4 6 8 10 12 14");
    is(smt8(), "smt=lend;workers=3", "dedicated lanes 6(6) workers 0 2 4");
    ql_plan *plan = machine_plan(of, (m_ask){.config = "smt=lend;idle=spin"});
    qlt_check(!ql_plan_lane(plan, 0)->dedicated); /* its core has a worker: nothing spins there */
    qlt_eq_int(ql_plan_lane(plan, 0)->spin_max_ns, 0);
    ql_plan_destroy(plan);
    free(of);
}

QLT(request, kinds_choose_between_performance_and_efficiency_cores)
{
    is(hybrid(), "lane_kind=eff", "dedicated lanes 19(19) workers 0 2 4 6 8 10 12 13 14 15 16 17 18");
    is(hybrid(), "lane_kind=all", "dedicated lanes 19(19) workers 0 2 4 6 8 10 12 13 14 15 16 17 18");
    is(hybrid(), "worker_kind=perf", "dedicated lanes 10(10-11) workers 0 2 4 6 8");
    is(hybrid(), "worker_kind=eff", "dedicated lanes 10(10-11) workers 12 13 14 15 16 17 18 19");
    refused(smt8(), "lane_kind=eff", -ENOENT, "lane_kind=eff: no such core is usable (one kind of core)");
    refused(smt8(), "worker_kind=eff", -ENOENT,
            "worker_kind=eff: no such core is left for workers (one kind of core)");
    refused(hybrid(), "lanes=7;lane_kind=perf", -ENOENT,
            "lane_kind=perf: no such core is left for every lane");
    is(hybrid(), "lanes=7;workers=1",
       "dedicated lanes 10(10-11) 8(8-9) 6(6-7) 4(4-5) 2(2-3) 0(0-1) 19(19) workers 12");
}

/* ---- Isolated CPUs ---- */

QLT(request, isolated_cpus_are_for_lanes)
{
    /* Inside the mask: one for the lane, and no worker on the others unless it is named. */
    is_with(smt8(), (m_ask){.isolated = "8-11"}, "dedicated lanes 10(10-11) workers 0 2 4 6 12 14");
    is_with(smt8(), (m_ask){.isolated = "8-11", .config = "workers=8-13"},
            "dedicated lanes 6(6-7) workers 8 10 12");
    is_with(smt8(), (m_ask){.isolated = "8-11", .config = "cpus=0-3,8-11"},
            "dedicated lanes 10(10-11) workers 0 2 8");
    is_with(smt8(), (m_ask){.isolated = "0-15"}, "dedicated lanes 6(6-7) workers 0 2 4 8 10 12 14");
    warned(smt8(), (m_ask){.isolated = "0-15"}, "workers run on isolated CPUs");
    /* Outside the mask: only on request. */
    is_with(smt8(), (m_ask){.isolated = "8-11", .mask = "0-7,12-15"},
            "dedicated lanes 6(6-7) workers 0 2 4 12 14");
    warned(smt8(), (m_ask){.isolated = "8-11", .mask = "0-7"},
           "CPUs 8-11 are isolated and allowed but outside the inherited mask; "
           "lane=isolated");
    is_with(smt8(), (m_ask){.isolated = "8-11", .mask = "0-7", .config = "lane=isolated"},
            "dedicated lanes 10(10-11) workers 0 2 4 6");
    is_with(smt8(), (m_ask){.isolated = "8-11", .mask = "0", .config = "lane=isolated"},
            "dedicated lanes 10(10-11) workers 0");
    is_with(smt8(), (m_ask){.isolated = "8-11", .mask = "0-7", .config = "lane=isolated;lane.x=isolated"},
            "dedicated lanes 10(10-11) 8(8-9) workers 0 2 4 6");
    refused(smt8(), "lane=isolated", -ENOENT, "lane=isolated: no isolated CPU is allowed here and free");
}

/* ---- Shared mode, quotas, idling ---- */

QLT(request, shared_mode_serves_what_was_asked_for)
{
    is(smt8(), "cpus=core:2", "shared lanes 4(4) workers 5");
    is(smt8(), "cpus=5", "shared lanes 5(5) workers 5");
    is(smt8(), "cpus=core:2;lane=core:2", "shared lanes 4(4) workers 5");
    is(smt8(), "cpus=core:2;lane=5", "shared lanes 5(5) workers 4");
    is(smt8(), "cpus=core:2;workers=3", "shared lanes 4(4) workers 5 5 5");
    is(smt8(), "cpus=core:2;workers=1@4", "shared lanes 4(4) workers 4");
    warned(smt8(), (m_ask){.config = "cpus=5"},
           "shared mode: lane and workers share core 2, the only one usable; nothing spins");
}

QLT(request, a_small_quota_means_shared_mode)
{
    is_with(smt8(), (m_ask){.quota = 1.5}, "shared lanes 6(6) workers 7");
    is_with(smt8(), (m_ask){.quota = 1.5, .config = "quota=ignore"},
            "dedicated lanes 6(6-7) workers 0 2 4 8 10 12 14");
    is_with(smt8(), (m_ask){.quota = 1.5, .config = "lane=off"}, "off lanes workers 0");
    is_with(smt8(), (m_ask){.quota = 4.5, .config = "lanes=2"}, "dedicated lanes 6(6-7) 4(4-5) workers 0 2");
    is_with(smt8(), (m_ask){.quota = 4.5, .config = "lane=off"}, "off lanes workers 0 2 4 6");
    is_with(smt8(), (m_ask){.quota = 3, .config = "workers=5"}, "dedicated lanes 6(6-7) workers 0 2 4 8 10");
    warned(smt8(), (m_ask){.quota = 1.5}, "shared mode: the quota is 1.5 CPUs");
    warned(smt8(), (m_ask){.quota = 4}, "note: the quota is 4.0 CPUs");
    warned(smt8(), (m_ask){.quota = 3, .config = "workers=5"},
           "workers=5: 5 workers and 1 lanes under a quota of 3.0 CPUs");
}

static void idles(m_ask ask, ql_idle_kind kind, int64_t lane_ns, ql_idle_kind worker_kind, int64_t worker_ns)
{
    machine *of = smt8();
    ql_plan *plan = machine_plan(of, ask);
    qlt_eq_int(ql_plan_lane(plan, 0)->idle, kind);
    qlt_eq_int(ql_plan_lane(plan, 0)->spin_max_ns, lane_ns);
    qlt_eq_int(ql_plan_worker(plan, 0)->idle, worker_kind);
    qlt_eq_int(ql_plan_worker(plan, 0)->spin_max_ns, worker_ns);
    ql_plan_destroy(plan);
    free(of);
}

QLT(request, nothing_spins_where_it_would_hurt)
{
    idles((m_ask){0}, QL_IDLE_ADAPTIVE, 200000, QL_IDLE_ADAPTIVE, 50000);
    idles((m_ask){.config = "idle=spin;worker_idle=spin"}, QL_IDLE_SPIN, INT64_MAX, QL_IDLE_SPIN, INT64_MAX);
    idles((m_ask){.config = "idle=adaptive(7us);worker_idle=block"}, QL_IDLE_ADAPTIVE, 7000, QL_IDLE_BLOCK,
          0);
    /* Not pinned, shared, crowded, or under a quota. */
    idles((m_ask){.config = "bind=off;idle=spin"}, QL_IDLE_ADAPTIVE, 0, QL_IDLE_ADAPTIVE, 0);
    idles((m_ask){.config = "cpus=0;idle=spin"}, QL_IDLE_ADAPTIVE, 0, QL_IDLE_BLOCK, 0);
    idles((m_ask){.config = "cpus=0"}, QL_IDLE_BLOCK, 0, QL_IDLE_BLOCK, 0);
    idles((m_ask){.config = "workers=20"}, QL_IDLE_ADAPTIVE, 200000, QL_IDLE_ADAPTIVE, 0);
    idles((m_ask){.quota = 1.5}, QL_IDLE_BLOCK, 0, QL_IDLE_BLOCK, 0);
    idles((m_ask){.quota = 1.5, .config = "idle=spin"}, QL_IDLE_ADAPTIVE, 0, QL_IDLE_BLOCK, 0);
    idles((m_ask){.quota = 4}, QL_IDLE_ADAPTIVE, 0, QL_IDLE_ADAPTIVE, 0);
    idles((m_ask){.quota = 4, .config = "idle=spin"}, QL_IDLE_SPIN, INT64_MAX, QL_IDLE_ADAPTIVE, 0);
    idles((m_ask){.config = "laptop"}, QL_IDLE_BLOCK, 0, QL_IDLE_BLOCK, 0);
    warned(smt8(), (m_ask){.quota = 4, .config = "idle=spin"},
           "idle=spin uses 1.0 of the 4.0 CPUs of the quota");
    warned(smt8(), (m_ask){.config = "cpus=0;idle=spin"},
           "idle=spin: nothing spins in shared mode; adaptive is used");
    warned(smt8(), (m_ask){.config = "bind=off;worker_idle=adaptive(9us)"},
           "worker_idle=adaptive(9us): nothing spins on a thread "
           "that is not pinned; it blocks");
}

/* ---- Memory, binding, stealing ---- */

QLT(request, memory_may_be_any_node_that_has_some)
{
    machine *of = smt8();
    ql_plan *plan = machine_plan(of, (m_ask){.config = "mem=node:1"});
    qlt_eq_int(ql_plan_lane(plan, 0)->mem_os, 1);
    qlt_check(ql_plan_lane(plan, 0)->mem_remote);
    qlt_check(!ql_plan_worker(plan, 5)->mem_remote);
    ql_plan_destroy(plan);
    plan = machine_plan(of, (m_ask){.config = "mem=strict"});
    qlt_check(ql_plan_lane(plan, 0)->mem_strict);
    qlt_eq_int(ql_plan_lane(plan, 0)->mem_os, 0);
    ql_plan_destroy(plan);
    plan = machine_plan(of, (m_ask){.config = "mem=none"});
    qlt_eq_int(ql_plan_lane(plan, 0)->mem_os, -1);
    ql_plan_destroy(plan);
    machine_refuses(of, (m_ask){.config = "mem=node:7"}, -ENOENT,
                    "mem=node:7: no such NUMA node; this machine has 2");
    of->nodes[1].megabytes = 0;
    machine_refuses(of, (m_ask){.config = "mem=node:1"}, -ENODEV,
                    "mem=node:1: NUMA node 1 has no memory; name another");
    of->nodes[1] = (m_node){.megabytes = 1, .disallowed = true, .beside = -1};
    machine_refuses(of, (m_ask){.config = "mem=node:1"}, -EACCES,
                    "mem=node:1: NUMA node 1 is not allowed here (cgroup cpuset.mems)");
    free(of);
}

QLT(request, remote_memory_is_reported)
{
    machine *of = smt8();
    of->nodes[0].megabytes = 0;
    warned(of, (m_ask){.config = "lane=core:1"},
           "the lane on core 1 has its memory on NUMA node 1, which is remote");
}

QLT(request, bind_off_plans_but_pins_nobody)
{
    machine *of = smt8();
    ql_plan *plan = machine_plan(of, (m_ask){.config = "bind=off"});
    qlt_eq_int(ql_plan_lane(plan, 0)->pin_pu_os, -1);
    qlt_eq_int(ql_plan_lane(plan, 0)->pu_os, 6);
    qlt_eq_int(ql_plan_worker(plan, 0)->pin_pu_os, -1);
    ql_plan_destroy(plan);
    free(of);
}

QLT(request, steal_random_is_one_ring)
{
    machine *of = smt8();
    ql_plan *plan = machine_plan(of, (m_ask){.config = "steal=random"});
    ql_steal_range ranges[4];
    qlt_eq_uint(ql_plan_steal_ranges(plan, 3, ranges, 4), 2);
    qlt_check(ranges[0].first == 4 && ranges[0].count == 3 && ranges[0].ring == 0);
    qlt_check(ranges[1].first == 0 && ranges[1].count == 3 && ranges[1].ring == 0);
    ql_plan_destroy(plan);
    plan = machine_plan(of, (m_ask){.config = "steal=near;lane=off"});
    qlt_eq_uint(ql_plan_steal_ranges(plan, 1, ranges, 4), 3);
    qlt_check(ranges[0].first == 2 && ranges[0].count == 2 && ranges[0].ring == 0);
    qlt_check(ranges[1].first == 0 && ranges[1].count == 1 && ranges[1].ring == 0);
    qlt_check(ranges[2].first == 4 && ranges[2].count == 4 && ranges[2].ring == 1);
    qlt_eq_uint(ql_plan_steal_ranges(plan, 1, ranges, 1), 3); /* tells how many there are */
    ql_plan_destroy(plan);
    free(of);
}

QLT(request, rounds_count_the_workers_of_a_core)
{
    machine *of = smt8();
    ql_plan *plan = machine_plan(of, (m_ask){.config = "lane=off;cpus=0-3;workers=5"});
    static const unsigned rounds[] = {0, 1, 2, 0, 1};
    for (unsigned i = 0; i < 5; i++)
        qlt_eq_uint(ql_plan_worker(plan, i)->round, rounds[i]);
    ql_plan_destroy(plan);
    free(of);
}
