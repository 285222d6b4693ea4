#include "affinity/classes.h"

enum { SAME_CLASS_PERCENT = 85 };

/* One class PU by PU: is PU i of the best class? */
struct judge {
    const qli_machine *machine;
    const qli_limits *limits;
    qli_core_type best_type;
    unsigned best_capacity, best_max_mhz, best_base_mhz;
};

static bool kernel_says(const struct judge *judge)
{
    /* Lists of this system say nothing about a machine from a file. */
    return !judge->machine->simulated &&
           (!qli_pu_set_empty(&judge->limits->type_pus[1]) || !qli_pu_set_empty(&judge->limits->type_pus[2]));
}

static qli_core_type type_of(const struct judge *judge, const qli_pu *pu)
{
    if (kernel_says(judge)) {
        for (unsigned i = 0; i < 3; i++)
            if (qli_pu_set_has(&judge->limits->type_pus[i], pu->os))
                return (qli_core_type)(QLI_TYPE_PERF + i);
        return QLI_TYPE_UNKNOWN;
    }
    return pu->kind < 0 ? QLI_TYPE_UNKNOWN : judge->machine->kinds[pu->kind].type;
}

static bool near(unsigned value, unsigned best)
{
    return (uint64_t)value * 100 >= (uint64_t)best * SAME_CLASS_PERCENT;
}

static bool by_type(const struct judge *judge, const qli_pu *pu)
{
    return type_of(judge, pu) == judge->best_type;
}

static bool by_capacity(const struct judge *judge, const qli_pu *pu)
{
    return near(judge->machine->kinds[pu->kind].capacity, judge->best_capacity);
}

static bool by_frequency(const struct judge *judge, const qli_pu *pu)
{
    const qli_kind *kind = &judge->machine->kinds[pu->kind];
    return near(kind->max_mhz, judge->best_max_mhz) &&
           (!kind->base_mhz || near(kind->base_mhz, judge->best_base_mhz));
}

static bool by_nothing(const struct judge *judge, const qli_pu *pu)
{
    (void)judge;
    (void)pu;
    return true;
}

/* What the PUs of `among` have at best, and whether each of them says it. */
static void look(struct judge *judge, const qli_pu_set *among, bool *types, bool *kinds)
{
    const qli_machine *machine = judge->machine;
    *types = true;
    *kinds = machine->kind_count >= 2;
    judge->best_type = QLI_TYPE_LOW_POWER;
    for (unsigned i = 0; i < machine->pu_count; i++) {
        const qli_pu *pu = &machine->pus[i];
        *kinds = *kinds && pu->kind >= 0;
        if (!qli_pu_set_has(among, pu->os))
            continue;
        qli_core_type type = type_of(judge, pu);
        *types = *types && type != QLI_TYPE_UNKNOWN;
        if (type != QLI_TYPE_UNKNOWN && type < judge->best_type)
            judge->best_type = type;
        if (pu->kind < 0)
            continue;
        const qli_kind *kind = &machine->kinds[pu->kind];
        judge->best_capacity = kind->capacity > judge->best_capacity ? kind->capacity : judge->best_capacity;
        judge->best_max_mhz = kind->max_mhz > judge->best_max_mhz ? kind->max_mhz : judge->best_max_mhz;
        judge->best_base_mhz = kind->base_mhz > judge->best_base_mhz ? kind->base_mhz : judge->best_base_mhz;
    }
}

const char *qli_classes(const qli_machine *machine, const qli_limits *limits, const qli_pu_set *among,
                        qli_pu_set *perf, qli_pu_set *eff)
{
    struct judge judge = {.machine = machine, .limits = limits};
    bool types, kinds, capacities = true, frequencies = true;
    bool (*best)(const struct judge *, const qli_pu *) = by_nothing;
    const char *how = "one kind of core";
    look(&judge, among, &types, &kinds);
    for (unsigned i = 0; i < machine->kind_count; i++) {
        capacities = capacities && machine->kinds[i].capacity;
        frequencies = frequencies && machine->kinds[i].max_mhz;
    }
    if (types && (kinds || kernel_says(&judge))) {
        best = by_type;
        how = "types of core as the kernel or the CPU states them";
    } else if (kinds && capacities) {
        best = by_capacity;
        how = "types of core by capacity";
    } else if (kinds && frequencies) {
        best = by_frequency;
        how = "types of core by frequency";
    } else if (kinds) {
        how = "kinds of core that nothing ranks: taken as one";
    }
    qli_pu_set_clear(perf);
    qli_pu_set_clear(eff);
    for (unsigned i = 0; i < machine->pu_count; i++)
        if (qli_pu_set_has(among, machine->pus[i].os))
            qli_pu_set_add(best(&judge, &machine->pus[i]) ? perf : eff, machine->pus[i].os);
    return how;
}
