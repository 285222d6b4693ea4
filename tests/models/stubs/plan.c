/* A plan of PLAN_WORKERS workers and PLAN_LANES lane slots on no particular machine, in affinity's place: it
 * pins nothing, and brings no hwloc into a model. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "qlane/affinity.h"

#ifndef PLAN_WORKERS
#define PLAN_WORKERS 2
#endif
#ifndef PLAN_LANES
#define PLAN_LANES 1
#endif

/* Never spins: each round of a spin is a step of the schedule, and shows nothing that a yield would not. */
static const ql_slot slot = {
    .pin_pu_os = -1, .pus = "", .mem_os = -1, .idle = QL_IDLE_BLOCK, .why = "a stub"};

int ql_plan_create(const ql_affinity_config *config, ql_plan **plan, ql_error *error)
{
    (void)config;
    (void)error;
    *plan = malloc(1);
    return 0;
}

void ql_plan_destroy(ql_plan *plan)
{
    free(plan);
}

unsigned ql_plan_show_level(const ql_plan *plan)
{
    (void)plan;
    return 0;
}

unsigned ql_plan_workers(const ql_plan *plan)
{
    (void)plan;
    return PLAN_WORKERS;
}

unsigned ql_plan_workers_now(const ql_plan *plan)
{
    return ql_plan_workers(plan);
}

unsigned ql_plan_lanes(const ql_plan *plan)
{
    (void)plan;
    return PLAN_LANES;
}

const ql_slot *ql_plan_worker(const ql_plan *plan, unsigned worker)
{
    (void)plan;
    return worker < PLAN_WORKERS ? &slot : NULL;
}

const ql_slot *ql_plan_lane(const ql_plan *plan, unsigned lane)
{
    (void)plan;
    return lane < PLAN_LANES ? &slot : NULL;
}

int ql_plan_lane_named(const ql_plan *plan, const char *name)
{
    (void)plan;
    (void)name;
    return -1;
}

const char *ql_plan_lane_name(const ql_plan *plan, unsigned lane)
{
    (void)plan;
    (void)lane;
    return NULL;
}

const char *ql_plan_warning(const ql_plan *plan, unsigned index)
{
    (void)plan;
    (void)index;
    return NULL;
}

unsigned ql_plan_steal_order(const ql_plan *plan, unsigned worker, unsigned *victims, unsigned victims_max,
                             unsigned *ring_ends, unsigned ring_ends_max, unsigned *rings)
{
    unsigned count = 0;
    (void)plan;
    for (unsigned i = 0; i < PLAN_WORKERS; i++)
        if (i != worker && count < victims_max)
            victims[count++] = i;
    if (ring_ends_max)
        ring_ends[0] = count;
    if (rings)
        *rings = count ? 1 : 0;
    return PLAN_WORKERS - 1;
}

int ql_slot_bind(const ql_plan *plan, const ql_slot *where, ql_bound *bound)
{
    (void)plan;
    (void)where;
    *bound = (ql_bound){.asked_pu_os = -1, .granted_pu_os = -1, .now_pu_os = -1};
    return 0;
}

int ql_slot_bind_engine(const ql_plan *plan, ql_bound *bound)
{
    return ql_slot_bind(plan, NULL, bound);
}

bool ql_slot_lost(const ql_slot *where, ql_bound *bound)
{
    (void)where;
    (void)bound;
    return false;
}

int ql_slot_line(const ql_slot *where, const ql_bound *bound, const char *name, char *line, size_t line_size)
{
    (void)where;
    (void)bound;
    return snprintf(line, line_size, "%s: a stub", name);
}

int ql_callers_confine(const ql_plan *plan, ql_callers **callers, ql_error *error)
{
    (void)plan;
    (void)error;
    *callers = NULL;
    return 0;
}

unsigned ql_callers_seen(const ql_plan *plan, char *text, size_t text_size)
{
    (void)plan;
    if (text_size)
        *text = '\0';
    return 0;
}

void ql_callers_restore(ql_callers *callers)
{
    (void)callers;
}

void *ql_slot_alloc(const ql_plan *plan, const ql_slot *where, size_t size, ql_memory *memory)
{
    (void)plan;
    (void)where;
    (void)memory;
    void *address = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    if (address)
        memset(address, 0, size);
    return address;
}

void ql_slot_free(void *address, size_t size)
{
    (void)size;
    free(address);
}

char *ql_plan_show(const ql_plan *plan, ql_show_format format, bool bound)
{
    (void)plan;
    (void)format;
    (void)bound;
    return NULL;
}

int qli_error_set(ql_error *error, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (error) {
        error->code = code;
        vsnprintf(error->text, sizeof error->text, format, arguments);
    }
    va_end(arguments);
    return code;
}

int qli_error_size(ql_error *error, const char *what, size_t size, const char *type, size_t expected)
{
    return qli_error_set(error, -EINVAL, "%s %zu %s %zu", what, size, type, expected);
}
