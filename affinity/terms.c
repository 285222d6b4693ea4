#include "affinity/terms.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "affinity/words.h"

static const char *const WORDS[] = {"inherit", "allowed", "online", "isolated", "pcores", "ecores", "none"};
enum { WORD_COUNT = sizeof WORDS / sizeof WORDS[0] };

static const struct {
    const char *word;
    qli_part_type type;
} TYPES[] = {{"package", QLI_PACKAGE}, {"numa", QLI_NUMA}, {"die", QLI_DIE}, {"l3", QLI_L3},
             {"l2", QLI_L2},           {"core", QLI_CORE}, {"pu", QLI_PU}};
enum { TYPE_COUNT = sizeof TYPES / sizeof TYPES[0] };

const char *qli_type_word(qli_part_type type)
{
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        if (TYPES[i].type == type)
            return TYPES[i].word;
    return "machine";
}

/* A value being read. */
struct reader {
    const char *value;
    size_t at;
    qli_fault *fault;
};

__attribute__((format(printf, 3, 4))) static bool fault_at(struct reader *in, size_t at, const char *format,
                                                           ...)
{
    va_list args;
    va_start(args, format);
    in->fault->column = (unsigned)at + 1;
    vsnprintf(in->fault->reason, sizeof in->fault->reason, format, args);
    va_end(args);
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool read_number(struct reader *in, const char *expected, unsigned *number)
{
    size_t start = in->at;
    unsigned value = 0;
    if (!is_digit(in->value[start]))
        return fault_at(in, start, "expected %s", expected);
    for (; is_digit(in->value[in->at]); in->at++) {
        value = value * 10 + (unsigned)(in->value[in->at] - '0');
        if (value >= QLI_PUS_MAX)
            return fault_at(in, start, "the number is too big; numbers end at %u", QLI_PUS_MAX - 1);
    }
    *number = value;
    return true;
}

/* N, N-M, N- */
static bool read_range(struct reader *in, const char *expected, qli_index *index)
{
    size_t start = in->at;
    if (!read_number(in, expected, &index->first))
        return false;
    index->last = index->first;
    if (in->value[in->at] != '-')
        return true;
    in->at++;
    if (!is_digit(in->value[in->at])) {
        index->open = true;
        index->last = QLI_PUS_MAX - 1;
        return true;
    }
    if (!read_number(in, "a number", &index->last))
        return false;
    if (index->last < index->first)
        return fault_at(in, start, "the range %u-%u runs backwards", index->first, index->last);
    return true;
}

static bool read_pus(struct reader *in, qli_term *term)
{
    term->kind = QLI_TERM_RANGE;
    term->range.stride = 1;
    if (!read_range(in, "a CPU number", &term->range))
        return false;
    if (in->value[in->at] != ':')
        return true;
    size_t start = ++in->at;
    if (!read_number(in, "a stride after ':', as in 0-7:2", &term->range.stride))
        return false;
    return term->range.stride > 0 || fault_at(in, start, "a stride of 0 never ends; use 1 or more");
}

static bool read_mask(struct reader *in, qli_term *term)
{
    in->at += 2;
    term->kind = QLI_TERM_MASK;
    term->mask = in->value + in->at;
    term->mask_digits = (unsigned)strspn(term->mask, "0123456789abcdefABCDEF");
    if (term->mask_digits == 0)
        return fault_at(in, in->at, "expected hexadecimal digits after 0x");
    in->at += term->mask_digits;
    return term->mask_digits <= QLI_PUS_MAX / 4 ||
           fault_at(in, in->at, "the mask is too long; CPU numbers end at %u", QLI_PUS_MAX - 1);
}

static bool read_index(struct reader *in, qli_index *index)
{
    static const struct {
        const char *word;
        qli_index index;
    } words[] = {{"all", {0, QLI_PUS_MAX - 1, 1, true}},
                 {"odd", {1, QLI_PUS_MAX - 1, 2, true}},
                 {"even", {0, QLI_PUS_MAX - 1, 2, true}}};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i].word);
        const char *at = in->value + in->at;
        if (strncmp(at, words[i].word, length) == 0 && !is_letter(at[length]) && !is_digit(at[length])) {
            *index = words[i].index;
            in->at += length;
            return true;
        }
    }
    index->stride = 1;
    return read_range(in, "an index: N, N-M, N-, all, odd or even", index);
}

static bool find_type(const char *word, size_t length, qli_part_type *type)
{
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        if (strlen(TYPES[i].word) == length && strncmp(TYPES[i].word, word, length) == 0) {
            *type = TYPES[i].type;
            return true;
        }
    return false;
}

/* The name of a type and its ':'; letters and digits, for "l3". */
static size_t word_length(const char *text)
{
    size_t length = 0;
    while (is_letter(text[length]) || (length && is_digit(text[length])))
        length++;
    return length;
}

static bool read_place(struct reader *in, qli_term *term)
{
    term->kind = QLI_TERM_PLACE;
    for (;;) {
        size_t start = in->at, length = word_length(in->value + start);
        if (term->step_count == QLI_STEPS_MAX)
            return fault_at(in, start, "a location has at most %d parts", QLI_STEPS_MAX);
        qli_step *step = &term->steps[term->step_count++];
        if (!find_type(in->value + start, length, &step->type))
            return fault_at(in, start,
                            "unknown kind of place '%.*s'; there are package, numa, die, l3, l2, core, pu",
                            (int)(length < 32 ? length : 32), in->value + start);
        in->at += length;
        if (in->value[in->at] != ':')
            return fault_at(in, in->at, "expected ':' and an index, as in %s:0", qli_type_word(step->type));
        in->at++;
        if (!read_index(in, &step->index))
            return false;
        if (in->value[in->at] != '.')
            return true;
        in->at++;
    }
}

static bool read_word(struct reader *in, qli_term *term)
{
    const char *word = in->value + in->at;
    size_t length = word_length(word);
    for (unsigned i = 0; i < WORD_COUNT; i++)
        if (strlen(WORDS[i]) == length && strncmp(WORDS[i], word, length) == 0) {
            term->kind = (qli_term_kind)i;
            in->at += length;
            return true;
        }
    qli_part_type type;
    if (word[length] == ':' || word[length] == '.' || find_type(word, length, &type))
        return read_place(in, term);
    const char *near = qli_word_nearest(word, length, WORDS, WORD_COUNT);
    if (near)
        return fault_at(in, in->at, "unknown word '%.*s'; did you mean '%s'?", (int)length, word, near);
    return fault_at(in, in->at, "expected a CPU number, range or location such as core:3");
}

static bool read_atom(struct reader *in, qli_term *term)
{
    const char *at = in->value + in->at;
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
        return read_mask(in, term);
    if (is_digit(*at))
        return read_pus(in, term);
    if (is_letter(*at))
        return read_word(in, term);
    return fault_at(in, in->at, "expected a CPU number, range or location such as core:3");
}

int qli_term_next(const char *value, size_t *at, qli_term *term, qli_fault *fault)
{
    struct reader in = {value, *at, fault};
    if (*at && value[*at] == '\0')
        return 0;
    memset(term, 0, sizeof *term);
    if (value[in.at] == '~') {
        term->remove = true;
        in.at++;
    }
    size_t start = in.at;
    if (!read_atom(&in, term))
        return -1;
    term->column = (unsigned)start + 1;
    term->length = (unsigned)(in.at - start);
    if (value[in.at] == ',') {
        in.at++;
        if (value[in.at] == '\0')
            return fault_at(&in, in.at, "expected another term after ','") ? 1 : -1;
    } else if (value[in.at] != '\0') {
        return fault_at(&in, in.at, "expected ',' or the end of the set") ? 1 : -1;
    }
    *at = in.at;
    return 1;
}

bool qli_terms_check(const char *value, qli_fault *fault)
{
    qli_term term;
    size_t at = 0;
    int found;
    do
        found = qli_term_next(value, &at, &term, fault);
    while (found > 0);
    return found == 0;
}
