/* Columns, and select, exec, update and delete, to nodes. */
#include "tests/support/libq_standin/standin.h"

#include <string.h>

typedef struct si_parser parser;
typedef struct si_node node;

node *si_parse_column(parser *p)
{
    node *column = si_node_create(p, NODE_COLUMN);
    if (p->lexer.token.kind == TOKEN_NAME) {
        struct si_lexer saved = p->lexer;
        char *own = si_intern(p->lexer.token.at, p->lexer.token.length);
        si_lexer_next(&p->lexer);
        if (si_is_verb(&p->lexer.token, ":")) {
            si_lexer_next(&p->lexer);
            column->name = own;
        } else {
            p->lexer = saved;
        }
    }
    node *value = si_parse_expression(p);
    if (!value)
        si_raise("column");
    si_node_add(p, column, value);
    return column;
}

void si_parse_columns(parser *p, node *table, char end)
{
    while (!si_is_punctuation(&p->lexer.token, end)) {
        bool comma = p->stop_at_comma, words = p->stop_at_words;
        p->stop_at_comma = p->stop_at_words = false;
        si_node_add(p, table, si_parse_column(p));
        p->stop_at_comma = comma;
        p->stop_at_words = words;
        if (si_is_punctuation(&p->lexer.token, ';'))
            si_lexer_next(&p->lexer);
        else if (!si_is_punctuation(&p->lexer.token, end))
            si_raisef("%c", end);
    }
    si_lexer_next(&p->lexer);
}

static void column_list(parser *p, node *parent)
{
    p->stop_at_comma = p->stop_at_words = true;
    for (;;) {
        si_node_add(p, parent, si_parse_column(p));
        const struct si_token *at = &p->lexer.token;
        if (at->kind != TOKEN_VERB || *at->at != ',')
            return;
        si_lexer_next(&p->lexer);
    }
}

node *si_parse_qsql(parser *p)
{
    static const char *const words[] = {"select", "exec", "update", "delete"};
    struct si_token *at = &p->lexer.token;
    int which = 0;
    while (which < 4 && !si_is_word(at, words[which]))
        which++;
    if (which == 4)
        return NULL;
    bool comma = p->stop_at_comma, stop_words = p->stop_at_words;
    node *made = si_node_create(p, NODE_QSQL);
    made->name = si_intern(words[which], strlen(words[which]));
    si_node_add(p, made, NULL);
    si_lexer_next(&p->lexer);
    if (!si_is_word(at, "from") && !si_is_word(at, "by"))
        column_list(p, made);
    made->columns = made->count - 1;
    if (si_is_word(at, "by")) {
        si_lexer_next(&p->lexer);
        column_list(p, made);
        made->has_by = true;
    }
    made->by = made->count - 1 - made->columns;
    if (!si_is_word(at, "from"))
        si_raise("from");
    si_lexer_next(&p->lexer);
    p->stop_at_comma = comma;
    p->stop_at_words = true;
    made->kids[0] = si_parse_expression(p);
    if (!made->kids[0])
        si_raise("from");
    if (si_is_word(at, "where")) {
        si_lexer_next(&p->lexer);
        column_list(p, made);
    }
    made->conditions = made->count - 1 - made->columns - made->by;
    p->stop_at_comma = comma;
    p->stop_at_words = stop_words;
    return made;
}
