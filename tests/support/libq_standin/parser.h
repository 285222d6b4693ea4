/* Text, tokens, nodes. A part of standin.h, which includes it. */
#ifndef TESTS_SUPPORT_LIBQ_STANDIN_PARSER_H
#define TESTS_SUPPORT_LIBQ_STANDIN_PARSER_H

enum si_token_kind {
    TOKEN_END,
    TOKEN_NOUN, /* a literal */
    TOKEN_NAME,
    TOKEN_VERB,
    TOKEN_ITERATOR,
    TOKEN_PUNCTUATION, /* ( ) [ ] { } ; */
    TOKEN_NEWLINE      /* a new statement of a script */
};

struct si_token {
    enum si_token_kind kind;
    const char *at;
    size_t length;
    bool spaced; /* a blank stood before it */
    K value;     /* of a literal */
};

struct si_lexer {
    const char *begin, *at, *end;
    struct si_token token;
    bool after_noun;
    int depth; /* of brackets */
};

void si_lexer_next(struct si_lexer *lexer);
/* The number at `at` to the end of its word; NULL: it is none. Several may follow with blanks between. */
K si_literal_numbers(const char **at, const char *end);
/* "J"$"12": by a type. A null where it is none. */
K si_literal_parse(int type, const char *text, size_t length);
J si_days(int year, int month, int day);
void si_date(J days, int *year, int *month, int *day);

enum si_node_kind {
    NODE_CONST,
    NODE_NAME,
    NODE_ASSIGN, /* name, verb (or none), indexes, and last the value */
    NODE_APPLY,  /* the function, then its arguments */
    NODE_LIST,
    NODE_HOLE,
    NODE_LAMBDA,
    NODE_COND,
    NODE_IF,
    NODE_WHILE,
    NODE_DO,
    NODE_RETURN,
    NODE_SIGNAL,
    NODE_BLOCK, /* one after the other */
    NODE_TABLE, /* keys, then columns: each a NODE_COLUMN */
    NODE_COLUMN,
    NODE_QSQL /* the table, then columns, groups and conditions */
};

struct si_node {
    enum si_node_kind kind;
    int count; /* of kids */
    struct si_node **kids;
    K value;
    char *name;
    bool global;                       /* NODE_ASSIGN with :: */
    int keys, columns, by, conditions; /* NODE_TABLE, NODE_QSQL */
    bool has_by;
    const char *text; /* NODE_LAMBDA: its source */
    size_t length;
    char **locals; /* NODE_LAMBDA: parameters first */
    int parameters, locals_count;
};

/* The program, an object of the pool; its first node. */
K si_parse(const char *text, size_t length, struct si_node **root);
void si_program_free(K program);
void si_program_each(K program, void (*visit)(K value));
void *si_program_memory(K program, size_t size);
K si_program_keep(K program, K value);

/* The parser's own two files. */
struct si_parser {
    struct si_lexer lexer;
    K program;
    struct si_scope_names *names; /* of the lambda around */
    bool stop_at_comma, stop_at_words;
    int depth;
};
struct si_node *si_node_create(struct si_parser *parser, enum si_node_kind kind);
void si_node_add(struct si_parser *parser, struct si_node *parent, struct si_node *kid);
struct si_node *si_parse_expression(struct si_parser *parser);
struct si_node *si_parse_column(struct si_parser *parser);
/* NULL: no such word is next. */
struct si_node *si_parse_qsql(struct si_parser *parser);
bool si_is_word(const struct si_token *token, const char *word);
bool si_is_punctuation(const struct si_token *token, char c);
bool si_is_verb(const struct si_token *token, const char *verb);
struct si_node *si_node_constant(struct si_parser *parser, K value);
/* `right` may be NULL. */
struct si_node *si_node_apply(struct si_parser *parser, struct si_node *function, struct si_node *left,
                              struct si_node *right);
/* Until `end`. */
void si_parse_columns(struct si_parser *parser, struct si_node *table, char end);

#endif
