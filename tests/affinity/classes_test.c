#include <stdio.h>
#include <string.h>

#include "affinity/classes.h"
#include "affinity/config.h"
#include "tests/support/harness.h"

/* The kernel's own lists of performance, efficiency and low-power cores; kinds in files are policy_test's. */

static qli_machine *made;
static qli_limits limits;

static void is(const char *among, const char *perf, const char *eff)
{
    qli_pu_set of, best, rest;
    char list[64];
    qlt_check(qli_pu_set_parse(&of, among));
    qli_classes(made, &limits, &of, &best, &rest);
    qli_pu_set_print(&best, list, sizeof list);
    qlt_eq_str(list, perf);
    qli_pu_set_print(&rest, list, sizeof list);
    qlt_eq_str(list, eff);
}

static void lists(const char *perf, const char *eff, const char *low)
{
    qlt_check(qli_pu_set_parse(&limits.type_pus[0], perf) && qli_pu_set_parse(&limits.type_pus[1], eff) &&
              qli_pu_set_parse(&limits.type_pus[2], low));
}

QLT(classes, follow_the_kernels_lists_on_this_system)
{
    ql_error error;
    if (qli_machine_load(QLI_FROM_SYNTHETIC, "core:12 pu:1", &made, &error) < 0)
        qlt_fail("%s", error.text);
    lists("0-3", "4-9", "10-11");
    is("0-11", "0-11", ""); /* a machine from a file: the lists are of another one */
    made->simulated = false;
    is("0-11", "0-3", "4-11");
    is("2-11", "2-3", "4-11");
    is("4-11", "4-9", "10-11"); /* the best class present, by rank */
    is("10-11", "10-11", "");
    lists("0-3", "4-9", "");
    is("0-11", "0-11", ""); /* two PUs are in no list: nothing is known */
    is("0-9", "0-3", "4-9");
    lists("0-11", "", "");
    is("0-11", "0-11", "");
    qli_machine_free(made);
}
