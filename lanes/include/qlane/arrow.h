/* Tables of q as Arrow's C data interface, which other libraries read and write without knowing us.
 *
 *   ql_q_to_arrow(call.result, &schema, &array, &error);     a reader takes both and releases them, on any thread
 *   ql_q_from_arrow(&schema, &array, &table, &error);        a copy, to be an argument or an upsert
 *
 *   boolean b   guid w:16   byte C   short s   int i   long l   real f   float g   char, text u (z where it is no UTF-8)
 *   symbol i, dictionary u   timestamp, datetime tsn:   month, date tdD   timespan tDn   minute, second tts   time ttm
 *
 * q's nulls are Arrow's nulls both ways. Infinities stay the greatest and least numbers of their type. The type that q had
 * goes along in each field's metadata, under "q.type", and is taken from there on the way back. */
#ifndef QLANE_ARROW_H
#define QLANE_ARROW_H

#include "qlane/arrow_c.h"
#include "qlane/error.h"
#include "qlane/q_value.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Make Arrow of a table, or of a keyed one: its keys come first. Numbers are not copied.
 *  Threads: any. Both results may be released, and columns moved out of them, on any other.
 *  Owns:    after 0 the value is the array's, which frees it; after an error it stays the caller's.
 *  Errors:  -EINVAL it is no table; -ENOTSUP a column of lists that are no texts; -ENOMEM. */
QL_MUST_USE int ql_q_to_arrow(ql_q_value *table, struct ArrowSchema *schema, struct ArrowArray *array,
                              ql_error *error);

/** Make a table of a struct array, by copying; both stay the caller's. Text becomes text, unless a field is encoded by a
 *  dictionary: that becomes symbols.
 *  Threads: any.
 *  Errors:  -EINVAL no struct, an array that contradicts itself or its schema, a null where q has none; -ENOTSUP a format that is
 *           not above, its widths, units and relatives included; -ERANGE a number that q has no room for; -ENOMEM. */
QL_MUST_USE int ql_q_from_arrow(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                ql_q_value **table, ql_error *error);

#ifdef __cplusplus
}
#endif
#endif
