/* Tokens to nodes: right to left, no precedence. */
#include "tests/support/libq_standin/standin.h"

#include <string.h>

#define NAMES_MAX 64

/* Names of a lambda while it is being parsed. */
struct si_scope_names {
    char *locals[NAMES_MAX];
    int count, parameters;
    bool implicit; /* x, y, z */
};

typedef struct si_parser parser;
typedef struct si_node node;

static node *parse_block(parser *p, char end);

static void next(parser *p)
{
    si_lexer_next(&p->lexer);
}

static struct si_token *token(parser *p)
{
    return &p->lexer.token;
}

bool si_is_punctuation(const struct si_token *at, char c)
{
    return at->kind == TOKEN_PUNCTUATION && *at->at == c;
}

bool si_is_word(const struct si_token *at, const char *word)
{
    return at->kind == TOKEN_NAME && at->length == strlen(word) && memcmp(at->at, word, at->length) == 0;
}

bool si_is_verb(const struct si_token *at, const char *verb)
{
    return at->kind == TOKEN_VERB && at->length == strlen(verb) && memcmp(at->at, verb, at->length) == 0;
}

static void expect(parser *p, char c)
{
    if (!si_is_punctuation(token(p), c))
        si_raisef("%c", c);
    next(p);
}

/* ---- Small nodes ---- */

static const struct si_primitive *primitive(const struct si_token *at)
{
    return si_primitive_find(at->at, at->length);
}

static void add_local(parser *p, char *name)
{
    struct si_scope_names *names = p->names;
    for (int i = 0; i < names->count; i++) {
        if (names->locals[i] == name)
            return;
    }
    if (names->count == NAMES_MAX)
        si_raise("locals");
    names->locals[names->count++] = name;
}

static node *name(parser *p)
{
    const struct si_primitive *word = primitive(token(p));
    if (word) {
        node *made = si_node_constant(p, si_primitive(word));
        next(p);
        return made;
    }
    node *made = si_node_create(p, NODE_NAME);
    made->name = si_intern(token(p)->at, token(p)->length);
    char first = *made->name;
    if (p->names && p->names->implicit && token(p)->length == 1 && first >= 'x' && first <= 'z' &&
        p->names->parameters < first - 'x' + 1)
        p->names->parameters = first - 'x' + 1;
    next(p);
    return made;
}

/* ---- Brackets ---- */

/* Without stops: what stands in brackets is an expression of its own. */
static node *inner(parser *p)
{
    bool comma = p->stop_at_comma, words = p->stop_at_words;
    p->stop_at_comma = p->stop_at_words = false;
    node *made = si_parse_expression(p);
    p->stop_at_comma = comma;
    p->stop_at_words = words;
    return made;
}

static void arguments(parser *p, node *parent, char end)
{
    for (;;) {
        node *made = inner(p);
        si_node_add(p, parent, made ? made : si_node_create(p, NODE_HOLE));
        if (si_is_punctuation(token(p), end))
            break;
        expect(p, ';');
    }
    next(p);
}

static node *parentheses(parser *p)
{
    next(p);
    if (si_is_punctuation(token(p), ')')) {
        next(p);
        return si_node_constant(p, si_make(0, 0));
    }
    if (si_is_punctuation(token(p), '[')) {
        node *table = si_node_create(p, NODE_TABLE);
        next(p);
        si_parse_columns(p, table, ']');
        table->keys = table->count;
        si_parse_columns(p, table, ')');
        return table;
    }
    node *list = si_node_create(p, NODE_LIST);
    arguments(p, list, ')');
    return list->count == 1 ? list->kids[0] : list;
}

static node *lambda(parser *p)
{
    struct si_scope_names names = {.implicit = true}, *outer = p->names;
    node *made = si_node_create(p, NODE_LAMBDA);
    bool comma = p->stop_at_comma, words = p->stop_at_words;
    made->text = token(p)->at;
    p->stop_at_comma = p->stop_at_words = false;
    p->names = &names;
    next(p);
    if (si_is_punctuation(token(p), '[')) {
        names.implicit = false;
        for (next(p); !si_is_punctuation(token(p), ']');) {
            if (token(p)->kind != TOKEN_NAME || names.parameters == 8)
                si_raise("params");
            add_local(p, si_intern(token(p)->at, token(p)->length));
            names.parameters = names.count;
            next(p);
            if (si_is_punctuation(token(p), ';'))
                next(p);
        }
        next(p);
    } else {
        for (const char *implicit = "xyz"; *implicit; implicit++)
            add_local(p, si_intern(implicit, 1));
    }
    si_node_add(p, made, parse_block(p, '}'));
    made->length = (size_t)(token(p)->at + 1 - made->text);
    p->names = outer;
    p->stop_at_comma = comma;
    p->stop_at_words = words;
    next(p);
    made->parameters = names.parameters ? names.parameters : 1;
    made->locals_count = names.count;
    made->locals = si_program_memory(p->program, (size_t)(names.count + 1) * sizeof(char *));
    memcpy(made->locals, names.locals, (size_t)names.count * sizeof(char *));
    if (!names.implicit && !names.parameters)
        made->parameters = 0;
    /* The text that a lambda shows outlives what it was parsed from. */
    made->text = memcpy(si_program_memory(p->program, made->length + 1), made->text, made->length);
    return made;
}

/* ---- Terms ---- */

static node *control(parser *p)
{
    static const char *const words[] = {"if", "while", "do"};
    for (int i = 0; i < 3; i++) {
        if (!si_is_word(token(p), words[i]))
            continue;
        struct si_lexer saved = p->lexer;
        next(p);
        if (!si_is_punctuation(token(p), '[')) {
            p->lexer = saved;
            return NULL;
        }
        next(p);
        node *made = si_node_create(p, (enum si_node_kind)(NODE_IF + i));
        arguments(p, made, ']');
        return made;
    }
    return NULL;
}

static node *operator(parser *p)
{
    const struct si_primitive *verb = primitive(token(p));
    bool dollar = si_is_verb(token(p), "$");
    if (si_is_verb(token(p), "::")) {
        next(p);
        return si_node_constant(p, si_identity());
    }
    if (!verb)
        si_raisef("%.*s", (int)token(p)->length, token(p)->at);
    next(p);
    if (dollar && si_is_punctuation(token(p), '[')) {
        node *cond = si_node_create(p, NODE_COND);
        next(p);
        arguments(p, cond, ']');
        if (cond->count > 2)
            return cond;
        return si_node_apply(p, si_node_constant(p, si_primitive(verb)), cond->kids[0],
                             cond->count > 1 ? cond->kids[1] : NULL);
    }
    return si_node_constant(p, si_primitive(verb));
}

static bool starts_term(parser *p)
{
    const struct si_token *at = token(p);
    return at->kind == TOKEN_NOUN || at->kind == TOKEN_NAME || si_is_punctuation(at, '(') ||
           si_is_punctuation(at, '{');
}

/* Brackets and iterators behind it. */
static node *postfix(parser *p, node *made, bool *derived)
{
    for (;;) {
        if (si_is_punctuation(token(p), '[')) {
            node *call = si_node_create(p, NODE_APPLY);
            si_node_add(p, call, made);
            next(p);
            arguments(p, call, ']');
            made = call;
            *derived = false;
        } else if (token(p)->kind == TOKEN_ITERATOR && !token(p)->spaced) {
            made = si_node_apply(p, si_node_constant(p, si_primitive(primitive(token(p)))), made, NULL);
            *derived = true;
            next(p);
        } else {
            return made;
        }
    }
}

static node *term(parser *p, bool *derived)
{
    node *made = NULL;
    *derived = false;
    if (token(p)->kind == TOKEN_NOUN) {
        made = si_node_constant(p, token(p)->value);
        next(p);
    } else if (token(p)->kind == TOKEN_NAME) {
        made = si_parse_qsql(p);
        if (made)
            return made;
        made = control(p);
        made = made ? made : name(p);
    } else if (token(p)->kind == TOKEN_VERB) {
        made = operator(p);
    } else if (si_is_punctuation(token(p), '(')) {
        made = parentheses(p);
    } else if (si_is_punctuation(token(p), '{')) {
        made = lambda(p);
    } else {
        return NULL;
    }
    return postfix(p, made, derived);
}

/* ---- Expressions ---- */

static bool stops(parser *p)
{
    const struct si_token *at = token(p);
    if (p->stop_at_comma && si_is_verb(at, ","))
        return true;
    return p->stop_at_words && (si_is_word(at, "from") || si_is_word(at, "by") || si_is_word(at, "where"));
}

static node *assign(parser *p, node *target)
{
    const struct si_token verb = *token(p);
    node *made = si_node_create(p, NODE_ASSIGN);
    node *to = target->kind == NODE_APPLY ? target->kids[0] : target;
    if (to->kind != NODE_NAME)
        si_raise("assign");
    made->name = to->name;
    made->global = si_is_verb(&verb, "::");
    if (!made->global && verb.length > 1) {
        const struct si_primitive *with = si_primitive_find(verb.at, verb.length - 1);
        if (!with)
            si_raise("assign");
        made->value = si_program_keep(p->program, si_primitive(with));
    }
    for (int i = 1; target->kind == NODE_APPLY && i < target->count; i++)
        si_node_add(p, made, target->kids[i]);
    next(p);
    node *value = si_parse_expression(p);
    if (!value)
        si_raise("assign");
    si_node_add(p, made, value);
    if (p->names && !made->global)
        add_local(p, made->name);
    return made;
}

static bool is_infix(parser *p)
{
    const struct si_token *at = token(p);
    if (at->kind == TOKEN_VERB)
        return true;
    const struct si_primitive *word = at->kind == TOKEN_NAME ? primitive(at) : NULL;
    return word && word->infix;
}

static node *rest(parser *p, node *left, bool derived)
{
    const struct si_token *at = token(p);
    if (stops(p))
        return left;
    if (at->kind == TOKEN_VERB && at->at[at->length - 1] == ':')
        return assign(p, left);
    if (is_infix(p)) {
        node *verb = term(p, &derived);
        node *right = si_parse_expression(p);
        return si_node_apply(p, verb, left, right ? right : si_node_create(p, NODE_HOLE));
    }
    if (!starts_term(p))
        return left;
    node *second = term(p, &derived);
    if (derived) {
        node *right = si_parse_expression(p);
        return right ? si_node_apply(p, second, left, right) : si_node_apply(p, left, second, NULL);
    }
    return si_node_apply(p, left, rest(p, second, false), NULL);
}

static node *unary(parser *p, enum si_node_kind kind)
{
    node *made = si_node_create(p, kind);
    next(p);
    node *value = si_parse_expression(p);
    si_node_add(p, made, value ? value : si_node_constant(p, si_identity()));
    return made;
}

node *si_parse_expression(parser *p)
{
    bool derived;
    if (++p->depth > 400)
        si_raise("limit");
    node *made = NULL;
    if (token(p)->kind == TOKEN_ITERATOR && *token(p)->at == '\'') {
        made = unary(p, NODE_SIGNAL);
    } else if (si_is_verb(token(p), ":")) {
        made = unary(p, NODE_RETURN);
    } else if (!stops(p)) {
        bool verb = token(p)->kind == TOKEN_VERB && !si_is_verb(token(p), "::");
        made = term(p, &derived);
        if (made && (verb || derived) && made->kind != NODE_COND) {
            node *right = made->kind == NODE_APPLY && !derived ? NULL : si_parse_expression(p);
            made = right ? si_node_apply(p, made, right, NULL) : rest(p, made, derived);
        } else if (made) {
            made = rest(p, made, derived);
        }
    }
    p->depth--;
    return made;
}

static node *parse_block(parser *p, char end)
{
    node *block = si_node_create(p, NODE_BLOCK);
    for (;;) {
        node *made = si_parse_expression(p);
        bool closed = end ? si_is_punctuation(token(p), end) : token(p)->kind == TOKEN_END;
        if (made || closed)
            si_node_add(p, block, made ? made : si_node_constant(p, si_identity()));
        if (closed)
            return block;
        if (token(p)->kind != TOKEN_NEWLINE && !si_is_punctuation(token(p), ';'))
            si_raisef("%.*s", (int)(token(p)->length ? token(p)->length : 1),
                      token(p)->length ? token(p)->at : "}");
        next(p);
    }
}

K si_parse(const char *text, size_t length, node **root)
{
    parser p = {.lexer = {.begin = text, .at = text, .end = text + length}};
    p.program = si_make(TPROGRAM, 2);
    next(&p);
    *root = parse_block(&p, 0);
    return p.program;
}
