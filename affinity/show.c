#include "affinity/show.h"

char *ql_plan_show(const ql_plan *plan, ql_show_format format, bool bound)
{
    qli_out out = {0};
    if (!plan)
        return NULL;
    if (format == QL_SHOW_JSON)
        qli_show_json(plan, bound, false, &out);
    else if (format == QL_SHOW_SVG)
        qli_show_svg(plan, bound, false, &out);
    else
        qli_show_text(plan, bound, false, &out);
    return qli_out_take(&out);
}
