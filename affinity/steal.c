#include "affinity/steal.h"

/* Near to far. Workers are numbered in the order of their cores, and cores lie in topology order, so the workers below any
 * part of the machine are a range, and a ring is what a part adds to the part below it: at most one range on either side.
 * Only where the machine states NUMA distances is a ring cut further, by distance. Nothing is stored per worker. */

struct rings {
    const ql_plan *plan;
    void (*add)(void *context, const qli_steal_step *step);
    void *context;
    qli_steal_step step; /* the ring being written */
    bool any;            /* it has a range */
};

struct span {
    unsigned first, end;
};

static struct span overlap(struct span a, struct span b)
{
    return (struct span){a.first > b.first ? a.first : b.first, a.end < b.end ? a.end : b.end};
}

static void add_range(struct rings *rings, struct span span)
{
    if (span.first >= span.end)
        return;
    rings->any = true;
    rings->step.range.first = span.first;
    rings->step.range.count = span.end - span.first;
    rings->add(rings->context, &rings->step);
}

/* What lies in `part` and `span` but not in `inner`: first what comes after, then what comes before. */
static void add_part(struct rings *rings, struct span span, struct span part, struct span inner)
{
    add_range(rings, overlap(span, (struct span){inner.end, part.end}));
    add_range(rings, overlap(span, (struct span){part.first, inner.first}));
}

static void end_ring(struct rings *rings)
{
    rings->step.range.ring += rings->any;
    rings->any = false;
}

static struct span workers_of(const ql_plan *plan, unsigned first_core, unsigned cores)
{
    return (struct span){plan->workers_before[first_core], plan->workers_before[first_core + cores]};
}

/* A whole ring, cut by the distance from our NUMA node. Each turn adds the cores at the next distance. */
static void add_rings_by_distance(struct rings *rings, unsigned from, struct span part, struct span inner)
{
    const qli_machine *machine = rings->plan->machine;
    const uint64_t *row = machine->distances + (size_t)from * machine->node_count;
    uint64_t done = 0;
    for (bool first_turn = true;; first_turn = false) {
        uint64_t next = UINT64_MAX;
        for (unsigned i = 0; i < machine->run_count; i++) {
            uint64_t distance = row[machine->runs[i].node];
            if (distance < next && (first_turn || distance > done))
                next = distance;
        }
        if (next == UINT64_MAX)
            return;
        rings->step.distance = next == row[from] ? 0 : next; /* the local distance needs no mention */
        for (unsigned i = 0; i < machine->run_count; i++) {
            const qli_run *run = &machine->runs[i];
            if (row[run->node] == next)
                add_part(rings, workers_of(rings->plan, run->first_core, run->cores), part, inner);
        }
        end_ring(rings);
        done = next;
    }
}

static void walk(struct rings *rings, unsigned worker)
{
    const ql_plan *plan = rings->plan;
    const qli_machine *machine = plan->machine;
    unsigned home = (unsigned)plan->workers[worker].core_logical;
    struct span all = {0, plan->worker_count}, inner = {worker, worker + 1};
    rings->step.within = QLI_MACHINE;
    if (plan->request.steal_random) {
        add_part(rings, all, all, inner);
        return;
    }
    struct span own = workers_of(plan, home, 1);
    rings->step.within = QLI_CORE;
    add_part(rings, own, own, inner);
    end_ring(rings);
    inner = own;
    for (int at = (int)machine->cores[home].part; at >= 0; at = machine->parts[at].parent) {
        struct span part = workers_of(plan, machine->parts[at].first_core, machine->parts[at].cores);
        rings->step.within = machine->parts[at].type;
        if (part.first == inner.first && part.end == inner.end)
            continue;
        if (machine->distances)
            add_rings_by_distance(rings, (unsigned)machine->cores[home].node, part, inner);
        else
            add_part(rings, part, part, inner);
        end_ring(rings);
        inner = part;
    }
}

void qli_steal_walk(const ql_plan *plan, unsigned worker,
                    void (*add)(void *context, const qli_steal_step *step), void *context)
{
    struct rings rings = {.plan = plan, .add = add, .context = context};
    if (plan && worker < plan->worker_count)
        walk(&rings, worker);
}

struct range_list {
    ql_steal_range *ranges;
    unsigned max, count;
};

static void list_range(void *context, const qli_steal_step *step)
{
    struct range_list *list = context;
    if (list->count < list->max)
        list->ranges[list->count] = step->range;
    list->count++;
}

unsigned ql_plan_steal_ranges(const ql_plan *plan, unsigned worker, ql_steal_range *ranges,
                              unsigned ranges_max)
{
    struct range_list list = {ranges, ranges ? ranges_max : 0, 0};
    qli_steal_walk(plan, worker, list_range, &list);
    return list.count;
}

struct victim_list {
    unsigned *victims, max, count;
    unsigned *ends, ends_max, rings;
};

static void list_victims(void *context, const qli_steal_step *step)
{
    struct victim_list *list = context;
    ql_steal_range range = step->range;
    for (unsigned i = 0; i < range.count; i++, list->count++)
        if (list->count < list->max)
            list->victims[list->count] = range.first + i;
    list->rings = range.ring + 1;
    if (range.ring < list->ends_max)
        list->ends[range.ring] = list->count;
}

/* NOLINTBEGIN(readability-non-const-parameter): written through the list */
unsigned ql_plan_steal_order(const ql_plan *plan, unsigned worker, unsigned *victims, unsigned victims_max,
                             unsigned *ring_ends, unsigned ring_ends_max, unsigned *rings)
/* NOLINTEND(readability-non-const-parameter) */
{
    struct victim_list list = {.victims = victims,
                               .max = victims ? victims_max : 0,
                               .ends = ring_ends,
                               .ends_max = ring_ends ? ring_ends_max : 0};
    qli_steal_walk(plan, worker, list_victims, &list);
    if (rings)
        *rings = list.rings;
    return list.count;
}
