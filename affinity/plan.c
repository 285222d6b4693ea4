#include "affinity/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/classes.h"
#include "affinity/error.h"
#include "affinity/sets.h"

/* ---- Texts ---- */

static const char *keep(ql_plan *plan, const char *text, size_t length)
{
    qli_text *kept = malloc(sizeof *kept + length + 1);
    if (!kept)
        return NULL;
    memcpy(kept->text, text, length);
    kept->text[length] = '\0';
    kept->next = plan->texts;
    plan->texts = kept;
    return kept->text;
}

const char *qli_plan_text(ql_plan *plan, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    return keep(plan, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

const char *qli_plan_list(ql_plan *plan, const qli_pu_set *set)
{
    char text[256];
    size_t length = (size_t)qli_pu_set_print(set, text, sizeof text);
    if (length < sizeof text)
        return keep(plan, text, length);
    char *all = malloc(length + 1);
    if (!all)
        return NULL;
    qli_pu_set_print(set, all, length + 1);
    const char *kept = keep(plan, all, length);
    free(all);
    return kept;
}

int qli_plan_warn(ql_plan *plan, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *kept = keep(plan, text, strlen(text));
    const char **grown = realloc(plan->warnings, (plan->warning_count + 1) * sizeof *grown);
    if (grown)
        plan->warnings = grown;
    if (!kept || !grown)
        return -ENOMEM;
    plan->warnings[plan->warning_count++] = kept;
    return 0;
}

/* ---- Cores ---- */

bool qli_plan_starved(const ql_plan *plan)
{
    return plan->quota_milli && plan->quota_milli < 2000;
}

void qli_plan_core_pus(const ql_plan *plan, unsigned core, const qli_pu_set *of, qli_pu_set *pus)
{
    qli_core_pus(plan->machine, core, pus);
    qli_pu_set_and(pus, of);
}

unsigned qli_plan_cores_in(const ql_plan *plan, const qli_pu_set *set)
{
    unsigned count = 0;
    for (unsigned core = 0; core < plan->machine->core_count; core++)
        count += qli_core_count(plan->machine, core, set) > 0;
    return count;
}

bool qli_plan_core_perf(const ql_plan *plan, unsigned core)
{
    return qli_core_count(plan->machine, core, &plan->perf) > 0;
}

/* ---- What may be used ---- */

static int warn_of_mask(ql_plan *plan)
{
    qli_pu_set mask = plan->wide;
    qli_pu_set_and(&mask, &plan->limits.inherited);
    unsigned allowed = qli_pu_set_count(&plan->wide);
    if (qli_pu_set_count(&mask) == 1 && allowed > 1 && qli_pu_set_count(&plan->usable) == 1)
        return qli_plan_warn(
            plan,
            "note: inherited mask has 1 CPU (%d) of %u allowed; set cpus=allowed if the launcher bound you "
            "by accident%s",
            qli_pu_set_next(&mask, 0), allowed, plan->limits.omp_binds ? " (OMP_PROC_BIND is set)" : "");
    qli_pu_set outside = plan->isolated;
    qli_pu_set_minus(&outside, &plan->limits.inherited);
    if (qli_pu_set_empty(&outside) || plan->request.lane == QLI_LANE_ISOLATED ||
        plan->request.lane == QLI_LANE_OFF)
        return 0;
    const char *list = qli_plan_list(plan, &outside);
    return list ? qli_plan_warn(
                      plan,
                      "note: CPUs %s are isolated and allowed but outside the inherited mask; lane=isolated "
                      "would use one of them",
                      list)
                : -ENOMEM;
}

int qli_plan_usable(ql_plan *plan, ql_error *error)
{
    const qli_machine *machine = plan->machine;
    const qli_value *cpus = &plan->request.values[QLI_CPUS];
    plan->wide = machine->allowed;
    plan->isolated = plan->limits.isolated;
    qli_pu_set_and(&plan->isolated, &plan->wide);
    plan->quota_milli = plan->request.quota_ignore ? 0 : plan->limits.quota_milli;

    qli_scope scope = {.machine = machine, .limits = &plan->limits, .usable = plan->wide, .wide = plan->wide};
    scope.isolated = plan->isolated;
    qli_pu_set_and(&scope.usable, &plan->limits.inherited);
    qli_classes(machine, &plan->limits, &plan->wide, &scope.perf, &scope.eff);
    int code = qli_set_read(&scope, cpus, 0, &plan->usable, &plan->listed, error);
    if (code < 0)
        return code;
    plan->classes_why = qli_classes(machine, &plan->limits, &plan->usable, &plan->perf, &plan->eff);
    qli_pu_set others;
    qli_classes(machine, &plan->limits, &machine->online, &plan->machine_perf, &others);
    return warn_of_mask(plan) < 0 || qli_plan_memory(plan) < 0
               ? qli_error_set(error, -ENOMEM, "no memory for the plan")
               : 0;
}

static int read_workers_set(ql_plan *plan, ql_error *error)
{
    plan->workers_from = plan->usable;
    if (plan->request.workers != QLI_WORKERS_SET && plan->request.workers != QLI_WORKERS_COUNT_IN_SET)
        return 0;
    qli_scope scope;
    qli_plan_scope(plan, &scope);
    return qli_set_read(&scope, &plan->request.values[QLI_WORKERS], plan->request.workers_set_at,
                        &plan->workers_from, &plan->workers_listed, error);
}

void qli_plan_scope(const ql_plan *plan, qli_scope *scope)
{
    *scope = (qli_scope){.machine = plan->machine,
                         .limits = &plan->limits,
                         .usable = plan->usable,
                         .wide = plan->usable,
                         .isolated = plan->isolated,
                         .perf = plan->perf,
                         .eff = plan->eff,
                         .cpus = &plan->request.values[QLI_CPUS]};
}

/* ---- Making ---- */

static int make(ql_plan *plan, ql_error *error)
{
    int code = qli_plan_usable(plan, error);
    if (code == 0)
        code = read_workers_set(plan, error);
    if (code == 0)
        code = qli_plan_lanes(plan, error);
    if (code == 0)
        code = qli_plan_workers(plan, error);
    return code < 0 ? code : qli_plan_slots(plan, error);
}

int qli_plan_make(qli_machine *machine, const qli_limits *limits, qli_request *request, ql_plan **plan,
                  ql_error *error)
{
    *plan = NULL;
    ql_plan *made = calloc(1, sizeof *made);
    if (!made) {
        qli_machine_free(machine);
        qli_request_fini(request);
        return qli_error_set(error, -ENOMEM, "no memory for the plan");
    }
    made->machine = machine;
    made->limits = *limits;
    made->request = *request;
    memset(request, 0, sizeof *request);
    int code = make(made, error);
    if (code < 0) {
        ql_plan_destroy(made);
        return code;
    }
    *plan = made;
    return 0;
}

int ql_plan_create(const ql_affinity_config *config, ql_plan **plan, ql_error *error)
{
    if (!plan)
        return qli_error_set(error, -EINVAL, "ql_plan_create: plan is NULL");
    *plan = NULL;
    qli_request request;
    qli_machine *machine;
    qli_limits limits;
    int code = qli_request_read(config, environ, NULL, &request, error);
    if (code < 0)
        return code;
    code = qli_machine_load(QLI_FROM_THIS_SYSTEM, "", &machine, error);
    if (code < 0) {
        qli_request_fini(&request);
        return code;
    }
    qli_limits_of(machine, "", 0, &limits);
    return qli_plan_make(machine, &limits, &request, plan, error);
}

void ql_plan_destroy(ql_plan *plan)
{
    if (!plan)
        return;
    qli_machine_free(plan->machine);
    qli_request_fini(&plan->request);
    free(plan->memory);
    free(plan->places);
    free(plan->lanes);
    free(plan->workers);
    free(plan->workers_before);
    free(plan->core_use);
    free(plan->warnings);
    for (qli_text *text = plan->texts, *next; text; text = next) {
        next = text->next;
        free(text);
    }
    free(plan);
}

/* ---- Reading ---- */

ql_plan_mode ql_plan_how(const ql_plan *plan)
{
    return plan ? plan->mode : QL_MODE_OFF;
}

bool ql_plan_simulated(const ql_plan *plan)
{
    return plan && plan->machine->simulated;
}

bool ql_plan_confines(const ql_plan *plan)
{
    return plan && plan->request.confine;
}

unsigned ql_plan_show_level(const ql_plan *plan)
{
    return plan ? plan->request.show : 0;
}

unsigned ql_plan_workers(const ql_plan *plan)
{
    return plan ? plan->worker_count : 0;
}

unsigned ql_plan_lanes(const ql_plan *plan)
{
    return plan ? plan->lane_count : 0;
}

const ql_slot *ql_plan_worker(const ql_plan *plan, unsigned worker)
{
    return plan && worker < plan->worker_count ? &plan->workers[worker] : NULL;
}

const ql_slot *ql_plan_lane(const ql_plan *plan, unsigned lane)
{
    return plan && lane < plan->lane_count ? &plan->lanes[lane] : NULL;
}

const char *ql_plan_lane_name(const ql_plan *plan, unsigned lane)
{
    return plan && lane < plan->lane_count ? plan->places[lane].name : NULL;
}

int ql_plan_lane_named(const ql_plan *plan, const char *name)
{
    char wanted[QLI_NAME_MAX];
    if (!plan || !name)
        return -1;
    qli_lane_name(name, wanted);
    for (unsigned lane = 0; lane < plan->lane_count; lane++)
        if (plan->places[lane].name && strcmp(plan->places[lane].name, wanted) == 0)
            return (int)lane;
    return -1;
}

const char *ql_plan_warning(const ql_plan *plan, unsigned index)
{
    return plan && index < plan->warning_count ? plan->warnings[index] : NULL;
}
