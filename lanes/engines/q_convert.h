/* q's objects to plain memory and back; pure but for the functions of libq that it is given. The lane's thread. */
#ifndef QLANE_LANES_ENGINES_Q_CONVERT_H
#define QLANE_LANES_ENGINES_Q_CONVERT_H

#include <stdbool.h>

#include "lanes/engines/q_symbols.h"
#include "qlane/error.h"
#include "qlane/q_api.h"
#include "qlane/q_value.h"

/* What turns objects into values. */
typedef struct qli_q_reader {
    const ql_q_api *api; /* NULL: enumerations are refused */
    size_t bytes_max;    /* of one result */
    char *spare;         /* for a small one; NULL: none is ready */
    qli_q_symbols symbols;
} qli_q_reader;

/* A result comes soon: have the memory for a small one at hand, so that it is here, and not with whoever freed it last, when it is
 * written (bench q, q_call). */
void qli_q_read_soon(qli_q_reader *reader);
void qli_q_reader_fini(qli_q_reader *reader);

/* A copy of `object` in one block; the object stays the caller's.
 * -EBADMSG it is no object that q makes; -ENOTSUP it is one that has no plain form, as a function; -E2BIG; -ENOMEM. */
int qli_q_read(qli_q_reader *reader, struct k0 *object, ql_q_value **value, ql_error *error);

/* The object that `value` stands for. -EINVAL it stands for none; -E2BIG; -ENOMEM. */
int qli_q_write(const ql_q_api *api, const ql_q_value *value, struct k0 **object, ql_error *error);

/* A table out of rows: `rows` x `width` atoms or texts, row by row. A nil is the null of its column. */
int qli_q_write_rows(const ql_q_api *api, const char *const *names, uint32_t width, const ql_q_value *cells,
                     size_t rows, struct k0 **object, ql_error *error);

#endif
