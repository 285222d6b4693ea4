/* What an evaluation has made, and the jump by which an error leaves it. */
#include "tests/support/libq_standin/standin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static K *pool;
static size_t pool_count, pool_room;

static jmp_buf *innermost;
/* What the last error said. A text given by krr() is not copied: q keeps the pointer only. */
static const char *error_text;
static char error_buffer[256];

K si_pool(K object)
{
    if (!object)
        si_raise("wsfull");
    if (pool_count == pool_room) {
        size_t room = pool_room ? 2 * pool_room : 1024;
        K *more = realloc(pool, room * sizeof(K));
        if (!more)
            si_abort("no memory for an evaluation");
        pool = more;
        pool_room = room;
    }
    pool[pool_count++] = object;
    return object;
}

size_t si_pool_mark(void)
{
    return pool_count;
}

K si_pool_drain(size_t mark, K result)
{
    if (result)
        si_r1(result);
    while (pool_count > mark)
        si_r0(pool[--pool_count]);
    return result ? si_pool(result) : NULL;
}

void si_error_set(const char *text)
{
    error_text = text;
}

const char *si_error_text(void)
{
    return error_text;
}

void si_raise_kept(void)
{
    if (!innermost)
        si_abort("an error where nothing evaluates: '%s", error_text);
    longjmp(*innermost, 1);
}

void si_raise(const char *text)
{
    if (text != error_buffer)
        snprintf(error_buffer, sizeof(error_buffer), "%s", text);
    error_text = error_buffer;
    si_raise_kept();
}

void si_raisef(const char *format, ...)
{
    char text[sizeof(error_buffer)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    si_raise(text);
}

K si_protect(K (*body)(void *arg), void *arg)
{
    jmp_buf here, *const outer = innermost;
    const size_t mark = pool_count;
    const int depth = si_state.depth;
    K result = NULL;
    innermost = &here;
    if (setjmp(here) == 0) {
        if (++si_state.depth > 500)
            si_raise("stack");
        K made = body(arg);
        result = made ? si_r1(made) : NULL;
    } else {
        result = NULL;
    }
    innermost = outer;
    si_state.depth = depth;
    si_pool_drain(mark, NULL);
    return result;
}
