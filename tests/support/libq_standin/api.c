/* The functions that libq exports, but for making and filling objects (api_objects.c). */
#include "tests/support/libq_standin/api.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ARGUMENTS_MAX 8

/* ---- Evaluation ---- */

struct call {
    int handle;
    const char *text;
    K arguments[ARGUMENTS_MAX];
    int count;
};

static void behave(void)
{
    if (si_state.mode == SI_ERROR)
        si_raise("mode");
    if (si_state.mode == SI_CRASH)
        raise(SIGSEGV);
    if (si_state.mode == SI_SLOW) {
        struct timespec left = {si_state.slow_ms / 1000, si_state.slow_ms % 1000 * 1000000};
        while (nanosleep(&left, &left) && errno == EINTR)
            si_check_interrupt();
    }
    if (si_state.mode == SI_CALLBACKS && si_state.depth == 1) {
        K hook = si_global(si_intern(".standin.callback", 17));
        if (hook)
            si_apply1(si_pool(si_r1(hook)), si_identity());
    }
}

static K evaluate(void *arg)
{
    struct call *call = arg;
    for (int i = 0; i < call->count; i++)
        si_pool(call->arguments[i]);
    behave();
    if (call->handle && !call->text)
        return si_receive(call->handle);
    if (call->handle) {
        K message = si_string(call->text);
        if (call->count) {
            K list = si_make(0, 1 + call->count);
            si_put(list, 0, message);
            for (int i = 0; i < call->count; i++)
                si_put(list, 1 + i, call->arguments[i]);
            message = list;
        }
        return si_send(call->handle, message);
    }
    K value = si_eval_text(call->text, strlen(call->text));
    return call->count ? si_apply(value, call->arguments, call->count) : value;
}

/* An error object, which says where the text is, and no more. */
static K error_object(void)
{
    K object = si_object(TERROR, 0);
    if (object)
        object->s = (char *)(uintptr_t)si_error_text();
    si_error_set(NULL);
    return object;
}

/* What says that a message was sent is q's own: the host does not release it. */
static K sent(K result)
{
    static K own;
    si_r0(result);
    if (!own) {
        own = si_object(TUNARY, 1);
        si_state.references--;
    }
    si_check("k", own);
    return own;
}

K vak(int handle, const char *text, va_list arguments)
{
    struct call call = {.handle = handle, .text = text};
    si_enter("k");
    if (!text && handle <= 0)
        si_abort("k() without a text");
    for (K next = va_arg(arguments, K); next; next = va_arg(arguments, K)) {
        if (call.count == ARGUMENTS_MAX)
            si_abort("k() with more than %d arguments", ARGUMENTS_MAX);
        si_check("k", next);
        call.arguments[call.count++] = next;
    }
    si_state.interrupted = 0;
    si_state.network_error = false;
    K result = si_protect(evaluate, &call);
    if (result && handle < 0)
        return sent(result);
    if (result || (handle && si_state.network_error))
        return result;
    return error_object();
}

K k(int handle, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    K result = vak(handle, text, arguments);
    va_end(arguments);
    return result;
}

static K apply_list(void *arg)
{
    K *both = arg, list = both[1], arguments[ARGUMENTS_MAX];
    if (list->t < 0 || si_count(list) > ARGUMENTS_MAX)
        si_raise(list->t < 0 ? "type" : "rank");
    behave();
    for (J i = 0; i < si_count(list); i++)
        arguments[i] = si_item(list, i);
    return si_apply(both[0], arguments, (int)si_count(list));
}

K dot(K function, K arguments)
{
    K both[] = {function, arguments};
    si_enter("dot");
    si_check("dot", function);
    si_check("dot", arguments);
    return si_protect(apply_list, both);
}

K ee(K result)
{
    si_enter("ee");
    return result ? result : error_object();
}

K krr(const char *text)
{
    si_enter("krr");
    if (!strcmp(text, "stop") || !strcmp(text, "abort") || !strcmp(text, "stack"))
        si_abort("krr(\"%s\"): that word is q's own", text);
    si_error_set(text);
    return NULL;
}

K orr(const char *text)
{
    static char both[256];
    snprintf(both, sizeof(both), "%s: %s", text, strerror(errno));
    return krr(both);
}

K dl(void *function, long long arguments)
{
    si_enter("dl");
    if (arguments < 1 || arguments > ARGUMENTS_MAX)
        si_abort("dl() of a function of %lld arguments", arguments);
    K made = si_object(TLIBRARY, 2);
    if (made) {
        ((void **)ql_q_items(made))[0] = function;
        ((intptr_t *)ql_q_items(made))[1] = (intptr_t)arguments;
    }
    return made;
}

/* ---- Threads ---- */

void m9(void)
{
    si_unwatch_thread();
}

int setm(int symbols_from_many_threads)
{
    si_enter("setm");
    (void)symbols_from_many_threads;
    return 0;
}

/* ---- Bytes ---- */

struct bytes_call {
    K object;
    int mode;
};

static K write_bytes(void *arg)
{
    struct bytes_call *call = arg;
    return si_bytes_write(call->object, 0);
}

K b9(int mode, K object)
{
    struct bytes_call call = {object, mode};
    si_enter("b9");
    si_check("b9", object);
    return si_protect(write_bytes, &call);
}

static K read_bytes(void *arg)
{
    K bytes = arg;
    if (bytes->t != TX)
        si_raise("type");
    return si_bytes_read(ql_q_items(bytes), bytes->n);
}

K d9(K bytes)
{
    si_enter("d9");
    si_check("d9", bytes);
    return si_protect(read_bytes, bytes);
}

int okx(K bytes)
{
    si_enter("okx");
    si_check("okx", bytes);
    return bytes->t == TX && si_bytes_are_good(ql_q_items(bytes), bytes->n);
}

/* ---- Days ---- */

int ymd(int year, int month, int day)
{
    return (int)si_days(year, month, day);
}

int dj(int days)
{
    int year, month, day;
    si_date(days, &year, &month, &day);
    return year * 10000 + month * 100 + day;
}
