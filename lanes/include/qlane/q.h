/* kdb+ on a lane: q embedded in this process, which only the lane touches. Link with //:qlane_q. libq itself is KX's, needs a
 * licence with the flag for embedding, and is loaded at run time: nothing of it is needed to build.
 *
 *   ql_q_config q = {.size = sizeof(q)};
 *   ql_q_open(runtime, NULL, &q, &lane, &error);
 *   ql_q_call call;
 *   ql_q_call_init(&call, "select last price by sym from trade");
 *   if (ql_lane_call(lane, &call.task) == 0 && call.task.future.code == 0) use(call.result);
 *   ql_q_free(call.result);
 *
 * Every call is a task and its own future. What goes in and comes out is plain memory (q_value.h), or Arrow (arrow.h); a
 * ql_q_use (below) works with q's own objects on the lane. A task is not undone when it fails, and q cannot be
 * interrupted: a cancel of a running call answers -ENOTSUP.
 *
 * Codes of a settled call, beside those of every task; the future's text has q's words, the expression and the task's name:
 *   -EPROTO    q signalled an error, such as 'type
 *   -ENOMEM    its 'wsfull, or no memory here; the engine goes on
 *   -ENOTCONN  a peer's connection is lost, or was never there
 *   -EINVAL    an argument that q has no object for; more than eight; text with a zero byte in it
 *   -E2BIG     a symbol, a result or a depth beyond its bound
 *   -EBADMSG   q gave an object that is damaged
 *   -EBUSY     the peer is listened to: it may be asked no more, nor listened to twice
 *   -ENOSPC    more than 64 functions of the host's
 *   -ENOTSUP   q gave a function, or another object without a plain form
 *   -EPERM     it did not run on a lane of q */
#ifndef QLANE_Q_H
#define QLANE_Q_H

#include "qlane/lane.h"
#include "qlane/q_value.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    QL_Q_GLOBAL = 1 << 0,    /* libq's names are visible to libraries loaded later, as some of q's own need */
    QL_Q_PIN_FIRST = 1 << 1, /* start q on the lane's core alone: for a licence of one core */
    QL_Q_ARGUMENTS_MAX = 8,
};

/* Set `size` to sizeof, zero the rest: every zero is the default. Texts are copied. */
typedef struct ql_q_config {
    size_t size;
    const char
        *libq; /* NULL: $QLANE_LIBQ, else libq.so in l64, l64arm, m64 or m64arm of QHOME, else the loader's */
    const char *qhome;  /* NULL: $QHOME */
    const char *qlic;   /* NULL: $QLIC */
    unsigned threads;   /* -s: q's own threads beside the lane, on the CPUs that the engine started with */
    unsigned memory_mb; /* -w; 0: no bound */
    const char *script; /* a file that q loads before the first task */
    const char *text;   /* what it evaluates after that */
    unsigned timer_ms;  /* .z.ts is called so often, between tasks; 0: never */
    size_t result_bytes_max; /* 0: half of the machine's memory */
    unsigned flags;          /* QL_Q_GLOBAL, QL_Q_PIN_FIRST */
} ql_q_config;

/** Open a lane with q. `lane_config` gives name, bounds and class of tasks, its engine is filled in; may be NULL.
 *  libq stays loaded for good, and a process has one q: there is no way back from it. An `exit` in q ends the process.
 *  Errors: as ql_lane_open(); -ENOENT no libq; -ENOEXEC the file is none; -ENOSYS it lacks a function; -ENOKEY no licence;
 *          -ENOTRECOVERABLE q did not start; -EBUSY the process has, or had, its q; -EPROTO the script or text failed;
 *          -ENOENT, -EACCES and the like: the script cannot be read. *error has the sentence. Where libq was not found, is none or
 *          lacks a function, another try may be made. */
QL_MUST_USE int ql_q_open(ql_runtime *runtime, const ql_lane_config *lane_config, const ql_q_config *config,
                          ql_lane **lane, ql_error *error);

/** The same without waiting, as ql_lane_open_begin(). */
QL_MUST_USE int ql_q_open_begin(ql_runtime *runtime, const ql_lane_config *lane_config,
                                const ql_q_config *config, ql_lane **lane, ql_error *error);

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

/* A connection of the lane's to another q: a number, which any thread may keep and copy. Zero is the lane's own q. */
typedef struct ql_q_peer {
    uint64_t id;
} ql_q_peer;

typedef struct ql_q_call {
    __extension__ union {
        ql_task task; /* submit this one; its text_buffer is error_text unless another one is set */
        __extension__ struct {
            uintptr_t qli_word;
            ql_q_value *result; /* the future's value, once settled; NULL after an error; ql_q_free() it */
        };
    };

    /* Set between an init below and submit. What they point at must live until the task settles. */
    const char *text;            /* an expression; with arguments, a function; a table's name; an address */
    size_t text_length;          /* 0: up to its zero byte */
    const ql_q_value *arguments; /* at most eight; of an upsert, the table or the cells */
    size_t arguments_count;
    ql_q_peer peer; /* where it is evaluated */
    bool one_way;   /* a peer: send it and settle, there is no result */

    /* Once settled. */
    char error_text[400];

    const char *const *qli_names;
    uint32_t qli_width;
    ql_executor *qli_on;
    void (*qli_fn)(void);
    void *qli_context;
} ql_q_call;

/** Evaluate `text`; with arguments, apply the function that it is to them.
 *  Every other member is zero and may be set before submit. */
void ql_q_call_init(ql_q_call *call, const char *text);

/** Upsert a table, or a keyed table (a dictionary of tables), into the global table of this name. */
void ql_q_upsert_init(ql_q_call *call, const char *name, const ql_q_value *table);

/** The same with rows: `rows` x `width` atoms or texts, row by row. A nil is the null of its column. */
void ql_q_upsert_rows_init(ql_q_call *call, const char *name, const char *const *columns, uint32_t width,
                           const ql_q_value *cells, size_t rows);

/** Run a call here and now, inside a task of one's own on the lane. Answers its code; its text is in call->error_text.
 *  Errors:  also -EPERM not on a lane of q; -ECHILD in a child of fork(). */
QL_MUST_USE int ql_q_run(ql_q_call *call);

/* ---- Peers ------------------------------------------------------------------------------------------------------- */

/** Connect: `address` is what hopen takes (":host:port:user:password"), timeout_ms 0 is for ever. The lane waits meanwhile.
 *  Once settled without error call->peer is the connection. */
void ql_q_connect_init(ql_q_call *call, const char *address, unsigned timeout_ms);

/** Close it. Its id is never given to another. */
void ql_q_disconnect_init(ql_q_call *call, ql_q_peer peer);

/** A message that a peer sent by itself, such as (`upd;`trade;table), a ql_q_free() away from the caller's; NULL: the peer is lost or was
 *  closed, and this is the last call. */
typedef void ql_q_message_fn(void *context, ql_q_peer peer, ql_q_value *message);

/** Hand the peer's messages to `fn`, one at a time and in their order, as tasks of `on`, which must live until the last call.
 *  A peer that is listened to should not be asked by the same connection: between a question and its answer q cannot tell them from
 *  messages. */
void ql_q_listen_init(ql_q_call *call, ql_q_peer peer, ql_executor *on, ql_q_message_fn *fn, void *context);

/* ---- Functions that q calls -------------------------------------------------------------------------------------- */

typedef struct ql_q_reply ql_q_reply;

/** On the lane, inside the task that called q. It may submit to the pool and wait, and ql_lane_call() its own lane. 0, or -errno,
 *  which becomes an error in q: the text of ql_q_reply_error(), else the errno's. Without a value q gets (::). */
typedef int ql_q_fn(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply);

/** Give q a value; it is copied. 0, or what a call answers for such an argument. */
QL_MUST_USE int ql_q_reply_value(ql_q_reply *reply, const ql_q_value *value);

/** Leave the text of an error, at most 255 bytes. Returns `code`. */
int ql_q_reply_error(ql_q_reply *reply, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Make `fn`, of `count` arguments (1 to 8), a function of q under this name. A process can have 64. */
void ql_q_function_init(ql_q_call *call, const char *name, unsigned count, ql_q_fn *fn, void *context);

/* ---- q's own API, on the lane -------------------------------------------------------------------------------------- */

struct k0; /* what K points at: q_api.h has it, and the table */
struct ql_q_api;
typedef struct ql_q ql_q;

/** Works with objects of type K, by the functions of the table (q_api.h); they must all be given back before it returns. None of
 *  them can leave: the call's result is what ql_q_result() copies, the table is good until the return, and a later use of it ends
 *  the process. In a debug build a use that ends with objects in hand fails with -EINVAL, and the misuse is reported. */
typedef int ql_q_use_fn(ql_q *q, const struct ql_q_api *api, void *arg);

/** Run `use` on the lane, as a task. */
void ql_q_use_init(ql_q_call *call, ql_q_use_fn *use, void *arg);

/** Inside: make `object` the result of the call, as plain memory. The object stays the caller's.
 *  Errors: those of a result. */
QL_MUST_USE int ql_q_result(ql_q *q, struct k0 *object);

/** Inside: an object that stands for an error (NULL, or of type -128) as the call's error, in q's words. The object is freed.
 *  Returns the code to return. */
int ql_q_failed(ql_q *q, struct k0 *object);

#ifdef __cplusplus
}
#endif
#endif
