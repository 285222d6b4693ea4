/* Verbs on lists: take, drop, join, find, group and their kin. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

static K til(K x)
{
    if (!si_is_atom(x) || !si_is_integral(-x->t))
        si_raise("type");
    J count = si_long(x, 0);
    if (count < 0)
        si_raise("domain");
    K made = si_make(TJ, count);
    for (J i = 0; i < count; i++)
        ((J *)ql_q_items(made))[i] = i;
    return made;
}

static K count(K x)
{
    return si_atom_long(TJ, si_count(x));
}

static K values_of(K x)
{
    return x->t == TDICT ? si_items(x)[1] : x;
}

static K first(K x)
{
    return si_item(values_of(x), 0);
}

static K last(K x)
{
    K values = values_of(x);
    return si_is_atom(values) ? values : si_item(values, si_count(values) - 1);
}

static K enlist_many(K *arguments, int many)
{
    return si_collapse(si_list(many, arguments));
}

K si_enlist(K x)
{
    return enlist_many(&x, 1);
}

/* Rows from `from`, a step apart. */
static K range(J from, J step, J many)
{
    K rows = si_make(TJ, many);
    for (J i = 0; i < many; i++)
        ((J *)ql_q_items(rows))[i] = from + i * step;
    return rows;
}

static K reverse(K x)
{
    return si_is_atom(x) ? x : si_take_rows(x, range(si_count(x) - 1, -1, si_count(x)));
}

static K where_true(K x)
{
    const unsigned char *is = ql_q_items(x);
    J many = 0, at = 0;
    for (J i = 0; i < x->n; i++)
        many += is[i] != 0;
    K rows = si_make(TJ, many);
    for (J i = 0; at < many; i++)
        if (is[i])
            ((J *)ql_q_items(rows))[at++] = i;
    return rows;
}

K si_where(K x)
{
    if (x->t == TDICT)
        return si_take_rows(si_items(x)[0], si_where(si_items(x)[1]));
    if (x->t == TB)
        return where_true(x);
    if (x->t < 0 || (x->n && !si_is_integral(x->t)))
        si_raise("type");
    J many = 0, at = 0;
    for (J i = 0; i < x->n; i++)
        many += si_long(x, i) > 0 ? si_long(x, i) : 0;
    K rows = si_make(TJ, many);
    for (J i = 0; i < x->n; i++) {
        for (J times = si_long(x, i); times > 0; times--)
            ((J *)ql_q_items(rows))[at++] = i;
    }
    return rows;
}

/* ---- Take and drop ---- */

static K take_items(J many, K y)
{
    if (llabs(many / 2) > INT_MAX)
        si_raise("limit");
    J have = si_count(y), size = llabs(many);
    if (si_is_atom(y) || y->t >= TLAMBDA) {
        K made = si_make(si_is_atom(y) ? -y->t : 0, size);
        for (J i = 0; i < size; i++)
            si_put(made, i, y);
        return made;
    }
    K rows = si_make(TJ, y->t == TDICT && size > have ? have : size);
    for (J i = 0; i < rows->n; i++)
        ((J *)ql_q_items(rows))[i] = !have ? -1 : many < 0 ? (i + have - size % have) % have : i % have;
    return si_take_rows(y, rows);
}

static K take_columns(K names, K table)
{
    K columns = si_make(0, si_count(names));
    for (J i = 0; i < columns->n; i++)
        si_put(columns, i, si_index(table, si_item(names, i)));
    return si_table(names->t < 0 ? si_enlist(names) : names, columns);
}

static K take(K x, K y)
{
    if (abs(x->t) == TS && y->t == TTABLE)
        return take_columns(x, y);
    if (y->t == TDICT && x->t >= 0 &&
        !(si_is_vector(x) && x->t != TS && x->n == 2 && si_items(y)[0]->t == TS))
        return si_dict(x, si_index(y, x));
    if (si_is_atom(x))
        return take_items(si_long(x, 0), y);
    if (si_count(x) != 2)
        si_raise("type");
    J rows = si_long(x, 0), columns = si_long(x, 1);
    if (rows == NULL_J && columns > 0)
        rows = si_count(y) / columns;
    if (rows < 0 || columns < 0 || rows > INT_MAX || columns > INT_MAX)
        si_raise("limit");
    K all = take_items(rows * columns, y), made = si_make(0, rows);
    for (J i = 0; i < rows; i++)
        si_put(made, i, si_take_rows(all, range(i * columns, 1, columns)));
    return made;
}

static K cut_at(K x, K y)
{
    K made = si_make(0, x->n);
    for (J i = 0; i < x->n; i++) {
        J from = si_long(x, i), to = i + 1 < x->n ? si_long(x, i + 1) : si_count(y);
        if (from < 0 || to < from)
            si_raise("domain");
        si_put(made, i, si_take_rows(y, range(from, 1, to - from)));
    }
    return made;
}

K si_without_rows(K x, K out)
{
    K rows = si_make(TJ, si_count(x));
    J kept = 0;
    const unsigned char *gone = ql_q_items(out);
    for (J i = 0; i < rows->n; i++) {
        if (!gone[i])
            ((J *)ql_q_items(rows))[kept++] = i;
    }
    rows->n = kept;
    return si_take_rows(x, rows);
}

static K drop(K x, K y)
{
    if (y->t == TTABLE && abs(x->t) == TS) {
        K names = si_without_rows(si_names(y), si_in(si_names(y), x));
        return take_columns(names, y);
    }
    if (y->t == TDICT && !si_is_integral(abs(x->t)))
        return si_without_rows(y, si_in(si_items(y)[0], x->t < 0 ? si_enlist(x) : x));
    if (x->t == TDICT)
        return si_without_rows(x, si_in(si_items(x)[0], y->t < 0 ? si_enlist(y) : y));
    if (!si_is_atom(x))
        return cut_at(x, y);
    if (!si_is_integral(-x->t)) { /* list _ at */
        if (!si_is_atom(y))
            si_raise("type");
    }
    J many = si_long(x, 0), have = si_count(y);
    if (many == NULL_J)
        si_raise("type");
    J left = have - llabs(many) > 0 ? have - llabs(many) : 0;
    return si_take_rows(y, range(many > 0 ? have - left : 0, 1, left));
}

static K cut(K x, K y)
{
    if (!si_is_atom(x))
        return cut_at(x, y);
    J size = si_long(x, 0), have = si_count(y);
    if (size <= 0)
        si_raise("domain");
    K made = si_make(0, (have + size - 1) / size);
    for (J i = 0; i < made->n; i++)
        si_put(made, i, si_take_rows(y, range(i * size, 1, size < have - i * size ? size : have - i * size)));
    return made;
}

static K sublist(K x, K y)
{
    J from = si_is_atom(x) ? 0 : si_long(x, 0), many = si_long(x, si_is_atom(x) ? 0 : 1), have = si_count(y);
    if (si_is_atom(x) && many < 0) {
        many = -many < have ? -many : have;
        from = have - many;
    }
    from = from < have ? from : have;
    return si_take_rows(y, range(from, 1, many < have - from ? many : have - from));
}

/* ---- Join ---- */

static K join_tables(K x, K y)
{
    K names = si_names(x), columns = si_make(0, names->n);
    if (!si_match(names, si_names(y)))
        si_raise("mismatch");
    for (J i = 0; i < names->n; i++)
        si_put(columns, i, si_join(si_items(si_columns(x))[i], si_items(si_columns(y))[i]));
    return si_table(names, columns);
}

static K join_dicts(K x, K y)
{
    K keys = si_items(x)[0], values = si_items(x)[1], others = si_items(y)[0];
    K made = si_dict(keys, values);
    for (J i = 0; i < si_count(others); i++) {
        K key = si_item(others, i);
        made = si_amend(made, &key, 1, NULL, si_item(si_items(y)[1], i));
    }
    return made;
}

K si_join(K x, K y)
{
    if (x->t == TTABLE && y->t == TDICT && si_items(y)[0]->t == TS)
        return join_tables(x, si_enlist(take(si_names(x), y)));
    if (x->t == TTABLE && y->t == TTABLE)
        return join_tables(x, y);
    if (si_is_keyed(x) && si_is_keyed(y))
        return si_primitive_find("upsert", 6)->two(x, y);
    if (x->t == TDICT && y->t == TDICT)
        return join_dicts(x, y);
    int type = x->t < 0 ? -x->t : x->t, other = y->t < 0 ? -y->t : y->t;
    J left = x->t < 0 || x->t > TT ? 1 : x->n, right = y->t < 0 || y->t > TT ? 1 : y->n;
    if (x->t == 0 && !left && y->t <= TT)
        return y->t < 0 ? si_enlist(y) : y;
    if (y->t == 0 && !right && x->t <= TT)
        return x->t < 0 ? si_enlist(x) : x;
    if (type == other && type && type <= TT) {
        K made = si_make(type, left + right);
        size_t size = si_size(type);
        memcpy(ql_q_items(made), si_data(x), (size_t)left * size);
        memcpy((char *)ql_q_items(made) + (size_t)left * size, si_data(y), (size_t)right * size);
        return made;
    }
    K made = si_make(0, left + right);
    for (J i = 0; i < left + right; i++)
        si_put(made, i,
               i < left ? si_item(x->t > TT && x->t < TLAMBDA ? si_enlist(x) : x, i)
                        : si_item(y->t > TT && y->t < TLAMBDA ? si_enlist(y) : y, i - left));
    return made;
}

static K raze(K x)
{
    K list = values_of(x);
    if (list->t)
        return list;
    K made = list->n ? si_items(list)[0] : list;
    for (J i = 1; i < list->n; i++) {
        size_t mark = si_pool_mark();
        made = si_pool_drain(mark, si_join(made, si_items(list)[i]));
    }
    return si_is_atom(made) ? si_enlist(made) : made;
}

static K next(K x)
{
    return si_take_rows(x, range(1, 1, si_count(x)));
}

static K prev(K x)
{
    return si_take_rows(x, range(-1, 1, si_count(x)));
}

static K xprev(K x, K y)
{
    return si_take_rows(y, range(-si_long(x, 0), 1, si_count(y)));
}

static K rotate(K x, K y)
{
    J by = si_long(x, 0), have = si_count(y);
    K rows = si_make(TJ, have);
    for (J i = 0; i < have; i++)
        ((J *)ql_q_items(rows))[i] = ((i + by) % have + have) % have;
    return si_take_rows(y, rows);
}

static K bin(K x, K y)
{
    K list = si_is_atom(y) ? si_enlist(y) : y, made = si_make(TJ, si_count(list));
    for (J i = 0; i < made->n; i++) {
        J low = -1, high = si_count(x);
        while (high - low > 1) {
            J middle = low + (high - low) / 2;
            *(si_compare(x, middle, list, i) <= 0 ? &low : &high) = middle;
        }
        ((J *)ql_q_items(made))[i] = low;
    }
    return si_is_atom(y) ? si_item(made, 0) : made;
}

const struct si_primitive si_lists[] = {
    {"til", til, NULL, NULL, false},
    {"count", count, NULL, NULL, false},
    {"first", first, NULL, NULL, false},
    {"last", last, NULL, NULL, false},
    {"enlist", si_enlist, NULL, enlist_many, false},
    {"reverse", reverse, NULL, NULL, false},
    {"where", si_where, NULL, NULL, false},
    {"raze", raze, NULL, NULL, false},
    {"next", next, NULL, NULL, false},
    {"prev", prev, NULL, NULL, false},
    {"#", count, take, NULL, true},
    {"_", NULL, drop, NULL, true},
    {",", si_enlist, si_join, NULL, true},
    {"cut", NULL, cut, NULL, true},
    {"sublist", NULL, sublist, NULL, true},
    {"xprev", NULL, xprev, NULL, true},
    {"rotate", NULL, rotate, NULL, true},
    {"bin", NULL, bin, NULL, true},
    {0},
};
