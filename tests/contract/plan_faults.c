/* A plan is made of a machine that is read in a process of its own, and shown in every way, with each call that can fail failing in
 * turn: there is a plan, or an error that says why there is none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/affinity.h"
#include "tests/support/faults/faults.h"

static bool is_memory(const char *function)
{
    static const char *const names[] = {"malloc", "calloc",  "realloc",   "reallocarray",  "aligned_alloc",
                                        "strdup", "strndup", "vasprintf", "open_memstream"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(function, names[i]))
            return true;
    return false;
}

static int show(const ql_plan *plan)
{
    unsigned others[64], ends[64], rings;
    for (ql_show_format format = QL_SHOW_TEXT; format <= QL_SHOW_SVG; format++)
        for (int bound = 0; bound < 2; bound++) {
            char *text = ql_plan_show(plan, format, bound);
            EXPECT(text || faults_happened());
            EXPECT(!text || text[0]);
            free(text);
        }
    EXPECT(ql_plan_simulated(plan) && !ql_plan_simulated(NULL));
    EXPECT(ql_plan_workers_now(plan) >= 1 && !ql_plan_workers_now(NULL));
    EXPECT(ql_plan_steal_order(plan, 0, others, 64, ends, 64, &rings) == ql_plan_workers(plan) - 1);
    return 0;
}

static int story(void)
{
    const ql_lane_place places[] = {{"database", "core:3"}, {"other one", "auto"}};
    ql_affinity_config config = {.size = sizeof(config),
                                 .text = "workers=6;lanes=2;lane.q=core:1;callers=confine;show=2",
                                 .named = places,
                                 .named_count = 2};
    ql_plan *plan = (ql_plan *)&config;
    ql_error error = {.code = 0};
    int code = ql_plan_create(&config, &plan, &error);
    if (code) {
        EXPECT(faults_happened() && !plan && error.code == code && error.text[0]);
        EXPECT(!is_memory(faults_which()) || code == -ENOMEM);
        return 0;
    }
    int broken = show(plan);
    ql_plan_destroy(plan);
    return broken;
}

int main(int argc, char **argv)
{
    setenv("HWLOC_SYNTHETIC", "package:2 [numa(memory=1000000000)] l3:2 core:4 pu:2", 1);
    return faults_main(argc, argv, story);
}
