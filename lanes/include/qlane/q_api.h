/* q's own C API, for a task on the lane that works with q's objects (ql_q_use_init() in q.h): the object, and the table of all
 * functions that libq exports. libq is loaded at run time, so nothing here is linked; docs/kdb.md has the rules.
 *
 *   static int use(ql_q *q, const ql_q_api *api, void *arg)
 *   {
 *       struct k0 *sum = api->k(0, "sum", api->kj(40), NULL);
 *       int code = ql_q_failed(q, sum);
 *       ...
 *
 * KX's own k.h declares the same object: who wants its accessors includes k.h first. */
#ifndef QLANE_Q_API_H
#define QLANE_Q_API_H

#include <stdarg.h>

#include "qlane/q_value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Types of objects are those of values (ql_q_type: positive a vector, negative an atom), and these. */
enum {
    QL_Q_ERROR = -128, /* `s` is its text, or NULL */
    QL_Q_LAMBDA = 100, /* a function, as all types from here on but QL_Q_NIL */
};

#ifndef KX /* k.h has it */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnested-anon-types"
#endif
/* Tag and members are the C API's own. */
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
        char *s;      /* interned */
        struct k0 *k; /* a table: a dictionary of names and columns */
        __extension__ struct {
            long long n;         /* how many; of a dictionary two, its keys and values */
            unsigned char G0[1]; /* the first of them: ql_q_items() */
        };
    };
};
#ifdef __clang__
#pragma clang diagnostic pop
#endif
#endif

/* The items of a vector, a list or a dictionary: one array of the type's C type. */
static inline void *ql_q_items(struct k0 *object)
{
    return object->G0;
}

/* X(result, name, parameters): every function that libq exports. */
/* clang-format off */
#define QL_Q_FUNCTIONS(X)                                                               \
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
    X(struct k0 *, ku, (ql_q_guid value))                                               \
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

typedef struct ql_q_api {
#define QL_Q_MEMBER(result, name, parameters) result(*name) parameters;
    QL_Q_FUNCTIONS(QL_Q_MEMBER)
#undef QL_Q_MEMBER
} ql_q_api;

#ifdef __cplusplus
}
#endif
#endif
