/* C functions that q calls. q calls a plain C function with as many arguments as it has, and says nothing else; so there are 64
 * for each number of arguments, each of which knows its place in a table. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "lanes/engines/q.h"

enum { FUNCTIONS = 64, ERROR_SIZE = 256 };

typedef struct k0 *K;

struct ql_q_reply {
    ql_q *at;
    K value;
    char error[ERROR_SIZE];
};

/* The lane's: there is one q in a process. krr() keeps only the pointer, so the text must outlive the call. */
static struct {
    ql_q *at; /* NULL: it was never one, or its lane is gone */
    char *name;
    unsigned count;
    ql_q_fn *fn;
    void *context;
} functions[FUNCTIONS];
static char error_text[ERROR_SIZE];

/* ---- Being called ------------------------------------------------------------------------------------------------ */

/* Some words are q's own. */
static K signal_error(const ql_q *at, const char *text)
{
    bool reserved = strcmp(text, "stop") == 0 || strcmp(text, "abort") == 0 || strcmp(text, "stack") == 0;
    snprintf(error_text, sizeof(error_text), "%s%s", reserved ? "host: " : "", text);
    return at->api.krr(error_text);
}

static int read_arguments(ql_q *at, K *objects, unsigned count, ql_q_value *values, ql_q_value **blocks,
                          ql_error *error)
{
    int code = 0;
    for (unsigned i = 0; i < count && !code; i++) {
        code = qli_q_read(&at->reader, objects[i], &blocks[i], error);
        if (!code)
            values[i] = *blocks[i];
    }
    return code;
}

static K call_function(unsigned place, K *objects, unsigned count)
{
    ql_q *at = functions[place].at;
    ql_q_value values[QL_Q_ARGUMENTS_MAX] = {{0}}, *blocks[QL_Q_ARGUMENTS_MAX] = {0};
    ql_q_reply reply = {.at = at};
    ql_error error;
    if (functions[place].count != count)
        return signal_error(at, "rank");
    int code = read_arguments(at, objects, count, values, blocks, &error);
    if (code)
        snprintf(reply.error, sizeof(reply.error), "%.255s", error.text);
    else
        code = functions[place].fn(functions[place].context, values, count, &reply);
    for (unsigned i = 0; i < count; i++)
        ql_q_free(blocks[i]);
    if (!code && !reply.value) {
        const ql_q_value nil = ql_q_nil();
        code = qli_q_write(&at->api, &nil, &reply.value, &error);
    }
    if (!code)
        return reply.value;
    if (reply.value)
        at->api.r0(reply.value);
    return signal_error(at, reply.error[0]           ? reply.error
                            : strerrordesc_np(-code) ? strerrordesc_np(-code)
                                                     : "error");
}

int ql_q_reply_value(ql_q_reply *reply, const ql_q_value *value)
{
    ql_error error;
    K object;
    int code = qli_q_write(&reply->at->api, value, &object, &error);
    if (code)
        return ql_q_reply_error(reply, code, "%s", error.text);
    if (reply->value)
        reply->at->api.r0(reply->value);
    reply->value = object;
    return 0;
}

int ql_q_reply_error(ql_q_reply *reply, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reply->error, sizeof(reply->error), format, args);
    va_end(args);
    return code;
}

/* ---- The functions that q sees ----------------------------------------------------------------------------------- */

/* clang-format off */
#define ONE(place)                                                                                          \
    static K f##place##_1(K a) { return call_function(place, (K[]){a}, 1); }                                \
    static K f##place##_2(K a, K b) { return call_function(place, (K[]){a, b}, 2); }                        \
    static K f##place##_3(K a, K b, K c) { return call_function(place, (K[]){a, b, c}, 3); }                \
    static K f##place##_4(K a, K b, K c, K d) { return call_function(place, (K[]){a, b, c, d}, 4); }        \
    static K f##place##_5(K a, K b, K c, K d, K e)                                                          \
    { return call_function(place, (K[]){a, b, c, d, e}, 5); }                                               \
    static K f##place##_6(K a, K b, K c, K d, K e, K f)                                                     \
    { return call_function(place, (K[]){a, b, c, d, e, f}, 6); }                                            \
    static K f##place##_7(K a, K b, K c, K d, K e, K f, K g)                                                \
    { return call_function(place, (K[]){a, b, c, d, e, f, g}, 7); }                                         \
    static K f##place##_8(K a, K b, K c, K d, K e, K f, K g, K h)                                           \
    { return call_function(place, (K[]){a, b, c, d, e, f, g, h}, 8); }
#define ROW(place)                                                                                          \
    {(entry *)f##place##_1, (entry *)f##place##_2, (entry *)f##place##_3, (entry *)f##place##_4,                \
     (entry *)f##place##_5, (entry *)f##place##_6, (entry *)f##place##_7, (entry *)f##place##_8},
#define EIGHT(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
/* In octal. */
#define ALL(X) EIGHT(X, 0) EIGHT(X, 01) EIGHT(X, 02) EIGHT(X, 03) EIGHT(X, 04) EIGHT(X, 05) EIGHT(X, 06) EIGHT(X, 07)
/* clang-format on */

typedef void entry(void);
ALL(ONE)
static entry *const entries[FUNCTIONS][QL_Q_ARGUMENTS_MAX] = {ALL(ROW)};

/* ---- Giving q one ------------------------------------------------------------------------------------------------ */

/* The place of the function with this name, else a free one; FUNCTIONS: none. */
static unsigned find_place(const char *name)
{
    unsigned place = FUNCTIONS;
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        if (functions[i].name && strcmp(functions[i].name, name) == 0)
            return i;
        if (!functions[i].name && place == FUNCTIONS)
            place = i;
    }
    return place;
}

static int define(ql_q *at, const ql_q_call *call, unsigned place, ql_error *error)
{
    const ql_q_value name = ql_q_symbol(call->text);
    void *made;
    K symbol;
    memcpy(&made, &entries[place][call->qli_width - 1], sizeof(made));
    int failed = qli_q_write(&at->api, &name, &symbol, error);
    if (failed)
        return failed;
    K function = at->api.ee(at->api.dl(made, call->qli_width));
    failed = qli_q_check(at, function, error);
    if (failed) {
        at->api.r0(symbol);
        return failed;
    }
    K answer = at->api.k(0, "set", symbol, function, NULL);
    failed = qli_q_check(at, answer, error);
    if (!failed)
        at->api.r0(answer);
    return failed;
}

static int run_define(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    ql_error error;
    if (!at)
        return -EPERM;
    if (!call->text || !call->qli_fn || call->qli_width < 1 || call->qli_width > QL_Q_ARGUMENTS_MAX)
        return qli_q_fail(call, -EINVAL, "a function of q needs a name, a C function and 1 to 8 arguments");
    unsigned place = find_place(call->text);
    if (place == FUNCTIONS)
        return qli_q_fail(call, -ENOSPC, "q has 64 functions of this process already");
    if (!functions[place].name)
        functions[place].name = strdup(call->text);
    if (!functions[place].name)
        return qli_q_fail(call, -ENOMEM, "no memory");
    functions[place].at = at;
    functions[place].count = call->qli_width;
    functions[place].fn = (ql_q_fn *)call->qli_fn;
    functions[place].context = call->qli_context;
    int failed = define(at, call, place, &error);
    return failed ? qli_q_fail(call, failed, error.text) : 0;
}

void ql_q_function_init(ql_q_call *call, const char *name, unsigned count, ql_q_fn *fn, void *context)
{
    qli_q_call_init(call, run_define, name);
    call->qli_width = count;
    call->qli_fn = (void (*)(void))fn;
    call->qli_context = context;
}

void qli_q_functions_forget(const ql_q *at)
{
    for (unsigned i = 0; i < FUNCTIONS; i++)
        if (functions[i].at == at) {
            free(functions[i].name);
            functions[i].name = NULL;
            functions[i].at = NULL;
        }
}
