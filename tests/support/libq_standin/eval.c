/* Nodes to values. */
#include "tests/support/libq_standin/standin.h"

#include <string.h>

typedef struct si_node node;
typedef struct si_frame frame;

/* ---- Names ---- */

static int local_of(const frame *f, const char *name)
{
    for (int i = 0; f->lambda && i < f->lambda->locals_count; i++) {
        if (f->lambda->locals[i] == name)
            return i;
    }
    return -1;
}

/* A reference for the pool: the name may be given another value while this one is in use. */
static K held(K value)
{
    return si_pool(si_r1(value));
}

static K lookup(frame *f, char *name)
{
    K value = f->scope ? si_scope_name(f->scope, name) : NULL;
    if (value)
        return value;
    int local = local_of(f, name);
    if (local >= 0)
        return si_items(f->locals)[local] ? held(si_items(f->locals)[local]) : si_make(0, 0);
    value = si_global(name);
    if (value)
        return held(value);
    value = name[0] == '.' ? si_system_name(name) : NULL;
    value = !value && name[0] == '.' ? si_bad_name(name) : value;
    if (!value)
        si_raise(name);
    return value;
}

static void set(frame *f, const node *at, K value)
{
    int local = local_of(f, at->name);
    if (local >= 0)
        si_put(f->locals, local, value);
    else
        si_global_set(at->name, value);
}

static K assign(frame *f, const node *at)
{
    int indexes = at->count - 1;
    K value = si_eval(f, at->kids[at->count - 1]), arguments[8];
    if (value->t == TERROR || indexes > 8)
        si_raise("assign");
    for (int i = indexes - 1; i >= 0; i--)
        arguments[i] = at->kids[i]->kind == NODE_HOLE ? si_identity() : si_eval(f, at->kids[i]);
    K whole = value;
    if (indexes)
        whole = si_amend(lookup(f, at->name), arguments, indexes, at->value, value);
    else if (at->value)
        whole = si_apply2(at->value, lookup(f, at->name), value);
    set(f, at, whole);
    return value;
}

/* ---- Control ---- */

static bool is_true(K value)
{
    if (!si_is_atom(value))
        si_raise("type");
    return si_is_real(-value->t) ? si_float(value, 0) != 0 : si_long(value, 0) != 0;
}

/* One after the other; each lets go of what it made. */
static K sequence(frame *f, const node *at, int from)
{
    K value = NULL;
    for (int i = from; i < at->count && !f->returned; i++) {
        size_t mark = si_pool_mark();
        si_check_interrupt();
        value = at->kids[i]->kind == NODE_HOLE ? NULL : si_eval(f, at->kids[i]);
        value = si_pool_drain(mark, value);
    }
    return value ? value : si_identity();
}

static K loop(frame *f, const node *at)
{
    J times = at->kind == NODE_DO ? si_long(si_eval(f, at->kids[0]), 0) : at->kind == NODE_IF ? 1 : LLONG_MAX;
    size_t mark = si_pool_mark();
    for (J i = 0; i < times && !f->returned; i++) {
        si_check_interrupt();
        if (at->kind != NODE_DO && !is_true(si_eval(f, at->kids[0])))
            break;
        sequence(f, at, 1);
        si_pool_drain(mark, NULL);
    }
    return si_identity();
}

static K cond(frame *f, const node *at)
{
    int i = 0;
    for (; i + 1 < at->count; i += 2) {
        if (is_true(si_eval(f, at->kids[i])))
            return si_eval(f, at->kids[i + 1]);
    }
    return i < at->count ? si_eval(f, at->kids[i]) : si_identity();
}

static K leave(frame *f, const node *at)
{
    K value = si_eval(f, at->kids[0]);
    if (f->lambda) {
        si_put(f->locals, f->lambda->locals_count, value);
        f->returned = true;
    }
    return value;
}

static K signal(frame *f, const node *at)
{
    K text = si_eval(f, at->kids[0]);
    if (text->t == -TS)
        si_raise(text->s);
    if (text->t != TC && text->t != -TC)
        si_raise("stype");
    si_raisef("%.*s", (int)si_count(text), (const char *)si_data(text));
}

/* ---- Literals with parts ---- */

static K list(frame *f, const node *at)
{
    K made = si_make(0, at->count);
    for (int i = at->count - 1; i >= 0; i--)
        si_put(made, i, at->kids[i]->kind == NODE_HOLE ? si_identity() : si_eval(f, at->kids[i]));
    return si_collapse(made);
}

char *si_column_name(const node *at)
{
    if (at->kind == NODE_NAME)
        return strcmp(at->name, "i") == 0 ? si_intern("x", 1) : at->name;
    if (at->kind == NODE_COLUMN && at->name)
        return at->name;
    for (int i = 0; i < at->count && at->kind != NODE_LAMBDA; i++) {
        char *name = at->kids[i] ? si_column_name(at->kids[i]) : NULL;
        if (name && (i || at->kind != NODE_APPLY || at->kids[i]->kind != NODE_NAME || at->count == 1))
            return name;
    }
    return at->kind == NODE_COLUMN ? si_intern("x", 1) : NULL;
}

static K table_part(frame *f, const node *at, int from, int to)
{
    K names = si_make(TS, to - from), columns = si_make(0, to - from);
    for (int i = to - 1; i >= from; i--) {
        K column = si_eval(f, at->kids[i]->kids[0]);
        ((char **)ql_q_items(names))[i - from] = si_column_name(at->kids[i]);
        si_put(columns, i - from, column);
    }
    return si_table(names, columns);
}

static K table(frame *f, const node *at)
{
    K all = table_part(f, at, 0, at->count);
    return at->keys ? si_key_table(all, at->keys) : all;
}

static K apply(frame *f, const node *at)
{
    K arguments[9];
    int count = at->count - 1;
    if (count > 8)
        si_raise("rank");
    for (int i = count - 1; i >= 0; i--)
        arguments[i] = at->kids[i + 1]->kind == NODE_HOLE ? NULL : si_eval(f, at->kids[i + 1]);
    K function = si_eval(f, at->kids[0]);
    if (count == 1 && !arguments[0])
        arguments[0] = si_identity();
    return si_apply(function, arguments, count);
}

K si_eval(frame *f, const node *at)
{
    switch (at->kind) {
    case NODE_CONST:
        return at->value;
    case NODE_NAME:
        return lookup(f, at->name);
    case NODE_ASSIGN:
        return assign(f, at);
    case NODE_APPLY:
        return apply(f, at);
    case NODE_LIST:
        return list(f, at);
    case NODE_LAMBDA:
        return si_lambda(f->program, at);
    case NODE_COND:
        return cond(f, at);
    case NODE_IF:
    case NODE_WHILE:
    case NODE_DO:
        return loop(f, at);
    case NODE_RETURN:
        return leave(f, at);
    case NODE_SIGNAL:
        return signal(f, at);
    case NODE_BLOCK:
        return sequence(f, at, 0);
    case NODE_TABLE:
        return table(f, at);
    case NODE_QSQL:
        return si_eval_qsql(f, at);
    case NODE_COLUMN:
        return si_eval(f, at->kids[0]);
    case NODE_HOLE:
        break;
    }
    return si_identity();
}

/* ---- Lambdas and programs ---- */

K si_lambda(K program, const node *at)
{
    K lambda = si_make(TLAMBDA, 2);
    si_items(lambda)[0] = si_r1(program);
    ((const node **)ql_q_items(lambda))[1] = at;
    return lambda;
}

const node *si_lambda_node(K lambda)
{
    return ((const node **)ql_q_items(lambda))[1];
}

K si_call_lambda(K lambda, K *arguments, int count)
{
    const node *at = si_lambda_node(lambda);
    if (count > at->parameters && !(at->parameters == 0 && count == 1))
        si_raise("rank");
    if (count < at->parameters)
        return si_project(lambda, arguments, count);
    size_t mark = si_pool_mark();
    frame f = {.program = si_items(lambda)[0], .lambda = at};
    /* The lambda may give its own name another value. */
    held(lambda);
    f.locals = si_make(0, at->locals_count + 1);
    for (int i = 0; i < at->parameters; i++)
        si_put(f.locals, i, arguments[i]);
    if (++si_state.depth > 200)
        si_raise("stack");
    K value = sequence(&f, at->kids[0], 0);
    si_state.depth--;
    if (f.returned)
        value = si_items(f.locals)[at->locals_count];
    return si_pool_drain(mark, value);
}

K si_eval_text(const char *text, size_t length)
{
    node *root;
    if (length && *text == '\\')
        return si_system(si_intern(text + 1, length - 1));
    K program = si_parse(text, length, &root);
    frame f = {.program = program};
    K value = sequence(&f, root, 0);
    if (root->count && root->kids[root->count - 1]->kind == NODE_ASSIGN)
        return si_identity();
    return value;
}
