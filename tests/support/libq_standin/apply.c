/* Values to arguments: functions of each kind, projections, iterators. */
#include "tests/support/libq_standin/standin.h"

#include <string.h>

K si_primitive(const struct si_primitive *primitive)
{
    K function = si_make(primitive->two ? TBINARY : TUNARY, 1);
    ((const struct si_primitive **)ql_q_items(function))[0] = primitive;
    return function;
}

const struct si_primitive *si_primitive_of(K function)
{
    return ((const struct si_primitive **)ql_q_items(function))[0];
}

const struct si_primitive *si_primitive_find(const char *name, size_t length)
{
    static const struct si_primitive *const all[] = {
        si_arithmetic, si_comparisons, si_aggregates, si_lists,   si_finds,       si_structures,
        si_casts,      si_texts,       si_tables,     si_upserts, si_connections, si_systems};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (const struct si_primitive *at = all[i]; at->name; at++) {
            if (strncmp(at->name, name, length) == 0 && !at->name[length])
                return at;
        }
    }
    return NULL;
}

static K with_primitive(K function, K *arguments, int count)
{
    const struct si_primitive *primitive = si_primitive_of(function);
    if (!primitive) { /* (::) */
        if (count != 1)
            si_raise("rank");
        return arguments[0];
    }
    if (count == 1 && primitive->one)
        return primitive->one(arguments[0]);
    if (count == 2 && primitive->two)
        return primitive->two(arguments[0], arguments[1]);
    if (count >= 2 && primitive->many)
        return primitive->many(arguments, count);
    if (count == 1 && primitive->two)
        return si_project(function, arguments, 1);
    si_raise("rank");
}

int si_rank(K function)
{
    int holes = 0;
    switch (function->t) {
    case TLAMBDA:
        return si_lambda_node(function)->parameters;
    case TUNARY:
    case TBINARY:
        return si_primitive_of(function) && si_primitive_of(function)->two ? 2 : 1;
    case TLIBRARY:
        return (int)(intptr_t)si_items(function)[1];
    case TPROJECT:
        for (J i = 1; i < function->n; i++)
            holes += !si_items(function)[i];
        return holes;
    case TEACH:
        return si_rank(si_items(function)[0]);
    case TRIGHT:
    case TLEFT:
        return 2;
    default:
        return 1;
    }
}

/* ---- Projections: the function, then its arguments, NULL where one is missing ---- */

K si_project(K function, K *arguments, int count)
{
    int rank = si_rank(function) > count ? si_rank(function) : count;
    K made = si_make(TPROJECT, 1 + rank);
    si_items(made)[0] = si_r1(function);
    for (int i = 0; i < count; i++)
        si_items(made)[1 + i] = arguments[i] ? si_r1(arguments[i]) : NULL;
    return made;
}

static K with_projection(K function, K *arguments, int count)
{
    K all[9];
    int used = 0, rank = (int)function->n - 1;
    bool missing = false;
    for (int i = 0; i < rank; i++) {
        K own = si_items(function)[1 + i];
        all[i] = own ? own : used < count ? arguments[used++] : NULL;
        missing |= !all[i];
    }
    if (used < count)
        si_raise("rank");
    return missing ? si_project(si_items(function)[0], all, rank)
                   : si_apply(si_items(function)[0], all, rank);
}

/* ---- Iterators ---- */

K si_derive(int type, K function)
{
    K made = si_make(type, 1);
    si_items(made)[0] = si_r1(function);
    return made;
}

static K value_of(K object)
{
    return object->t == TDICT ? si_items(object)[1] : object;
}

/* Over the items of all arguments side by side; `extended` says which stay whole. */
static K each(K function, K *arguments, int count, unsigned extended)
{
    J length = -1;
    K keys = NULL;
    for (int i = 0; i < count; i++) {
        K at = arguments[i];
        if ((extended & (1u << i)) || si_is_atom(at) || at->t >= TLAMBDA)
            continue;
        if (length >= 0 && si_count(at) != length)
            si_raise("length");
        length = si_count(at);
        keys = at->t == TDICT && !keys ? si_items(at)[0] : keys;
    }
    if (length < 0)
        return si_apply(function, arguments, count);
    K made = si_make(0, length), row[8];
    for (J at = 0; at < length; at++) {
        size_t mark = si_pool_mark();
        for (int i = 0; i < count; i++) {
            bool whole = (extended & (1u << i)) || si_is_atom(arguments[i]) || arguments[i]->t >= TLAMBDA;
            row[i] = whole ? arguments[i] : si_item(value_of(arguments[i]), at);
        }
        si_put(made, at, si_apply(function, row, count));
        si_pool_drain(mark, NULL);
    }
    made = si_collapse(made);
    return keys ? si_dict(keys, made) : made;
}

K si_each(K function, K *arguments, int count)
{
    return each(function, arguments, count, 0);
}

/* What f\ has passed through, in a list with room. */
struct steps {
    K list;
    int count;
};

static void keep(struct steps *steps, K value)
{
    if (!steps->list)
        return;
    if (steps->count == steps->list->n) {
        K longer = si_make(0, 2 * steps->list->n);
        for (J i = 0; i < steps->count; i++)
            si_put(longer, i, si_items(steps->list)[i]);
        steps->list = longer;
    }
    si_put(steps->list, steps->count++, value);
}

/* f/ and f\ with a start, or from the first item. */
static K fold(K function, K *arguments, int count, struct steps *steps)
{
    K value = count > 1 ? arguments[0] : NULL, row[8], list = value_of(arguments[count > 1]);
    J length = si_count(list), from = 0;
    if (!value) {
        if (!length)
            return list;
        value = si_item(list, 0);
        from = 1;
        keep(steps, value);
    }
    for (J at = from; at < length; at++) {
        size_t mark = si_pool_mark();
        row[0] = value;
        row[1] = si_item(list, at);
        for (int i = 2; i < count; i++)
            row[i] = si_is_atom(arguments[i]) ? arguments[i] : si_item(arguments[i], at);
        value = si_apply(function, row, count < 2 ? 2 : count);
        value = steps->list ? value : si_pool_drain(mark, value);
        keep(steps, value);
    }
    return value;
}

/* Of one argument: until nothing changes, so many times, or while the left holds. */
static K repeat(K function, K *arguments, int count, struct steps *steps)
{
    K value = arguments[count - 1], first = value;
    for (J i = 0;; i++) {
        keep(steps, value);
        if (count == 2 && si_is_atom(arguments[0]) && i >= si_long(arguments[0], 0))
            return value;
        if (count == 2 && arguments[0]->t >= TLAMBDA && !si_long(si_apply1(arguments[0], value), 0))
            return value;
        K following = si_apply1(function, value);
        if (count == 1 && (si_match(following, value) || si_match(following, first)))
            return value;
        value = following;
    }
}

static K folded(K function, K *arguments, int count, bool scan)
{
    struct steps steps = {scan ? si_make(0, 16) : NULL, 0};
    bool one = si_rank(function) == 1 && function->t != TBINARY;
    K value = (one ? repeat : fold)(function, arguments, count, &steps);
    return scan ? si_collapse(si_list(steps.count, si_items(steps.list))) : value;
}

static K prior(K function, K list)
{
    K made = si_make(0, si_count(list));
    for (J i = 0; i < made->n; i++)
        si_put(made, i, i ? si_apply2(function, si_item(list, i), si_item(list, i - 1)) : si_item(list, 0));
    return si_collapse(made);
}

static K with_iterator(K function, K *arguments, int count)
{
    K base = si_items(function)[0];
    switch (function->t) {
    case TOVER:
    case TSCAN:
        return folded(base, arguments, count, function->t == TSCAN);
    case TPRIOR:
        return prior(base, arguments[count - 1]);
    case TRIGHT:
    case TLEFT:
        if (count != 2)
            si_raise("rank");
        return each(base, arguments, 2, function->t == TRIGHT ? 1 : 2);
    default:
        return each(base, arguments, count, 0);
    }
}

/* ---- Others ---- */

/* A C function borrows its arguments, and its result is q's. */
static K with_library(K function, K *a, int count)
{
    typedef K one(K), two(K, K), three(K, K, K), four(K, K, K, K), five(K, K, K, K, K), six(K, K, K, K, K, K),
        seven(K, K, K, K, K, K, K), eight(K, K, K, K, K, K, K, K);
    void *at = si_items(function)[0];
    int rank = si_rank(function);
    if (count > rank)
        si_raise("rank");
    if (count < rank)
        return si_project(function, a, count);
    union {
        void *at;
        one *f1;
        two *f2;
        three *f3;
        four *f4;
        five *f5;
        six *f6;
        seven *f7;
        eight *f8;
    } call = {at};
    si_error_set(NULL);
    K made = rank == 1   ? call.f1(a[0])
             : rank == 2 ? call.f2(a[0], a[1])
             : rank == 3 ? call.f3(a[0], a[1], a[2])
             : rank == 4 ? call.f4(a[0], a[1], a[2], a[3])
             : rank == 5 ? call.f5(a[0], a[1], a[2], a[3], a[4])
             : rank == 6 ? call.f6(a[0], a[1], a[2], a[3], a[4], a[5])
             : rank == 7 ? call.f7(a[0], a[1], a[2], a[3], a[4], a[5], a[6])
                         : call.f8(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    if (!made && si_error_text())
        si_raise_kept();
    if (!made)
        return si_identity();
    si_check("a C function returned", made);
    return si_pool(made);
}

static K deep_index(K object, K *arguments, int count)
{
    K at = arguments[0] ? si_index(object, arguments[0]) : object;
    if (count == 1)
        return at;
    bool many = !arguments[0] || !si_is_atom(arguments[0]);
    if (!many || object->t == TTABLE)
        return si_apply(at, arguments + 1, count - 1);
    K items = si_make(0, si_count(at));
    for (J i = 0; i < items->n; i++)
        si_put(items, i, si_apply(si_item(at, i), arguments + 1, count - 1));
    return si_collapse(items);
}

static bool is_hole(K *arguments, int count)
{
    for (int i = 0; i < count; i++) {
        if (!arguments[i])
            return true;
    }
    return false;
}

static K with_atom(K atom, K *arguments, int count)
{
    K function = atom->t == -TS ? si_global(atom->s) : NULL;
    if (function)
        return si_apply(si_pool(si_r1(function)), arguments, count);
    if ((atom->t == -TI || atom->t == -TJ) && count == 1)
        return si_send((int)si_long(atom, 0), arguments[0]);
    si_raise(atom->t == -TS ? atom->s : "type");
}

K si_apply(K function, K *arguments, int count)
{
    if (function->t < TLAMBDA && function->t >= 0)
        return deep_index(function, arguments, count);
    if (is_hole(arguments, count))
        return si_project(function, arguments, count);
    switch (function->t) {
    case TLAMBDA:
        return si_call_lambda(function, arguments, count);
    case TUNARY:
    case TBINARY:
        return with_primitive(function, arguments, count);
    case TPROJECT:
        return with_projection(function, arguments, count);
    case TLIBRARY:
        return with_library(function, arguments, count);
    default:
        return function->t < 0 ? with_atom(function, arguments, count)
                               : with_iterator(function, arguments, count);
    }
}

K si_apply1(K function, K argument)
{
    return si_apply(function, &argument, 1);
}

K si_apply2(K function, K left, K right)
{
    K both[] = {left, right};
    return si_apply(function, both, 2);
}
