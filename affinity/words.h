#ifndef AFFINITY_WORDS_H
#define AFFINITY_WORDS_H

#include <stddef.h>

/* The known word a mistyped one was meant to be, or NULL when none is near. */
const char *qli_word_nearest(const char *word, size_t length, const char *const *known, size_t known_count);

#endif
