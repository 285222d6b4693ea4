#ifndef AFFINITY_SHOW_XML_H
#define AFFINITY_SHOW_XML_H

#include "affinity/plan.h"

/* Writes the machine again, read from where the plan's came from, with the plan in it. -EIO, or as qli_machine_load(). */
int qli_show_xml(const ql_plan *plan, qli_machine_from from, const char *what, const char *path,
                 ql_error *error);

#endif
