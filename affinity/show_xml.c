#include "affinity/show_xml.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <string.h>

#include "affinity/error.h"

/* The machine as hwloc writes it, with the plan in it: colours that lstopo understands, and a Misc object for each thread.
 * `lstopo -i FILE` then draws it in the look that its readers know. */

static void mark(hwloc_topology_t topology, unsigned pu_os, const char *style, const char *name)
{
    hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, pu_os);
    if (!pu)
        return;
    hwloc_obj_add_info(pu, "lstopoStyle", style);
    if (name)
        hwloc_topology_insert_misc_object(topology, pu, name);
}

static void mark_plan(hwloc_topology_t topology, const ql_plan *plan)
{
    char name[QLI_NAME_MAX + 8];
    for (unsigned i = 0; i < plan->lane_count; i++) {
        const qli_lane *lane = &plan->places[i];
        for (int pu = qli_pu_set_next(&lane->pus, 0); pu >= 0;
             pu = qli_pu_set_next(&lane->pus, (unsigned)pu + 1))
            if ((unsigned)pu != lane->pin_os)
                mark(topology, (unsigned)pu, "Background=#f4c9a8", NULL);
        snprintf(name, sizeof name, "lane%s%s", lane->name ? " " : "", lane->name ? lane->name : "");
        mark(topology, lane->pin_os, "Background=#c14a00,Text=#ffffff", name);
    }
    for (unsigned i = 0; i < plan->worker_count; i++) {
        snprintf(name, sizeof name, "w%u", i);
        mark(topology, (unsigned)plan->workers[i].pu_os, "Background=#cfe6f7", name);
    }
}

int qli_show_xml(const ql_plan *plan, qli_machine_from from, const char *what, const char *path,
                 ql_error *error)
{
    hwloc_topology_t topology;
    int code = qli_hwloc_load(from, what, true, &topology, error);
    if (code < 0)
        return code;
    mark_plan(topology, plan);
    if (hwloc_topology_export_xml(topology, path, 0) < 0)
        code = qli_error_set(error, -EIO, "%s: cannot be written: %s", path, strerror(errno));
    hwloc_topology_destroy(topology);
    return code;
}
