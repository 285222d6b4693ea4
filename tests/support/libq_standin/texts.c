/* Verbs on text. */
#include "tests/support/libq_standin/standin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static K string(K x)
{
    if (x->t == TDICT || x->t == TTABLE || x->t == 0)
        return si_deep1(string, x);
    if (x->t == -TC)
        return si_enlist(x);
    if (x->t == TC)
        return x;
    if (x->t < 0)
        return si_show_atom(x, 0);
    if (x->t >= TLAMBDA)
        return si_show_line(x);
    K made = si_make(0, x->n);
    for (J i = 0; i < x->n; i++)
        si_put(made, i, si_show_atom(x, i));
    return made;
}

static K each_char(K x, int (*change)(int), K (*verb)(K))
{
    if (x->t == 0 || x->t == TDICT || x->t == TTABLE)
        return si_deep1(verb, x);
    if (abs(x->t) == TS) {
        K made = si_make(TS, si_count(x));
        for (J i = 0; i < made->n; i++) {
            K text = each_char(si_string(si_item(x, i)->s), change, verb);
            ((char **)ql_q_items(made))[i] = si_intern(ql_q_items(text), (size_t)text->n);
        }
        return x->t < 0 ? si_item(made, 0) : made;
    }
    if (abs(x->t) != TC)
        si_raise("type");
    K made = si_make(TC, si_count(x));
    for (J i = 0; i < made->n; i++)
        si_put_long(made, i, change((int)si_long(x, i)));
    return x->t < 0 ? si_item(made, 0) : made;
}

static K lower(K x)
{
    return each_char(x, tolower, lower);
}

static K upper(K x)
{
    return each_char(x, toupper, upper);
}

static K trimmed(K x, bool left, bool right, K (*verb)(K))
{
    if (x->t == 0)
        return si_deep1(verb, x);
    if (abs(x->t) != TC)
        si_raise("type");
    const char *from = si_data(x), *to = from + si_count(x);
    while (left && from < to && isspace((unsigned char)*from))
        from++;
    while (right && from < to && isspace((unsigned char)to[-1]))
        to--;
    return si_text(from, to - from);
}

static K trim(K x)
{
    return trimmed(x, true, true, trim);
}

static K ltrim(K x)
{
    return trimmed(x, true, false, ltrim);
}

static K rtrim(K x)
{
    return trimmed(x, false, true, rtrim);
}

/* ---- Patterns: ? any, * any number, [abc] one of ---- */

static bool fits(const char *at, const char *end, const char *pattern, const char *stop)
{
    for (; pattern < stop; pattern++) {
        if (*pattern == '*') {
            for (const char *from = at; from <= end; from++) {
                if (fits(from, end, pattern + 1, stop))
                    return true;
            }
            return false;
        }
        if (at == end)
            return false;
        if (*pattern == '[') {
            bool negative = pattern + 1 < stop && pattern[1] == '^', found = false;
            for (pattern += 1 + negative; pattern < stop && *pattern != ']'; pattern++)
                found |= *pattern == *at;
            if (found == negative)
                return false;
        } else if (*pattern != '?' && *pattern != *at) {
            return false;
        }
        at++;
    }
    return at == end;
}

static K like(K x, K y)
{
    if (abs(y->t) != TC)
        si_raise("type");
    const char *pattern = si_data(y), *stop = pattern + si_count(y);
    if (abs(x->t) == TC) {
        const char *text = si_data(x);
        return si_bool(fits(text, text + si_count(x), pattern, stop));
    }
    K made = si_make(TB, si_count(x));
    for (J i = 0; i < made->n; i++) {
        K item = si_item(x, i);
        if (item->t == -TS)
            si_put_long(made, i, fits(item->s, item->s + strlen(item->s), pattern, stop));
        else
            si_put_long(made, i, si_long(like(item, y), 0));
    }
    return si_is_atom(x) ? si_item(made, 0) : made;
}

/* ---- Apart and together ---- */

static J found_at(K text, J from, K part)
{
    for (J i = from; i + si_count(part) <= si_count(text); i++) {
        if (memcmp((const char *)si_data(text) + i, si_data(part), (size_t)si_count(part)) == 0)
            return i;
    }
    return -1;
}

static void check_text(K x)
{
    if (abs(x->t) != TC)
        si_raise("type");
}

static K apart(K x, K y)
{
    if (x->t == -TS && !*x->s) { /* lines */
        check_text(y);
        K lines = apart(si_atom_long(TC, '\n'), y);
        J last = lines->n - 1;
        return last > 0 && !si_count(si_items(lines)[last]) ? si_list((int)last, si_items(lines)) : lines;
    }
    check_text(x);
    check_text(y);
    if (!si_count(x))
        si_raise("length");
    J parts = 1, from = 0;
    for (J at = found_at(y, 0, x); at >= 0; at = found_at(y, at + si_count(x), x))
        parts++;
    K made = si_make(0, parts);
    for (J i = 0; i < parts; i++) {
        J at = found_at(y, from, x), to = at < 0 ? si_count(y) : at;
        si_put(made, i, si_text((const char *)si_data(y) + from, to - from));
        from = to + si_count(x);
    }
    return made;
}

static K together(K x, K y)
{
    K between = x->t == -TS ? si_string("\n") : x, made = si_text("", 0);
    check_text(between);
    for (J i = 0; i < si_count(y); i++) {
        K part = string(si_item(y, i));
        check_text(part);
        made = si_join(i && x->t != -TS ? si_join(made, between) : made, part);
        made = x->t == -TS ? si_join(made, between) : made;
    }
    return made;
}

static K search(K x, K y)
{
    check_text(x);
    check_text(y);
    if (!si_count(y))
        si_raise("length");
    K made = si_make(TJ, si_count(x));
    made->n = 0;
    for (J at = found_at(x, 0, y); at >= 0; at = found_at(x, at + si_count(y), y))
        ((J *)ql_q_items(made))[made->n++] = at;
    return made;
}

static K replaced(K *a, int count)
{
    if (count != 3)
        si_raise("rank");
    return together(a[2], apart(a[1], a[0]));
}

static K show_text(K x)
{
    return si_show(x);
}

static K show_line(K x)
{
    return si_show_line(x);
}

const struct si_primitive si_texts[] = {
    {"string", string, NULL, NULL, false},   {"lower", lower, NULL, NULL, false},
    {"upper", upper, NULL, NULL, false},     {"trim", trim, NULL, NULL, false},
    {"ltrim", ltrim, NULL, NULL, false},     {"rtrim", rtrim, NULL, NULL, false},
    {"like", NULL, like, NULL, true},        {"vs", NULL, apart, NULL, true},
    {"sv", NULL, together, NULL, true},      {"ss", NULL, search, NULL, true},
    {"ssr", NULL, NULL, replaced, false},    {".Q.s", show_text, NULL, NULL, false},
    {".Q.s1", show_line, NULL, NULL, false}, {0},
};
