#include "affinity/cores.h"

#include <errno.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"

/* INCLUDE_DISALLOWED shows that a sibling PU exists although it belongs to someone else. DONT_CHANGE_BINDING keeps hwloc
 * from moving the calling thread over every CPU, isolated ones too. */
static const unsigned long LOAD_FLAGS =
    HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING;

static int refuse(qli_machine_from from, const char *what, ql_error *error)
{
    if (from == QLI_FROM_SYNTHETIC)
        return qli_error_set(error, -EINVAL,
                             "'%s' is not a synthetic topology; one is 'package:2 core:4 pu:2'", what);
    if (from == QLI_FROM_XML_FILE)
        return qli_error_set(
            error, -EIO, "'%s' is not a topology that hwloc %u can read (an XML file as lstopo writes it)",
            what, hwloc_get_api_version() >> 16);
    const char *file = getenv("HWLOC_XMLFILE");
    return file ? qli_error_set(error, -EIO,
                                "HWLOC_XMLFILE: hwloc cannot read '%s'; lstopo --of xml writes what it can",
                                file)
                : qli_error_set(error, -EIO, "hwloc cannot read this machine's topology");
}

int qli_hwloc_load(qli_machine_from from, const char *what, bool misc, struct hwloc_topology **topology,
                   ql_error *error)
{
    hwloc_topology_t made = NULL;
    *topology = NULL;
    if (hwloc_topology_init(&made) < 0)
        return qli_error_set(error, -ENOMEM, "no memory for the machine's topology");
    int code = 0;
    if (misc)
        hwloc_topology_set_type_filter(made, HWLOC_OBJ_MISC, HWLOC_TYPE_FILTER_KEEP_ALL);
    if (hwloc_topology_set_flags(made, LOAD_FLAGS) < 0)
        code = qli_error_set(error, -EIO,
                             "this hwloc does not know the flags qlane needs; it must be 2.5 or newer");
    else if ((from == QLI_FROM_XML_FILE && hwloc_topology_set_xml(made, what) < 0) ||
             (from == QLI_FROM_SYNTHETIC && hwloc_topology_set_synthetic(made, what) < 0) ||
             hwloc_topology_load(made) < 0)
        code = refuse(from, what, error);
    if (code < 0) {
        hwloc_topology_destroy(made);
        return code;
    }
    *topology = made;
    return 0;
}

static void set_of(hwloc_const_bitmap_t bitmap, qli_pu_set *set)
{
    qli_pu_set_clear(set);
    /* hwloc_bitmap_last() is -1 for an infinite bitmap, which a contradictory file may hold. */
    int last = hwloc_bitmap_last(bitmap);
    for (int os = hwloc_bitmap_first(bitmap); os >= 0 && os <= last; os = hwloc_bitmap_next(bitmap, os))
        qli_pu_set_add(set, (unsigned)os);
}

static qli_part_type part_type(hwloc_obj_type_t type)
{
    switch (type) {
    case HWLOC_OBJ_MACHINE:
        return QLI_MACHINE;
    case HWLOC_OBJ_PACKAGE:
        return QLI_PACKAGE;
    case HWLOC_OBJ_DIE:
        return QLI_DIE;
    case HWLOC_OBJ_L3CACHE:
        return QLI_L3;
    case HWLOC_OBJ_L2CACHE:
        return QLI_L2;
    case HWLOC_OBJ_CORE:
        return QLI_CORE;
    default:
        return QLI_OTHER;
    }
}

static qli_memory_kind memory_kind(hwloc_obj_t node)
{
    const char *tier = hwloc_obj_get_info_by_name(node, "MemoryTier");
    const char *dax = hwloc_obj_get_info_by_name(node, "DAXType");
    const char *const said[] = {node->subtype ? node->subtype : "", tier ? tier : "", dax ? dax : ""};
    for (unsigned i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (strcmp(said[i], "HBM") == 0 || strcmp(said[i], "MCDRAM") == 0 || strcmp(said[i], "SPM") == 0)
            return QLI_HBM;
        if (strcmp(said[i], "NVM") == 0 || strncmp(said[i], "CXL", 3) == 0)
            return QLI_NVM;
        if (strncmp(said[i], "GPU", 3) == 0)
            return QLI_GPU_MEMORY;
    }
    /* A device used as memory, of which an older hwloc says no more. */
    return hwloc_obj_get_info_by_name(node, "DAXDevice") ? QLI_NVM : QLI_DRAM;
}

/* How many objects of each type the walk has met: their logical numbers. */
struct walk {
    qli_machine *machine;
    int logical[QLI_OTHER + 1];
};

/* The walk's own parent of an object: the part of the nearest normal ancestor. Parts are stored in userdata as index + 1. */
static int part_of(hwloc_obj_t obj)
{
    return obj ? (int)(uintptr_t)obj->userdata - 1 : -1;
}

static void add_nodes(qli_machine *machine, hwloc_obj_t obj, const qli_part *part)
{
    for (hwloc_obj_t memory = obj->memory_first_child; memory; memory = memory->next_sibling) {
        if (memory->type != HWLOC_OBJ_NUMANODE) {
            add_nodes(machine, memory, part); /* a memory-side cache; nodes lie below it */
            continue;
        }
        if (memory->logical_index >= machine->node_count)
            continue;
        machine->nodes[memory->logical_index] = (qli_node){
            .os = memory->os_index,
            .logical = (int)memory->logical_index,
            .bytes = memory->attr->numanode.local_memory,
            .kind = memory_kind(memory),
            .depth = part->depth,
            .first_pu = (unsigned)(part - machine->parts), /* the part, until its range is known */
        };
    }
}

static void add_part(struct walk *walk, hwloc_obj_t obj)
{
    qli_machine *machine = walk->machine;
    qli_part_type type = part_type(obj->type);
    int parent = part_of(obj->parent);
    qli_part *part = &machine->parts[machine->part_count];
    *part = (qli_part){
        .type = type,
        .logical = type == QLI_OTHER ? -1 : walk->logical[type]++,
        .parent = parent,
        .depth = parent < 0 ? 0 : machine->parts[parent].depth + 1,
        .first_core = machine->core_count,
        .first_pu = machine->pu_count,
        .bytes = hwloc_obj_type_is_cache(obj->type) ? obj->attr->cache.size : 0,
    };
    obj->userdata = (void *)(uintptr_t)(++machine->part_count); /* NOLINT: an index, not an address */
    add_nodes(machine, obj, part);
}

/* A PU starts a core of its own unless it lies in a Core that has one already. */
static void add_pu(qli_machine *machine, hwloc_obj_t obj)
{
    int part = part_of(obj->parent);
    int core_part = part;
    while (core_part >= 0 && machine->parts[core_part].type != QLI_CORE)
        core_part = machine->parts[core_part].parent;
    const qli_core *last = machine->core_count ? &machine->cores[machine->core_count - 1] : NULL;
    bool in_core = core_part >= 0;
    if (!(in_core && last && last->part == (unsigned)core_part)) {
        qli_core *core = &machine->cores[machine->core_count++];
        *core = (qli_core){.first_pu = machine->pu_count,
                           .part = (unsigned)(in_core ? core_part : part),
                           .package = -1,
                           .die = -1,
                           .l3 = -1,
                           .l2 = -1,
                           .node = -1};
        qli_core_fill(machine, core);
        machine->core_level = machine->core_level || in_core;
    }
    machine->cores[machine->core_count - 1].pus++;
    machine->pus[machine->pu_count++] =
        (qli_pu){.os = obj->os_index, .core = machine->core_count - 1, .kind = -1};
}

/* Depth first over the normal children, without recursion. */
static void walk_tree(struct walk *walk, hwloc_obj_t root)
{
    qli_machine *machine = walk->machine;
    for (hwloc_obj_t obj = root;;) {
        if (obj->type == HWLOC_OBJ_PU)
            add_pu(machine, obj);
        else
            add_part(walk, obj);
        if (obj->type != HWLOC_OBJ_PU && obj->first_child) {
            obj = obj->first_child;
            continue;
        }
        for (;; obj = obj->parent) {
            if (obj->type != HWLOC_OBJ_PU) {
                qli_part *part = &machine->parts[part_of(obj)];
                part->cores = machine->core_count - part->first_core;
                part->pus = machine->pu_count - part->first_pu;
            }
            if (obj == root)
                return;
            if (obj->next_sibling)
                break;
        }
        obj = obj->next_sibling;
    }
}

/* Nodes get the PU range of their part; each core its nearest node, the best kind of memory first. */
static void place_nodes(qli_machine *machine, hwloc_const_bitmap_t allowed)
{
    for (unsigned i = 0; i < machine->node_count; i++) {
        qli_node *node = &machine->nodes[i];
        const qli_part *part = &machine->parts[node->first_pu];
        node->first_pu = part->first_pu;
        node->pus = part->pus;
        node->allowed = hwloc_bitmap_isset(allowed, node->os) != 0;
        for (unsigned c = part->first_core; c < part->first_core + part->cores; c++) {
            qli_core *core = &machine->cores[c];
            const qli_node *best = core->node < 0 ? NULL : &machine->nodes[core->node];
            if (!best || node->depth > best->depth || (node->depth == best->depth && node->kind < best->kind))
                core->node = (int)i;
        }
    }
}

static unsigned info_number(struct hwloc_info_s *infos, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(infos[i].name, name) == 0) {
            unsigned long value = strtoul(infos[i].value, NULL, 10);
            return value > UINT32_MAX / 1024 ? 0 : (unsigned)value;
        }
    return 0;
}

static qli_core_type info_type(struct hwloc_info_s *infos, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(infos[i].name, "CoreType") != 0)
            continue;
        if (strcmp(infos[i].value, "IntelCore") == 0 || strcmp(infos[i].value, "AMDPerformance") == 0)
            return QLI_TYPE_PERF;
        if (strcmp(infos[i].value, "IntelLowPowerAtom") == 0)
            return QLI_TYPE_LOW_POWER;
        return QLI_TYPE_EFF;
    }
    return QLI_TYPE_UNKNOWN;
}

static int add_kinds(qli_machine *machine, hwloc_topology_t topology)
{
    int count = hwloc_cpukinds_get_nr(topology, 0);
    hwloc_bitmap_t pus = hwloc_bitmap_alloc();
    machine->kinds = calloc(count > 0 ? (size_t)count : 1, sizeof machine->kinds[0]);
    if (!machine->kinds || !pus) {
        hwloc_bitmap_free(pus);
        return -ENOMEM;
    }
    for (int kind = 0; kind < count; kind++) {
        struct hwloc_info_s *infos = NULL;
        unsigned info_count = 0;
        int efficiency;
        if (hwloc_cpukinds_get_info(topology, (unsigned)kind, pus, &efficiency, &info_count, &infos, 0) < 0)
            break;
        machine->kinds[machine->kind_count++] = (qli_kind){
            .type = info_type(infos, info_count),
            .capacity = info_number(infos, info_count, "LinuxCapacity"),
            .max_mhz = info_number(infos, info_count, "FrequencyMaxMHz"),
            .base_mhz = info_number(infos, info_count, "FrequencyBaseMHz"),
        };
        for (unsigned i = 0; i < machine->pu_count; i++)
            if (hwloc_bitmap_isset(pus, machine->pus[i].os))
                machine->pus[i].kind = kind;
    }
    hwloc_bitmap_free(pus);
    return 0;
}

/* The kernel's NUMA distances (SLIT), if there are any. */
static int add_distances(qli_machine *machine, hwloc_topology_t topology)
{
    struct hwloc_distances_s *found = NULL;
    unsigned count = 1;
    size_t nodes = machine->node_count;
    if (machine->run_count == 0)
        return 0;
    if (hwloc_distances_get_by_type(topology, HWLOC_OBJ_NUMANODE, &count, &found,
                                    HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) < 0 ||
        count == 0)
        return 0;
    machine->distances = calloc(nodes * nodes, sizeof machine->distances[0]);
    if (machine->distances)
        for (unsigned i = 0; i < found->nbobjs; i++)
            for (unsigned j = 0; j < found->nbobjs; j++)
                if (found->objs[i] && found->objs[j] && found->objs[i]->logical_index < nodes &&
                    found->objs[j]->logical_index < nodes)
                    machine
                        ->distances[found->objs[i]->logical_index * nodes + found->objs[j]->logical_index] =
                        found->values[i * found->nbobjs + j];
    hwloc_distances_release(topology, found);
    return machine->distances ? 0 : -ENOMEM;
}

static void add_name(qli_machine *machine, hwloc_topology_t topology)
{
    hwloc_obj_t root = hwloc_get_root_obj(topology);
    hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);
    const char *product = hwloc_obj_get_info_by_name(root, "DMIProductName");
    const char *model = package ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    model = model ? model : hwloc_obj_get_info_by_name(root, "CPUModel");
    snprintf(machine->name, sizeof machine->name, "%s%s%s", product ? product : "",
             product && model ? ", " : "", model ? model : "");
}

static size_t count_parts(hwloc_topology_t topology)
{
    size_t parts = 0;
    for (int depth = 0; depth < hwloc_topology_get_depth(topology); depth++)
        if (hwloc_get_depth_type(topology, depth) != HWLOC_OBJ_PU)
            parts += hwloc_get_nbobjs_by_depth(topology, depth);
    return parts;
}

/* Every PU and node has a number, and no two have the same. */
static bool numbered(const qli_machine *machine)
{
    qli_pu_set pus, nodes;
    qli_pu_set_clear(&pus);
    qli_pu_set_clear(&nodes);
    for (unsigned i = 0; i < machine->pu_count; i++)
        qli_pu_set_add(&pus, machine->pus[i].os);
    for (unsigned i = 0; i < machine->node_count; i++)
        qli_pu_set_add(&nodes, machine->nodes[i].os);
    return machine->pu_count && qli_pu_set_count(&pus) == machine->pu_count &&
           qli_pu_set_count(&nodes) == machine->node_count;
}

static int fill_machine(qli_machine *machine, hwloc_topology_t topology, ql_error *error)
{
    hwloc_const_bitmap_t complete = hwloc_topology_get_complete_cpuset(topology);
    int pus = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    int nodes = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
    if (pus <= 0 || nodes < 0)
        return qli_error_set(error, -EIO, "the topology has no PU");
    if (hwloc_bitmap_last(complete) >= (int)QLI_PUS_MAX)
        return qli_error_set(error, -E2BIG, "the topology has PU number %d; qlane knows numbers below %u",
                             hwloc_bitmap_last(complete), QLI_PUS_MAX);
    machine->pus = calloc((size_t)pus, sizeof machine->pus[0]);
    machine->cores = calloc((size_t)pus, sizeof machine->cores[0]);
    machine->parts = calloc(count_parts(topology), sizeof machine->parts[0]);
    machine->nodes = calloc(nodes ? (size_t)nodes : 1, sizeof machine->nodes[0]);
    machine->node_count = (unsigned)nodes;
    if (!machine->pus || !machine->cores || !machine->parts || !machine->nodes)
        return qli_error_set(error, -ENOMEM, "no memory for the machine's table");
    struct walk walk = {.machine = machine};
    walk_tree(&walk, hwloc_get_root_obj(topology));
    if (!numbered(machine))
        return qli_error_set(error, -EIO,
                             "the topology has a PU or NUMA node without a number of its own, or none");
    place_nodes(machine, hwloc_topology_get_allowed_nodeset(topology));
    if (add_kinds(machine, topology) < 0 || qli_machine_add_runs(machine) < 0 ||
        add_distances(machine, topology) < 0)
        return qli_error_set(error, -ENOMEM, "no memory for the machine's table");
    set_of(hwloc_topology_get_topology_cpuset(topology), &machine->online);
    set_of(complete, &machine->offline);
    qli_pu_set_minus(&machine->offline, &machine->online);
    set_of(hwloc_topology_get_allowed_cpuset(topology), &machine->allowed);
    qli_pu_set_and(&machine->allowed, &machine->online);
    machine->simulated = !hwloc_topology_is_thissystem(topology);
    add_name(machine, topology);
    return 0;
}

int qli_machine_read(qli_machine_from from, const char *what, qli_machine **machine, ql_error *error)
{
    hwloc_topology_t topology;
    *machine = NULL;
    int code = qli_hwloc_load(from, what, false, &topology, error);
    if (code < 0)
        return code;
    qli_machine *made = calloc(1, sizeof *made);
    code = made ? fill_machine(made, topology, error)
                : qli_error_set(error, -ENOMEM, "no memory for the machine's table");
    hwloc_topology_destroy(topology);
    if (code < 0) {
        qli_machine_free(made);
        return code;
    }
    *machine = made;
    return 0;
}
