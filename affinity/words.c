#include "affinity/words.h"

#include <string.h>

enum { LONGEST = 48 };

/* How many letters must be put in, taken out or replaced (Levenshtein). Both words are at most LONGEST long. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[b_length];
}

const char *qli_word_nearest(const char *word, size_t length, const char *const *known, size_t known_count)
{
    const char *nearest = NULL;
    /* Further than a third of the word is no slip of the finger. */
    size_t least = length / 3 + 2;
    if (length == 0 || length > LONGEST)
        return NULL;
    for (size_t i = 0; i < known_count; i++) {
        size_t known_length = strlen(known[i]);
        size_t found = known_length > LONGEST ? least : distance(word, length, known[i], known_length);
        if (found < least) {
            least = found;
            nearest = known[i];
        }
    }
    return nearest;
}
