#include <errno.h>
#include <stdlib.h>

#include "affinity/error.h"
#include "affinity/plan.h"

/* Workers get what the lanes left: one on the first PU of each core, unless more were asked for. */

/* One core that may run workers. */
struct place {
    unsigned core, pus, count;
};

struct crew {
    ql_plan *plan;
    ql_error *error;
    qli_pu_set from; /* the PUs workers may be pinned to */
    struct place
        *places; /* in the order in which they are filled: the best class first, lanes' siblings last */
    unsigned place_count, pus;
};

/* The one core is the lane's too: its siblings are for workers, or else the very PU of the lane. */
static void share_lane_core(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    qli_lane *lane = &plan->places[0];
    qli_pu_set_clear(&lane->pus);
    qli_pu_set_add(&lane->pus, lane->pin_os);
    qli_plan_core_pus(plan, lane->core, &plan->usable, &crew->from);
    qli_pu_set_and(&crew->from, &plan->workers_from);
    if (qli_pu_set_empty(&crew->from) || qli_pu_set_count(&crew->from) > 1)
        qli_pu_set_remove(&crew->from, lane->pin_os);
    if (qli_pu_set_empty(&crew->from))
        crew->from = lane->pus;
}

/* Takes the lanes' PUs out of what was asked for. */
static int leave_lanes(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    const qli_value *workers = &plan->request.values[QLI_WORKERS];
    qli_pu_set lost;
    qli_pu_set_clear(&lost);
    for (unsigned i = 0; i < plan->lane_count; i++) {
        const qli_lane *lane = &plan->places[i];
        qli_pu_set both = crew->from;
        qli_pu_set_and(&both, &lane->pus);
        qli_pu_set_minus(&crew->from, &lane->pus);
        qli_pu_set_and(&both, &plan->workers_listed);
        if (!qli_pu_set_empty(&both) && lane->how == QLI_LANE_SET)
            return qli_value_refuse(
                workers, 0, -EINVAL, crew->error, "CPU %d is on core %u, which %s=%s takes; leave it out",
                qli_pu_set_next(&both, 0), lane->core, lane->asked->key, lane->asked->text);
        qli_pu_set_or(&lost, &both);
    }
    if (qli_pu_set_empty(&lost))
        return 0;
    const char *list = qli_plan_list(plan, &lost);
    return list ? qli_plan_warn(plan, "workers=%s: CPU %s is reserved for a lane and left out", workers->text,
                                list)
                : -ENOMEM;
}

/* Isolated PUs are for lanes, unless they were named, or there are no others. */
static int leave_isolated(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    qli_pu_set avoid = plan->isolated, rest = crew->from;
    qli_pu_set_minus(&avoid, &plan->listed);
    qli_pu_set_minus(&avoid, &plan->workers_listed);
    qli_pu_set_minus(&rest, &avoid);
    if (!qli_pu_set_empty(&rest)) {
        crew->from = rest;
        return 0;
    }
    return qli_pu_set_meets(&crew->from, &avoid)
               ? qli_plan_warn(plan, "note: workers run on isolated CPUs, for there are no others here")
               : 0;
}

static int choose_from(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    crew->from = plan->workers_from;
    bool alone = plan->lane_count && (plan->request.workers == QLI_WORKERS_AUTO || plan->lane_count == 1);
    qli_pu_set rest = plan->usable;
    for (unsigned i = 0; i < plan->lane_count; i++)
        qli_pu_set_minus(&rest, &plan->places[i].pus);
    if (plan->mode == QL_MODE_SHARED && alone &&
        (plan->request.workers == QLI_WORKERS_AUTO || qli_plan_cores_in(plan, &rest) == 0)) {
        share_lane_core(crew);
        return 0;
    }
    int code = leave_lanes(crew);
    return code < 0 ? code : leave_isolated(crew);
}

/* ---- Cores ---- */

static int refuse_empty(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    if (qli_request_given(&plan->request, QLI_WORKER_KIND))
        return qli_value_refuse(&plan->request.values[QLI_WORKER_KIND], 0, -ENOENT, crew->error,
                                "no such core is left for workers (%s)", plan->classes_why);
    return qli_value_refuse(&plan->request.values[QLI_WORKERS], 0, -ENODEV, crew->error,
                            "the lanes leave no core of it; add cores, or ask for fewer lanes");
}

static int list_places(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    crew->places = calloc(plan->machine->core_count, sizeof *crew->places);
    if (!crew->places)
        return -ENOMEM;
    enum { PERF, EFF, LANE_SIBLINGS, PASSES };
    for (unsigned pass = PERF; pass < PASSES; pass++)
        for (unsigned core = 0; core < plan->machine->core_count; core++) {
            bool perf = qli_plan_core_perf(plan, core), lane = plan->core_use[core] == QLI_CORE_LANE;
            unsigned count = qli_core_count(plan->machine, core, &crew->from);
            if (count == 0 || plan->request.worker_kind == (perf ? QLI_KINDS_EFF : QLI_KINDS_PERF) ||
                pass != (lane   ? LANE_SIBLINGS
                         : perf ? PERF
                                : EFF))
                continue;
            crew->places[crew->place_count++] = (struct place){.core = core, .pus = count};
            crew->pus += count;
        }
    return crew->place_count ? 0 : refuse_empty(crew);
}

/* ---- Counts ---- */

static unsigned capacity(const struct crew *crew)
{
    unsigned threads = crew->plan->request.threads_per_core;
    return threads ? threads * crew->place_count : crew->pus;
}

static unsigned full(const struct crew *crew, const struct place *place)
{
    unsigned threads = crew->plan->request.threads_per_core;
    return threads ? threads : place->pus;
}

/* One each, then a second each, and so on; without an upper end when the count was given alone. */
static void deal(struct crew *crew, unsigned count, bool bounded)
{
    while (count)
        for (unsigned i = 0; i < crew->place_count && count; i++)
            if (!bounded || crew->places[i].count < full(crew, &crew->places[i])) {
                crew->places[i].count++;
                count--;
            }
}

/* Rounded down: a spinning thread turns the rest of a CPU into throttling. */
static unsigned under_quota(const ql_plan *plan, uint64_t quota_milli, unsigned count)
{
    uint64_t cpus = quota_milli / 1000;
    uint64_t most = cpus > plan->lane_count ? cpus - plan->lane_count : 1;
    return count < most ? count : (unsigned)most;
}

unsigned ql_plan_workers_now(const ql_plan *plan)
{
    qli_limits limits = {.quota_milli = 0};
    if (!plan)
        return 0;
    if (!plan->request.quota_ignore)
        qli_limits_read("", 0, &limits);
    return limits.quota_milli ? under_quota(plan, limits.quota_milli, plan->worker_count)
                              : plan->worker_count;
}

static int deal_auto(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    unsigned count = capacity(crew);
    if (plan->mode == QL_MODE_SHARED && plan->request.workers == QLI_WORKERS_AUTO)
        count = 1;
    if (plan->quota_milli && plan->request.workers == QLI_WORKERS_AUTO) {
        count = under_quota(plan, plan->quota_milli, count);
    }
    deal(crew, count, true);
    return 0;
}

static int deal_count(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    unsigned count = plan->request.worker_count;
    bool bounded = qli_request_given(&plan->request, QLI_THREADS_PER_CORE);
    const char *asked = plan->request.values[QLI_WORKERS].text;
    unsigned cores = crew->place_count ? crew->place_count : 1; /* there is one: list_places() saw to it */
    if (bounded && count > capacity(crew))
        return qli_error_set(
            crew->error, -ENODEV,
            "workers=%s;threads_per_core=%s: only %u core%s remain%s; ask for threads_per_core=%u", asked,
            plan->request.values[QLI_THREADS_PER_CORE].text, crew->place_count,
            crew->place_count == 1 ? "" : "s", crew->place_count == 1 ? "s" : "", (count - 1) / cores + 1);
    deal(crew, count, bounded);
    if (!bounded && count > crew->place_count)
        return qli_plan_warn(plan,
                             "workers=%s: only %u core%s for them: threads share cores, and no worker spins",
                             asked, crew->place_count, crew->place_count == 1 ? "" : "s");
    return 0;
}

/* ---- Slots ---- */

/* The PU of the nth worker on a core. */
static unsigned pu_of(const struct crew *crew, const struct place *place, unsigned nth)
{
    const qli_machine *machine = crew->plan->machine;
    unsigned pu = machine->cores[place->core].first_pu, skip = nth % place->pus;
    for (;; pu++)
        if (qli_pu_set_has(&crew->from, machine->pus[pu].os) && skip-- == 0)
            return machine->pus[pu].os;
}

static int make_workers(struct crew *crew)
{
    ql_plan *plan = crew->plan;
    unsigned cores = plan->machine->core_count;
    plan->workers_before = calloc(cores + 1, sizeof *plan->workers_before);
    if (!plan->workers_before)
        return -ENOMEM;
    for (unsigned i = 0; i < crew->place_count; i++)
        plan->workers_before[crew->places[i].core + 1] = crew->places[i].count;
    for (unsigned core = 0; core < cores; core++)
        plan->workers_before[core + 1] += plan->workers_before[core];
    plan->worker_count = plan->workers_before[cores];
    plan->workers = calloc(plan->worker_count, sizeof *plan->workers);
    if (!plan->workers)
        return -ENOMEM;
    for (unsigned i = 0; i < crew->place_count; i++) {
        const struct place *place = &crew->places[i];
        unsigned char *use = &plan->core_use[place->core];
        for (unsigned n = 0; n < place->count; n++)
            plan->workers[plan->workers_before[place->core] + n] = (ql_slot){
                .pu_os = (int)pu_of(crew, place, n),
                .core_logical = (int)place->core,
                .dedicated = place->count == 1 && *use != QLI_CORE_LANE,
                .round = n,
            };
        if (place->count && *use == QLI_CORE_UNUSED)
            *use = QLI_CORE_WORKERS;
    }
    return 0;
}

int qli_plan_workers(ql_plan *plan, ql_error *error)
{
    struct crew crew = {.plan = plan, .error = error};
    int code = choose_from(&crew);
    if (code == 0)
        code = list_places(&crew);
    if (code == 0)
        code = plan->request.workers == QLI_WORKERS_AUTO || plan->request.workers == QLI_WORKERS_SET
                   ? deal_auto(&crew)
                   : deal_count(&crew);
    if (code == 0)
        code = make_workers(&crew);
    free(crew.places);
    return code == -ENOMEM ? qli_error_set(error, -ENOMEM, "no memory for the plan") : code;
}
