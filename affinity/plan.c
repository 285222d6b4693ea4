#include "affinity/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"

/* The first, simple policy: the last usable core is the lane's, each other core has one worker. */

static const char *value_of(const char *member, const char *variable, const ql_affinity_config *config)
{
    const char *env = config && config->flags & QL_IGNORE_ENV ? NULL : getenv(variable);
    return env ? env : member;
}

static int first_usable_pu(const ql_plan *plan, unsigned core, unsigned skip)
{
    const qli_core *at = &plan->machine->cores[core];
    int found = -1;
    for (unsigned i = at->first_pu; i < at->first_pu + at->pus; i++)
        if (qli_pu_set_has(&plan->usable, plan->machine->pus[i].os)) {
            found = (int)plan->machine->pus[i].os;
            if (skip-- == 0)
                break;
        }
    return found;
}

static ql_slot slot_on(const ql_plan *plan, unsigned core, unsigned skip, bool dedicated)
{
    int pu = first_usable_pu(plan, core, skip);
    const qli_core *at = &plan->machine->cores[core];
    int node = at->node < 0 ? -1 : (int)plan->machine->nodes[at->node].os;
    return (ql_slot){.pin_pu_os = plan->bind ? pu : -1,
                     .pu_os = pu,
                     .pus = "",
                     .core_logical = (int)core,
                     .package_logical = at->package,
                     .l3_logical = at->l3,
                     .numa_os = node,
                     .mem_os = node,
                     .dedicated = dedicated,
                     .idle = QL_IDLE_ADAPTIVE,
                     .spin_max_ns = dedicated && plan->bind ? 50000 : 0,
                     .round = skip,
                     .why = ""};
}

static int fill(ql_plan *plan, const ql_affinity_config *config, ql_error *error)
{
    const char *workers = value_of(config ? config->workers : NULL, "QLANE_WORKERS", config);
    const char *lane = value_of(config ? config->lane : NULL, "QLANE_LANE", config);
    const char *bind = value_of(config ? config->bind : NULL, "QLANE_BIND", config);
    plan->bind = !bind || strcmp(bind, "off") != 0;
    plan->require = bind && strcmp(bind, "require") == 0;
    unsigned cores = plan->machine->core_count, usable = 0, last = 0;
    unsigned *list = calloc(cores, sizeof *list);
    if (!list)
        return qli_error_set(error, -ENOMEM, "no memory for the plan");
    for (unsigned core = 0; core < cores; core++)
        if (first_usable_pu(plan, core, 0) >= 0)
            list[usable++] = last = core;
    bool off = lane && strcmp(lane, "off") == 0;
    bool shared = usable == 1;
    plan->mode = off ? QL_MODE_OFF : shared ? QL_MODE_SHARED : QL_MODE_DEDICATED;
    plan->lane_count = off ? 0 : 1;
    unsigned places = off || shared ? usable : usable - 1;
    plan->worker_count =
        workers && strcmp(workers, "auto") != 0 ? (unsigned)strtoul(workers, NULL, 10) : places;
    if (usable == 0 || plan->worker_count == 0 || plan->worker_count > 65536) {
        free(list);
        return qli_error_set(error, usable ? -EINVAL : -ENODEV, "workers=%s: not a count",
                             workers ? workers : "auto");
    }
    plan->lanes = calloc(1, sizeof *plan->lanes);
    plan->workers = calloc(plan->worker_count, sizeof *plan->workers);
    if (plan->lanes && plan->workers) {
        plan->lanes[0] = slot_on(plan, last, 0, !shared);
        for (unsigned w = 0; w < plan->worker_count; w++)
            plan->workers[w] = slot_on(plan, list[w % places], shared && !off ? 1 : w / places,
                                       !(shared && !off) && plan->worker_count <= places);
    }
    free(list);
    return plan->lanes && plan->workers ? 0 : qli_error_set(error, -ENOMEM, "no memory for the plan");
}

int ql_plan_create(const ql_affinity_config *config, ql_plan **plan, ql_error *error)
{
    *plan = NULL;
    ql_plan *made = calloc(1, sizeof *made);
    if (!made)
        return qli_error_set(error, -ENOMEM, "no memory for the plan");
    int code = qli_machine_load(QLI_FROM_THIS_SYSTEM, "", &made->machine, error);
    if (code == 0) {
        cpu_set_t mask;
        made->usable = made->machine->allowed;
        if (sched_getaffinity(0, sizeof mask, &mask) == 0)
            for (unsigned pu = 0; pu < QLI_PUS_MAX; pu++)
                if (pu >= CPU_SETSIZE || !CPU_ISSET(pu, &mask))
                    qli_pu_set_remove(&made->usable, pu);
        code = fill(made, config, error);
    }
    if (code < 0) {
        ql_plan_destroy(made);
        return code;
    }
    *plan = made;
    return 0;
}

void ql_plan_destroy(ql_plan *plan)
{
    if (!plan)
        return;
    qli_machine_free(plan->machine);
    free(plan->workers);
    free(plan->lanes);
    free(plan);
}

ql_plan_mode ql_plan_how(const ql_plan *plan)
{
    return plan->mode;
}

bool ql_plan_simulated(const ql_plan *plan)
{
    return plan->machine->simulated;
}

bool ql_plan_confines(const ql_plan *plan)
{
    (void)plan;
    return false;
}

unsigned ql_plan_show_level(const ql_plan *plan)
{
    (void)plan;
    return 0;
}

unsigned ql_plan_workers(const ql_plan *plan)
{
    return plan->worker_count;
}

unsigned ql_plan_lanes(const ql_plan *plan)
{
    return plan->lane_count;
}

const ql_slot *ql_plan_worker(const ql_plan *plan, unsigned worker)
{
    return worker < plan->worker_count ? &plan->workers[worker] : NULL;
}

const ql_slot *ql_plan_lane(const ql_plan *plan, unsigned lane)
{
    return lane < plan->lane_count ? &plan->lanes[lane] : NULL;
}

int ql_plan_lane_named(const ql_plan *plan, const char *name)
{
    (void)plan;
    (void)name;
    return -1;
}

const char *ql_plan_lane_name(const ql_plan *plan, unsigned lane)
{
    (void)plan;
    (void)lane;
    return NULL;
}

const char *ql_plan_warning(const ql_plan *plan, unsigned index)
{
    (void)plan;
    (void)index;
    return NULL;
}

unsigned ql_plan_steal_ranges(const ql_plan *plan, unsigned worker, ql_steal_range *ranges,
                              unsigned ranges_max)
{
    const ql_steal_range all[] = {{worker + 1, plan->worker_count - worker - 1, 0}, {0, worker, 0}};
    unsigned count = 0;
    for (unsigned i = 0; i < 2; i++)
        if (all[i].count) {
            if (count < ranges_max)
                ranges[count] = all[i];
            count++;
        }
    return count;
}

unsigned ql_plan_steal_order(const ql_plan *plan, unsigned worker, unsigned *victims, unsigned victims_max,
                             unsigned *ring_ends, unsigned ring_ends_max, unsigned *rings)
{
    unsigned others = plan->worker_count - 1;
    for (unsigned i = 0; i < others && i < victims_max; i++)
        victims[i] = (worker + 1 + i) % plan->worker_count;
    if (ring_ends_max)
        ring_ends[0] = others;
    if (rings)
        *rings = others ? 1 : 0;
    return others;
}
