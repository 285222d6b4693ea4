#include "affinity/sets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "affinity/terms.h"

enum { LIST = 120 }; /* a cpulist inside a sentence; longer ones are cut */

/* One SET being read. */
struct work {
    const qli_scope *scope;
    const qli_value *value;
    const qli_term *term;
    unsigned column; /* of the term, where the value has several; else 0 */
    qli_pu_set set, listed;
    qli_pu_set found; /* by this term */
    ql_error *error;
};

static void print_list(const qli_pu_set *set, char text[LIST])
{
    if (qli_pu_set_print(set, text, LIST) >= LIST)
        memcpy(text + LIST - 4, "...", 4);
    if (text[0] == '\0')
        snprintf(text, LIST, "none");
}

/* Why this PU may not be named. */
static int refuse_pu(struct work *work, unsigned os)
{
    const qli_machine *machine = work->scope->machine;
    char list[LIST];
    print_list(&machine->online, list);
    if (qli_pu_set_has(&machine->offline, os))
        return qli_value_refuse(work->value, work->column, -ENOENT, work->error,
                                "CPU %u is offline (online %s); bring it up or leave it out", os, list);
    if (!qli_pu_set_has(&machine->online, os))
        return qli_value_refuse(work->value, work->column, -ENOENT, work->error, "no such CPU %u (online %s)",
                                os, list);
    print_list(&machine->allowed, list);
    if (!qli_pu_set_has(&machine->allowed, os))
        return qli_value_refuse(
            work->value, work->column, -EACCES, work->error,
            "CPU %u is online but not allowed here (allowed %s, by cgroup cpuset); remove it or "
            "widen the cpuset",
            os, list);
    print_list(&work->scope->limits->inherited, list);
    if (!qli_pu_set_has(&work->scope->limits->inherited, os))
        return qli_value_refuse(work->value, work->column, -EACCES, work->error,
                                "CPU %u is allowed by the cpuset but outside the inherited affinity mask %s "
                                "(taskset/isolcpus?); use cpus=allowed to override",
                                os, list);
    return qli_value_refuse(work->value, work->column, -EACCES, work->error,
                            "CPU %u is left out by cpus=%.60s; add it there or name another", os,
                            work->scope->cpus ? work->scope->cpus->text : "");
}

/* A PU named by a term that adds: usable, or put in by an earlier word. */
static bool may_name(const struct work *work, unsigned os)
{
    return work->term->remove || qli_pu_set_has(&work->scope->usable, os) || qli_pu_set_has(&work->set, os);
}

static int read_range(struct work *work)
{
    const qli_index *range = &work->term->range;
    for (unsigned os = range->first; os <= range->last; os += range->stride) {
        if (may_name(work, os))
            qli_pu_set_add(&work->found, os);
        else if (!range->open)
            return refuse_pu(work, os);
    }
    return 0;
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static int read_mask(struct work *work)
{
    for (unsigned os = 0; os < 4 * work->term->mask_digits; os++) {
        if (!(hex_digit(work->term->mask[work->term->mask_digits - 1 - os / 4]) >> os % 4 & 1))
            continue;
        if (!may_name(work, os))
            return refuse_pu(work, os);
        qli_pu_set_add(&work->found, os);
    }
    return 0;
}

/* ---- Places ---- */

/* A range of PUs in topology order. */
struct span {
    unsigned first, end;
};

/* The first part that starts at or behind a PU; parts lie in depth-first order. */
static unsigned first_part(const qli_machine *machine, unsigned pu)
{
    unsigned low = 0, high = machine->part_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (machine->parts[middle].first_pu < pu)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The next object of a type inside `within`; *at starts with 0. */
static bool next_object(const qli_machine *machine, qli_part_type type, struct span within, unsigned *at,
                        struct span *found)
{
    if (type == QLI_PU) {
        *found = (struct span){within.first + *at, within.first + *at + 1};
        ++*at;
        return found->end <= within.end;
    }
    if (type == QLI_CORE) {
        unsigned core = machine->pus[within.first].core + (*at)++;
        if (core >= machine->core_count)
            return false;
        *found = (struct span){machine->cores[core].first_pu,
                               machine->cores[core].first_pu + machine->cores[core].pus};
        return found->first >= within.first && found->end <= within.end;
    }
    if (type == QLI_NUMA) {
        for (; *at < machine->node_count;) {
            const qli_node *node = &machine->nodes[(*at)++];
            *found = (struct span){node->first_pu, node->first_pu + node->pus};
            if (found->first >= within.first && found->end <= within.end)
                return true;
        }
        return false;
    }
    for (*at = *at ? *at : first_part(machine, within.first); *at < machine->part_count;) {
        const qli_part *part = &machine->parts[(*at)++];
        *found = (struct span){part->first_pu, part->first_pu + part->pus};
        if (found->first >= within.end)
            return false;
        if (part->type == type && found->end <= within.end)
            return true;
    }
    return false;
}

/* "no such core (usable: core:0-13)" */
static int refuse_place(struct work *work, qli_part_type type)
{
    const qli_machine *machine = work->scope->machine;
    struct span whole = {0, machine->pu_count}, found;
    qli_pu_set usable;
    qli_pu_set_clear(&usable);
    unsigned count = 0;
    for (unsigned at = 0; next_object(machine, type, whole, &at, &found); count++)
        for (unsigned pu = found.first; pu < found.end; pu++)
            if (qli_pu_set_has(&work->scope->usable, machine->pus[pu].os))
                qli_pu_set_add(&usable, count);
    const char *word = qli_type_word(type);
    if (count == 0)
        return qli_value_refuse(work->value, work->column, -ENOENT, work->error,
                                "this machine has no %s; name cores, numa nodes or packages", word);
    char list[LIST];
    print_list(&usable, list);
    return qli_value_refuse(work->value, work->column, -ENOENT, work->error, "no such %s (usable: %s:%s)",
                            word, word, list);
}

static int add_span(struct work *work, struct span span, bool open)
{
    const qli_machine *machine = work->scope->machine;
    bool any = false;
    for (unsigned pu = span.first; pu < span.end; pu++)
        if (may_name(work, machine->pus[pu].os)) {
            qli_pu_set_add(&work->found, machine->pus[pu].os);
            any = true;
        }
    if (any || open)
        return 0;
    if (span.first == span.end)
        return qli_value_refuse(work->value, work->column, -ENOENT, work->error,
                                "there is no CPU in that place");
    return refuse_pu(work, machine->pus[span.first].os);
}

/* Walks the steps of a place, depth first: cursor[i] is where step i stands inside within[i]. */
static int read_place(struct work *work)
{
    const qli_term *term = work->term;
    struct span within[QLI_STEPS_MAX + 1] = {{0, work->scope->machine->pu_count}};
    unsigned cursor[QLI_STEPS_MAX] = {0}, ordinal[QLI_STEPS_MAX] = {0};
    bool open = false;
    for (unsigned i = 0; i < term->step_count; i++)
        open = open || term->steps[i].index.open;
    for (unsigned i = 0;;) {
        const qli_step *step = &term->steps[i];
        if (!next_object(work->scope->machine, step->type, within[i], &cursor[i], &within[i + 1])) {
            if (ordinal[i] <= (step->index.open ? step->index.first : step->index.last))
                return refuse_place(work, step->type);
            if (i-- == 0)
                return 0;
            continue;
        }
        unsigned number = ordinal[i]++;
        if (number < step->index.first || number > step->index.last ||
            (number - step->index.first) % step->index.stride)
            continue;
        if (i + 1 < term->step_count) {
            i++;
            cursor[i] = ordinal[i] = 0;
            continue;
        }
        int code = add_span(work, within[i + 1], open);
        if (code < 0)
            return code;
    }
}

/* ---- Terms ---- */

static int read_word(struct work *work)
{
    const qli_scope *scope = work->scope;
    switch (work->term->kind) {
    case QLI_TERM_INHERIT:
        work->found = scope->usable;
        return 0;
    case QLI_TERM_ALLOWED:
    case QLI_TERM_ONLINE:
        work->found = scope->wide;
        return 0;
    case QLI_TERM_PCORES:
    case QLI_TERM_ECORES:
        work->found = work->term->kind == QLI_TERM_PCORES ? scope->perf : scope->eff;
        if (!work->term->remove)
            qli_pu_set_and(&work->found, &scope->usable);
        if (!work->term->remove && qli_pu_set_empty(&work->found))
            return qli_value_refuse(work->value, work->column, -ENOENT, work->error,
                                    "there are no %s cores here",
                                    work->term->kind == QLI_TERM_PCORES ? "performance" : "efficiency");
        return 0;
    case QLI_TERM_ISOLATED:
        work->found = scope->isolated;
        if (!work->term->remove && qli_pu_set_empty(&work->found))
            return qli_value_refuse(work->value, work->column, -ENOENT, work->error,
                                    "no CPU here is isolated (isolcpus=, cpuset partition)");
        return 0;
    default:
        return 0;
    }
}

static int read_term(struct work *work)
{
    qli_pu_set_clear(&work->found);
    int code;
    if (work->term->kind == QLI_TERM_RANGE)
        code = read_range(work);
    else if (work->term->kind == QLI_TERM_MASK)
        code = read_mask(work);
    else if (work->term->kind == QLI_TERM_PLACE)
        code = read_place(work);
    else
        code = read_word(work);
    if (code < 0)
        return code;
    if (work->term->remove) {
        qli_pu_set_minus(&work->set, &work->found);
        qli_pu_set_minus(&work->listed, &work->found);
        return 0;
    }
    bool named = work->term->kind >= QLI_TERM_RANGE || work->term->kind == QLI_TERM_ISOLATED;
    bool open = work->term->kind == QLI_TERM_RANGE && work->term->range.open;
    for (unsigned i = 0; i < work->term->step_count; i++)
        open = open || work->term->steps[i].index.open;
    if (named && qli_pu_set_empty(&work->found)) {
        char list[LIST];
        print_list(&work->scope->usable, list);
        return qli_value_refuse(work->value, work->column, -ENOENT, work->error,
                                "'%.*s' names no usable CPU (usable %s)", (int)work->term->length,
                                work->value->text + work->term->column - 1, list);
    }
    qli_pu_set_or(&work->set, &work->found);
    if (named && !open)
        qli_pu_set_or(&work->listed, &work->found);
    return 0;
}

int qli_set_read(const qli_scope *scope, const qli_value *value, size_t from, qli_pu_set *set,
                 qli_pu_set *listed, ql_error *error)
{
    qli_term term;
    qli_fault fault;
    struct work work = {.scope = scope, .value = value, .term = &term, .error = error};
    bool several = strchr(value->text + from, ',') != NULL;
    int found;
    for (size_t at = 0; (found = qli_term_next(value->text + from, &at, &term, &fault)) > 0;) {
        term.column += (unsigned)from;
        work.column = several ? term.column : 0;
        int code = read_term(&work);
        if (code < 0)
            return code;
    }
    if (found < 0)
        return qli_value_refuse(value, fault.column + (unsigned)from, -EINVAL, error, "%s", fault.reason);
    if (qli_pu_set_empty(&work.set)) {
        char list[LIST];
        print_list(&scope->usable, list);
        return qli_value_refuse(value, 0, -ENODEV, error, "names no CPU (usable %s)%s", list,
                                value->text[from] == '~' ? "; '~' takes away: put 'inherit,' before it" : "");
    }
    *set = work.set;
    if (listed)
        *listed = work.listed;
    return 0;
}
