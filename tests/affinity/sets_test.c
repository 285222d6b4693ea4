#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/sets.h"
#include "tests/affinity/machine.h"
#include "tests/support/harness.h"

/* SETs on one machine: 2 packages of 2 NUMA nodes of 2 L3 of 2 cores of 2 far siblings: PU p and p + 16 share core p.
 * CPU 31 is not allowed, 32 and 33 are offline, the mask is 0-27. */

static machine *zoo(void)
{
    machine *of = machine_make((m_shape){
        .packages = 2, .nodes = 2, .l3s = 2, .l2s = 1, .cores = 2, .threads = 2, .far_siblings = true});
    of->disallowed[31] = of->offline[32] = of->offline[33] = true;
    return of;
}

static const m_ask ZOO = {.mask = "0-27", .isolated = "6,22,30", .config = NULL};

/* The usable set that cpus=TEXT gives. */
static void is(const char *text, const char *expected)
{
    char config[256], list[256];
    machine *of = zoo();
    snprintf(config, sizeof config, "lane=off;cpus=%s", text);
    m_ask ask = ZOO;
    ask.config = config;
    ql_plan *plan = machine_plan(of, ask);
    qli_pu_set_print(&plan->usable, list, sizeof list);
    if (strcmp(list, expected) != 0)
        qlt_fail("cpus=%s is %s, expected %s", text, list, expected);
    ql_plan_destroy(plan);
    free(of);
}

static void refused(const char *config, int code, const char *sentence)
{
    machine *of = zoo();
    m_ask ask = ZOO;
    ask.config = config;
    machine_refuses(of, ask, code, sentence);
    free(of);
}

QLT(sets, have_words_numbers_and_masks)
{
    is("inherit", "0-27");
    is("allowed", "0-30");
    is("online", "0-30");
    is("allowed,~inherit", "28-30");
    is("isolated", "6,22,30");
    is("inherit,~isolated", "0-5,7-21,23-27");
    is("3", "3");
    is("0-7:2", "0,2,4,6");
    is("1-8:3,2", "1-2,4,7");
    is("20-", "20-27");
    is("0-:9", "0,9,18,27");
    is("allowed,~0-20", "21-30");
    is("0x0f0", "4-7");
    is("0xF,~1", "0,2-3");
    is("none,5", "5");
    is("4-6,~5,5", "4-6");
    is("pcores", "0-27"); /* one kind: all are performance cores */
    is("allowed,28-30", "0-30");
}

QLT(sets, have_places_in_topology_order)
{
    is("core:0", "0,16");
    is("core:1,core:2", "1-2,17-18");
    is("core:0-3", "0-3,16-19");
    is("core:all", "0-27");
    is("core:odd", "1,3,5,7,9,11,13,15,17,19,21,23,25,27");
    is("core:even,~package:1", "0,2,4,6,16,18,20,22");
    is("core:14-", "14-15"); /* 30 and 31 are outside the mask or not allowed */
    is("package:1", "8-15,24-27");
    is("numa:1", "4-7,20-23");
    is("l3:1", "2-3,18-19");
    is("pu:1", "16"); /* the second thread of core 0 */
    is("pu:0-3", "0-1,16-17");
    is("package:1.core:0", "8,24");
    is("package:1.numa:0.l3:1.core:1", "11,27");
    is("package:all.core:0", "0,8,16,24");
    is("numa:0-1.core:1.pu:0", "1,5");
    is("l2:0", "0-1,16-17");
}

QLT(sets, that_name_what_is_not_there_are_refused_with_the_reason)
{
    refused("cpus=core:99", -ENOENT, "cpus=core:99: no such core (usable: core:0-15)");
    refused("lane=package:2.core:0", -ENOENT, "lane=package:2.core:0: no such package (usable: package:0-1)");
    refused("lane=package:1.core:8", -ENOENT, "no such core (usable: core:0-15)");
    refused("cpus=die:0", -ENOENT, "cpus=die:0: this machine has no die; name cores, numa nodes or packages");
}

QLT(sets, say_why_a_cpu_may_not_be_used)
{
    refused("cpus=allowed,50", -ENOENT, "cpus=allowed,50: column 9: no such CPU 50 (online 0-31)");
    refused("cpus=allowed,32", -ENOENT,
            "cpus=allowed,32: column 9: CPU 32 is offline (online 0-31); bring it up or leave it out");
    refused("cpus=allowed,31", -EACCES,
            "cpus=allowed,31: column 9: CPU 31 is online but not allowed here (allowed 0-30, by cgroup "
            "cpuset); remove it or widen "
            "the cpuset");
    refused("lane=29", -EACCES,
            "lane=29: CPU 29 is allowed by the cpuset but outside the inherited affinity mask 0-27 "
            "(taskset/isolcpus?); use "
            "cpus=allowed to override");
    refused("cpus=0-7;lane=9", -EACCES,
            "lane=9: CPU 9 is left out by cpus=0-7; add it there or name another");
    refused("cpus=0xf0000000", -EACCES, "cpus=0xf0000000: CPU 28 is allowed by the cpuset but outside");
    refused("cpus=40-", -ENOENT, "'40-' names no usable CPU (usable 0-27)");
    refused("cpus=ecores", -ENOENT, "cpus=ecores: there are no efficiency cores here");
    refused("cpus=none", -ENODEV, "cpus=none: names no CPU (usable 0-27)");
    refused("cpus=~3", -ENODEV,
            "cpus=~3: names no CPU (usable 0-27); '~' takes away: put 'inherit,' before it");
    refused("workers=5@20-,99", -ENOENT, "workers=5@20-,99: column 7: no such CPU 99");
}

QLT(sets, without_isolated_cpus_say_so)
{
    machine *of = zoo();
    machine_refuses(of, (m_ask){.config = "cpus=isolated"}, -ENOENT,
                    "cpus=isolated: no CPU here is isolated (isolcpus=, cpuset partition)");
    free(of);
}
