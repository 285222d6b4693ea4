/* select, exec, update and delete. */
#include "tests/support/libq_standin/standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct si_frame frame;
typedef struct si_node node;

struct query {
    frame *f;
    const node *at;
    K name;  /* the global, if the table was named */
    K table; /* without keys */
    int keys;
    K rows; /* that the conditions left; NULL: all */
};

static K til(J count)
{
    return si_primitive_find("til", 3)->one(si_atom_long(TJ, count));
}

K si_scope_name(struct si_scope *scope, const char *name)
{
    if (name[0] == 'i' && !name[1])
        return scope->rows ? scope->rows : til(si_count(scope->table));
    K column = si_column(scope->table, name);
    return column && scope->rows ? si_take_rows(column, scope->rows) : column;
}

/* With the columns of these rows as names. */
static K with_rows(struct query *q, K rows, const node *at)
{
    struct si_scope scope = {q->table, rows}, *outer = q->f->scope;
    q->f->scope = &scope;
    K value = si_eval(q->f, at);
    q->f->scope = outer;
    return value;
}

static const node *column_at(const struct query *q, int i)
{
    return q->at->kids[1 + i];
}

static const node *by_at(const struct query *q, int i)
{
    return q->at->kids[1 + q->at->columns + i];
}

static K all_rows(const struct query *q)
{
    return q->rows ? q->rows : til(si_count(q->table));
}

static void restrict_rows(struct query *q)
{
    for (int i = 0; i < q->at->conditions; i++) {
        K holds = with_rows(q, q->rows, q->at->kids[1 + q->at->columns + q->at->by + i]->kids[0]);
        if (abs(holds->t) != TB && !si_is_integral(abs(holds->t)))
            si_raise("type");
        if (si_is_atom(holds)) {
            if (!si_long(holds, 0))
                q->rows = si_make(TJ, 0);
            continue;
        }
        if (holds->n != si_count(all_rows(q)))
            si_raise("length");
        K kept = si_primitive_find("where", 5)->one(holds);
        q->rows = q->rows ? si_take_rows(q->rows, kept) : kept;
    }
}

/* A name that stands there twice gets a number. */
static void name_column(K names, J at, char *name)
{
    char longer[96];
    char *candidate = name;
    for (J i = 0, twice = 1; i < at; i++) {
        if (((char **)ql_q_items(names))[i] != candidate)
            continue;
        snprintf(longer, sizeof(longer), "%.64s%lld", name, twice++);
        candidate = si_intern(longer, strlen(longer));
        i = -1;
    }
    ((char **)ql_q_items(names))[at] = candidate;
}

static K names_of(const struct query *q, int from, int count)
{
    K names = si_make(TS, count);
    for (int i = 0; i < count; i++)
        ((char **)ql_q_items(names))[i] = si_intern("", 0);
    for (int i = 0; i < count; i++)
        name_column(names, i, si_column_name(q->at->kids[1 + from + i]));
    return names;
}

/* ---- by ---- */

struct groups {
    K keys; /* a table, in ascending order */
    K rows; /* a list of rows of the table for each */
};

static struct groups group_rows(struct query *q)
{
    K columns = si_make(0, q->at->by), rows = all_rows(q);
    for (int i = 0; i < q->at->by; i++) {
        K column = with_rows(q, q->rows, by_at(q, i)->kids[0]);
        si_put(columns, i,
               si_is_atom(column) ? si_primitive_find("#", 1)->two(si_atom_long(TJ, rows->n), column)
                                  : column);
    }
    K grouped = si_group(si_table(names_of(q, q->at->columns, q->at->by), columns));
    K keys = si_items(grouped)[0], order = si_grade(keys, false), lists = si_items(grouped)[1];
    K sorted = si_make(0, lists->n);
    for (J i = 0; i < lists->n; i++)
        si_put(sorted, i, si_take_rows(rows, si_items(lists)[si_long(order, i)]));
    return (struct groups){si_take_rows(keys, order), sorted};
}

static K column_by_group(struct query *q, const struct groups *groups, const node *at)
{
    K made = si_make(0, groups->rows->n);
    for (J i = 0; i < made->n; i++) {
        size_t mark = si_pool_mark();
        si_put(made, i, with_rows(q, si_items(groups->rows)[i], at));
        si_pool_drain(mark, NULL);
    }
    return si_collapse(made);
}

/* The last row of each group, of the columns that it is not grouped by. */
static K last_rows(struct query *q, const struct groups *groups)
{
    K rows = si_make(TJ, groups->rows->n), names = si_names(q->table);
    for (J i = 0; i < rows->n; i++) {
        K group = si_items(groups->rows)[i];
        ((J *)ql_q_items(rows))[i] = si_long(group, group->n - 1);
    }
    K others = si_primitive_find("except", 6)->two(names, si_names(groups->keys));
    return si_take_rows(si_primitive_find("#", 1)->two(others, q->table), rows);
}

/* ---- The four ---- */

static K select_by(struct query *q, bool exec)
{
    struct groups groups = group_rows(q);
    K columns = si_make(0, q->at->columns);
    for (int i = 0; i < q->at->columns; i++)
        si_put(columns, i, column_by_group(q, &groups, column_at(q, i)->kids[0]));
    if (exec && q->at->columns == 1) {
        K keys = q->at->by == 1 ? si_items(si_columns(groups.keys))[0] : groups.keys;
        return si_dict(keys, si_items(columns)[0]);
    }
    K values = q->at->columns ? si_table(names_of(q, 0, q->at->columns), columns) : last_rows(q, &groups);
    return si_dict(groups.keys, values);
}

static K query_select(struct query *q, bool exec)
{
    if (q->at->has_by)
        return select_by(q, exec);
    if (!q->at->columns) {
        K table = q->rows ? si_take_rows(q->table, q->rows) : q->table;
        return exec ? si_item(table, si_count(table) - 1) : q->keys ? si_key_table(table, q->keys) : table;
    }
    K columns = si_make(0, q->at->columns), names = names_of(q, 0, q->at->columns);
    for (int i = 0; i < q->at->columns; i++)
        si_put(columns, i, with_rows(q, q->rows, column_at(q, i)->kids[0]));
    if (exec)
        return q->at->columns == 1 ? si_items(columns)[0] : si_dict(names, columns);
    return si_table(names, columns);
}

/* `value` at these rows of a column, which is made if there is none. */
static K column_with(K table, char *name, K rows, K value)
{
    K column = si_column(table, name);
    J count = si_count(table);
    if (!si_is_atom(value) && si_count(value) != rows->n)
        si_raise("length");
    if (rows->n == count && !si_is_atom(value))
        return value;
    if (!column || rows->n == count) {
        int type = abs(value->t) <= TT ? abs(value->t) : 0;
        column = si_make(type, count);
        for (J i = 0; i < count; i++)
            si_put(column, i, si_null(type));
    }
    if (column->t && abs(value->t) != column->t)
        si_raise("type");
    K made = si_copy(column);
    for (J i = 0; i < rows->n; i++)
        si_put(made, si_long(rows, i), si_is_atom(value) ? value : si_item(value, i));
    return made;
}

static K query_update(struct query *q)
{
    K made = q->table;
    struct groups groups = {0};
    if (q->at->by)
        groups = group_rows(q);
    for (int i = 0; i < q->at->columns; i++) {
        char *name = si_column_name(column_at(q, i));
        K column = NULL;
        for (J at = 0; at < (q->at->by ? groups.rows->n : 1); at++) {
            K rows = q->at->by ? si_items(groups.rows)[at] : all_rows(q);
            K value = with_rows(q, q->at->by ? rows : q->rows, column_at(q, i)->kids[0]);
            column = column_with(made, name, rows, value);
            K key = si_symbol(name);
            made = si_flip(si_amend(made->k, &key, 1, NULL, column));
        }
    }
    return made;
}

static K query_delete(struct query *q)
{
    if (q->at->columns) {
        K names = si_make(TS, q->at->columns);
        for (int i = 0; i < q->at->columns; i++)
            ((char **)ql_q_items(names))[i] = si_column_name(column_at(q, i));
        return si_primitive_find("_", 1)->two(names, q->table);
    }
    K kept = si_primitive_find("except", 6)->two(til(si_count(q->table)), all_rows(q));
    return si_take_rows(q->table, kept);
}

static void find_table(struct query *q, K table)
{
    if (table->t == -TS) {
        q->name = table;
        K value = si_global(table->s);
        if (!value)
            si_raise(table->s);
        table = si_pool(si_r1(value));
    }
    q->keys = si_is_keyed(table) ? (int)si_names(si_items(table)[0])->n : 0;
    q->table = si_unkey(table);
    if (q->table->t != TTABLE)
        si_raise("type");
}

K si_eval_qsql(frame *f, const node *at)
{
    struct query q = {.f = f, .at = at};
    find_table(&q, si_eval(f, at->kids[0]));
    restrict_rows(&q);
    if (at->name[0] == 's' || at->name[0] == 'e')
        return query_select(&q, at->name[0] == 'e');
    K made = at->name[0] == 'u' ? query_update(&q) : query_delete(&q);
    made = q.keys ? si_key_table(made, q.keys) : made;
    if (!q.name)
        return made;
    si_global_set(q.name->s, made);
    return q.name;
}
