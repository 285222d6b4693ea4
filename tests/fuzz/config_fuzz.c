#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/plan.h"
#include "affinity/show.h"
#include "tests/support/fuzz.h"

/* The first line is a configuration text, each further line a variable of the environment. Whatever they hold: a plan
 * inside what is allowed whose JSON is JSON, or a refusal that says why. */

enum { VARIABLES_MAX = 32 };

static void promise(bool kept, const char *what)
{
    if (kept)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* ---- A machine with a bit of everything, read once ---- */

static void *copy_of(const void *from, size_t count, size_t size)
{
    void *made = calloc(count ? count : 1, size);
    promise(made != NULL, "memory");
    if (count)
        memcpy(made, from, count * size);
    return made;
}

static qli_machine *machine(void)
{
    static qli_machine *first;
    if (!first) {
        ql_error error;
        promise(qli_machine_load(QLI_FROM_SYNTHETIC, "package:2 [numa(memory=1000000000)] l3:2 core:3 pu:2",
                                 &first, &error) == 0,
                "the machine");
        qli_pu_set_remove(&first->allowed, 23);
        qli_pu_set_add(&first->offline, 24);
        first->nodes[1].allowed = false;
    }
    qli_machine *made = copy_of(first, 1, sizeof *made);
    made->pus = copy_of(first->pus, first->pu_count, sizeof *made->pus);
    made->cores = copy_of(first->cores, first->core_count, sizeof *made->cores);
    made->parts = copy_of(first->parts, first->part_count, sizeof *made->parts);
    made->nodes = copy_of(first->nodes, first->node_count, sizeof *made->nodes);
    made->runs = copy_of(first->runs, first->run_count, sizeof *made->runs);
    made->kinds = copy_of(first->kinds, first->kind_count, sizeof *made->kinds);
    return made;
}

/* ---- JSON ---- */

static const char *skip_value(const char *at, unsigned depth);

static const char *skip_string(const char *at)
{
    promise(*at++ == '"', "a JSON string");
    for (; *at != '"'; at++) {
        promise((unsigned char)*at >= ' ', "no control character in JSON");
        if (*at == '\\')
            promise(*++at && strchr("\"\\/bfnrtu", *at), "a JSON escape");
    }
    return at + 1;
}

static const char *skip_list(const char *at, char end, unsigned depth)
{
    promise(depth < 8, "JSON that is not deep");
    for (at++;;) {
        while (isspace((unsigned char)*at) || *at == ',')
            at++;
        if (*at == end)
            return at + 1;
        if (end == '}') {
            at = skip_string(at);
            promise(*at++ == ':', "a JSON member");
        }
        at = skip_value(at, depth + 1);
    }
}

static const char *skip_value(const char *at, unsigned depth)
{
    while (isspace((unsigned char)*at))
        at++;
    if (*at == '"')
        return skip_string(at);
    if (*at == '{' || *at == '[')
        return skip_list(at, *at == '{' ? '}' : ']', depth);
    size_t length = strspn(at, "-0123456789truefalsn");
    promise(length > 0, "a JSON value");
    return at + length;
}

/* ---- Plans ---- */

static void check_plan(const ql_plan *plan)
{
    unsigned workers = ql_plan_workers(plan);
    promise(workers > 0, "at least one worker");
    for (unsigned i = 0; i < workers + ql_plan_lanes(plan); i++) {
        const ql_slot *slot = i < workers ? ql_plan_worker(plan, i) : ql_plan_lane(plan, i - workers);
        promise(slot->pu_os >= 0 && qli_pu_set_has(&plan->wide, (unsigned)slot->pu_os),
                "a CPU that is allowed");
        promise(qli_pu_set_has(&plan->usable, (unsigned)slot->pu_os) ||
                    qli_pu_set_has(&plan->isolated, (unsigned)slot->pu_os),
                "a CPU that was asked for");
        int pu = qli_machine_pu(plan->machine, (unsigned)slot->pu_os);
        promise(pu >= 0 && (int)plan->machine->pus[pu].core == slot->core_logical, "the CPU's core");
        promise(!slot->spin_max_ns || (slot->dedicated && slot->pin_pu_os >= 0),
                "nothing spins on a core that is shared");
    }
    for (unsigned i = 0; i < ql_plan_lanes(plan); i++)
        for (unsigned w = 0; w < workers; w++)
            promise(plan->mode == QL_MODE_SHARED ||
                        !qli_pu_set_has(&plan->places[i].pus, (unsigned)ql_plan_worker(plan, w)->pu_os),
                    "no worker on what is the lane's");
    unsigned rings;
    if (workers <= 64)
        promise(ql_plan_steal_order(plan, workers - 1, NULL, 0, NULL, 0, &rings) == workers - 1,
                "everybody can be stolen from");
    for (ql_show_format format = QL_SHOW_TEXT; format <= QL_SHOW_SVG && workers <= 64; format++) {
        char *text = ql_plan_show(plan, format, true);
        promise(text != NULL, "a plan can be shown");
        promise(format != QL_SHOW_JSON || strcmp(skip_value(text, 0), "\n") == 0,
                "one JSON object and nothing else");
        free(text);
    }
}

static void check_refusal(int code, const ql_error *error)
{
    promise(code == -EINVAL || code == -ENOENT || code == -EACCES || code == -ENODEV, "a documented code");
    promise(error->code == code && strlen(error->text) > 5, "a sentence");
    for (const char *at = error->text; *at; at++)
        promise((unsigned char)*at >= ' ', "no control character in a sentence");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *environment[VARIABLES_MAX + 1] = {NULL};
    promise(text != NULL, "memory");
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    unsigned count = 0;
    for (char *at = text; (at = strchr(at, '\n'));) {
        *at++ = '\0';
        if (count < VARIABLES_MAX)
            environment[count++] = at;
    }
    ql_affinity_config config = {.size = sizeof config, .text = text};
    qli_request request;
    ql_error error = {0};
    ql_plan *plan = NULL;
    int code = qli_request_read(&config, environment, NULL, &request, &error);
    if (code == 0) {
        static qli_limits limits;
        qli_machine *made = machine();
        limits.inherited = made->allowed;
        qli_pu_set_remove(&limits.inherited, 0);
        qli_pu_set_clear(&limits.isolated);
        qli_pu_set_add(&limits.isolated, 0);
        qli_pu_set_add(&limits.isolated, 10);
        limits.quota_milli = size % 5 == 0 ? 100 * size : 0;
        code = qli_plan_make(made, &limits, &request, &plan, &error);
    }
    if (code < 0)
        check_refusal(code, &error);
    else
        check_plan(plan);
    ql_plan_destroy(plan);
    free(text);
    return 0;
}
