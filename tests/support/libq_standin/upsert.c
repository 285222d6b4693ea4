/* Rows into tables: in place where a global is the table's only owner, so that a row costs what it weighs. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

/* ---- Owning: a table all of whose parts have one owner ---- */

static bool is_sole(K x)
{
    if (x->r)
        return false;
    if (si_is_keyed(x))
        return is_sole(si_items(x)[0]) && is_sole(si_items(x)[1]);
    K columns = si_columns(x);
    if (x->k->r || columns->r)
        return false;
    for (J i = 0; i < columns->n; i++) {
        if (si_items(columns)[i]->r)
            return false;
    }
    return true;
}

/* Objects that no pool knows, because what grows may move. NULL: beyond the limit. */
static K own_vector(K x)
{
    K made = si_object(x->t, x->n);
    if (!made)
        return NULL;
    memcpy(ql_q_items(made), ql_q_items(x), (size_t)x->n * si_size(x->t));
    for (J i = 0; x->t == 0 && i < x->n; i++)
        si_r1(si_items(made)[i]);
    return made;
}

static K own_table(K x)
{
    K columns = si_columns(x), made = si_object(TTABLE, 0), dict = si_object(TDICT, 2);
    K owned = si_object(0, columns->n);
    if (!made || !dict || !owned)
        si_abort("no memory for a table's frame");
    made->k = dict;
    si_items(dict)[0] = si_r1(si_names(x));
    si_items(dict)[1] = owned;
    for (J i = 0; i < columns->n; i++) {
        si_items(owned)[i] = own_vector(si_items(columns)[i]);
        if (!si_items(owned)[i]) {
            si_r0(made);
            return NULL;
        }
    }
    return made;
}

static K own(K x)
{
    if (x->t == TTABLE) {
        K made = own_table(x);
        if (!made)
            si_raise("wsfull");
        return made;
    }
    K made = si_object(TDICT, 2), keys = own_table(si_items(x)[0]), values = own_table(si_items(x)[1]);
    if (!made || !keys || !values) {
        if (keys)
            si_r0(keys);
        if (values)
            si_r0(values);
        if (made)
            si_r0(made);
        si_raise("wsfull");
    }
    si_items(made)[0] = keys;
    si_items(made)[1] = values;
    return made;
}

/* ---- Rows: whatever was given, as a table with these names ---- */

static K by_names(K names, K table)
{
    K columns = si_make(0, names->n);
    if (si_names(table)->n != names->n)
        si_raise("mismatch");
    for (J i = 0; i < names->n; i++) {
        K column = si_column(table, ((char **)ql_q_items(names))[i]);
        if (!column)
            si_raise("mismatch");
        si_put(columns, i, column);
    }
    return si_table(names, columns);
}

static K rows_of(K names, K x)
{
    if (x->t == TTABLE)
        return by_names(names, x);
    if (si_is_keyed(x))
        return by_names(names, si_unkey(x));
    if (x->t == TDICT)
        return by_names(names,
                        si_flip(si_dict(si_items(x)[0], si_each(si_primitive(si_primitive_find("enlist", 6)),
                                                                &si_items(x)[1], 1))));
    if (x->t < 0 || si_count(x) != names->n)
        si_raise("length");
    bool row = false;
    K columns = si_make(0, names->n);
    for (J i = 0; i < names->n; i++)
        row |= si_is_atom(si_item(x, i));
    for (J i = 0; i < names->n; i++)
        si_put(columns, i, row ? si_enlist(si_item(x, i)) : si_item(x, i));
    return si_table(names, columns);
}

static void check_types(K table, K rows)
{
    for (J i = 0; i < si_names(table)->n; i++) {
        K have = si_items(si_columns(table))[i], more = si_items(si_columns(rows))[i];
        if (have->t && more->n && have->t != more->t)
            si_raise("type");
    }
}

/* Columns `from` on of `rows`, with the names of `part`. */
static K part_of(K rows, K part, J from)
{
    K columns = si_make(0, si_names(part)->n);
    for (J i = 0; i < columns->n; i++)
        si_put(columns, i, si_items(si_columns(rows))[from + i]);
    return si_table(si_names(part), columns);
}

/* ---- Into a table that has one owner ---- */

static void reserve(K table, K rows, J more)
{
    K columns = si_columns(table);
    for (J i = 0; i < columns->n; i++) {
        K *column = &si_items(columns)[i], other = si_items(si_columns(rows))[i];
        if ((*column)->t == 0 && (*column)->n == 0 && other->t) {
            K typed = si_object(other->t, 0);
            if (!typed)
                si_raise("wsfull");
            si_r0(*column);
            *column = typed;
        }
        K grown = si_grow(*column, (*column)->n + more);
        if (!grown)
            si_raise("wsfull");
        *column = grown;
    }
}

static void append(K table, K rows, J at, J many)
{
    K columns = si_columns(table);
    for (J i = 0; i < columns->n; i++) {
        K *column = &si_items(columns)[i], from = si_items(si_columns(rows))[i];
        if ((*column)->t == 0) {
            for (J row = at; row < at + many; row++)
                si_append(column, &(K){si_r1(si_item(from, row))}, 1);
        } else {
            si_append(column, (char *)ql_q_items(from) + (size_t)at * si_size(from->t), many);
        }
    }
}

static void replace(K table, K rows, J row, J at)
{
    for (J i = 0; i < si_names(table)->n; i++)
        si_put(si_items(si_columns(table))[i], row, si_item(si_items(si_columns(rows))[i], at));
}

static void into_keyed(K dict, K rows)
{
    K keys = si_items(dict)[0], values = si_items(dict)[1];
    int width = (int)si_names(keys)->n;
    K key_part = part_of(rows, keys, 0), value_part = part_of(rows, values, width);
    struct si_index *index = si_index_of(dict);
    reserve(keys, key_part, si_count(rows));
    reserve(values, value_part, si_count(rows));
    for (J at = 0; at < si_count(rows); at++) {
        size_t mark = si_pool_mark();
        si_index_extend(index, si_items(si_columns(keys)), width, si_count(keys));
        J row = si_index_find(index, si_items(si_columns(keys)), width, si_items(si_columns(key_part)), at);
        if (row >= 0) {
            replace(values, value_part, row, at);
        } else {
            append(keys, key_part, at, 1);
            append(values, value_part, at, 1);
        }
        si_pool_drain(mark, NULL);
    }
}

static void into(K target, K rows)
{
    if (target->t == TDICT) {
        into_keyed(target, rows);
        return;
    }
    reserve(target, rows, si_count(rows));
    append(target, rows, 0, si_count(rows));
}

/* ---- insert and upsert ---- */

/* What it looked at of the table is let go, so that the table may still have one owner. */
static K checked_rows(K table, K x)
{
    size_t mark = si_pool_mark();
    K whole = table->t == TDICT ? si_unkey(table) : table;
    K rows = rows_of(si_names(whole), x);
    check_types(whole, rows);
    return si_pool_drain(mark, rows);
}

static K table_named(K name)
{
    K table = si_global(name->s);
    if (!table)
        si_raise(name->s);
    if (table->t != TTABLE && !si_is_keyed(table))
        si_raise("type");
    return table;
}

static void into_global(K name, K rows)
{
    K table = si_global(name->s);
    if (!is_sole(table)) {
        table = own(table);
        si_global_set(name->s, table);
        si_r0(table);
    }
    into(table, rows);
}

static K upsert(K x, K y)
{
    if (x->t == -TS) {
        if (!si_global(x->s))
            si_global_set(x->s, y->t == TDICT && !si_is_keyed(y) ? si_enlist(y) : y);
        else
            into_global(x, checked_rows(table_named(x), y));
        return x;
    }
    if (x->t == 0 && !x->n)
        return y;
    if (x->t != TTABLE && !si_is_keyed(x))
        return si_join(x, y);
    K rows = checked_rows(x, y), target = own(x);
    /* Wherever it moves to, an error lets go of it: it hangs in an object of the pool. */
    K holder = si_make(0, 1);
    si_items(holder)[0] = target;
    into(target, rows);
    return target;
}

static K insert(K x, K y)
{
    if (x->t != -TS)
        si_raise("type");
    K table = table_named(x), rows = checked_rows(table, y);
    J from = si_count(table);
    if (table->t == TDICT) {
        K keys = part_of(rows, si_items(table)[0], 0);
        K found = si_find(si_items(table)[0], keys);
        for (J i = 0; i < found->n; i++) {
            if (si_long(found, i) < from)
                si_raise("insert");
        }
    }
    into_global(x, rows);
    K made = si_make(TJ, si_count(rows));
    for (J i = 0; i < made->n; i++)
        ((J *)ql_q_items(made))[i] = from + i;
    return made;
}

static K set(K x, K y)
{
    if (x->t != -TS)
        si_raise("type");
    si_global_set(x->s, y);
    return x;
}

const struct si_primitive si_upserts[] = {
    {"insert", NULL, insert, NULL, true},
    {"upsert", NULL, upsert, NULL, true},
    {"set", NULL, set, NULL, true},
    {0},
};
