/* Arithmetic over atoms, vectors, and all that is made of them. */
#include "tests/support/libq_standin/standin.h"

#include <math.h>
#include <stdlib.h>

/* ---- Down to atoms and vectors ---- */

static bool is_deep(K x)
{
    return x->t == 0 || x->t == TDICT || x->t == TTABLE;
}

K si_deep1(K (*verb)(K), K x)
{
    if (x->t >= TLAMBDA)
        si_raise("type");
    if (x->t == TDICT)
        return si_dict(si_items(x)[0], verb(si_items(x)[1]));
    if (x->t == TTABLE)
        return si_table(si_names(x), verb(si_columns(x)));
    K made = si_make(0, x->n);
    for (J i = 0; i < x->n; i++)
        si_put(made, i, verb(si_items(x)[i]));
    return si_collapse(made);
}

/* Keys of both; where only one has a key, its value. */
static K deep_dicts(K (*verb)(K, K), K x, K y)
{
    K keys = si_items(x)[0], values = si_items(x)[1], others = si_items(y)[0];
    K made = si_make(0, si_count(keys)), more = si_make(0, 0);
    for (J i = 0; i < made->n; i++) {
        K key = si_item(keys, i);
        bool both = si_long(si_apply2(si_primitive(si_primitive_find("in", 2)), key, others), 0);
        si_put(made, i, both ? verb(si_item(values, i), si_index(y, key)) : si_item(values, i));
    }
    for (J i = 0; i < si_count(others); i++) {
        K key = si_item(others, i);
        if (si_long(si_apply2(si_primitive(si_primitive_find("in", 2)), key, si_items(x)[0]), 0))
            continue;
        keys = si_join(keys, key);
        more = si_join(more, si_item(si_items(y)[1], i));
    }
    return si_dict(keys, si_join(si_collapse(made), more));
}

K si_deep2(K (*verb)(K, K), K x, K y)
{
    if (x->t == TDICT && y->t == TDICT)
        return deep_dicts(verb, x, y);
    if (x->t == TDICT)
        return si_dict(si_items(x)[0], verb(si_items(x)[1], y));
    if (y->t == TDICT)
        return si_dict(si_items(y)[0], verb(x, si_items(y)[1]));
    if (x->t == TTABLE)
        return si_table(si_names(x), verb(si_columns(x), y->t == TTABLE ? si_columns(y) : y));
    if (y->t == TTABLE)
        return si_table(si_names(y), verb(x, si_columns(y)));
    if (x->t >= TLAMBDA || y->t >= TLAMBDA)
        si_raise("type");
    if (x->t >= 0 && y->t >= 0 && x->n != y->n)
        si_raise("length");
    K made = si_make(0, x->t >= 0 ? x->n : y->n);
    for (J i = 0; i < made->n; i++) {
        size_t mark = si_pool_mark();
        si_put(made, i, verb(si_item(x, i), si_item(y, i)));
        si_pool_drain(mark, NULL);
    }
    return si_collapse(made);
}

/* ---- Types ---- */

enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE, LEAST, GREATEST, MODULO, QUOTIENT, BAR };

static bool is_temporal(int type)
{
    return type >= TP && type <= TT;
}

/* Nanoseconds in what the type counts; 0: not a time. */
static J unit(int type)
{
    static const J units[] = {1, 0, 86400000000000, 0, 1, 60000000000, 1000000000, 1000000};
    return is_temporal(type) ? units[type - TP] : 0;
}

static int temporal_type(enum operation op, int x, int y)
{
    bool x_date = x == TP || x == TD, y_date = y == TP || y == TD;
    if (x == y && op == SUBTRACT && x <= TZ)
        return x == TP ? TN : x == TZ ? TF : TI;
    if (x == y)
        return x;
    if (!unit(x) || !unit(y))
        si_raise("type");
    if (op == SUBTRACT && x_date && y_date)
        return TN;
    return x_date || y_date ? TP : unit(x) < unit(y) ? x : y;
}

static int type_of(enum operation op, int x, int y)
{
    if (x > TT || y > TT || x == TS || y == TS || x == TGUID || y == TGUID)
        si_raise("type");
    if (op == DIVIDE)
        return TF;
    if ((op == LEAST || op == GREATEST) && x == y)
        return x;
    if (op == BAR && !is_temporal(x))
        return si_is_real(x) && !is_temporal(y) ? TF : y < TI ? TI : y;
    if (is_temporal(x) && is_temporal(y))
        return temporal_type(op, x, y);
    if (is_temporal(x) || is_temporal(y))
        return op == QUOTIENT ? TJ : is_temporal(x) ? x : y;
    int widest = x > y ? x : y;
    if (x == TC || y == TC)
        widest = x == TC ? y : x;
    return op == QUOTIENT ? (widest == TI ? TI : TJ) : widest < TI || widest == TC ? TI : widest;
}

/* ---- Values ---- */

static J floor_divide(J a, J b)
{
    if (!b || (a == NULL_J && b == -1))
        return NULL_J;
    J quotient = a / b;
    return quotient - (a % b && (a < 0) != (b < 0));
}

static J on_longs(enum operation op, J a, J b)
{
    if (op == LEAST)
        return a < b ? a : b;
    if (op == GREATEST)
        return a > b ? a : b;
    if (a == NULL_J || b == NULL_J)
        return NULL_J;
    switch (op) {
    case ADD:
        return (J)((uint64_t)a + (uint64_t)b);
    case SUBTRACT:
        return (J)((uint64_t)a - (uint64_t)b);
    case MULTIPLY:
        return (J)((uint64_t)a * (uint64_t)b);
    case QUOTIENT:
        return floor_divide(a, b);
    case MODULO:
        return b ? (J)((uint64_t)a - (uint64_t)b * (uint64_t)floor_divide(a, b)) : NULL_J;
    default:
        return a ? (J)((uint64_t)a * (uint64_t)floor_divide(b, a)) : b;
    }
}

static double on_floats(enum operation op, double a, double b)
{
    switch (op) {
    case ADD:
        return a + b;
    case SUBTRACT:
        return a - b;
    case MULTIPLY:
        return a * b;
    case DIVIDE:
        return a / b;
    case LEAST:
        return isnan(a) || isnan(b) ? (double)NAN : a < b ? a : b;
    case GREATEST:
        return isnan(a) ? b : isnan(b) ? a : a > b ? a : b;
    case MODULO:
        return a - b * floor(a / b);
    case QUOTIENT:
        return floor(a / b);
    default:
        return a * floor(b / a);
    }
}

/* A number of one type as a number of another. */
static J scaled(J value, J from, J to)
{
    return value == NULL_J || from == to ? value
           : from > to                   ? si_times(value, from / to)
                                         : value / (to / from);
}

static K arithmetic(enum operation op, K x, K y, K (*verb)(K, K))
{
    if (is_deep(x) || is_deep(y) || x->t >= TLAMBDA || y->t >= TLAMBDA)
        return si_deep2(verb, x, y);
    if (x->t >= 0 && y->t >= 0 && x->n != y->n)
        si_raise("length");
    int tx = abs(x->t), ty = abs(y->t), type = type_of(op, tx, ty);
    bool atom = x->t < 0 && y->t < 0,
         real = si_is_real(type) || (op == QUOTIENT && (si_is_real(tx) || si_is_real(ty)));
    bool scale = is_temporal(tx) && is_temporal(ty) && tx != ty;
    K made = si_make(type, atom ? 1 : x->t >= 0 ? x->n : y->n);
    for (J i = 0; i < made->n; i++) {
        if (real || si_is_real(tx) || si_is_real(ty)) {
            double value = on_floats(op, si_float(x, i), si_float(y, i));
            if (si_is_real(type))
                si_put_float(made, i, value);
            else
                si_put_long(made, i, isnan(value) ? NULL_J : (J)value);
            continue;
        }
        J a = si_long(x, i), b = si_long(y, i);
        if (scale) {
            a = scaled(a, unit(tx), 1);
            b = scaled(b, unit(ty), 1);
        }
        J value = on_longs(op, a, b);
        si_put_long(made, i, scale ? scaled(value, 1, unit(type)) : value);
    }
    return atom ? si_item(made, 0) : made;
}

#define DYAD(name, op)                     \
    static K name(K x, K y)                \
    {                                      \
        return arithmetic(op, x, y, name); \
    }
DYAD(add, ADD)
DYAD(subtract, SUBTRACT)
DYAD(multiply, MULTIPLY)
DYAD(divide, DIVIDE)
DYAD(least, LEAST)
DYAD(greatest, GREATEST)
DYAD(modulo, MODULO)
DYAD(quotient, QUOTIENT)
DYAD(bar, BAR)

/* ---- Of one argument ---- */

static K negate(K x)
{
    if (is_deep(x))
        return si_deep1(negate, x);
    int type = abs(x->t);
    return subtract(is_temporal(type) ? si_atom_long(type, 0) : si_atom_long(TI, 0), x);
}

static K absolute(K x)
{
    return greatest(x, negate(x));
}

static K on_reals(K x, double (*function)(double), K (*verb)(K), int type)
{
    if (is_deep(x))
        return si_deep1(verb, x);
    bool atom = x->t < 0;
    if (x->t > TT || abs(x->t) == TS || abs(x->t) == TGUID)
        si_raise("type");
    K made = si_make(type, atom ? 1 : x->n);
    for (J i = 0; i < made->n; i++) {
        double value = function(si_float(x, i));
        if (type == TF)
            si_put_float(made, i, value);
        else
            si_put_long(made, i, isnan(value) ? NULL_J : (J)value);
    }
    return atom ? si_item(made, 0) : made;
}

static double sign(double x)
{
    return isnan(x) ? -1 : (double)(x > 0) - (double)(x < 0);
}

static double inverse(double x)
{
    return 1 / x;
}

#define MONAD(name, function, type)               \
    static K name(K x)                            \
    {                                             \
        return on_reals(x, function, name, type); \
    }
MONAD(root, sqrt, TF)
MONAD(exponential, exp, TF)
MONAD(logarithm, log, TF)
MONAD(sine, sin, TF)
MONAD(cosine, cos, TF)
MONAD(reciprocal, inverse, TF)
MONAD(down, floor, TJ)
MONAD(up, ceil, TJ)
MONAD(signum, sign, TI)

static K power(K x, K y)
{
    if (is_deep(x) || is_deep(y))
        return si_deep2(power, x, y);
    K made = si_make(TF, x->t < 0 ? si_count(y) : x->n);
    for (J i = 0; i < made->n; i++)
        si_put_float(made, i, pow(si_float(x, i), si_float(y, i)));
    return x->t < 0 && y->t < 0 ? si_item(made, 0) : made;
}

const struct si_primitive si_arithmetic[] = {
    {"+", NULL, add, NULL, true},          {"-", NULL, subtract, NULL, true},
    {"*", NULL, multiply, NULL, true},     {"%", NULL, divide, NULL, true},
    {"&", NULL, least, NULL, true},        {"|", NULL, greatest, NULL, true},
    {"and", NULL, least, NULL, true},      {"or", NULL, greatest, NULL, true},
    {"mod", NULL, modulo, NULL, true},     {"div", NULL, quotient, NULL, true},
    {"xbar", NULL, bar, NULL, true},       {"xexp", NULL, power, NULL, true},
    {"neg", negate, NULL, NULL, false},    {"abs", absolute, NULL, NULL, false},
    {"sqrt", root, NULL, NULL, false},     {"exp", exponential, NULL, NULL, false},
    {"log", logarithm, NULL, NULL, false}, {"sin", sine, NULL, NULL, false},
    {"cos", cosine, NULL, NULL, false},    {"reciprocal", reciprocal, NULL, NULL, false},
    {"floor", down, NULL, NULL, false},    {"ceiling", up, NULL, NULL, false},
    {"signum", signum, NULL, NULL, false}, {0},
};
