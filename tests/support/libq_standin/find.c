/* Which items are where: by hash. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>

static int as_columns(K *x, K **columns)
{
    if ((*x)->t == TTABLE) {
        *columns = si_items(si_columns(*x));
        return (int)si_columns(*x)->n;
    }
    *columns = x;
    return 1;
}

K si_find(K x, K y)
{
    K *in_columns, *row, keys = x->t == TDICT ? si_items(x)[1] : x;
    if (si_is_atom(keys) || keys->t >= TLAMBDA || y->t >= TLAMBDA)
        si_raise("type");
    if (keys->t == TTABLE && y->t == TDICT)
        return si_item(si_find(keys, si_enlist(y)), 0);
    bool atom = si_is_atom(y) || (keys->t == 0 && si_is_vector(y) && keys->n && si_items(keys)[0]->t > 0);
    K many = si_is_atom(y) || atom ? si_list(1, &y) : y;
    many = si_is_atom(y) ? si_enlist(y) : many;
    int width = as_columns(&keys, &in_columns), other = as_columns(&many, &row);
    if (width != other)
        si_raise("mismatch");
    if (keys->t && keys->t <= TT && many->t && many->t <= TT && (keys->t == TS) != (many->t == TS))
        si_raise("type");
    struct si_index *index = si_index_of(si_make(TDICT, 2));
    si_index_extend(index, in_columns, width, si_count(keys));
    K rows = si_make(TJ, si_count(many));
    for (J i = 0; i < rows->n; i++) {
        J found = si_index_find(index, in_columns, width, row, i);
        ((J *)ql_q_items(rows))[i] = found < 0 ? si_count(keys) : found;
    }
    K result = atom ? si_item(rows, 0) : rows;
    return x->t == TDICT ? si_index(si_items(x)[0], result) : result;
}

K si_in(K x, K y)
{
    K list = y->t < 0 ? si_enlist(y) : (y->t == TDICT ? si_items(y)[1] : y), rows = si_find(list, x);
    return si_primitive_find("<", 1)->two(rows, si_atom_long(TJ, si_count(list)));
}

static K distinct(K x)
{
    K rows = si_find(x, x), kept = si_make(TB, rows->n);
    for (J i = 0; i < rows->n; i++)
        si_put_long(kept, i, si_long(rows, i) == i);
    return si_take_rows(x, si_where(kept));
}

K si_group(K x)
{
    if (x->t == TDICT)
        return si_dict(si_items(si_group(si_items(x)[1]))[0], si_items(x)[0]);
    K rows = si_find(x, x), keys = distinct(x), groups = si_make(0, si_count(keys)),
      place = si_make(TJ, rows->n);
    K sizes = si_make(TJ, si_count(keys));
    J *group = ql_q_items(place), *size = ql_q_items(sizes), next = 0;
    for (J i = 0; i < rows->n; i++) {
        J at = si_long(rows, i);
        group[i] = at == i ? next++ : group[at];
        size[group[i]] = at == i ? 1 : size[group[i]] + 1;
    }
    for (J i = 0; i < next; i++) {
        si_items(groups)[i] = si_r1(si_make(TJ, size[i]));
        size[i] = 0;
    }
    for (J i = 0; i < rows->n; i++)
        ((J *)ql_q_items(si_items(groups)[group[i]]))[size[group[i]]++] = i;
    return si_dict(keys, groups);
}

static K except(K x, K y)
{
    return si_without_rows(x, si_in(x, y));
}

static K inter(K x, K y)
{
    return si_take_rows(x, si_where(si_in(x, y)));
}

static K unite(K x, K y)
{
    return distinct(si_join(x, y));
}

const struct si_primitive si_finds[] = {
    {"distinct", distinct, NULL, NULL, false},
    {"group", si_group, NULL, NULL, false},
    {"in", NULL, si_in, NULL, true},
    {"except", NULL, except, NULL, true},
    {"inter", NULL, inter, NULL, true},
    {"union", NULL, unite, NULL, true},
    {0},
};
