/* q's C API as the adapter uses it: the object, and every function that libq exports. libq is loaded at run time, so nothing
 * here is linked. */
#ifndef QLANE_LANES_ENGINES_Q_API_H
#define QLANE_LANES_ENGINES_Q_API_H

#include <stdarg.h>

/* Types of objects: positive a vector, negative an atom. */
enum qli_q_type {
    QLI_Q_ERROR = -128, /* `s` is its text, or NULL */
    QLI_Q_LIST = 0,
    QLI_Q_BOOLEAN = 1,
    QLI_Q_GUID = 2,
    QLI_Q_BYTE = 4,
    QLI_Q_SHORT = 5,
    QLI_Q_INT = 6,
    QLI_Q_LONG = 7,
    QLI_Q_REAL = 8,
    QLI_Q_FLOAT = 9,
    QLI_Q_CHAR = 10,
    QLI_Q_SYMBOL = 11,
    QLI_Q_TIMESTAMP = 12, /* ns from 2000-01-01, 8 bytes */
    QLI_Q_MONTH = 13,     /* from 2000-01, 4 bytes */
    QLI_Q_DATE = 14,      /* days from 2000-01-01, 4 bytes */
    QLI_Q_DATETIME = 15,  /* days from 2000-01-01, a double */
    QLI_Q_TIMESPAN = 16,  /* ns, 8 bytes */
    QLI_Q_MINUTE = 17,    /* 4 bytes, as the next two */
    QLI_Q_SECOND = 18,
    QLI_Q_TIME = 19,       /* ms */
    QLI_Q_TABLE = 98,      /* `k` is a dictionary of names and columns */
    QLI_Q_DICTIONARY = 99, /* two objects: keys and values */
    QLI_Q_LAMBDA = 100,    /* a function, as all types from here on */
    QLI_Q_IDENTITY = 101,  /* (::) among others */
};

/* Tag and members are the C API's own, so that a program that includes k.h means the same object. */
struct k0 {
    signed char m, a, t; /* `t` is the type */
    char u;              /* attribute */
    int r;               /* references beyond the first */
    union {
        unsigned char g; /* boolean, byte, char */
        short h;
        int i;
        long long j;
        float e;
        double f;
        char *s; /* interned */
        struct k0 *k;
        struct {
            long long n;         /* how many */
            unsigned char G0[1]; /* the first of them: qli_q_items() */
        };
    };
};

typedef struct {
    unsigned char g[16];
} qli_q_guid;

/* The items of a vector, a list or a dictionary: one array of the type's C type. */
static inline void *qli_q_items(struct k0 *object)
{
    return object->G0;
}

/* X(result, name, parameters): every function that libq exports. */
/* clang-format off */
#define QLI_Q_FUNCTIONS(X)                                                               \
    /* Life: k() and friends own their arguments, r0() ends one reference. */            \
    X(int, qinit, (int argc, char **argv, char *qhome, char *qlic, char *qqq))           \
    X(struct k0 *, r1, (struct k0 *object))                                              \
    X(void, r0, (struct k0 *object))                                                     \
    X(void, m9, (void))                                                                  \
    X(int, setm, (int symbols_from_many_threads))                                        \
    /* Evaluation: a NULL ends the arguments, eight at most. */                          \
    X(struct k0 *, k, (int handle, const char *text, ...))                               \
    X(struct k0 *, vak, (int handle, const char *text, va_list arguments))               \
    X(struct k0 *, dot, (struct k0 *function, struct k0 *arguments))                     \
    X(struct k0 *, ee, (struct k0 *result))                                              \
    X(struct k0 *, krr, (const char *text))                                              \
    X(struct k0 *, orr, (const char *text))                                              \
    X(struct k0 *, dl, (void *function, long long arguments))                            \
    /* Atoms. */                                                                         \
    X(struct k0 *, ka, (int type))                                                       \
    X(struct k0 *, kb, (int value))                                                      \
    X(struct k0 *, ku, (qli_q_guid value))                                               \
    X(struct k0 *, kg, (int value))                                                      \
    X(struct k0 *, kh, (int value))                                                      \
    X(struct k0 *, ki, (int value))                                                      \
    X(struct k0 *, kj, (long long value))                                                \
    X(struct k0 *, ke, (double value))                                                   \
    X(struct k0 *, kf, (double value))                                                   \
    X(struct k0 *, kc, (int value))                                                      \
    X(struct k0 *, ks, (char *symbol))                                                   \
    X(struct k0 *, kd, (int days))                                                       \
    X(struct k0 *, kt, (int milliseconds))                                               \
    X(struct k0 *, ktj, (int type, long long value))                                     \
    /* Vectors, lists, dictionaries, tables. */                                          \
    X(struct k0 *, ktn, (int type, long long count))                                     \
    X(struct k0 *, knk, (int count, ...))                                                \
    X(struct k0 *, vaknk, (int count, va_list items))                                    \
    X(struct k0 *, kp, (char *text))                                                     \
    X(struct k0 *, kpn, (char *text, long long length))                                  \
    X(struct k0 *, ja, (struct k0 **vector, void *item))                                 \
    X(struct k0 *, js, (struct k0 **vector, char *symbol))                               \
    X(struct k0 *, jk, (struct k0 **list, struct k0 *item))                              \
    X(struct k0 *, jv, (struct k0 **vector, struct k0 *items))                           \
    X(struct k0 *, xD, (struct k0 *keys, struct k0 *values))                             \
    X(struct k0 *, xT, (struct k0 *dictionary))                                          \
    X(struct k0 *, ktd, (struct k0 *keyed_table))                                        \
    X(struct k0 *, knt, (long long key_columns, struct k0 *table))                       \
    /* Symbols: interned. */                                                             \
    X(char *, ss, (char *text))                                                          \
    X(char *, sn, (char *text, int length))                                              \
    /* Bytes: okx() says whether d9() may read them. */                                  \
    X(struct k0 *, b9, (int mode, struct k0 *object))                                    \
    X(struct k0 *, d9, (struct k0 *bytes))                                               \
    X(int, okx, (struct k0 *bytes))                                                      \
    /* Descriptors: call `ready` when one can be read; sd0x(d, 0) leaves it open. */      \
    X(struct k0 *, sd1, (int descriptor, struct k0 *(*ready)(int descriptor)))           \
    X(void, sd0, (int descriptor))                                                       \
    X(void, sd0x, (int descriptor, int close_it))                                        \
    /* Days from 2000-01-01 to yyyymmdd and back. */                                     \
    X(int, ymd, (int year, int month, int day))                                          \
    X(int, dj, (int days))
/* clang-format on */

typedef struct qli_q_api {
#define QLI_Q_MEMBER(result, name, parameters) result(*name) parameters;
    QLI_Q_FUNCTIONS(QLI_Q_MEMBER)
#undef QLI_Q_MEMBER
} qli_q_api;

#endif
