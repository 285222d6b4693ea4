/* Equal, before, after; and sorting by it. */
#include "tests/support/libq_standin/standin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int order(J a, J b)
{
    return (a > b) - (a < b);
}

/* Nulls come first. */
static int float_order(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (int)isnan(b) - (int)isnan(a);
    return (a > b) - (a < b);
}

static J unit(int type)
{
    return type == TD   ? 86400000000000
           : type == TU ? 60000000000
           : type == TV ? 1000000000
           : type == TT ? 1000000
                        : 1;
}

static int atoms_order(K x, J i, K y, J j)
{
    int tx = abs(x->t), ty = abs(y->t);
    if (tx == TS && ty == TS) {
        const char *a = ((char *const *)si_data(x))[x->t < 0 ? 0 : i];
        const char *b = ((char *const *)si_data(y))[y->t < 0 ? 0 : j];
        return a == b ? 0 : strcmp(a, b);
    }
    if (tx == TGUID && ty == TGUID)
        return memcmp((const char *)si_data(x) + (x->t < 0 ? 0 : 16 * i),
                      (const char *)si_data(y) + (y->t < 0 ? 0 : 16 * j), 16);
    if (si_is_real(tx) || si_is_real(ty))
        return float_order(si_float(x, i), si_float(y, j));
    J a = si_long(x, i), b = si_long(y, j);
    if (tx != ty && tx >= TP && ty >= TP && tx != TM && ty != TM && a != NULL_J && b != NULL_J) {
        a = si_times(a, unit(tx));
        b = si_times(b, unit(ty));
    }
    return order(a, b);
}

int si_compare(K x, J i, K y, J j)
{
    K a = x->t == 0 || x->t > TT ? si_item(x, i) : x, b = y->t == 0 || y->t > TT ? si_item(y, j) : y;
    if (a != x || b != y) {
        if (si_is_atom(a) && si_is_atom(b))
            return atoms_order(a, a == x ? i : 0, b, b == y ? j : 0);
        if (a->t >= 0 && b->t >= 0 && a->t <= TT && b->t <= TT) {
            for (J at = 0; at < a->n && at < b->n; at++) {
                int found = si_compare(a, at, b, at);
                if (found)
                    return found;
            }
            return order(a->n, b->n);
        }
        return si_match(a, b) ? 0 : a->t < b->t ? -1 : 1;
    }
    return atoms_order(x, i, y, j);
}

/* Functions are the same when they are one object, or one primitive. */
static bool functions_match(K x, K y)
{
    if (x == y || x->t == TLAMBDA)
        return x == y ||
               (si_lambda_node(x)->length == si_lambda_node(y)->length &&
                memcmp(si_lambda_node(x)->text, si_lambda_node(y)->text, si_lambda_node(x)->length) == 0);
    if (x->t == TUNARY || x->t == TBINARY)
        return si_primitive_of(x) == si_primitive_of(y);
    if (x->t == TLIBRARY)
        return si_items(x)[0] == si_items(y)[0];
    if (x->n != y->n)
        return false;
    for (J i = 0; i < x->n; i++) {
        K a = si_items(x)[i], b = si_items(y)[i];
        if (!a || !b ? a != b : !si_match(a, b))
            return false;
    }
    return true;
}

bool si_match(K x, K y)
{
    if (x->t != y->t)
        return false;
    if (x->t == TTABLE)
        return si_match(x->k, y->k);
    if (x->t == TDICT)
        return si_match(si_items(x)[0], si_items(y)[0]) && si_match(si_items(x)[1], si_items(y)[1]);
    if (x->t >= TLAMBDA)
        return functions_match(x, y);
    if (x->t >= 0 && x->n != y->n)
        return false;
    for (J i = 0; i < (x->t < 0 ? 1 : x->n); i++) {
        if (x->t == 0 ? !si_match(si_items(x)[i], si_items(y)[i]) : atoms_order(x, i, y, i) != 0)
            return false;
    }
    return true;
}

/* ---- Sorting: by merging, so that it is stable ---- */

static int graded(K x, J i, J j, bool down)
{
    int found = 0;
    if (x->t == TTABLE) {
        K columns = si_columns(x);
        for (J at = 0; at < columns->n && !found; at++)
            found = si_compare(si_items(columns)[at], i, si_items(columns)[at], j);
    } else {
        found = si_compare(x, i, x, j);
    }
    return down ? -found : found;
}

static void merge_sort(K x, J *rows, J *other, J count, bool down)
{
    if (count < 2)
        return;
    J half = count / 2, left = 0, right = half;
    merge_sort(x, rows, other, half, down);
    merge_sort(x, rows + half, other, count - half, down);
    memcpy(other, rows, (size_t)count * sizeof(J));
    for (J to = 0; to < count; to++) {
        bool take_left = right == count || (left < half && graded(x, other[left], other[right], down) <= 0);
        rows[to] = take_left ? other[left++] : other[right++];
    }
}

K si_grade(K x, bool down)
{
    K rows = si_make(TJ, si_count(x)), other = si_make(TJ, rows->n);
    J *at = ql_q_items(rows);
    for (J i = 0; i < rows->n; i++)
        at[i] = i;
    merge_sort(x, at, ql_q_items(other), rows->n, down);
    return rows;
}

/* ---- Verbs ---- */

enum relation { EQUAL, LESS, MORE, UNEQUAL, NOT_LESS, NOT_MORE };

static bool holds(enum relation relation, int found)
{
    bool is = relation % 3 == EQUAL ? !found : relation % 3 == LESS ? found < 0 : found > 0;
    return is != (relation >= UNEQUAL);
}

/* Of eight bytes that count as they are: a table is looked through for a few of its rows again and again. */
static void relate_longs(enum relation relation, K x, K y, K made)
{
    const J *a = si_data(x), *b = si_data(y);
    bool less = holds(relation, -1), same = holds(relation, 0), more = holds(relation, 1);
    unsigned char *to = ql_q_items(made);
    for (J i = 0; i < made->n; i++) {
        J left = a[x->t < 0 ? 0 : i], right = b[y->t < 0 ? 0 : i];
        to[i] = left < right ? less : left > right ? more : same;
    }
}

static K relate(enum relation relation, K x, K y, K (*verb)(K, K))
{
    if (x->t == 0 || y->t == 0 || x->t > TT || y->t > TT)
        return si_deep2(verb, x, y);
    int tx = abs(x->t), ty = abs(y->t);
    if ((tx == TS) != (ty == TS) || (tx == TGUID) != (ty == TGUID))
        si_raise("type");
    if (x->t >= 0 && y->t >= 0 && x->n != y->n)
        si_raise("length");
    bool atom = x->t < 0 && y->t < 0;
    K made = si_make(TB, atom ? 1 : x->t >= 0 ? x->n : y->n);
    if (tx == ty && (tx == TJ || tx == TP || tx == TN))
        relate_longs(relation, x, y, made);
    else
        for (J i = 0; i < made->n; i++)
            ((unsigned char *)ql_q_items(made))[i] = holds(relation, atoms_order(x, i, y, i));
    return atom ? si_item(made, 0) : made;
}

#define DYAD(name, relation)                 \
    static K name(K x, K y)                  \
    {                                        \
        return relate(relation, x, y, name); \
    }
DYAD(equal, EQUAL)
DYAD(unequal, UNEQUAL)
DYAD(less, LESS)
DYAD(more, MORE)
DYAD(not_less, NOT_LESS)
DYAD(not_more, NOT_MORE)

static K match(K x, K y)
{
    return si_bool(si_match(x, y));
}

static K negated(K x)
{
    if (x->t == 0 || x->t > TT)
        return si_deep1(negated, x);
    return equal(x, si_bool(false));
}

static K within(K x, K y)
{
    if (si_count(y) != 2)
        si_raise("length");
    if (x->t == 0)
        si_raise("type");
    if (x->t == TJ && y->t == TJ) {
        const J *at = ql_q_items(x), *range = ql_q_items(y);
        K made = si_make(TB, x->n);
        for (J i = 0; i < x->n; i++)
            ((unsigned char *)ql_q_items(made))[i] = at[i] >= range[0] && at[i] <= range[1];
        return made;
    }
    K low = not_less(x, si_item(y, 0)), high = not_more(x, si_item(y, 1));
    return si_apply2(si_primitive(si_primitive_find("&", 1)), low, high);
}

static K up(K x)
{
    return si_grade(x, false);
}

static K down(K x)
{
    return si_grade(x, true);
}

static K sorted(K x, bool falling)
{
    if (x->t == TDICT) {
        K rows = si_grade(si_items(x)[1], falling);
        return si_take_rows(x, rows);
    }
    K made = si_take_rows(x, si_grade(x, falling));
    if (!falling && si_is_vector(made))
        made->u = 1;
    return made;
}

static K ascending(K x)
{
    return sorted(x, false);
}

static K descending(K x)
{
    return sorted(x, true);
}

const struct si_primitive si_comparisons[] = {
    {"=", NULL, equal, NULL, true},          {"<>", NULL, unequal, NULL, true},
    {"<", NULL, less, NULL, true},           {">", NULL, more, NULL, true},
    {"<=", NULL, not_more, NULL, true},      {">=", NULL, not_less, NULL, true},
    {"~", NULL, match, NULL, true},          {"not", negated, NULL, NULL, false},
    {"within", NULL, within, NULL, true},    {"iasc", up, NULL, NULL, false},
    {"idesc", down, NULL, NULL, false},      {"asc", ascending, NULL, NULL, false},
    {"desc", descending, NULL, NULL, false}, {0},
};
