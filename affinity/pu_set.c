#include "affinity/pu_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = QLI_PUS_MAX / 64 };

void qli_pu_set_clear(qli_pu_set *set)
{
    memset(set, 0, sizeof *set);
}

void qli_pu_set_add(qli_pu_set *set, unsigned pu)
{
    if (pu < QLI_PUS_MAX)
        set->words[pu / 64] |= UINT64_C(1) << pu % 64;
}

void qli_pu_set_remove(qli_pu_set *set, unsigned pu)
{
    if (pu < QLI_PUS_MAX)
        set->words[pu / 64] &= ~(UINT64_C(1) << pu % 64);
}

bool qli_pu_set_has(const qli_pu_set *set, unsigned pu)
{
    return pu < QLI_PUS_MAX && set->words[pu / 64] >> pu % 64 & 1;
}

void qli_pu_set_or(qli_pu_set *set, const qli_pu_set *other)
{
    for (unsigned i = 0; i < WORDS; i++)
        set->words[i] |= other->words[i];
}

void qli_pu_set_and(qli_pu_set *set, const qli_pu_set *other)
{
    for (unsigned i = 0; i < WORDS; i++)
        set->words[i] &= other->words[i];
}

void qli_pu_set_minus(qli_pu_set *set, const qli_pu_set *other)
{
    for (unsigned i = 0; i < WORDS; i++)
        set->words[i] &= ~other->words[i];
}

bool qli_pu_set_empty(const qli_pu_set *set)
{
    return qli_pu_set_next(set, 0) < 0;
}

bool qli_pu_set_equal(const qli_pu_set *a, const qli_pu_set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool qli_pu_set_meets(const qli_pu_set *a, const qli_pu_set *b)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (a->words[i] & b->words[i])
            return true;
    return false;
}

bool qli_pu_set_within(const qli_pu_set *part, const qli_pu_set *whole)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (part->words[i] & ~whole->words[i])
            return false;
    return true;
}

unsigned qli_pu_set_count(const qli_pu_set *set)
{
    unsigned count = 0;
    for (unsigned i = 0; i < WORDS; i++)
        count += (unsigned)__builtin_popcountll(set->words[i]);
    return count;
}

int qli_pu_set_next(const qli_pu_set *set, unsigned from)
{
    for (unsigned i = from / 64; i < WORDS; i++) {
        uint64_t word = set->words[i];
        if (i == from / 64)
            word &= ~UINT64_C(0) << from % 64;
        if (word)
            return (int)(i * 64 + (unsigned)__builtin_ctzll(word));
    }
    return -1;
}

/* A decimal number below QLI_PUS_MAX, and nothing strtoul would add (sign, blanks). */
static bool number(const char **text, unsigned *value)
{
    unsigned found = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        found = found * 10 + (unsigned)(*at - '0');
        if (found >= QLI_PUS_MAX)
            return false;
    }
    if (at == *text)
        return false;
    *text = at;
    *value = found;
    return true;
}

bool qli_pu_set_parse(qli_pu_set *set, const char *text)
{
    qli_pu_set_clear(set);
    if (*text == '\0' || strcmp(text, "\n") == 0)
        return true;
    for (;;) {
        unsigned first, last;
        if (!number(&text, &first))
            return false;
        last = first;
        if (*text == '-' && (text++, !number(&text, &last)))
            return false;
        if (last < first)
            return false;
        for (unsigned pu = first; pu <= last; pu++)
            qli_pu_set_add(set, pu);
        if (*text == '\0' || strcmp(text, "\n") == 0)
            return true;
        if (*text++ != ',')
            return false;
    }
}

int qli_pu_set_print(const qli_pu_set *set, char *text, size_t text_size)
{
    size_t length = 0;
    if (text_size)
        text[0] = '\0';
    for (int first = qli_pu_set_next(set, 0); first >= 0;) {
        int last = first;
        while (qli_pu_set_has(set, (unsigned)last + 1))
            last++;
        char item[32];
        const char *comma = length ? "," : "";
        int item_length = first == last ? snprintf(item, sizeof item, "%s%d", comma, first)
                                        : snprintf(item, sizeof item, "%s%d-%d", comma, first, last);
        for (int i = 0; i < item_length; i++, length++)
            if (length + 1 < text_size) {
                text[length] = item[i];
                text[length + 1] = '\0';
            }
        first = qli_pu_set_next(set, (unsigned)last + 1);
    }
    return (int)length;
}
