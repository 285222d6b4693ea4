/* q's objects without q: made by malloc, so that a sanitizer sees every byte read beyond them, and freed together. */
#ifndef TESTS_LANES_Q_OBJECTS_H
#define TESTS_LANES_Q_OBJECTS_H

#include <stdbool.h>

#include "lanes/engines/q_convert.h"

/* What the conversions call. r0() frees nothing: objects_free() does. */
extern const ql_q_api objects_api;

/* An object of `count` items, with room for just these. */
struct k0 *objects_vector(int type, long long count);
struct k0 *objects_atom(int type);
char *objects_intern(const char *text);
/* All that were made. */
void objects_free(void);

/* The same types, lengths and bytes, all the way down. */
bool objects_same(const ql_q_value *a, const ql_q_value *b);

#endif
