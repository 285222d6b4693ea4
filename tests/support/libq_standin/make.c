/* Objects of the pool. */
#include "tests/support/libq_standin/standin.h"

#include <string.h>

K si_make(int type, J count)
{
    return si_pool(si_object(type, count));
}

K si_atom_long(int type, J value)
{
    K atom = si_make(-type, 0);
    K cell = atom;
    switch (si_size(type)) {
    case 1:
        cell->g = (unsigned char)value;
        break;
    case 2:
        cell->h = (short)(value == NULL_J ? SHRT_MIN : value);
        break;
    case 4:
        cell->i = value == NULL_J ? INT_MIN : (int)value;
        break;
    default:
        cell->j = value;
    }
    return atom;
}

K si_atom_float(int type, double value)
{
    K atom = si_make(-type, 0);
    if (type == TE)
        atom->e = (float)value;
    else
        atom->f = value;
    return atom;
}

K si_bool(bool value)
{
    return si_atom_long(TB, value);
}

K si_symbol(char *interned)
{
    K atom = si_make(-TS, 0);
    atom->s = interned;
    return atom;
}

K si_text(const char *bytes, J length)
{
    K text = si_make(TC, length);
    if (length)
        memcpy(ql_q_items(text), bytes, (size_t)length);
    return text;
}

K si_string(const char *text)
{
    return si_text(text, (J)strlen(text));
}

K si_list(int count, K *items)
{
    K list = si_make(0, count);
    for (int i = 0; i < count; i++)
        si_items(list)[i] = si_r1(items[i]);
    return list;
}

K si_dict(K keys, K values)
{
    K dict = si_make(TDICT, 2);
    si_items(dict)[0] = si_r1(keys);
    si_items(dict)[1] = si_r1(values);
    return dict;
}

/* Columns that are atoms become as long as the others. */
K si_table(K names, K columns)
{
    J rows = -1;
    if (names->t != TS || names->n != si_count(columns) || !names->n)
        si_raise("type");
    if (columns->t)
        columns = si_each(si_primitive(si_primitive_find("enlist", 6)), &columns, 1);
    for (J i = 0; i < columns->n; i++) {
        K column = si_items(columns)[i];
        if (si_is_atom(column) || column->t > 20)
            continue;
        if (rows >= 0 && column->n != rows)
            si_raise("length");
        rows = column->n;
    }
    K full = si_make(0, columns->n);
    for (J i = 0; i < columns->n; i++) {
        K column = si_items(columns)[i];
        if (si_is_atom(column) || column->t > 20) {
            K longer = si_make(si_is_atom(column) ? -column->t : 0, rows < 0 ? 1 : rows);
            for (J row = 0; row < longer->n; row++)
                si_put(longer, row, column);
            column = longer;
        }
        si_items(full)[i] = si_r1(column);
    }
    K table = si_make(TTABLE, 0);
    table->k = si_r1(si_dict(names, full));
    return table;
}

K si_identity(void)
{
    K identity = si_make(TUNARY, 1);
    identity->n = 0; /* from outside it is the one whose `g` is 0 */
    return identity;
}

K si_collapse(K list)
{
    if (list->t || !list->n)
        return list;
    int type = si_items(list)[0]->t;
    for (J i = 1; i < list->n; i++) {
        if (si_items(list)[i]->t != type)
            return list;
    }
    if (type == TDICT) {
        K names = si_items(si_items(list)[0])[0];
        for (J i = 0; i < list->n; i++) {
            if (names->t != TS || !si_match(names, si_items(si_items(list)[i])[0]))
                return list;
        }
        K columns = si_make(0, names->n);
        for (J at = 0; at < names->n; at++) {
            K column = si_make(0, list->n);
            for (J i = 0; i < list->n; i++)
                si_items(column)[i] = si_r1(si_item(si_items(si_items(list)[i])[1], at));
            si_items(columns)[at] = si_r1(si_collapse(column));
        }
        return si_table(names, columns);
    }
    if (type >= 0 || type == TERROR)
        return list;
    K vector = si_make(-type, list->n);
    for (J i = 0; i < list->n; i++)
        si_put(vector, i, si_items(list)[i]);
    return vector;
}

K si_copy(K object)
{
    if (object->t == TTABLE) {
        K table = si_make(TTABLE, 0);
        table->k = si_r1(si_copy(object->k));
        return table;
    }
    if (object->t == TDICT)
        return si_dict(si_items(object)[0], si_items(object)[1]);
    if (object->t < 0 || object->t >= 20)
        return object;
    K copy = si_make(object->t, object->n);
    memcpy(ql_q_items(copy), ql_q_items(object), (size_t)object->n * si_size(object->t));
    for (J i = 0; object->t == 0 && i < object->n; i++)
        si_r1(si_items(copy)[i]);
    return copy;
}
