#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "affinity/plan.h"
#include "affinity/threads.h"

/* Asked, granted, and where the thread is now are three facts: a mask can be refused (seccomp), granted otherwise, or taken
 * away later (a cpuset that shrinks moves the thread without any error). So the mask is read back after each bind, and the
 * CPU looked at when the thread is awake anyway. */

/* How many checks to let pass before a place that was taken away is asked for again: the call costs about 1 us. */
enum { RETRY_CHECKS = 1024 };

static void read_back(ql_bound *bound)
{
    qli_pu_set granted;
    bound->granted_pu_os = -1;
    bound->granted_pus = 0;
    if (qli_thread_mask(0, &granted) == 0) {
        bound->granted_pus = qli_pu_set_count(&granted);
        if (bound->granted_pus == 1)
            bound->granted_pu_os = qli_pu_set_next(&granted, 0);
    }
    bound->now_pu_os = sched_getcpu();
}

static const char *problem_of(const ql_plan *plan, const ql_bound *bound)
{
    bool require = plan->request.bind == QLI_BIND_REQUIRE;
    if (bound->simulated)
        return require ? "not pinned: the machine is simulated [bind=require]"
                       : "not pinned: the machine is simulated; running unpinned [bind=warn]";
    switch (bound->code) {
    case -EPERM:
        return require ? "not pinned: sched_setaffinity: EPERM (seccomp?) [bind=require]"
                       : "not pinned: sched_setaffinity: EPERM (seccomp?); running unpinned [bind=warn]";
    case -ENOSYS:
        return require ? "not pinned: sched_setaffinity: ENOSYS (seccomp?) [bind=require]"
                       : "not pinned: sched_setaffinity: ENOSYS (seccomp?); running unpinned [bind=warn]";
    case -EINVAL:
        return require ? "not pinned: its CPU is gone (offline, or the cpuset shrank) [bind=require]"
                       : "not pinned: its CPU is gone (offline, or the cpuset shrank); running unpinned "
                         "[bind=warn]";
    case 0:
        return require ? "not pinned: the kernel granted other CPUs than the one asked for [bind=require]"
                       : "not pinned: the kernel granted other CPUs than the one asked for [bind=warn]";
    default:
        return require ? "not pinned: sched_setaffinity failed [bind=require]"
                       : "not pinned: sched_setaffinity failed; running unpinned [bind=warn]";
    }
}

/* A real-time thread that spins on a CPU it does not have to itself starves the kernel's own threads there. */
static bool may_spin(const ql_slot *slot)
{
    int policy = sched_getscheduler(0);
    return slot->isolated || (policy != SCHED_FIFO && policy != SCHED_RR);
}

static int refusal(const ql_bound *bound)
{
    if (bound->simulated)
        return -ENOTSUP;
    return bound->code ? bound->code : -EXDEV;
}

int ql_slot_bind(const ql_plan *plan, const ql_slot *slot, ql_bound *bound)
{
    if (!plan || !slot || !bound)
        return -EINVAL;
    const ql_bound before = *bound;
    *bound = (ql_bound){
        .asked_pu_os = slot->pin_pu_os, .simulated = plan->machine->simulated, .lost = before.lost};
    bool asked = slot->pin_pu_os >= 0;
    if (asked && !bound->simulated) {
        qli_pu_set one;
        qli_pu_set_clear(&one);
        qli_pu_set_add(&one, (unsigned)slot->pin_pu_os);
        bound->code = qli_thread_set_mask(0, &one);
    }
    read_back(bound);
    bound->pinned = asked && !bound->simulated && bound->granted_pu_os == slot->pin_pu_os;
    bound->spin_max_ns = bound->pinned ? slot->spin_max_ns : 0;
    if (asked && !bound->pinned) {
        bound->problem = problem_of(plan, bound);
    } else if (bound->pinned && bound->lost > before.reported) {
        bound->problem =
            "had been moved off its CPU (the cpuset shrank, or someone set its mask); pinned again";
    } else if (bound->spin_max_ns > 0 && !may_spin(slot)) {
        bound->spin_max_ns = 0;
        bound->problem = "is real-time on a CPU that is not isolated: it does not spin";
    }
    bound->reported = bound->lost;
    bound->news = bound->problem != before.problem || bound->lost > before.reported;
    return bound->pinned || plan->request.bind != QLI_BIND_REQUIRE ? 0 : refusal(bound);
}

bool ql_slot_lost(const ql_slot *slot, ql_bound *bound)
{
    if (bound->pinned) {
        if (sched_getcpu() == slot->pin_pu_os)
            return false;
        bound->pinned = false;
        bound->lost++;
        return true;
    }
    /* What was refused stays refused; what went away may come back. */
    bool gone = bound->asked_pu_os >= 0 && !bound->simulated && (bound->code == -EINVAL || bound->code == 0);
    return gone && ++bound->checks % RETRY_CHECKS == 0;
}

int ql_slot_bind_engine(const ql_plan *plan, ql_bound *bound)
{
    ql_bound unused;
    if (!plan)
        return -EINVAL;
    if (!bound)
        bound = &unused;
    *bound = (ql_bound){.asked_pu_os = -1, .simulated = plan->machine->simulated};
    if (plan->request.bind != QLI_BIND_OFF && !bound->simulated) {
        qli_pu_set all = plan->usable;
        for (unsigned i = 0; i < plan->lane_count; i++)
            qli_pu_set_or(&all, &plan->places[i].pus);
        bound->code = qli_thread_set_mask(0, &all);
        if (bound->code)
            bound->problem = problem_of(plan, bound);
    }
    read_back(bound);
    return plan->request.bind == QLI_BIND_REQUIRE ? bound->code : 0;
}

static void print_bound(const ql_slot *slot, const ql_bound *bound, char *text, size_t text_size)
{
    if (slot->pin_pu_os < 0)
        snprintf(text, text_size, "bound off");
    else if (bound->simulated)
        snprintf(text, text_size, "bound simulated");
    else if (!bound->pinned)
        snprintf(text, text_size, "bound NO%s%s, now on pu %d, may use %u", bound->code ? " " : "",
                 bound->code ? strerrorname_np(-bound->code) : "", bound->now_pu_os, bound->granted_pus);
    else if (bound->lost)
        snprintf(text, text_size, "bound ok, lost %u times", bound->lost);
    else
        snprintf(text, text_size, "bound ok");
}

int ql_slot_line(const ql_slot *slot, const ql_bound *bound, const char *name, char *line, size_t line_size)
{
    static const char *const idles[] = {"adaptive", "spin", "block"};
    char reserved[64] = "", numa[16] = "-", memory[32] = "-", state[96];
    if (!slot || !bound || !name || (!line && line_size))
        return -EINVAL;
    if (strspn(slot->pus, "0123456789") != strlen(slot->pus))
        snprintf(reserved, sizeof reserved, " (reserved %s)", slot->pus);
    if (slot->numa_os >= 0)
        snprintf(numa, sizeof numa, "%d", slot->numa_os);
    if (slot->mem_os >= 0)
        snprintf(memory, sizeof memory, "%d %s", slot->mem_os, slot->mem_remote ? "remote" : "local");
    print_bound(slot, bound, state, sizeof state);
    return snprintf(line, line_size,
                    "qlane: pid %d tid %d %-8s core %d pu %d%s numa %s mem %s kind %s idle %s %s", getpid(),
                    gettid(), name, slot->core_logical, slot->pu_os, reserved, numa, memory,
                    slot->kind == QL_KIND_PERF ? "perf" : "eff", idles[slot->idle], state);
}
