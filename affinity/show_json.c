#include <stdlib.h>

#include "affinity/show.h"

/* A contract: other tools read it. One object and nothing else; every change of shape is a new version of qlane. */

const char *qli_mode_word(ql_plan_mode mode)
{
    static const char *const words[] = {"dedicated", "shared", "off"};
    return words[mode];
}

static void add_lane(qli_out *out, const ql_slot *slot)
{
    qli_out_add(out, "{\"pus\": \"%s\", \"pin\": %d, \"mem\": [", slot->pus, slot->pu_os);
    if (slot->mem_os >= 0)
        qli_out_add(out, "%d", slot->mem_os);
    qli_out_add(out, "]}");
}

static void add_steal(qli_out *out, const ql_plan *plan)
{
    unsigned *victims = calloc(plan->worker_count, sizeof *victims);
    out->failed = out->failed || !victims;
    qli_out_add(out, " \"steal\": [");
    for (unsigned w = 0; w < plan->worker_count && victims; w++) {
        unsigned count = ql_plan_steal_order(plan, w, victims, plan->worker_count, NULL, 0, NULL);
        qli_out_add(out, w ? ", [" : "[");
        for (unsigned i = 0; i < count; i++)
            qli_out_add(out, i ? ", %u" : "%u", victims[i]);
        qli_out_add(out, "]");
    }
    qli_out_add(out, "],\n");
    free(victims);
}

static void add_source(qli_out *out, const qli_value *value, bool first)
{
    char source[128];
    qli_value_source(value, source, sizeof source);
    qli_out_add(out, first ? "" : ", ");
    qli_out_json(out, value->key);
    qli_out_add(out, ": ");
    qli_out_json(out, source);
}

void qli_show_json(const ql_plan *plan, bool bound, bool steal, qli_out *out)
{
    qli_out_add(out, "{\"mode\": \"%s\",\n \"lane\": ", qli_mode_word(plan->mode));
    if (plan->lane_count)
        add_lane(out, &plan->lanes[0]);
    else
        qli_out_add(out, "null");
    if (plan->lane_count > 1) {
        qli_out_add(out, ",\n \"lanes\": [");
        for (unsigned i = 0; i < plan->lane_count; i++) {
            qli_out_add(out, i ? ", " : "");
            add_lane(out, &plan->lanes[i]);
        }
        qli_out_add(out, "]");
    }
    qli_out_add(out, ",\n \"workers\": [");
    for (unsigned i = 0; i < plan->worker_count; i++)
        qli_out_add(out, "%s{\"pus\": \"%s\", \"pin\": %d}", i ? ", " : "", plan->workers[i].pus,
                    plan->workers[i].pu_os);
    qli_out_add(out, "],\n");
    if (steal || plan->worker_count <= QLI_STEAL_SHOWN)
        add_steal(out, plan);
    qli_out_add(out, " \"source\": {");
    for (unsigned key = 0; key < QLI_KEYS; key++)
        add_source(out, &plan->request.values[key], key == 0);
    for (unsigned i = 0; i < plan->request.named_count; i++)
        add_source(out, &plan->request.named[i].cores, false);
    qli_out_add(out, "},\n \"warnings\": [");
    for (unsigned i = 0; i < plan->warning_count; i++) {
        qli_out_add(out, i ? ", " : "");
        qli_out_json(out, plan->warnings[i]);
    }
    qli_out_add(out, "],\n \"bound\": %s, \"simulated\": %s}\n", bound ? "true" : "false",
                plan->machine->simulated ? "true" : "false");
}
