/* What both ways between q's tables and Arrow share. */
#ifndef QLANE_LANES_ENGINES_Q_ARROW_H
#define QLANE_LANES_ENGINES_Q_ARROW_H

#include <stdbool.h>

#include "lanes/engines/q_symbols.h"
#include "qlane/arrow.h"

#define QLI_EPOCH_DAYS INT64_C(10957) /* from 1970-01-01 to 2000-01-01 */
#define QLI_EPOCH_S (QLI_EPOCH_DAYS * 86400)

/* The columns of a table, or of a keyed one. */
typedef struct qli_arrow_fields {
    const ql_q_value *parts[2]; /* tables */
    unsigned count;             /* of parts */
    size_t width, rows;
} qli_arrow_fields;

/* -EINVAL: it is no table. */
int qli_arrow_find_fields(const ql_q_value *table, qli_arrow_fields *fields, ql_error *error);
const ql_q_value *qli_arrow_column(const qli_arrow_fields *fields, size_t i);
const char *qli_arrow_name(const qli_arrow_fields *fields, size_t i);

/* The format of a type whose items have a fixed size. */
const char *qli_arrow_format(int32_t type);
/* Are its items other than Arrow's? */
bool qli_arrow_differs(int32_t type);

/* `formats` of the columns, then of their dictionaries. */
int qli_arrow_make_schema(const qli_arrow_fields *fields, const char *const *formats,
                          struct ArrowSchema *schema, ql_error *error);
/* The type in a field's metadata; 0: none. */
int32_t qli_arrow_stated_type(const char *metadata);

bool qli_arrow_is_utf8(const char *text, size_t length);
/* The days from 1970 to a month of q's. */
int64_t qli_arrow_days(int32_t month);
/* And back: the month that a day is in. */
int64_t qli_arrow_month(int64_t days);

#endif
