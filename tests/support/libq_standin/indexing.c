/* Parts of an object by index, and an object with other parts. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>

/* ---- Index ---- */

static K index_list(K object, K at)
{
    if (at->t == 0) {
        K made = si_make(0, at->n);
        for (J i = 0; i < at->n; i++)
            si_put(made, i, si_index(object, si_items(at)[i]));
        return si_collapse(made);
    }
    if (!si_is_integral(abs(at->t)) || at->t > TT)
        si_raise("type");
    if (si_is_atom(at))
        return si_item(object, si_long(at, 0));
    if (at->t == TJ)
        return si_take_rows(object, at);
    return si_take_rows(object, si_cast(TJ, at));
}

static K index_table(K table, K at)
{
    if (at->t == -TS) {
        K column = si_column(table, at->s);
        if (!column)
            si_raise(at->s);
        return column;
    }
    if (at->t == TS) {
        K made = si_make(0, at->n);
        for (J i = 0; i < at->n; i++)
            si_put(made, i, index_table(table, si_item(at, i)));
        return made;
    }
    return index_list(table, at);
}

/* A key as one row of the key table: an atom, a list of its columns, a dictionary, or many of them as a table. */
static K key_rows(K keys, K at)
{
    if (at->t == TTABLE)
        return at;
    if (at->t == TDICT)
        return si_enlist(at);
    K names = si_names(keys), columns = si_make(0, names->n);
    if (names->n > 1 && si_count(at) != names->n)
        si_raise("length");
    for (J i = 0; i < names->n; i++) {
        K value = names->n == 1 ? at : si_item(at, i);
        si_put(columns, i, si_is_atom(value) ? si_enlist(value) : value);
    }
    return si_table(names, columns);
}

static K index_keyed(K dict, K at)
{
    K keys = si_items(dict)[0], rows = key_rows(keys, at);
    int width = (int)si_names(keys)->n;
    if (si_names(rows)->n != width)
        si_raise("mismatch");
    struct si_index *index = si_index_of(dict);
    si_index_extend(index, si_items(si_columns(keys)), width, si_count(keys));
    K found = si_make(TJ, si_count(rows));
    for (J i = 0; i < found->n; i++)
        ((J *)ql_q_items(found))[i] =
            si_index_find(index, si_items(si_columns(keys)), width, si_items(si_columns(rows)), i);
    K values = si_take_rows(si_items(dict)[1], found);
    bool many = at->t == TTABLE || (width == 1 && at->t >= 0 && at->t <= TT);
    return many ? values : si_item(values, 0);
}

static K index_dict(K dict, K at)
{
    K keys = si_items(dict)[0], values = si_items(dict)[1];
    if (keys->t == TTABLE)
        return index_keyed(dict, at);
    K rows = si_find(keys, at);
    if (si_is_atom(rows))
        return si_item(values, si_long(rows, 0));
    return values->t == TTABLE ? si_take_rows(values, rows) : index_list(values, rows);
}

K si_index(K object, K at)
{
    if (at->t == TUNARY && !si_primitive_of(at))
        return object;
    if (object->t == TDICT)
        return index_dict(object, at);
    return object->t == TTABLE ? index_table(object, at) : index_list(object, at);
}

/* ---- Amend ---- */

static K amend_dict(K dict, K at, K value)
{
    K keys = si_items(dict)[0], values = si_items(dict)[1], row = si_find(keys, at);
    if (!si_is_atom(row)) {
        for (J i = 0; i < row->n; i++)
            dict = amend_dict(dict, si_item(at, i), si_is_atom(value) ? value : si_item(value, i));
        return dict;
    }
    if (si_long(row, 0) < si_count(keys))
        return si_dict(keys, si_amend(values, &row, 1, NULL, value));
    return si_dict(si_join(keys, at), si_join(values, si_is_atom(value) ? value : si_list(1, &value)));
}

static K general(K object)
{
    if (object->t == 0)
        return si_copy(object);
    K made = si_make(0, object->n);
    for (J i = 0; i < made->n; i++)
        si_put(made, i, si_item(object, i));
    return made;
}

static K amend_at(K object, K at, K value)
{
    if (object->t == TTABLE && abs(at->t) == TS) {
        K columns = amend_dict(object->k, at, value);
        return si_table(si_items(columns)[0], si_items(columns)[1]);
    }
    if (object->t == TDICT)
        return amend_dict(object, at, value);
    if (object->t < 0 || object->t > TT || !si_is_integral(abs(at->t)))
        si_raise("type");
    bool fits = !object->t || abs(value->t) == object->t;
    if (!fits && !si_is_atom(value) && value->t)
        si_raise("type");
    if (!fits && object->n > 1)
        si_raise("type");
    K made = fits ? si_copy(object) : general(object);
    J many = si_is_atom(at) ? 1 : at->n;
    if (!si_is_atom(at) && value->t >= 0 && si_count(value) != many)
        si_raise("length");
    for (J i = 0; i < many; i++) {
        J row = si_long(at, i);
        if (row < 0 || row >= made->n)
            si_raise("length");
        si_put(made, row, si_is_atom(at) || si_is_atom(value) ? value : si_item(value, i));
    }
    return si_collapse(made);
}

K si_amend(K object, K *indexes, int count, K verb, K value)
{
    K at = indexes[0];
    if (at->t == TUNARY) {
        if (object->t > TT)
            si_raise("type");
        at = si_primitive_find("til", 3)->one(si_atom_long(TJ, si_count(object)));
    }
    if (count > 1)
        value = si_amend(si_index(object, at), indexes + 1, count - 1, verb, value);
    else if (verb)
        value = value ? si_apply2(verb, si_index(object, at), value) : si_apply1(verb, si_index(object, at));
    return amend_at(object, at, value);
}
