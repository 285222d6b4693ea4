#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "affinity/plan.h"
#include "affinity/threads.h"
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

static bool warns(const ql_plan *plan, const char *part)
{
    for (unsigned i = 0; ql_plan_warning(plan, i); i++)
        if (strstr(ql_plan_warning(plan, i), part))
            return true;
    return false;
}

/* ---- Pinned, and read back ---- */

static void every_slot(void)
{
    qli_pu_set before, now;
    qlt_eq_int(qli_thread_mask(0, &before), 0);
    ql_plan *plan = plan_with(NULL);
    for (unsigned i = 0; i < ql_plan_workers(plan) + ql_plan_lanes(plan); i++) {
        const ql_slot *slot = i < ql_plan_workers(plan) ? ql_plan_worker(plan, i)
                                                        : ql_plan_lane(plan, i - ql_plan_workers(plan));
        ql_bound bound = {0};
        qlt_eq_int(ql_slot_bind(plan, slot, &bound), 0);
        qlt_check(bound.pinned && !bound.problem && !bound.code);
        qlt_eq_int(bound.asked_pu_os, slot->pin_pu_os);
        qlt_eq_int(bound.granted_pu_os, slot->pin_pu_os);
        qlt_eq_int(bound.now_pu_os, slot->pin_pu_os);
        qlt_eq_int(bound.granted_pus, 1);
        qlt_eq_int(qli_thread_mask(0, &now), 0);
        qlt_eq_int(qli_pu_set_count(&now), 1);
        qlt_check(qli_pu_set_has(&now, (unsigned)slot->pin_pu_os) && qli_pu_set_within(&now, &before));
        qlt_check(!ql_slot_lost(slot, &bound));
    }
    qlt_eq_int(ql_slot_bind_engine(plan, NULL), 0);
    qlt_eq_int(qli_thread_mask(0, &now), 0);
    qlt_check(qli_pu_set_equal(&now, &before));
    ql_plan_destroy(plan);
}

QLT(bind, puts_the_calling_thread_on_its_slot_and_reads_it_back)
{
    in_child(every_slot);
}

static void nothing_bound(void)
{
    qli_pu_set before, now;
    qlt_eq_int(qli_thread_mask(0, &before), 0);
    ql_plan *plan = plan_with("bind=off");
    ql_bound bound = {0};
    qlt_eq_int(ql_slot_bind(plan, ql_plan_worker(plan, 0), &bound), 0);
    qlt_check(!bound.pinned && !bound.problem && bound.spin_max_ns == 0 && bound.asked_pu_os == -1);
    qlt_check(!ql_slot_lost(ql_plan_worker(plan, 0), &bound));
    qlt_eq_int(ql_slot_bind_engine(plan, NULL), 0);
    qlt_eq_int(qli_thread_mask(0, &now), 0);
    qlt_check(qli_pu_set_equal(&now, &before));
    ql_plan_destroy(plan);
}

QLT(bind, off_touches_nothing)
{
    in_child(nothing_bound);
}

/* ---- Refused ---- */

static int refused_with;

static void refused(void)
{
    char expected[64];
    ql_plan *warn = plan_with("bind=warn"), *require = plan_with("bind=require");
    ql_bound bound = {0};
    if (!with_refused_affinity(refused_with))
        return;
    snprintf(expected, sizeof expected, "not pinned: sched_setaffinity: %s (seccomp?)",
             strerrorname_np(refused_with));
    const ql_slot *slot = ql_plan_worker(warn, 0);
    qlt_eq_int(ql_slot_bind(warn, slot, &bound), 0);
    qlt_check(!bound.pinned && bound.spin_max_ns == 0 && bound.news);
    qlt_eq_int(bound.code, -refused_with);
    qlt_has_str(bound.problem, expected);
    char line[256];
    ql_slot_line(slot, &bound, "ql-w0", line, sizeof line);
    qlt_has_str(line, "bound NO");
    /* The same refusal again is no news, and nobody asks a seccomp filter twice. */
    for (int i = 0; i < 5000; i++)
        qlt_check(!ql_slot_lost(slot, &bound));
    qlt_eq_int(ql_slot_bind(warn, slot, &bound), 0);
    qlt_check(!bound.news && bound.problem);
    qlt_eq_int(ql_slot_bind(require, ql_plan_worker(require, 0), &bound), -refused_with);
    qlt_has_str(bound.problem, "bind=require");
    qlt_eq_int(ql_slot_bind_engine(warn, &bound), 0);
    qlt_eq_int(ql_slot_bind_engine(require, &bound), -refused_with);
    ql_plan_destroy(warn);
    ql_plan_destroy(require);
}

QLT(bind, reports_a_filter_that_refuses_and_runs_unpinned)
{
    refused_with = EPERM;
    in_child(refused);
    refused_with = ENOSYS;
    in_child(refused);
}

static void absent_cpu(void)
{
    ql_plan *warn = plan_with("bind=warn"), *require = plan_with("bind=require");
    ql_slot slot = *ql_plan_worker(warn, 0);
    ql_bound bound = {0};
    slot.pin_pu_os = QLI_PUS_MAX - 1;
    qlt_eq_int(ql_slot_bind(warn, &slot, &bound), 0);
    qlt_eq_int(bound.code, -EINVAL);
    qlt_has_str(bound.problem, "its CPU is gone");
    /* It may come back: asked for now and then. */
    int asked = 0;
    for (int i = 0; i < 4096; i++)
        asked += ql_slot_lost(&slot, &bound);
    qlt_check(asked >= 1 && asked <= 8);
    qlt_eq_int(ql_slot_bind(require, &slot, &bound), -EINVAL);
    ql_plan_destroy(warn);
    ql_plan_destroy(require);
}

QLT(bind, reports_a_cpu_that_is_gone)
{
    in_child(absent_cpu);
}

/* ---- Lost ---- */

static void lost(void)
{
    ql_plan *plan = plan_with(NULL);
    const ql_slot *lane = ql_plan_lane(plan, 0);
    const ql_slot *other = ql_plan_worker(plan, 0);
    ql_bound bound = {0}, unused = {0};
    qlt_eq_int(ql_slot_bind(plan, lane, &bound), 0);
    qlt_check(!ql_slot_lost(lane, &bound));
    qlt_eq_int(ql_slot_bind(plan, other, &unused), 0); /* as if by taskset -p */
    qlt_check(ql_slot_lost(lane, &bound));
    qlt_eq_int(ql_slot_bind(plan, lane, &bound), 0);
    qlt_check(bound.pinned && bound.news);
    qlt_eq_int(bound.lost, 1);
    qlt_has_str(bound.problem, "pinned again");
    qlt_check(!ql_slot_lost(lane, &bound));
    qlt_eq_int(ql_slot_bind(plan, lane, &bound), 0);
    qlt_check(!bound.problem);
    char line[256];
    ql_slot_line(lane, &bound, "ql-lane-q", line, sizeof line);
    qlt_has_str(line, "bound ok, lost 1 times");
    ql_plan_destroy(plan);
}

QLT(bind, finds_a_binding_that_was_taken_away_and_applies_it_again)
{
    if (has_cpus(2))
        in_child(lost);
}

/* A cpuset that shrinks moves the thread without any error, and lets it back when it grows. */
static void shrinking(void)
{
    if (!group_enter("cpuset"))
        return;
    ql_plan *plan = plan_with("lane=1");
    const ql_slot *lane = ql_plan_lane(plan, 0);
    ql_bound bound = {0};
    qlt_eq_int(ql_slot_bind(plan, lane, &bound), 0);
    qlt_check(bound.pinned);
    group_write("cpuset.cpus", "0");
    sched_yield();
    qlt_check(ql_slot_lost(lane, &bound));
    qlt_eq_int(ql_slot_bind(plan, lane, &bound), 0);
    qlt_check(!bound.pinned && bound.news);
    qlt_eq_int(bound.code, -EINVAL);
    qlt_eq_int(bound.now_pu_os, 0);
    group_write("cpuset.cpus", "0-1");
    int checks = 0;
    while (!ql_slot_lost(lane, &bound))
        qlt_check(++checks < 100000);
    qlt_eq_int(ql_slot_bind(plan, lane, &bound), 0);
    qlt_check(bound.pinned);
    qlt_eq_int(bound.now_pu_os, 1);
    qlt_eq_int(bound.lost, 1);
    group_leave();
    ql_plan_destroy(plan);
}

QLT(bind, survives_a_cpuset_that_shrinks_and_grows_again)
{
    if (has_cpus(2))
        in_child(shrinking);
}

/* ---- What is allowed ---- */

static void masked(void)
{
    if (!with_mask("1"))
        return;
    ql_plan *plan = plan_with(NULL);
    qlt_eq_int(ql_plan_how(plan), QL_MODE_SHARED);
    qlt_eq_int(ql_plan_lane(plan, 0)->pin_pu_os, 1);
    qlt_eq_int(ql_plan_worker(plan, 0)->pin_pu_os, 1);
    qlt_check(warns(plan, "inherited mask has 1 CPU (1) of"));
    ql_plan_destroy(plan);
    plan = plan_with("cpus=allowed");
    qlt_eq_int(ql_plan_how(plan), QL_MODE_DEDICATED);
    ql_plan_destroy(plan);
    ql_affinity_config config = {.size = sizeof config, .flags = QL_IGNORE_ENV, .lane = "0"};
    ql_error error;
    qlt_eq_int(ql_plan_create(&config, &plan, &error), -EACCES);
    qlt_has_str(error.text,
                "lane=0: CPU 0 is allowed by the cpuset but outside the inherited affinity mask 1 "
                "(taskset/isolcpus?); use cpus=allowed to override");
}

QLT(bind, stays_inside_the_inherited_mask)
{
    if (has_cpus(2))
        in_child(masked);
}

static void cpuset(void)
{
    if (!group_enter("cpuset"))
        return;
    group_write("cpuset.cpus", "0");
    ql_plan *plan = plan_with(NULL);
    qlt_eq_int(ql_plan_how(plan), QL_MODE_SHARED);
    ql_plan_destroy(plan);
    ql_affinity_config config = {.size = sizeof config, .flags = QL_IGNORE_ENV, .lane = "1"};
    ql_error error;
    qlt_eq_int(ql_plan_create(&config, &plan, &error), -EACCES);
    qlt_has_str(
        error.text,
        "lane=1: CPU 1 is online but not allowed here (allowed 0, by cgroup cpuset); remove it or widen "
        "the cpuset");
    group_leave();
}

QLT(bind, stays_inside_the_cpuset)
{
    if (has_cpus(2))
        in_child(cpuset);
}

static void quota(void)
{
    if (!group_enter("cpu"))
        return;
    group_write("cpu.cfs_period_us", "100000");
    group_write("cpu.cfs_quota_us", "150000");
    ql_plan *plan = plan_with(NULL);
    qlt_eq_int(ql_plan_how(plan), QL_MODE_SHARED);
    qlt_eq_uint(ql_plan_workers(plan), 1);
    qlt_check(warns(plan, "the quota is 1.5 CPUs"));
    qlt_check(warns(plan, "cpu.cfs_quota_us"));
    ql_plan_destroy(plan);
    plan = plan_with("quota=ignore");
    qlt_eq_int(ql_plan_how(plan), QL_MODE_DEDICATED);
    ql_plan_destroy(plan);
    group_leave();
}

QLT(bind, respects_the_quota_of_its_control_group)
{
    if (has_cpus(2))
        in_child(quota);
}

/* ---- What a running service shows ---- */

static void one_line(void)
{
    char line[256], expected[256], memory[32] = "-";
    ql_plan *plan = plan_with("smt=reserve");
    const ql_slot *slot = ql_plan_worker(plan, 0);
    ql_bound bound = {0};
    qlt_eq_int(ql_slot_bind(plan, slot, &bound), 0);
    if (slot->mem_os >= 0)
        snprintf(memory, sizeof memory, "%d local", slot->mem_os);
    snprintf(expected, sizeof expected,
             "qlane: pid %d tid %d ql-w0    core %d pu %d numa %d mem %s kind perf idle adaptive bound ok",
             getpid(), gettid(), slot->core_logical, slot->pin_pu_os, slot->numa_os, memory);
    qlt_eq_int(ql_slot_line(slot, &bound, "ql-w0", line, sizeof line), strlen(expected));
    qlt_eq_str(line, expected);
    qlt_eq_int(ql_slot_line(slot, &bound, "ql-w0", line, 10),
               strlen(expected)); /* cut, and says how long it is */
    qlt_eq_uint(strlen(line), 9);
    ql_slot lane = *slot;
    lane.pus = "10-11";
    ql_slot_line(&lane, &bound, "ql-lane-q", line, sizeof line);
    qlt_has_str(line, " (reserved 10-11) ");
    ql_plan_destroy(plan);
}

QLT(bind, shows_one_line_for_each_thread)
{
    if (has_cpus(2))
        in_child(one_line);
}

/* ---- Two runtimes in one process ---- */

static qlt_gate gate = QLT_GATE_INIT;

static void *pinned_elsewhere(void *plan)
{
    ql_bound bound = {0};
    prctl(PR_SET_NAME, "ql-lane-other");
    qlt_eq_int(ql_slot_bind(plan, ql_plan_lane(plan, 0), &bound), 0);
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    return NULL;
}

static void second_runtime(void)
{
    pthread_t thread;
    ql_callers *callers;
    ql_plan *first = plan_with("callers=confine");
    qlt_eq_int(ql_callers_confine(first, &callers, NULL), 0);
    qlt_eq_int(pthread_create(&thread, NULL, pinned_elsewhere, first), 0);
    qlt_gate_wait(&gate, 1);
    ql_plan *second = plan_with(NULL);
    for (unsigned w = 0; w < ql_plan_workers(second); w++)
        qlt_check(ql_plan_worker(second, w)->core_logical != ql_plan_lane(first, 0)->core_logical);
    qlt_check(ql_plan_lane(second, 0)->core_logical != ql_plan_lane(first, 0)->core_logical);
    qlt_gate_open(&gate, 2);
    pthread_join(thread, NULL);
    ql_callers_restore(callers);
    ql_plan_destroy(first);
    ql_plan_destroy(second);
}

QLT(bind, keeps_a_second_runtime_off_the_lanes_of_one_that_confines_callers)
{
    if (has_cpus(2))
        in_child(second_runtime);
}

/* ---- Real time ---- */

static void real_time(void)
{
    struct sched_param priority = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &priority) < 0) {
        fprintf(stderr, "skipped: real-time scheduling is not allowed here\n");
        return;
    }
    ql_plan *plan = plan_with("idle=spin");
    ql_slot slot = *ql_plan_lane(plan, 0);
    ql_bound bound = {0};
    qlt_eq_int(ql_slot_bind(plan, &slot, &bound), 0);
    qlt_check(bound.pinned);
    qlt_eq_int(bound.spin_max_ns, 0);
    qlt_has_str(bound.problem, "real-time");
    slot.isolated = true;
    qlt_eq_int(ql_slot_bind(plan, &slot, &bound), 0);
    qlt_check(bound.spin_max_ns == INT64_MAX && !bound.problem);
    ql_plan_destroy(plan);
}

QLT(bind, never_spins_in_real_time_on_a_cpu_that_is_not_isolated)
{
    if (has_cpus(2))
        in_child(real_time);
}

/* ---- Bad input ---- */

QLT(bind, answers_bad_input_with_an_error)
{
    ql_plan *plan = plan_with("bind=off");
    ql_bound bound = {0};
    qlt_eq_int(ql_slot_bind(NULL, ql_plan_worker(plan, 0), &bound), -EINVAL);
    qlt_eq_int(ql_slot_bind(plan, NULL, &bound), -EINVAL);
    qlt_eq_int(ql_slot_bind(plan, ql_plan_worker(plan, 0), NULL), -EINVAL);
    qlt_eq_int(ql_slot_bind_engine(NULL, &bound), -EINVAL);
    qlt_eq_int(ql_slot_line(NULL, &bound, "x", NULL, 0), -EINVAL);
    qlt_eq_int(ql_plan_create(NULL, NULL, NULL), -EINVAL);
    qlt_eq_ptr(ql_plan_worker(plan, 1u << 30), NULL);
    qlt_eq_ptr(ql_plan_worker(NULL, 0), NULL);
    qlt_eq_ptr(ql_plan_lane(plan, 99), NULL);
    qlt_eq_int(ql_plan_lane_named(plan, "nobody"), -1);
    qlt_eq_int(ql_plan_lane_named(plan, NULL), -1);
    qlt_eq_uint(ql_plan_steal_ranges(plan, 1u << 30, NULL, 0), 0);
    ql_plan_destroy(plan);
    ql_plan_destroy(NULL);
    ql_callers_restore(NULL);
    ql_slot_free(NULL, 0);
}
