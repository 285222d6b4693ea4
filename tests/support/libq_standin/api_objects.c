/* The exported functions that make and fill objects. What they return is the host's; beyond the limit of -w that is NULL. */
#include "tests/support/libq_standin/api.h"

#include <stdlib.h>
#include <string.h>

K r1(K object)
{
    si_enter("r1");
    return si_r1(object);
}

void r0(K object)
{
    if (!object)
        return;
    si_enter("r0");
    si_r0(object);
}

/* ---- Atoms ---- */

static K atom(const char *function, int type)
{
    si_enter(function);
    return si_object(-type, type < 0);
}

K ka(int type)
{
    K made = atom("ka", type >= TLAMBDA ? -type : abs(type));
    if (made && type >= TLAMBDA)
        made->n = 0;
    return made;
}

K kb(int value)
{
    K made = atom("kb", TB);
    if (made)
        made->g = value != 0;
    return made;
}

K ku(ql_q_guid value)
{
    K made = atom("ku", TGUID);
    if (made)
        memcpy(ql_q_items(made), &value, sizeof(value));
    return made;
}

K kg(int value)
{
    K made = atom("kg", TX);
    if (made)
        made->g = (unsigned char)value;
    return made;
}

K kh(int value)
{
    K made = atom("kh", TH);
    if (made)
        made->h = (short)value;
    return made;
}

K ki(int value)
{
    K made = atom("ki", TI);
    if (made)
        made->i = value;
    return made;
}

K kj(long long value)
{
    K made = atom("kj", TJ);
    if (made)
        made->j = value;
    return made;
}

K ke(double value)
{
    K made = atom("ke", TE);
    if (made)
        made->e = (float)value;
    return made;
}

K kf(double value)
{
    K made = atom("kf", TF);
    if (made)
        made->f = value;
    return made;
}

K kc(int value)
{
    K made = atom("kc", TC);
    if (made)
        made->g = (unsigned char)value;
    return made;
}

K ks(char *symbol)
{
    K made = atom("ks", TS);
    if (made)
        made->s = si_intern(symbol, strlen(symbol));
    return made;
}

K kd(int days)
{
    K made = atom("kd", TD);
    if (made)
        made->i = days;
    return made;
}

K kt(int milliseconds)
{
    K made = atom("kt", TT);
    if (made)
        made->i = milliseconds;
    return made;
}

K ktj(int type, long long value)
{
    K made = atom("ktj", abs(type));
    if (made)
        made->j = value;
    return made;
}

/* ---- Vectors and lists ---- */

K ktn(int type, long long count)
{
    si_enter("ktn");
    if (type < 0 || type > TT || type == 3)
        si_abort("ktn() of type %d", type);
    if (count < 0)
        si_abort("ktn() of %lld items", count);
    return si_object(type, count);
}

K vaknk(int count, va_list items)
{
    si_enter("knk");
    if (count < 0)
        si_abort("knk() of %d items", count);
    K list = si_object(0, count);
    for (int i = 0; list && i < count; i++) {
        K item = va_arg(items, K);
        if (!item)
            si_abort("knk(): item %d is NULL", i);
        si_check("knk", item);
        si_items(list)[i] = item;
    }
    return list;
}

K knk(int count, ...)
{
    va_list items;
    va_start(items, count);
    K list = vaknk(count, items);
    va_end(items);
    return list;
}

K kpn(char *text, long long length)
{
    si_enter("kpn");
    K made = si_object(TC, length);
    if (made && length)
        memcpy(ql_q_items(made), text, (size_t)length);
    return made;
}

K kp(char *text)
{
    return kpn(text, (long long)strlen(text));
}

/* ---- Growing: what a vector is given becomes its own ---- */

static K grown(const char *function, K *vector, const void *items, long long count)
{
    si_enter(function);
    si_check(function, *vector);
    if ((*vector)->r)
        si_abort("%s() on a vector that has other owners", function);
    K bigger = si_grow(*vector, (*vector)->n + count);
    if (!bigger)
        return NULL;
    *vector = bigger;
    si_append(vector, items, count);
    return *vector;
}

K ja(K *vector, void *item)
{
    return grown("ja", vector, item, 1);
}

K js(K *vector, char *symbol)
{
    char *interned = si_intern(symbol, strlen(symbol));
    return grown("js", vector, &interned, 1);
}

K jk(K *list, K item)
{
    si_check("jk", item);
    return grown("jk", list, &item, 1);
}

K jv(K *vector, K items)
{
    si_enter("jv");
    si_check("jv", items);
    if (items->t != (*vector)->t)
        si_abort("jv() of type %d to type %d", items->t, (*vector)->t);
    for (J i = 0; items->t == 0 && i < items->n; i++)
        si_r1(si_items(items)[i]);
    K result = grown("jv", vector, ql_q_items(items), items->n);
    si_r0(items);
    return result;
}

/* ---- Dictionaries and tables ---- */

K xD(K keys, K values)
{
    si_enter("xD");
    si_check("xD", keys);
    si_check("xD", values);
    K dict = si_object(TDICT, 2);
    if (dict) {
        si_items(dict)[0] = keys;
        si_items(dict)[1] = values;
    }
    return dict;
}

static bool is_table(K dict)
{
    if (dict->t != TDICT || si_items(dict)[0]->t != TS || si_items(dict)[1]->t != 0)
        return false;
    K columns = si_items(dict)[1];
    if (columns->n != si_items(dict)[0]->n || !columns->n)
        return false;
    for (J i = 0; i < columns->n; i++) {
        if (si_items(columns)[i]->t < 0 || si_count(si_items(columns)[i]) != si_count(si_items(columns)[0]))
            return false;
    }
    return true;
}

/* What is no table is an error, and gone. */
K xT(K dict)
{
    si_enter("xT");
    si_check("xT", dict);
    K table = is_table(dict) ? si_object(TTABLE, 0) : NULL;
    if (!table) {
        si_r0(dict);
        return krr("type");
    }
    table->k = dict;
    return table;
}

struct keyed {
    K table;
    long long keys;
};

static K key_or_unkey(void *arg)
{
    struct keyed *call = arg;
    si_pool(call->table);
    return si_key_table(call->table, (int)call->keys);
}

K ktd(K keyed_table)
{
    struct keyed call = {keyed_table, 0};
    si_enter("ktd");
    si_check("ktd", keyed_table);
    return keyed_table->t == TTABLE ? keyed_table : si_protect(key_or_unkey, &call);
}

K knt(long long key_columns, K table)
{
    struct keyed call = {table, key_columns};
    si_enter("knt");
    si_check("knt", table);
    return si_protect(key_or_unkey, &call);
}

/* ---- Symbols ---- */

char *ss(char *text)
{
    si_enter("ss");
    return si_intern(text, strlen(text));
}

char *sn(char *text, int length)
{
    si_enter("sn");
    return si_intern(text, (size_t)length);
}
