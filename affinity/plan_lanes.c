#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "affinity/plan.h"
#include "affinity/sets.h"

/* Lanes first: each gets one core, those that were asked for by name before those that take what is best. */

/* ---- The best core ---- */

/* What makes a core better than another, most important first (P2 > P3 > P4, then the canonical choice). */
enum {
    AVOIDS_WORKERS,
    PERF,
    ISOLATED,
    WHOLE,
    HAS_MEMORY,
    NOT_FIRST,
    NODE_CORES,
    NODE_ORDER,
    L3_BYTES,
    LOGICAL,
    MERITS
};

struct merit {
    uint64_t by[MERITS];
};

static bool better(const struct merit *a, const struct merit *b)
{
    for (unsigned i = 0; i < MERITS; i++)
        if (a->by[i] != b->by[i])
            return a->by[i] > b->by[i];
    return false;
}

/* What the choice looks at, gathered once for all lanes. */
struct choice {
    ql_plan *plan;
    ql_error *error;
    unsigned *node_cores;   /* cores of A on each node */
    unsigned first_core;    /* of the lowest PU of A: interrupts and the main thread are likely there */
    qli_pu_set ours, quiet; /* what a core must consist of to be whole; what is isolated: for one choice */
    unsigned char *taken;   /* per core */
    unsigned left;          /* cores of A not taken */
};

static void merit_of(const struct choice *choice, unsigned core, struct merit *merit)
{
    const ql_plan *plan = choice->plan;
    const qli_machine *machine = plan->machine;
    const qli_core *at = &machine->cores[core];
    bool ours = qli_core_count(machine, core, &plan->usable) > 0;
    bool perf = qli_core_count(machine, core, ours ? &plan->perf : &plan->machine_perf) > 0;
    *merit = (struct merit){{
        [AVOIDS_WORKERS] = qli_core_count(machine, core, &plan->workers_listed) == 0,
        [PERF] =
            plan->request.lane_kind == QLI_KINDS_ALL || perf == (plan->request.lane_kind == QLI_KINDS_PERF),
        [ISOLATED] = qli_core_count(machine, core, &choice->quiet) > 0,
        [WHOLE] = qli_core_count(machine, core, &choice->ours) == at->pus,
        [HAS_MEMORY] = at->node >= 0 && plan->memory[at->node].node >= 0 && !plan->memory[at->node].remote,
        [NOT_FIRST] = core != choice->first_core,
        [NODE_CORES] = at->node >= 0 ? choice->node_cores[at->node] : 0,
        [NODE_ORDER] = at->node >= 0 ? UINT32_MAX - (uint64_t)at->node : 0,
        [L3_BYTES] = at->l3_bytes,
        [LOGICAL] = core,
    }};
}

/* The best free core with a PU in `from`; false when there is none. */
static bool best_core(struct choice *choice, const qli_pu_set *from, unsigned *core, struct merit *merit)
{
    bool found = false;
    choice->ours = choice->plan->usable;
    qli_pu_set_or(&choice->ours, from);
    choice->quiet = choice->plan->isolated;
    qli_pu_set_and(&choice->quiet, from);
    for (unsigned at = 0; at < choice->plan->machine->core_count; at++) {
        struct merit one;
        if (choice->taken[at] || qli_core_count(choice->plan->machine, at, from) == 0)
            continue;
        merit_of(choice, at, &one);
        if (!found || better(&one, merit)) {
            *merit = one;
            *core = at;
            found = true;
        }
    }
    return found;
}

/* ---- Placing ---- */

static const char *label_of(const qli_lane *lane)
{
    return lane->name ? lane->asked->key : "lane";
}

/* The lane gets the core: pinned to the first of `on`, with the siblings that are ours. */
static void take(struct choice *choice, qli_lane *lane, unsigned core, const qli_pu_set *on)
{
    ql_plan *plan = choice->plan;
    qli_pu_set pus, quiet;
    qli_plan_core_pus(plan, core, on, &pus);
    quiet = pus;
    qli_pu_set_and(&quiet, &plan->isolated);
    lane->placed = true;
    lane->core = core;
    lane->pin_os = (unsigned)qli_pu_set_next(qli_pu_set_empty(&quiet) ? &pus : &quiet, 0);
    if (plan->request.lend) {
        if (lane->how == QLI_LANE_SET)
            lane->pus = pus;
        else
            qli_pu_set_add(&lane->pus, lane->pin_os);
    } else {
        qli_plan_core_pus(plan, core, &plan->usable, &lane->pus);
        qli_pu_set_or(&lane->pus, &pus);
    }
    choice->taken[core] = 1;
    qli_plan_core_pus(plan, core, &plan->usable, &pus);
    choice->left -= !qli_pu_set_empty(&pus);
}

static int place_set(struct choice *choice, qli_lane *lane)
{
    ql_plan *plan = choice->plan;
    qli_scope scope;
    qli_plan_scope(plan, &scope);
    qli_pu_set set;
    int code = qli_set_read(&scope, lane->asked, 0, &set, NULL, choice->error);
    if (code < 0)
        return code;
    char names[96] = "";
    unsigned count = 0, core = 0;
    for (unsigned at = 0; at < plan->machine->core_count; at++) {
        if (qli_core_count(plan->machine, at, &set) == 0)
            continue;
        size_t length = strlen(names);
        if (count < 4)
            snprintf(names + length, sizeof names - length, "%score:%u", count ? ", " : "", at);
        else if (count == 4)
            snprintf(names + length, sizeof names - length, ", ...");
        core = at;
        count++;
    }
    if (count > 1)
        return qli_value_refuse(lane->asked, 0, -EINVAL, choice->error,
                                "names %u cores (%s); a lane is one core", count, names);
    if (choice->taken[core])
        return qli_value_refuse(lane->asked, 0, -EINVAL, choice->error,
                                "core:%u is another lane's already; name another core", core);
    take(choice, lane, core, &set);
    return 0;
}

static int place_isolated(struct choice *choice, qli_lane *lane)
{
    struct merit merit;
    unsigned core;
    if (!best_core(choice, &choice->plan->isolated, &core, &merit))
        return qli_value_refuse(lane->asked, 0, -ENOENT, choice->error,
                                "no isolated CPU is allowed here and free (isolcpus=, cpuset partition)");
    take(choice, lane, core, &choice->plan->isolated);
    return 0;
}

static int refuse_count(ql_plan *plan, ql_error *error)
{
    unsigned cores = qli_plan_cores_in(plan, &plan->usable);
    const qli_value *lanes = &plan->request.values[QLI_LANES];
    const char *are = cores == 1 ? " is" : "s are";
    if (qli_request_given(&plan->request, QLI_LANES))
        return qli_value_refuse(lanes, 0, -ENODEV, error,
                                "only %u core%s usable, and workers need one of them; ask for fewer lanes",
                                cores, are);
    return qli_error_set(
        error, -ENODEV,
        "%u lanes have places of their own, but only %u core%s usable, and workers need one of them",
        plan->lane_count, cores, are);
}

static int place_auto(struct choice *choice, qli_lane *lane)
{
    ql_plan *plan = choice->plan;
    struct merit merit;
    unsigned core;
    if (!best_core(choice, &plan->usable, &core, &merit))
        return refuse_count(plan, choice->error);
    bool asked_kind = qli_request_given(&plan->request, QLI_LANE_KIND);
    if (!merit.by[PERF] && asked_kind)
        return qli_value_refuse(&plan->request.values[QLI_LANE_KIND], 0, -ENOENT, choice->error,
                                "no such core is %s (%s)",
                                plan->lane_count > 1 ? "left for every lane" : "usable", plan->classes_why);
    take(choice, lane, core, &plan->usable);
    if (!merit.by[PERF] &&
        qli_plan_warn(plan, "%s is on core %u, an efficiency core: no performance core is left for it",
                      label_of(lane), core) < 0)
        return -ENOMEM;
    return 0;
}

/* Explicit wishes first, so that no other lane takes what they name. */
static int place_all(struct choice *choice)
{
    static int (*const place[])(struct choice *, qli_lane *) = {
        [QLI_LANE_SET] = place_set, [QLI_LANE_ISOLATED] = place_isolated, [QLI_LANE_AUTO] = place_auto};
    static const qli_lane_how order[] = {QLI_LANE_SET, QLI_LANE_ISOLATED, QLI_LANE_AUTO};
    for (unsigned turn = 0; turn < sizeof order / sizeof order[0]; turn++)
        for (unsigned i = 0; i < choice->plan->lane_count; i++) {
            qli_lane *lane = &choice->plan->places[i];
            if (lane->how != order[turn])
                continue;
            int code = place[order[turn]](choice, lane);
            if (code < 0)
                return code;
        }
    return 0;
}

/* ---- Warnings and reasons ---- */

static int warn_of_neighbours(ql_plan *plan, const qli_lane *lane)
{
    qli_pu_set foreign;
    qli_core_pus(plan->machine, lane->core, &foreign);
    qli_pu_set_minus(&foreign, &plan->usable);
    qli_pu_set_minus(&foreign, &lane->pus);
    if (qli_pu_set_empty(&foreign))
        return 0;
    const char *list = qli_plan_list(plan, &foreign);
    qli_pu_set disallowed = foreign;
    qli_pu_set_minus(&disallowed, &plan->wide);
    return list ? qli_plan_warn(
                      plan,
                      "%s is on core %u, whose other CPU %s is not ours (%s): what runs there slows it down",
                      label_of(lane), lane->core, list,
                      qli_pu_set_empty(&disallowed) ? "outside the inherited mask or cpus="
                                                    : "not allowed here")
                : -ENOMEM;
}

/* ---- Counting ---- */

static int make_places(ql_plan *plan, ql_error *error)
{
    qli_request *request = &plan->request;
    unsigned own = request->lane == QLI_LANE_SET || request->lane == QLI_LANE_ISOLATED;
    /* The default of one lane is met by a named one. */
    unsigned wanted =
        qli_request_given(request, QLI_LANES) || request->named_count + own == 0 ? request->lanes : 0;
    unsigned total = wanted > request->named_count + own ? wanted : request->named_count + own;
    if (request->lane == QLI_LANE_OFF) {
        plan->mode = QL_MODE_OFF;
        if ((request->named_count || qli_request_given(request, QLI_LANES)) &&
            qli_plan_warn(
                plan, "lane=off: no core is reserved for any lane, whatever lanes= and lane.NAME= say") < 0)
            return -ENOMEM;
        return 0;
    }
    plan->lane_count = total;
    if (total > plan->machine->core_count)
        return refuse_count(plan, error);
    plan->places = calloc(total, sizeof *plan->places);
    if (!plan->places)
        return qli_error_set(error, -ENOMEM, "no memory for the plan");
    for (unsigned i = 0; i < total; i++) {
        qli_lane *lane = &plan->places[i];
        unsigned unnamed = total - request->named_count;
        if (i >= unnamed) {
            qli_named_lane *named = &request->named[i - unnamed];
            *lane = (qli_lane){.asked = &named->cores, .name = named->name, .how = named->how};
        } else if (i == 0 && own) {
            *lane = (qli_lane){.asked = &request->values[QLI_LANE], .how = request->lane};
        }
    }
    return 0;
}

static int place_lanes(struct choice *choice)
{
    ql_plan *plan = choice->plan;
    for (unsigned core = 0; core < plan->machine->core_count; core++) {
        int node = plan->machine->cores[core].node;
        if (node >= 0)
            choice->node_cores[node] += qli_core_count(plan->machine, core, &plan->usable) > 0;
    }
    int first_pu = qli_machine_pu(plan->machine, (unsigned)qli_pu_set_next(&plan->usable, 0));
    choice->first_core = plan->machine->pus[first_pu].core;
    choice->left = qli_plan_cores_in(plan, &plan->usable);
    int code = place_all(choice);
    if (code < 0)
        return code;
    if (choice->left == 0 && plan->lane_count > 1)
        return refuse_count(plan, choice->error);
    plan->mode = choice->left == 0 || qli_plan_starved(plan) ? QL_MODE_SHARED : QL_MODE_DEDICATED;
    for (unsigned i = 0; i < plan->lane_count; i++) {
        plan->core_use[plan->places[i].core] = QLI_CORE_LANE;
        code = code < 0 ? code : warn_of_neighbours(plan, &plan->places[i]);
    }
    return code < 0 ? qli_error_set(choice->error, -ENOMEM, "no memory for the plan") : 0;
}

int qli_plan_lanes(ql_plan *plan, ql_error *error)
{
    plan->core_use = calloc(plan->machine->core_count, 1);
    if (!plan->core_use)
        return qli_error_set(error, -ENOMEM, "no memory for the plan");
    int code = make_places(plan, error);
    if (code < 0 || plan->lane_count == 0)
        return code;
    struct choice choice = {.plan = plan, .error = error};
    choice.taken = calloc(plan->machine->core_count, 1);
    choice.node_cores = calloc(plan->machine->node_count + 1, sizeof *choice.node_cores);
    code = choice.taken && choice.node_cores ? place_lanes(&choice)
                                             : qli_error_set(error, -ENOMEM, "no memory for the plan");
    free(choice.taken);
    free(choice.node_cores);
    return code;
}
