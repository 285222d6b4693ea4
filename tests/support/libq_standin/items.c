/* One item of an object, whatever its type. */
#include "tests/support/libq_standin/standin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

J si_count(K object)
{
    switch (object->t) {
    case TTABLE: {
        K columns = si_columns(object);
        return columns->n ? si_count(si_items(columns)[0]) : 0;
    }
    case TDICT:
        return si_count(si_items(object)[0]);
    default:
        return object->t >= 0 && object->t < 20 ? object->n : 1;
    }
}

const void *si_data(K object)
{
    if (object->t == -TGUID || object->t >= 0)
        return ql_q_items(object);
    return &object->g;
}

J si_long(K object, J at)
{
    const void *data = si_data(object);
    int type = object->t < 0 ? -object->t : object->t;
    J index = object->t < 0 ? 0 : at;
    switch (type) {
    case TB:
    case TX:
    case TC:
        return ((const unsigned char *)data)[index];
    case TH: {
        short value = ((const short *)data)[index];
        return value == SHRT_MIN ? NULL_J : value;
    }
    case TI:
    case TM:
    case TD:
    case TU:
    case TV:
    case TT: {
        int value = ((const int *)data)[index];
        return value == INT_MIN ? NULL_J : value;
    }
    case TJ:
    case TP:
    case TN:
        return ((const J *)data)[index];
    case TE:
    case TF:
    case TZ: {
        double value = si_float(object, at);
        return value >= -9.2e18 && value <= 9.2e18 ? (J)value : value > 0 ? LLONG_MAX : NULL_J;
    }
    default:
        si_raise("type");
    }
}

double si_float(K object, J at)
{
    J index = object->t < 0 ? 0 : at;
    switch (object->t < 0 ? -object->t : object->t) {
    case TE:
        return (double)((const float *)si_data(object))[index];
    case TF:
    case TZ:
        return ((const double *)si_data(object))[index];
    default: {
        J value = si_long(object, at);
        return value == NULL_J ? NAN : (double)value;
    }
    }
}

void si_put_long(K vector, J at, J value)
{
    void *data = ql_q_items(vector);
    switch (si_size(vector->t)) {
    case 1:
        ((unsigned char *)data)[at] = (unsigned char)value;
        break;
    case 2:
        ((short *)data)[at] = value == NULL_J ? SHRT_MIN : (short)value;
        break;
    case 4:
        ((int *)data)[at] = value == NULL_J ? INT_MIN : (int)value;
        break;
    default:
        ((J *)data)[at] = value;
    }
}

void si_put_float(K vector, J at, double value)
{
    if (vector->t == TE)
        ((float *)ql_q_items(vector))[at] = (float)value;
    else
        ((double *)ql_q_items(vector))[at] = value;
}

K si_null(int type)
{
    if (type == 0 || type >= 20)
        return si_make(0, 0);
    if (si_is_real(type))
        return si_atom_float(type, NAN);
    if (type == TS)
        return si_symbol(si_intern("", 0));
    if (type == TGUID)
        return si_make(-TGUID, 0);
    return si_atom_long(type, type == TC ? ' ' : type == TB || type == TX ? 0 : NULL_J);
}

static K row_of(K table, J at)
{
    K columns = si_columns(table), values = si_make(0, columns->n);
    for (J i = 0; i < columns->n; i++)
        si_items(values)[i] = si_r1(si_item(si_items(columns)[i], at));
    return si_dict(si_names(table), si_collapse(values));
}

K si_item(K object, J at)
{
    if (object->t == TTABLE)
        return row_of(object, at);
    if (object->t == TDICT)
        return si_item(si_items(object)[1], at);
    if (object->t < 0 || object->t >= 20)
        return object;
    if (at < 0 || at >= object->n)
        return object->t == 0 && object->n ? si_null(abs(si_items(object)[0]->t)) : si_null(object->t);
    if (object->t == 0)
        return si_items(object)[at];
    K atom = si_make(-object->t, 0);
    size_t size = si_size(object->t);
    memcpy((void *)(uintptr_t)si_data(atom), (char *)ql_q_items(object) + (size_t)at * size, size);
    return atom;
}

/* The place must hold an object, or NULL, where the vector is a list. */
void si_put(K vector, J at, K atom)
{
    if (vector->t == 0) {
        K old = si_items(vector)[at];
        si_items(vector)[at] = si_r1(atom);
        if (old)
            si_r0(old);
        return;
    }
    if (atom->t != -vector->t)
        si_raise("type");
    size_t size = si_size(vector->t);
    memcpy((char *)ql_q_items(vector) + (size_t)at * size, si_data(atom), size);
}

bool si_is_null(K object, J at)
{
    static const unsigned char none[16];
    int type = abs(object->t);
    if (object->t == 0)
        return si_is_atom(si_items(object)[at]) && si_is_null(si_items(object)[at], 0);
    if (si_is_real(type))
        return isnan(si_float(object, at));
    if (type == TS)
        return !*((char *const *)si_data(object))[object->t < 0 ? 0 : at];
    if (type == TC)
        return si_long(object, at) == ' ';
    if (type == TGUID)
        return memcmp((const char *)si_data(object) + (object->t < 0 ? 0 : 16 * at), none, 16) == 0;
    return si_is_integral(type) && type != TB && type != TX && si_long(object, at) == NULL_J;
}

K si_take_rows(K object, K rows)
{
    const J *at = ql_q_items(rows);
    if (object->t == TTABLE) {
        K columns = si_columns(object), taken = si_make(0, columns->n);
        for (J i = 0; i < columns->n; i++)
            si_items(taken)[i] = si_r1(si_take_rows(si_items(columns)[i], rows));
        return si_table(si_names(object), taken);
    }
    if (object->t == TDICT)
        return si_dict(si_take_rows(si_items(object)[0], rows), si_take_rows(si_items(object)[1], rows));
    if (object->t < 0 || object->t > TT)
        si_raise("type");
    K taken = si_make(object->t, rows->n);
    size_t size = si_size(object->t);
    for (J i = 0; i < rows->n; i++) {
        char *to = (char *)ql_q_items(taken) + (size_t)i * size;
        if (object->t == 0 || at[i] < 0 || at[i] >= object->n)
            si_put(taken, i, si_item(object, at[i]));
        else
            memcpy(to, (char *)ql_q_items(object) + (size_t)at[i] * size, size);
    }
    return taken;
}

K si_names(K table)
{
    return si_items(table->k)[0];
}

K si_columns(K table)
{
    return si_items(table->k)[1];
}

K si_column(K table, const char *name)
{
    K names = si_names(table);
    for (J i = 0; i < names->n; i++) {
        if (((char **)ql_q_items(names))[i] == name)
            return si_items(si_columns(table))[i];
    }
    return NULL;
}
