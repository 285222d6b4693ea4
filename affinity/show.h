#ifndef AFFINITY_SHOW_H
#define AFFINITY_SHOW_H

#include "affinity/out.h"
#include "affinity/plan.h"

/* The plan as text, JSON, SVG. `bound`: every thread has its place, or had it when tried. */
void qli_show_text(const ql_plan *plan, bool bound, bool steal, qli_out *out);
/* `steal`: print the order of every worker, also above QLI_STEAL_SHOWN workers. */
void qli_show_json(const ql_plan *plan, bool bound, bool steal, qli_out *out);
/* `steal`: with arrows from worker 0 to whom it steals from. */
void qli_show_svg(const ql_plan *plan, bool bound, bool steal, qli_out *out);

enum { QLI_STEAL_SHOWN = 256 };

const char *qli_mode_word(ql_plan_mode mode);

#endif
