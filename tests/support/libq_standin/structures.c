/* Dictionaries, traps and amending by name, iterators, and what asks an object for its parts. */
#include "tests/support/libq_standin/standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- @ and . : apply, trap, amend ---- */

struct call {
    K function, arguments;
};

static K run(void *arg)
{
    const struct call *call = arg;
    K list = call->arguments, arguments[8];
    if (si_count(list) > 8)
        si_raise("rank");
    for (J i = 0; i < si_count(list); i++)
        arguments[i] = si_item(list, i);
    return si_apply(call->function, arguments, (int)si_count(list));
}

static K trap(K function, K arguments, K handler)
{
    struct call call = {function, arguments};
    K result = si_protect(run, &call);
    if (result)
        return si_pool(result);
    const char *text = si_error_text() ? si_error_text() : "";
    return handler->t >= TLAMBDA ? si_apply1(handler, si_string(text)) : handler;
}

static K named(K object, K *holder)
{
    *holder = object->t == -TS ? object : NULL;
    if (!*holder)
        return object;
    K value = si_global(object->s);
    if (!value)
        si_raise(object->s);
    return si_pool(si_r1(value));
}

static K amend_many(K object, K *indexes, int count, K verb, K value)
{
    K name, made = si_amend(named(object, &name), indexes, count, verb, value);
    if (name)
        si_global_set(name->s, made);
    return name ? name : made;
}

static K at_many(K *a, int count)
{
    if (count == 3 && a[0]->t >= TLAMBDA)
        return trap(a[0], si_list(1, &a[1]), a[2]);
    if (count > 4)
        si_raise("rank");
    bool assign = count == 4 && a[2]->t == TUNARY && !si_primitive_of(a[2]);
    return amend_many(a[0], &a[1], 1, assign ? NULL : a[2], count == 4 ? a[3] : NULL);
}

static K dot_many(K *a, int count)
{
    if (count == 3 && a[0]->t >= TLAMBDA)
        return trap(a[0], a[1], a[2]);
    K indexes[8];
    int depth = (int)si_count(a[1]);
    if (count > 4 || depth < 1 || depth > 8)
        si_raise("rank");
    for (int i = 0; i < depth; i++)
        indexes[i] = si_item(a[1], i);
    bool assign = count == 4 && a[2]->t == TUNARY && !si_primitive_of(a[2]);
    return amend_many(a[0], indexes, depth, assign ? NULL : a[2], count == 4 ? a[3] : NULL);
}

static K dot_two(K x, K y)
{
    struct call call = {x, y->t < 0 ? si_enlist(y) : y};
    return run(&call);
}

/* ---- Each and its kin as words ---- */

static K each(K x, K y)
{
    return si_each(x, &y, 1);
}

static K over(K x, K y)
{
    return si_apply1(si_derive(TOVER, x), y);
}

static K scan(K x, K y)
{
    return si_apply1(si_derive(TSCAN, x), y);
}

static K prior(K x, K y)
{
    return si_apply1(si_derive(TPRIOR, x), y);
}

#define ITERATOR(name, type)       \
    static K name(K x)             \
    {                              \
        return si_derive(type, x); \
    }
ITERATOR(derive_each, TEACH)
ITERATOR(derive_over, TOVER)
ITERATOR(derive_scan, TSCAN)
ITERATOR(derive_prior, TPRIOR)
ITERATOR(derive_right, TRIGHT)
ITERATOR(derive_left, TLEFT)

/* ---- Dictionaries and parts ---- */

static K make_dict(K x, K y)
{
    if ((x->t == -TI || x->t == -TJ) && si_long(x, 0) < 0) {
        J which = si_is_null(x, 0) ? 0 : -si_long(x, 0);
        if (!which) { /* 0N! shows what passes */
            K text = si_show_line(y);
            printf("%.*s\n", (int)text->n, (const char *)ql_q_items(text));
            return y;
        }
        if (which == 3)
            return si_show_line(y);
        if (which == 8)
            return si_bytes_write(y, 0);
        if (which == 9)
            return si_bytes_read(si_data(y), si_count(y));
        si_raise("nyi");
    }
    if (x->t < 0 && si_is_integral(-x->t) && (y->t == TTABLE || y->t == TDICT))
        return si_key_table(y, (int)si_long(x, 0));
    if (x->t < 0 && y->t < 0)
        return si_dict(si_enlist(x), si_enlist(y));
    if (x->t < 0 || x->t >= TDICT || (y->t >= 0 && si_count(x) != si_count(y)))
        si_raise(x->t < 0 || x->t >= TDICT ? "type" : "length");
    return si_dict(x, y->t < 0 ? si_primitive_find("#", 1)->two(si_atom_long(TJ, si_count(x)), y) : y);
}

static K value_part(K x)
{
    if (x->t == TDICT)
        return si_items(x)[1];
    if (x->t == TC)
        return si_eval_text(si_data(x), (size_t)x->n);
    if (x->t == -TS) {
        K name, found = named(x, &name);
        return found;
    }
    if (x->t == 0 && x->n > 1) {
        K function = si_items(x)[0];
        function = function->t == TC ? value_part(function) : function;
        if (x->n > 9)
            si_raise("rank");
        return si_apply(function, si_items(x) + 1, (int)x->n - 1);
    }
    return x;
}

static K key(K x)
{
    if (x->t == TDICT)
        return si_items(x)[0];
    if (x->t == -TS)
        return si_global(x->s) ? x : si_make(0, 0);
    if (si_is_vector(x))
        return si_primitive_find("til", 3)->one(si_atom_long(TJ, x->n));
    si_raise("type");
}

static K type(K x)
{
    return si_atom_long(TH, x->t);
}

static K is_null(K x)
{
    if (x->t == 0 || x->t == TDICT || x->t == TTABLE)
        return si_deep1(is_null, x);
    K made = si_make(TB, si_count(x));
    for (J i = 0; i < made->n; i++)
        si_put_long(made, i, si_is_null(x, i));
    return si_is_atom(x) ? si_item(made, 0) : made;
}

static K fill(K x, K y)
{
    if (y->t == 0 || y->t > TT || x->t == 0)
        return x->t == TDICT && y->t == TDICT ? si_join(x, y) : si_deep2(fill, x, y);
    if (x->t >= 0 && y->t >= 0 && x->n != y->n)
        si_raise("length");
    if (abs(x->t) != abs(y->t))
        x = si_cast(abs(y->t), x);
    K made = si_make(abs(y->t), si_is_atom(y) ? si_count(x) : y->n);
    for (J i = 0; i < made->n; i++)
        si_put(made, i, si_is_null(y, i) ? si_item(x, i) : si_item(y, i));
    return si_is_atom(x) && si_is_atom(y) ? si_item(made, 0) : made;
}

static K fills(K x)
{
    return si_apply1(si_derive(TSCAN, si_primitive(si_primitive_find("^", 1))), x);
}

/* ---- ? : find, roll, choose ---- */

static uint64_t roll(void)
{
    static uint64_t state = 0x2545f4914f6cdd1du;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state >> 1;
}

static K question(K x, K y)
{
    if (!si_is_atom(x))
        return si_find(x, y);
    J many = si_long(x, 0), below = si_is_atom(y) && si_is_integral(-y->t) ? si_long(y, 0) : si_count(y);
    if (many < 0 || below <= 0)
        si_raise("domain");
    bool real = si_is_atom(y) && si_is_real(-y->t);
    K made = si_make(real ? TF : si_is_atom(y) ? -y->t : TJ, many);
    for (J i = 0; i < many; i++) {
        if (real)
            si_put_float(made, i, si_float(y, 0) * (double)(roll() >> 10) / (double)(1ull << 53));
        else
            si_put_long(made, i, (J)(roll() % (uint64_t)below));
    }
    return si_is_atom(y) ? made : si_take_rows(y, made);
}

static K choose(K *a, int count)
{
    if (count != 3)
        si_raise("nyi");
    K made = si_make(0, si_count(a[0]));
    for (J i = 0; i < made->n; i++)
        si_put(made, i, si_item(si_long(a[0], i) ? a[1] : a[2], i));
    return si_is_atom(a[0]) ? si_item(made, 0) : si_collapse(made);
}

const struct si_primitive si_structures[] = {
    {"!", NULL, make_dict, NULL, true},
    {"?", NULL, question, choose, true},
    {"@", NULL, si_apply1, at_many, true},
    {".", value_part, dot_two, dot_many, true},
    {"^", is_null, fill, NULL, true},
    {"'", derive_each, NULL, NULL, false},
    {"/", derive_over, NULL, NULL, false},
    {"\\", derive_scan, NULL, NULL, false},
    {"':", derive_prior, NULL, NULL, false},
    {"/:", derive_right, NULL, NULL, false},
    {"\\:", derive_left, NULL, NULL, false},
    {"each", NULL, each, NULL, true},
    {"peach", NULL, each, NULL, true},
    {"over", NULL, over, NULL, true},
    {"scan", NULL, scan, NULL, true},
    {"prior", NULL, prior, NULL, true},
    {"value", value_part, NULL, NULL, false},
    {"get", value_part, NULL, NULL, false},
    {"key", key, NULL, NULL, false},
    {"type", type, NULL, NULL, false},
    {"null", is_null, NULL, NULL, false},
    {"fills", fills, NULL, NULL, false},
    {0},
};
