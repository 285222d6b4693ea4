/* The 64-bit hash of a row: over its line number and every field, as text. A checksum is the sum of rows' hashes modulo
 * 2^53: no order is in it, and every JSON reader takes it exactly. */
#ifndef EXAMPLES_FEEDS_HASH_H
#define EXAMPLES_FEEDS_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
}

static inline uint64_t hash_begin(uint64_t line)
{
    return hash_word(0x243f6a8885a308d3, line);
}

/* An empty field and NULL are the same. */
static inline uint64_t hash_field(uint64_t hash, const char *text, size_t length)
{
    uint64_t word;
    hash = hash_word(hash, length);
    for (; length >= sizeof(word); length -= sizeof(word), text += sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        hash = hash_word(hash, word);
    }
    word = 0;
    for (size_t i = 0; i < length; i++)
        word = word << 8 | (unsigned char)text[i];
    return hash_word(hash, word);
}

static inline uint64_t hash_add(uint64_t checksum, uint64_t hash)
{
    return (checksum + hash) & ((UINT64_C(1) << 53) - 1);
}

#endif
