#ifndef AFFINITY_CHECK_H
#define AFFINITY_CHECK_H

#include "affinity/out.h"
#include "affinity/plan.h"

/* Compares the plan with a running process, as /proc below `root` shows it: masks, last CPUs, migrations, switches, where
 * its pages are, who else is on a lane's core. Returns how many threads are not where the plan wants them, plus the number
 * of planned threads that the process does not have; -ESRCH when there is no such process. */
int qli_check(const ql_plan *plan, const char *root, int pid, qli_out *out);

#endif
