/* Text to tokens. */
#include "tests/support/libq_standin/standin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_letter(const struct si_lexer *lexer, const char *at)
{
    return at < lexer->end && isalpha((unsigned char)*at);
}

static bool is_digit(const struct si_lexer *lexer, const char *at)
{
    return at < lexer->end && isdigit((unsigned char)*at);
}

/* Blanks, comments, and line breaks within a statement. True: a statement ends here. */
static bool skip(struct si_lexer *lexer)
{
    const char *from = lexer->at;
    for (; lexer->at < lexer->end; lexer->at++) {
        char c = *lexer->at;
        bool blank_before = lexer->at == lexer->begin || isspace((unsigned char)lexer->at[-1]);
        if (c == '/' && blank_before) {
            while (lexer->at + 1 < lexer->end && lexer->at[1] != '\n')
                lexer->at++;
        } else if (c == '\n' && !lexer->depth) {
            const char *next = lexer->at + 1;
            if (next < lexer->end && !isspace((unsigned char)*next) && *next != '/' && *next != '}')
                return true;
        } else if (!isspace((unsigned char)c)) {
            break;
        }
    }
    lexer->token.spaced = lexer->at > from || from == lexer->begin;
    return false;
}

static char escaped(struct si_lexer *lexer)
{
    char c = *lexer->at++;
    if (c >= '0' && c <= '3' && lexer->end - lexer->at >= 2) {
        c = (char)((c - '0') * 64 + (lexer->at[0] - '0') * 8 + lexer->at[1] - '0');
        lexer->at += 2;
        return c;
    }
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

static K string(struct si_lexer *lexer)
{
    K text = si_make(TC, lexer->end - lexer->at);
    J length = 0;
    lexer->at++;
    while (lexer->at < lexer->end && *lexer->at != '"') {
        char c = *lexer->at++;
        if (c == '\\' && lexer->at < lexer->end)
            c = escaped(lexer);
        ((char *)ql_q_items(text))[length++] = c;
    }
    if (lexer->at++ >= lexer->end)
        si_raise("\"");
    return length == 1 ? si_item(text, 0) : si_text(ql_q_items(text), length);
}

static K symbols(struct si_lexer *lexer)
{
    K vector = NULL;
    J count = 0;
    const char *at = lexer->at;
    for (int pass = 0; pass < 2; pass++) {
        count = 0;
        for (at = lexer->at; at < lexer->end && *at == '`'; count++) {
            const char *from = ++at;
            while (at < lexer->end &&
                   (isalnum((unsigned char)*at) || strchr("._:", *at) || (*at == '/' && *from == ':') ||
                    (unsigned char)*at >= 128) &&
                   *at)
                at++;
            if (vector)
                ((char **)ql_q_items(vector))[count] = si_intern(from, (size_t)(at - from));
        }
        if (!vector)
            vector = si_make(TS, count);
    }
    lexer->at = at;
    return count == 1 ? si_item(vector, 0) : vector;
}

static void noun(struct si_lexer *lexer, K value)
{
    lexer->token.kind = TOKEN_NOUN;
    lexer->token.value = value;
    lexer->after_noun = true;
}

static bool number(struct si_lexer *lexer)
{
    const char *at = lexer->at;
    bool negative = *at == '-';
    if (negative && lexer->after_noun && !lexer->token.spaced)
        return false;
    at += negative;
    if (!is_digit(lexer, at) && !(at < lexer->end && *at == '.' && is_digit(lexer, at + 1)))
        return false;
    if (*at == '.' && lexer->after_noun && !lexer->token.spaced)
        return false;
    K value = si_literal_numbers(&lexer->at, lexer->end);
    if (!value)
        si_raisef("%.*s", (int)(lexer->at - lexer->token.at), lexer->token.at);
    noun(lexer, value);
    return true;
}

static void verb(struct si_lexer *lexer)
{
    static const char *const twos[] = {"::", "<=", ">=", "<>"};
    size_t length = 1;
    for (size_t i = 0; i < sizeof(twos) / sizeof(twos[0]); i++) {
        if (lexer->end - lexer->at >= 2 && memcmp(lexer->at, twos[i], 2) == 0)
            length = 2;
    }
    if (!strchr("+-*%&|^=<>~,#_!?@.$:", *lexer->at))
        si_raisef("%c", *lexer->at);
    /* x+:1 */
    if (lexer->at + length < lexer->end && lexer->at[length] == ':' && *lexer->at != ':')
        length++;
    lexer->token.kind = TOKEN_VERB;
    lexer->at += length;
    lexer->after_noun = false;
}

static bool iterator(struct si_lexer *lexer)
{
    if (!strchr("'/\\", *lexer->at))
        return false;
    lexer->token.kind = TOKEN_ITERATOR;
    lexer->at++;
    if (lexer->at < lexer->end && *lexer->at == ':')
        lexer->at++;
    lexer->after_noun = false;
    return true;
}

static bool punctuation(struct si_lexer *lexer)
{
    char c = *lexer->at;
    if (!strchr("()[]{};", c))
        return false;
    lexer->token.kind = TOKEN_PUNCTUATION;
    lexer->at++;
    lexer->depth += strchr("([{", c) ? 1 : c == ';' ? 0 : -1;
    lexer->after_noun = strchr(")]}", c) != NULL;
    return true;
}

static bool name(struct si_lexer *lexer)
{
    if (!is_letter(lexer, lexer->at) && !(*lexer->at == '.' && is_letter(lexer, lexer->at + 1)))
        return false;
    while (lexer->at < lexer->end &&
           (isalnum((unsigned char)*lexer->at) || *lexer->at == '.' || *lexer->at == '_'))
        lexer->at++;
    lexer->token.kind = TOKEN_NAME;
    lexer->after_noun = true;
    return true;
}

void si_lexer_next(struct si_lexer *lexer)
{
    lexer->token = (struct si_token){.kind = TOKEN_END, .at = lexer->at};
    if (skip(lexer)) {
        lexer->at++;
        lexer->token = (struct si_token){.kind = TOKEN_NEWLINE, .at = lexer->at, .spaced = true};
        lexer->after_noun = false;
        return;
    }
    lexer->token.at = lexer->at;
    if (lexer->at >= lexer->end)
        return;
    if (!*lexer->at)
        si_raise("nul");
    if (*lexer->at == '"')
        noun(lexer, string(lexer));
    else if (*lexer->at == '`')
        noun(lexer, symbols(lexer));
    else if (!number(lexer) && !name(lexer) && !punctuation(lexer) && !iterator(lexer))
        verb(lexer);
    lexer->token.length = (size_t)(lexer->at - lexer->token.at);
}
