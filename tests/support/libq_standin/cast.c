/* One type to another. */
#include "tests/support/libq_standin/standin.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400000000000LL

static J floored(J value, J by)
{
    return value / by - (value % by < 0);
}

/* Nanoseconds in what the type counts within a day; 0: it counts no such thing. */
static J unit(int type)
{
    return type == TN || type == TP ? 1
           : type == TU             ? 60000000000
           : type == TV             ? 1000000000
           : type == TT             ? 1000000
                                    : 0;
}

static J month_of(J days)
{
    int year, month, day;
    si_date(days, &year, &month, &day);
    return (J)(year - 2000) * 12 + month - 1;
}

static J days_of_month(J month)
{
    return si_days((int)(2000 + floored(month, 12)), (int)(month - 12 * floored(month, 12)) + 1, 1);
}

/* A moment or a time of one type as another. */
static J temporal(int from, int to, J value)
{
    if (value == NULL_J || from == to)
        return value;
    bool moment = from == TP || from == TD || from == TM;
    J days = from == TP ? floored(value, DAY) : from == TD ? value : from == TM ? days_of_month(value) : 0;
    J ns = from == TP                 ? si_plus(value, -si_times(days, DAY))
           : from == TD || from == TM ? 0
                                      : si_times(value, unit(from));
    if (to == TP)
        return moment ? si_plus(si_times(days, DAY), ns) : ns;
    if (to == TD)
        return moment ? days : floored(ns, DAY);
    if (to == TM)
        return month_of(days);
    return ns / unit(to);
}

static bool is_temporal(int type)
{
    return type >= TP && type <= TT;
}

static void cast_item(K made, J i, K x)
{
    int to = made->t, from = abs(x->t);
    if (si_is_real(to) || si_is_real(from)) {
        double value = si_float(x, i);
        if (to == TZ && from == TP)
            value = si_is_null(x, i) ? value : value / (double)DAY;
        if (si_is_real(to))
            si_put_float(made, i, value);
        else if (from == TZ && to != TJ && !isnan(value))
            si_put_long(made, i, temporal(TP, to, (J)(value * (double)DAY)));
        else
            si_put_long(made, i,
                        to == TB       ? value != 0
                        : isnan(value) ? NULL_J
                                       : (J)floor(value + (to < TP ? 0.5 : 0)));
        return;
    }
    J value = si_long(x, i);
    if (is_temporal(from) && is_temporal(to))
        value = temporal(from, to, value);
    si_put_long(made, i, to == TB ? value != 0 : value);
}

K si_cast(int type, K x)
{
    if (x->t == 0 || x->t > TT) {
        if (x->t >= TLAMBDA)
            si_raise("type");
        if (x->t == TDICT)
            return si_dict(si_items(x)[0], si_cast(type, si_items(x)[1]));
        if (x->t == TTABLE)
            return si_table(si_names(x), si_cast(type, si_columns(x)));
        K made = si_make(0, x->n);
        for (J i = 0; i < x->n; i++)
            si_put(made, i, si_cast(type, si_items(x)[i]));
        return x->n || type == 0 ? si_collapse(made) : si_make(type, 0);
    }
    if (abs(x->t) == type)
        return x;
    if (type == TS && abs(x->t) == TC)
        return si_symbol(si_intern(si_data(x), (size_t)si_count(x)));
    if (type < TB || type > TT || type == TS || type == TGUID || abs(x->t) == TS || abs(x->t) == TGUID)
        si_raise("type");
    K made = si_make(type, si_count(x));
    for (J i = 0; i < made->n; i++)
        cast_item(made, i, x);
    return si_is_atom(x) ? si_item(made, 0) : made;
}

/* ---- The verb $ ---- */

static const char letters[] = " bg xhijefcspmdznuvt";

static int type_named(const char *name)
{
    static const char *const names[] = {
        "",     "boolean", "guid",      "",      "byte", "short",    "int",      "long",   "real",   "float",
        "char", "symbol",  "timestamp", "month", "date", "datetime", "timespan", "minute", "second", "time"};
    for (int i = 1; i < 20; i++) {
        if (*names[i] && strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

/* "J"$"12": from text. */
static K parsed(int type, K y)
{
    if (y->t == 0) {
        K list = y, made = si_make(0, list->n);
        for (J i = 0; i < made->n; i++)
            si_put(made, i, parsed(type, si_items(list)[i]));
        return made->n ? si_collapse(made) : si_make(type, 0);
    }
    if (abs(y->t) == TS) {
        K made = si_make(0, si_count(y));
        for (J i = 0; i < made->n; i++) {
            const char *text = si_item(y, i)->s;
            si_put(made, i, si_literal_parse(type, text, strlen(text)));
        }
        return y->t < 0 ? si_items(made)[0] : si_collapse(made);
    }
    if (abs(y->t) != TC)
        return si_cast(type, y);
    return si_literal_parse(type, si_data(y), (size_t)si_count(y));
}

static K padded(J width, K y)
{
    if (y->t == 0) {
        K made = si_make(0, y->n);
        for (J i = 0; i < made->n; i++)
            si_put(made, i, padded(width, si_items(y)[i]));
        return made;
    }
    K made = si_make(TC, llabs(width));
    J have = si_count(y), shift = width < 0 ? made->n - have : 0;
    for (J i = 0; i < made->n; i++)
        si_put_long(made, i, i - shift >= 0 && i - shift < have ? si_long(y, i - shift) : ' ');
    return made;
}

static K dollar(K x, K y)
{
    if (x->t == -TS) {
        int type = *x->s ? type_named(x->s) : TS;
        if (type < 0)
            si_raise("type");
        return si_cast(type, y);
    }
    if (x->t == -TC) {
        int letter = (int)si_long(x, 0);
        const char *at = letter == '*' ? NULL : strchr(letters, tolower(letter));
        if (letter == '*')
            return y;
        if (!letter || !at || *at == ' ')
            si_raise("type");
        return isupper(letter) ? parsed((int)(at - letters), y) : si_cast((int)(at - letters), y);
    }
    if (x->t == -TH)
        return si_long(x, 0) < 0 ? parsed((int)-si_long(x, 0), y) : si_cast((int)si_long(x, 0), y);
    if ((x->t == -TI || x->t == -TJ) && (abs(y->t) == TC || y->t == 0))
        return padded(si_long(x, 0), y);
    if (x->t == TC && si_count(x) == si_count(y)) {
        K made = si_make(0, x->n);
        for (J i = 0; i < x->n; i++)
            si_put(made, i, dollar(si_item(x, i), si_item(y, i)));
        return si_collapse(made);
    }
    si_raise("type");
}

const struct si_primitive si_casts[] = {
    {"$", NULL, dollar, NULL, true},
    {0},
};
