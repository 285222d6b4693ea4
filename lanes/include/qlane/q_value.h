/* q's values as plain memory: scalars, vectors, lists, dictionaries, tables. What q gives is one block, which any thread may
 * read, keep and free; what q is given may lie anywhere.
 *
 * Nulls and infinities are q's own: the least number of a type is its null, the greatest and its negative are the infinities;
 * of floats they are NaN and inf; the null symbol is "", the null character ' ', the null guid sixteen zeros. */
#ifndef QLANE_Q_VALUE_H
#define QLANE_Q_VALUE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* q's numbers; of an atom, negative. */
typedef enum ql_q_type {
    QL_Q_LIST = 0,    /* items of any type */
    QL_Q_BOOLEAN = 1, /* a byte, 0 or 1 */
    QL_Q_GUID = 2,    /* sixteen bytes */
    QL_Q_BYTE = 4,
    QL_Q_SHORT = 5,
    QL_Q_INT = 6,
    QL_Q_LONG = 7,
    QL_Q_REAL = 8,  /* a C float */
    QL_Q_FLOAT = 9, /* a C double */
    QL_Q_CHAR = 10, /* a vector of them is text */
    QL_Q_SYMBOL = 11,
    QL_Q_TIMESTAMP = 12, /* int64_t: ns from 2000-01-01 */
    QL_Q_MONTH = 13,     /* int32_t: from 2000-01 */
    QL_Q_DATE = 14,      /* int32_t: days from 2000-01-01 */
    QL_Q_DATETIME = 15,  /* double: days from 2000-01-01 */
    QL_Q_TIMESPAN = 16,  /* int64_t: ns */
    QL_Q_MINUTE = 17,    /* int32_t, as the next two */
    QL_Q_SECOND = 18,
    QL_Q_TIME = 19, /* ms */
    QL_Q_TABLE = 98,
    QL_Q_DICTIONARY = 99, /* of two tables: a keyed table */
    QL_Q_NIL = 101        /* (::), what an assignment gives */
} ql_q_type;

#define QL_Q_NULL_SHORT INT16_MIN
#define QL_Q_NULL_INT INT32_MIN
#define QL_Q_NULL_LONG INT64_MIN
#define QL_Q_INFINITE_SHORT INT16_MAX
#define QL_Q_INFINITE_INT INT32_MAX
#define QL_Q_INFINITE_LONG INT64_MAX

enum {
    QL_Q_DEPTH_MAX = 64,       /* how deep lists and dictionaries may stand in one another */
    QL_Q_SYMBOL_MAX = 1 << 16, /* bytes of one symbol, at most: q never forgets one */
};

typedef struct ql_q_guid {
    uint8_t bytes[16];
} ql_q_guid;

typedef struct ql_q_value ql_q_value;

typedef struct ql_q_columns {
    const char *const *names;  /* `width` of them */
    const ql_q_value *columns; /* each a vector or a list of `count` */
} ql_q_columns;

struct ql_q_value {
    int32_t type;   /* enum ql_q_type, negative for an atom */
    uint32_t width; /* a table: how many columns */
    size_t count;   /* items; a table: rows; a dictionary: pairs; an atom: 1 */
    union {
        uint8_t byte; /* an atom: boolean, byte */
        char character;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        const char *symbol; /* up to its zero byte; what q gave lies once in the block */
        ql_q_guid guid;

        const void *data; /* a vector: `count` of its type */
        const uint8_t *bytes;
        const char *text; /* what q gave is followed by a zero byte, which `count` does not count */
        const int16_t *shorts;
        const int32_t *ints;
        const int64_t *longs;
        const float *reals;
        const double *floats;
        const char *const *symbols;
        const ql_q_guid *guids;

        const ql_q_value *items; /* a list; a dictionary: two, the keys and the values */
        ql_q_columns table;
    };
};

/** Free what q gave.
 *  Threads: any. NULL is allowed. */
void ql_q_free(ql_q_value *value);

/** Bytes of one item of this type, atom or vector; 0 if it has no fixed size, or is none. */
size_t ql_q_width(int32_t type);

/* ---- To give q something ---------------------------------------------------------------------------------------- */

static inline ql_q_value ql_q_nil(void)
{
    ql_q_value value;
    memset(&value, 0, sizeof(value));
    value.type = QL_Q_NIL;
    value.count = 1;
    return value;
}

static inline ql_q_value ql_q_boolean(int is)
{
    ql_q_value value = ql_q_nil();
    value.type = -QL_Q_BOOLEAN;
    value.byte = is != 0;
    return value;
}

/** An int, or a type that is one: month, date, minute, second, time. */
static inline ql_q_value ql_q_int(ql_q_type type, int32_t number)
{
    ql_q_value value = ql_q_nil();
    value.type = -(int32_t)type;
    value.i32 = number;
    return value;
}

/** A long, or a type that is one: timestamp, timespan. */
static inline ql_q_value ql_q_long(ql_q_type type, int64_t number)
{
    ql_q_value value = ql_q_nil();
    value.type = -(int32_t)type;
    value.i64 = number;
    return value;
}

/** A float, or a datetime. */
static inline ql_q_value ql_q_float(ql_q_type type, double number)
{
    ql_q_value value = ql_q_nil();
    value.type = -(int32_t)type;
    value.f64 = number;
    return value;
}

static inline ql_q_value ql_q_symbol(const char *symbol)
{
    ql_q_value value = ql_q_nil();
    value.type = -QL_Q_SYMBOL;
    value.symbol = symbol;
    return value;
}

/** A vector of `count` at `data`; of values, with QL_Q_LIST. */
static inline ql_q_value ql_q_vector(ql_q_type type, const void *data, size_t count)
{
    ql_q_value value = ql_q_nil();
    value.type = (int32_t)type;
    value.count = count;
    value.data = data;
    return value;
}

static inline ql_q_value ql_q_text(const char *text)
{
    return ql_q_vector(QL_Q_CHAR, text, strlen(text));
}

/** `width` columns, all as long as the first. */
static inline ql_q_value ql_q_table(const char *const *names, const ql_q_value *columns, uint32_t width)
{
    ql_q_value value = ql_q_nil();
    value.type = QL_Q_TABLE;
    value.width = width;
    value.count = width ? columns[0].count : 0;
    value.table.names = names;
    value.table.columns = columns;
    return value;
}

/** Two values, keys and values. */
static inline ql_q_value ql_q_dictionary(const ql_q_value *pair)
{
    ql_q_value value = ql_q_nil();
    value.type = QL_Q_DICTIONARY;
    value.count = pair[0].count;
    value.items = pair;
    return value;
}

#ifdef __cplusplus
}
#endif
#endif
