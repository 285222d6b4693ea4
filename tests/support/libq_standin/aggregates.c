/* Many values to one, and running ones. Nulls are left out. */
#include "tests/support/libq_standin/standin.h"

#include <math.h>
#include <stdlib.h>

static K verb2(const char *name, K x, K y)
{
    return si_primitive_find(name, (size_t)1)->two(x, y);
}

static bool over_parts(K x)
{
    return x->t == TDICT || x->t == TTABLE || x->t == 0;
}

/* Of a list of vectors: item by item. Of a dictionary: of its values. Of a table: of each column. */
static K of_parts(K x, K (*verb)(K), const char *name)
{
    if (x->t == TTABLE)
        return si_dict(si_names(x), si_deep1(verb, si_columns(x)));
    if (x->t == TDICT)
        return verb(si_items(x)[1]);
    if (!x->n)
        return si_atom_long(TJ, 0);
    K made = si_items(x)[0];
    for (J i = 1; i < x->n; i++)
        made = verb2(name, made, si_items(x)[i]);
    return made;
}

static int sum_type(int type)
{
    if (type == TS || type == TGUID || type > TT)
        si_raise("type");
    return type < TI || type == TC ? TI : type;
}

static K sum(K x)
{
    if (x->t < 0)
        return x;
    if (over_parts(x))
        return of_parts(x, sum, "+");
    int type = sum_type(x->t);
    if (si_is_real(type)) {
        double total = 0;
        for (J i = 0; i < x->n; i++) {
            double value = si_float(x, i);
            total += isnan(value) ? 0 : value;
        }
        return si_atom_float(type, total);
    }
    uint64_t total = 0;
    for (J i = 0; i < x->n; i++) {
        J value = si_long(x, i);
        total += value == NULL_J ? 0 : (uint64_t)value;
    }
    return si_atom_long(type, (J)total);
}

static K product(K x)
{
    if (x->t < 0)
        return x;
    if (over_parts(x))
        return of_parts(x, product, "*");
    K made = si_atom_long(sum_type(x->t) == TI ? TI : TJ, 1);
    for (J i = 0; i < x->n; i++) {
        if (!si_is_null(x, i))
            made = verb2("*", made, si_item(x, i));
    }
    return made;
}

static J filled(K x)
{
    J count = 0;
    for (J i = 0; i < si_count(x); i++)
        count += !si_is_null(x, i);
    return count;
}

static K average(K x)
{
    if (x->t == TDICT || x->t == TTABLE)
        return of_parts(x, average, "+");
    if (x->t == 0)
        return verb2("%", sum(x), si_atom_long(TJ, x->n));
    double total = 0;
    for (J i = 0; i < si_count(x); i++)
        total += si_is_null(x, i) ? 0 : si_float(x, i);
    return si_atom_float(TF, total / (double)filled(x));
}

static double moment(K x)
{
    double mean = si_float(average(x), 0), total = 0;
    for (J i = 0; i < si_count(x); i++)
        total += si_is_null(x, i) ? 0 : (si_float(x, i) - mean) * (si_float(x, i) - mean);
    return total;
}

static K variance(K x)
{
    return si_atom_float(TF, moment(x) / (double)filled(x));
}

static K deviation(K x)
{
    return si_atom_float(TF, sqrt(moment(x) / (double)filled(x)));
}

static K extreme(K x, bool greatest)
{
    J best = -1;
    for (J i = 0; i < x->n; i++) {
        if (!si_is_null(x, i) && (best < 0 || (si_compare(x, i, x, best) > 0) == greatest))
            best = i;
    }
    if (best >= 0)
        return si_item(x, best);
    if (si_is_real(x->t))
        return si_atom_float(x->t, greatest ? -(double)INFINITY : (double)INFINITY);
    size_t size = si_size(x->t);
    J most = size == 8 ? LLONG_MAX : size == 4 ? INT_MAX : size == 2 ? SHRT_MAX : 0;
    return si_is_integral(x->t) ? si_atom_long(x->t, greatest ? -most : most) : si_null(x->t);
}

static K least(K x)
{
    return x->t < 0 ? x : over_parts(x) ? of_parts(x, least, "&") : extreme(x, false);
}

static K greatest(K x)
{
    return x->t < 0 ? x : over_parts(x) ? of_parts(x, greatest, "|") : extreme(x, true);
}

static K median(K x)
{
    K rows = si_grade(x, false);
    const J *at = ql_q_items(rows);
    if (!rows->n)
        return si_atom_float(TF, NAN);
    double low = si_float(x, at[(rows->n - 1) / 2]), high = si_float(x, at[rows->n / 2]);
    return si_atom_float(TF, (low + high) / 2);
}

static J truths(K x)
{
    J count = 0;
    for (J i = 0; i < si_count(x); i++)
        count += si_float(si_item(x, i), 0) != 0;
    return count;
}

static K all(K x)
{
    K values = x->t == TDICT ? si_items(x)[1] : x;
    return si_bool(truths(values) == si_count(values));
}

static K any(K x)
{
    return si_bool(truths(x->t == TDICT ? si_items(x)[1] : x) > 0);
}

static K weighted_sum(K x, K y)
{
    return sum(verb2("*", x, y));
}

static K weighted_average(K x, K y)
{
    K weights = verb2("*", x, verb2("%", y, y));
    return verb2("%", weighted_sum(x, y), sum(weights));
}

/* ---- Running ---- */

static K running(K x, const char *verb)
{
    if (x->t < 0)
        return x;
    K function = si_derive(TSCAN, si_primitive(si_primitive_find(verb, 1)));
    return si_apply1(function, x);
}

static K sums(K x)
{
    if (x->t < 0 || over_parts(x))
        return running(x, "+");
    int type = sum_type(x->t);
    K made = si_make(type, x->n);
    double real = 0;
    J total = 0;
    for (J i = 0; i < x->n; i++) {
        bool null = si_is_null(x, i);
        if (si_is_real(type)) {
            real += null ? 0 : si_float(x, i);
            si_put_float(made, i, real);
        } else {
            total = si_plus(total, null ? 0 : si_long(x, i));
            si_put_long(made, i, total);
        }
    }
    return made;
}

static K products(K x)
{
    return running(x, "*");
}

static K maxima(K x)
{
    return running(x, "|");
}

static K minima(K x)
{
    return running(x, "&");
}

static K deltas(K x)
{
    return si_apply1(si_derive(TPRIOR, si_primitive(si_primitive_find("-", 1))), x);
}

static K ratios(K x)
{
    return si_apply1(si_derive(TPRIOR, si_primitive(si_primitive_find("%", 1))), x);
}

static K differ(K x)
{
    K made = si_make(TB, si_count(x));
    for (J i = 0; i < made->n; i++)
        si_put_long(made, i, i == 0 || si_compare(x, i, x, i - 1) != 0);
    return made;
}

const struct si_primitive si_aggregates[] = {
    {"sum", sum, NULL, NULL, false},          {"prd", product, NULL, NULL, false},
    {"avg", average, NULL, NULL, false},      {"var", variance, NULL, NULL, false},
    {"dev", deviation, NULL, NULL, false},    {"min", least, NULL, NULL, false},
    {"max", greatest, NULL, NULL, false},     {"med", median, NULL, NULL, false},
    {"all", all, NULL, NULL, false},          {"any", any, NULL, NULL, false},
    {"wsum", NULL, weighted_sum, NULL, true}, {"wavg", NULL, weighted_average, NULL, true},
    {"sums", sums, NULL, NULL, false},        {"prds", products, NULL, NULL, false},
    {"maxs", maxima, NULL, NULL, false},      {"mins", minima, NULL, NULL, false},
    {"deltas", deltas, NULL, NULL, false},    {"ratios", ratios, NULL, NULL, false},
    {"differ", differ, NULL, NULL, false},    {0},
};
