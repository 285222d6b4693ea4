/* Verbs on tables as a whole. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

static K transposed(K x)
{
    J width = -1;
    for (J i = 0; i < x->n; i++) {
        if (si_is_atom(si_items(x)[i]))
            continue;
        J own = si_count(si_items(x)[i]);
        if (width >= 0 && own != width)
            si_raise("length");
        width = own;
    }
    if (width < 0)
        si_raise("rank");
    K made = si_make(0, width);
    for (J i = 0; i < width; i++) {
        K row = si_make(0, x->n);
        for (J at = 0; at < x->n; at++)
            si_put(row, at, si_item(si_items(x)[at], i));
        si_put(made, i, si_collapse(row));
    }
    return made;
}

K si_flip(K x)
{
    if (x->t == TTABLE)
        return x->k;
    if (x->t == TDICT)
        return si_table(si_items(x)[0], si_items(x)[1]);
    if (x->t != 0)
        si_raise("rank");
    return transposed(x);
}

K si_unkey(K x)
{
    if (!si_is_keyed(x))
        return x;
    K keys = si_items(x)[0], values = si_items(x)[1];
    K columns = si_make(0, si_names(keys)->n + si_names(values)->n);
    for (J i = 0; i < columns->n; i++) {
        J from = si_names(keys)->n;
        si_put(columns, i, si_items(si_columns(i < from ? keys : values))[i < from ? i : i - from]);
    }
    return si_table(si_join(si_names(keys), si_names(values)), columns);
}

static K some_columns(K table, J from, J to)
{
    K names = si_make(TS, to - from), columns = si_make(0, to - from);
    for (J i = from; i < to; i++) {
        ((char **)ql_q_items(names))[i - from] = ((char **)ql_q_items(si_names(table)))[i];
        si_put(columns, i - from, si_items(si_columns(table))[i]);
    }
    return si_table(names, columns);
}

K si_key_table(K x, int keys)
{
    K table = si_unkey(x);
    if (table->t != TTABLE)
        si_raise("type");
    if (!keys)
        return table;
    if (keys < 0 || keys >= si_names(table)->n)
        si_raise("length");
    return si_dict(some_columns(table, 0, keys), some_columns(table, keys, si_names(table)->n));
}

/* By name: the result goes to the global, and the verb returns the name. */
static K whole(K x, K *name)
{
    *name = x->t == -TS ? x : NULL;
    K table = *name ? si_global(x->s) : x;
    if (!table)
        si_raise(x->s);
    if (table->t != TTABLE && !si_is_keyed(table))
        si_raise("type");
    return *name ? si_pool(si_r1(table)) : table;
}

static K given(K name, K table)
{
    if (name)
        si_global_set(name->s, table);
    return name ? name : table;
}

static K vector_of(K names)
{
    if (abs(names->t) != TS)
        si_raise("type");
    return names->t < 0 ? si_enlist(names) : names;
}

/* Names first, then the others. */
static K reordered(K names, K table)
{
    K all = si_primitive_find("union", 5)->two(names, si_names(table)), columns = si_make(0, all->n);
    for (J i = 0; i < all->n; i++) {
        K column = si_column(table, ((char **)ql_q_items(all))[i]);
        if (!column)
            si_raise(((char **)ql_q_items(all))[i]);
        si_put(columns, i, column);
    }
    return si_table(all, columns);
}

static K xkey(K x, K y)
{
    K name, table = si_unkey(whole(y, &name));
    if (x->t == 0 && !x->n)
        return given(name, table);
    return given(name, si_key_table(reordered(vector_of(x), table), (int)si_count(x)));
}

static K xcols(K x, K y)
{
    K name, table = whole(y, &name);
    return given(name, reordered(vector_of(x), table));
}

static K xcol(K x, K y)
{
    K name, table = whole(y, &name), names = si_copy(si_names(si_unkey(table)));
    for (J i = 0; x->t != TDICT && i < si_count(vector_of(x)) && i < names->n; i++)
        si_put(names, i, si_item(vector_of(x), i));
    for (J i = 0; x->t == TDICT && i < names->n; i++) {
        K found = si_find(si_items(x)[0], si_item(names, i));
        if (si_long(found, 0) < si_count(x))
            si_put(names, i, si_item(si_items(x)[1], si_long(found, 0)));
    }
    int keys = table->t == TDICT ? (int)si_names(si_items(table)[0])->n : 0;
    return given(name, si_key_table(si_table(names, si_columns(si_unkey(table))), keys));
}

static K sorted(K x, K y, bool down)
{
    K name, table = whole(y, &name), plain = si_unkey(table), names = vector_of(x),
            columns = si_make(0, names->n);
    for (J i = 0; i < names->n; i++)
        si_put(columns, i, si_index(plain, si_item(names, i)));
    K rows = si_grade(si_table(names, columns), down);
    int keys = table->t == TDICT ? (int)si_names(si_items(table)[0])->n : 0;
    return given(name, si_key_table(si_take_rows(plain, rows), keys));
}

static K xasc(K x, K y)
{
    return sorted(x, y, false);
}

static K xdesc(K x, K y)
{
    return sorted(x, y, true);
}

static K cols(K x)
{
    K name;
    return si_names(si_unkey(whole(x, &name)));
}

static K keys(K x)
{
    K name, table = whole(x, &name);
    return table->t == TDICT ? si_names(si_items(table)[0]) : si_make(TS, 0);
}

static K meta(K x)
{
    K name, table = si_unkey(whole(x, &name)), names = si_names(table), types = si_make(TC, names->n);
    K none = si_make(TS, names->n), attributes = si_make(TS, names->n);
    for (J i = 0; i < names->n; i++) {
        K column = si_items(si_columns(table))[i];
        char letter = " bg xhijefcspmdznuvt"[column->t < 20 ? column->t : 0];
        if (column->t == 0 && column->n && si_is_vector(si_items(column)[0]))
            letter = (char)(" bg xhijefcspmdznuvt"[si_items(column)[0]->t] & ~0x20);
        ((char *)ql_q_items(types))[i] = letter;
        ((char **)ql_q_items(none))[i] = si_intern("", 0);
        ((char **)ql_q_items(attributes))[i] = si_intern(column->u == 1 ? "s" : "", column->u == 1);
    }
    static const char *const heads[] = {"c", "t", "f", "a"};
    K head = si_make(TS, 4), columns = si_list(4, (K[]){names, types, none, attributes});
    for (int i = 0; i < 4; i++)
        ((char **)ql_q_items(head))[i] = si_intern(heads[i], 1);
    return si_key_table(si_table(head, columns), 1);
}

static K lj(K x, K y)
{
    K name, left = si_unkey(whole(x, &name)), right = whole(y, &name);
    if (right->t != TDICT)
        si_raise("type");
    K key_names = si_names(si_items(right)[0]), columns = si_make(0, key_names->n);
    for (J i = 0; i < key_names->n; i++)
        si_put(columns, i, si_index(left, si_item(key_names, i)));
    K found = si_index(right, si_table(key_names, columns));
    K at = si_find(si_items(right)[0], si_table(key_names, columns)), joined = left->k;
    for (J i = 0; i < si_names(found)->n; i++) {
        K own = si_item(si_names(found), i), column = si_items(si_columns(found))[i];
        K old = si_column(left, own->s);
        for (J row = 0; old && row < si_count(left); row++) {
            if (si_long(at, row) == si_count(right))
                si_put(column, row, si_item(old, row));
        }
        joined = si_join(joined, si_dict(si_enlist(own), si_list(1, &column)));
    }
    return si_flip(joined);
}

static void add_table(const char *name, K value, void *arg)
{
    K *names = arg;
    if (value->t == TTABLE || si_is_keyed(value))
        *names = si_join(*names, si_symbol(si_intern(name, strlen(name))));
}

static K tables(K x)
{
    (void)x;
    K names = si_make(TS, 0);
    si_globals_each(add_table, &names);
    return si_take_rows(names, si_grade(names, false));
}

static K ungroup(K x)
{
    K table = si_unkey(x), made = NULL;
    for (J i = 0; i < si_count(table); i++) {
        K row = si_item(table, i), part = si_flip(si_dict(si_items(row)[0], si_items(row)[1]));
        made = made ? si_join(made, part) : part;
    }
    return made ? made : table;
}

const struct si_primitive si_tables[] = {
    {"flip", si_flip, NULL, NULL, false},
    {"xkey", NULL, xkey, NULL, true},
    {"xcols", NULL, xcols, NULL, true},
    {"xcol", NULL, xcol, NULL, true},
    {"xasc", NULL, xasc, NULL, true},
    {"xdesc", NULL, xdesc, NULL, true},
    {"cols", cols, NULL, NULL, false},
    {"keys", keys, NULL, NULL, false},
    {"meta", meta, NULL, NULL, false},
    {"lj", NULL, lj, NULL, true},
    {"tables", tables, NULL, NULL, false},
    {"ungroup", ungroup, NULL, NULL, false},
    {0},
};
