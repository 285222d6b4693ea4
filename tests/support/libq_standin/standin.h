/* The inside of the stand-in for libq.
 *
 * An object that is made while q evaluates belongs to the pool of that evaluation, and the pool lets go of all it has when
 * the evaluation ends, also by an error. So functions borrow their arguments, return objects of the pool, and release
 * nothing; who keeps an object takes a reference with si_r1(). An error is raised by a jump to the innermost
 * si_protect(): none crosses C code that is not ours. */
#ifndef TESTS_SUPPORT_LIBQ_STANDIN_STANDIN_H
#define TESTS_SUPPORT_LIBQ_STANDIN_STANDIN_H

#include "qlane/q_api.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct k0 *K;
typedef long long J;

enum {
    TB = 1,
    TGUID = 2,
    TX = 4,
    TH = 5,
    TI = 6,
    TJ = 7,
    TE = 8,
    TF = 9,
    TC = 10,
    TS = 11,
    TP = 12,
    TM = 13,
    TD = 14,
    TZ = 15,
    TN = 16,
    TU = 17,
    TV = 18,
    TT = 19,
    TTABLE = 98,
    TDICT = 99,
    TLAMBDA = 100,
    TUNARY = 101,  /* a primitive, by its number; no number: (::) */
    TBINARY = 102, /* a primitive that is an operator */
    TPROJECT = 104,
    TEACH = 106, /* what an iterator makes of a function, in this order: ' / \ ': /: \: */
    TOVER = 107,
    TSCAN = 108,
    TPRIOR = 109,
    TRIGHT = 110,
    TLEFT = 111,
    TLIBRARY = 112, /* made by dl() */
    TPROGRAM = 127, /* what was parsed; never seen from outside */
    TERROR = -128
};

#define NULL_J LLONG_MIN

#define SI_EXPORT __attribute__((visibility("default")))
#define SI_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* ---- guard.c: the rules of the C API ---- */

enum si_mode { SI_PLAIN, SI_NO_LICENCE, SI_INIT_FAILS, SI_SLOW, SI_ERROR, SI_CRASH, SI_CALLBACKS };

/* The one state that no evaluation owns. */
extern struct si_state {
    enum si_mode mode;
    bool ready;             /* qinit() has returned 0 */
    int owner;              /* the thread that ran it */
    long long objects;      /* alive */
    long long references;   /* to them */
    long long bytes, limit; /* allocated; -w, 0: none */
    long long timer_ms;     /* \t: only kept, the host runs timers */
    int depth;              /* evaluations under way */
    int threads_cpus;       /* CPUs that threads of -s may use */
    long long slow_ms;
    bool network_error;       /* the last error was a peer's: k() answers NULL */
    volatile int interrupted; /* by SIGINT */
} si_state;

/* SIGINT ends what runs with 'stop. */
void si_check_interrupt(void);
__attribute__((noreturn)) SI_PRINTF(1, 2) void si_abort(const char *format, ...);
/* `function` is being called: is this the thread, and has it been initialised? */
void si_enter(const char *function);
/* From here on this thread must call m9() before it ends; it has. */
void si_watch_thread(void);
void si_unwatch_thread(void);
/* This thread is q's main thread. */
void si_own(void);
int si_thread(void);

/* ---- objects.c ---- */

/* Owned by the caller, NULL: beyond the limit. */
K si_object(int type, J count);
K si_r1(K object);
void si_r0(K object);
/* May move it; it must be the only reference. */
K si_grow(K vector, J count);
/* Append, and let nobody see the room there is. */
void si_append(K *vector, const void *items, J count);
size_t si_size(int type);
/* Abort: not an object, or freed. */
void si_check(const char *function, K object);
bool si_holds_objects(int type);
/* For a walk over all objects: has it been here since si_new_visit()? */
void si_new_visit(void);
bool si_first_visit(K object);

/* ---- pool.c: what an evaluation has made, and errors ---- */

K si_pool(K object);
size_t si_pool_mark(void);
/* Let go of all since `mark`, but of `result`. */
K si_pool_drain(size_t mark, K result);
__attribute__((noreturn)) void si_raise(const char *text);
__attribute__((noreturn)) SI_PRINTF(1, 2) void si_raisef(const char *format, ...);
/* The result of body(arg), the caller's; NULL: an error, si_error_text() says which. */
K si_protect(K (*body)(void *arg), void *arg);
const char *si_error_text(void);
/* The text must stay: q keeps the pointer. */
void si_error_set(const char *text);
__attribute__((noreturn)) void si_raise_kept(void);

/* ---- make.c: objects of the pool ---- */

K si_make(int type, J count);
K si_atom_long(int type, J value);
K si_atom_float(int type, double value);
K si_bool(bool value);
K si_symbol(char *interned);
K si_text(const char *bytes, J length);
K si_string(const char *text);
K si_list(int count, K *items);
K si_dict(K keys, K values);
K si_table(K names, K columns);
K si_identity(void);
/* A list of atoms of one type as a vector. */
K si_collapse(K list);
K si_copy(K object);
/* Of which it is the only reference, or a copy. */
bool si_is_sole(K object);

/* ---- items.c: one item of an object ---- */

static inline K *si_items(K list)
{
    return (K *)ql_q_items(list);
}
/* As the machine does it: q's integers wrap. */
static inline J si_times(J a, J b)
{
    return (J)((uint64_t)a * (uint64_t)b);
}
static inline J si_plus(J a, J b)
{
    return (J)((uint64_t)a + (uint64_t)b);
}
static inline bool si_is_vector(K object)
{
    return object->t > 0 && object->t < 20;
}
static inline bool si_is_atom(K object)
{
    return object->t < 0 && object->t != TERROR;
}
static inline bool si_is_integral(int type)
{
    return type == TB || (type >= TX && type <= TJ) || (type >= TP && type <= TD) ||
           (type >= TN && type <= TT);
}
static inline bool si_is_real(int type)
{
    return type == TE || type == TF || type == TZ;
}
static inline bool si_is_keyed(K object)
{
    return object->t == TDICT && si_items(object)[0]->t == TTABLE && si_items(object)[1]->t == TTABLE;
}
/* As q counts: an atom is 1. */
J si_count(K object);
/* Where an atom's value or a vector's items begin. */
const void *si_data(K object);
J si_long(K object, J at);       /* null: NULL_J */
double si_float(K object, J at); /* null: NaN */
void si_put_long(K vector, J at, J value);
void si_put_float(K vector, J at, double value);
K si_item(K object, J at); /* beyond the end: a null */
void si_put(K vector, J at, K atom);
K si_null(int type);
bool si_is_null(K object, J at);
/* The items of it that `rows` (longs) names. */
K si_take_rows(K object, K rows);
K si_column(K table, const char *name);
K si_names(K table);
K si_columns(K table);

/* ---- symbols.c: interned text, and the globals ---- */

char *si_intern(const char *text, size_t length);
K si_global(const char *interned);
void si_global_set(char *interned, K value);
void si_global_delete(char *interned);
void si_globals_each(void (*visit)(const char *name, K value, void *arg), void *arg);

/* ---- compare.c ---- */

int si_compare(K x, J i, K y, J j);
bool si_match(K x, K y);
/* Rows in ascending order, stable. */
K si_grade(K object, bool down);
/* Rows of columns by hash: for find, group, and keyed tables. */
struct si_index;
struct si_index *si_index_of(K dict);
void si_index_destroy(struct si_index *index);
void si_index_extend(struct si_index *index, K *columns, int count, J rows);
J si_index_find(const struct si_index *index, K *columns, int count, K *row, J at);

#include "tests/support/libq_standin/parser.h"

/* ---- eval.c, apply.c, qsql.c ---- */

/* The columns of a table as names, for the rows in hand. */
struct si_scope {
    K table;
    K rows; /* longs; NULL: all of them */
};

struct si_frame {
    K program;
    const struct si_node *lambda; /* NULL: the program itself */
    K locals;                     /* a list, one longer: what `:x` returned */
    struct si_scope *scope;
    bool returned;
};

K si_eval(struct si_frame *frame, const struct si_node *node);
K si_eval_text(const char *text, size_t length);
K si_eval_qsql(struct si_frame *frame, const struct si_node *node);
K si_load(const char *path);
/* NULL arguments are holes. */
K si_apply(K function, K *arguments, int count);
K si_apply1(K function, K argument);
K si_apply2(K function, K left, K right);
K si_index(K object, K at);
K si_call_lambda(K lambda, K *arguments, int count);
K si_lambda(K program, const struct si_node *node);
const struct si_node *si_lambda_node(K lambda);
int si_rank(K function);
K si_derive(int type, K function);
K si_project(K function, K *arguments, int count);
K si_amend(K object, K *indexes, int count, K verb, K value);
/* What `name` means in qsql's columns; NULL: nothing. */
K si_scope_name(struct si_scope *scope, const char *name);
/* What a column is called that was given no name. */
char *si_column_name(const struct si_node *node);
/* .z.p and so on; NULL: it is none. */
K si_system_name(const char *name);
K si_system(const char *command);
K si_each(K function, K *arguments, int count);

/* ---- verbs ---- */

struct si_primitive {
    const char *name;
    K (*one)(K x);
    K (*two)(K x, K y);
    K (*many)(K *arguments, int count);
    bool infix; /* a word that stands between its arguments */
};

/* Each file's own, ended by one without a name. */
extern const struct si_primitive si_arithmetic[], si_comparisons[], si_aggregates[], si_lists[], si_finds[],
    si_structures[], si_casts[], si_texts[], si_tables[], si_upserts[], si_connections[], si_systems[];
/* NULL: there is none. */
const struct si_primitive *si_primitive_find(const char *name, size_t length);
const struct si_primitive *si_primitive_of(K function);
K si_primitive(const struct si_primitive *primitive);
/* Over lists, dictionaries and tables, down to atoms and vectors. */
K si_deep1(K (*verb)(K x), K x);
K si_deep2(K (*verb)(K x, K y), K x, K y);
K si_join(K x, K y);
K si_cast(int type, K x);
K si_flip(K x);
K si_key_table(K table, int keys);
K si_unkey(K table);
K si_group(K x);
K si_find(K x, K y);
K si_in(K x, K y);
K si_where(K x);
K si_without_rows(K x, K out);
K si_enlist(K x);

/* ---- show.c ---- */

/* As q shows it: `si_show` in lines of its own, `si_show_line` in one, as -3! does; text. */
K si_show(K x);
K si_show_line(K x);
K si_show_atom(K x, J at);

/* ---- bytes.c, connections.c ---- */

/* A whole message; kind 0: asynchronous, 1: synchronous, 2: an answer. */
K si_bytes_write(K x, int kind);
K si_bytes_write_error(const char *text);
/* Raises what is wrong with them. */
K si_bytes_read(const unsigned char *bytes, J length);
bool si_bytes_are_good(const unsigned char *bytes, J length);
/* Sends: > 0 waits for the answer, < 0 does not. */
K si_send(int handle, K message);
K si_receive(int handle);
/* .bad.NAME: objects that no q makes. .bench.table. NULL: it is none. */
K si_bad_name(const char *name);
extern int si_connection_in_hand; /* .z.w */

#endif
