/* What the environment and options choose, each in a process of its own: none of these tests initialises the library here. */
#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* The end that the parent waits for. */
static void came_here(void)
{
    fputs("came here\n", stderr);
    abort();
}

static void memory(void)
{
    qlt_eq_int(host_init("-w", "1"), 0);
    host_expect("til 1000000", "'wsfull");
    qlt_check(q.ktn(QLI_Q_LONG, 1000000) == NULL);
    host_expect("t:([]a:til 10)", "::");
    host_expect("{do[30;`t upsert t];count t}[]", "'wsfull");
    host_expect("sum til 10", "45");
    came_here();
}

QLT(modes, memory_is_bounded_and_survives)
{
    qlt_dies_with(memory, "came here");
}

static void init_in_mode(const char *mode)
{
    setenv("LIBQ_STANDIN_MODE", mode, 1);
    qlt_eq_int(host_init("-s", "0"), 0);
}

static void errors(void)
{
    init_in_mode("error");
    K answer = q.k(0, "1+1", (K)0);
    qlt_check(answer && answer->t == QLI_Q_ERROR);
    qlt_eq_str(answer->s, "mode");
    came_here();
}

QLT(modes, error_fails_everything)
{
    qlt_dies_with(errors, "came here");
}

static void on_crash(int number)
{
    (void)number;
    abort();
}

static void crash(void)
{
    signal(SIGSEGV, on_crash);
    init_in_mode("crash");
    q.k(0, "1+1", (K)0);
}

QLT(modes, crash_ends_in_the_first_call)
{
    qlt_dies_with(crash, "");
}

static long long number(const char *text)
{
    K value = q.k(0, text, (K)0);
    qlt_check(value && value->t == -QLI_Q_LONG);
    long long found = value->j;
    q.r0(value);
    return found;
}

static void callbacks(void)
{
    init_in_mode("callbacks");
    q.r0(q.k(0, "n:0", (K)0));
    q.r0(q.k(0, ".standin.callback:{n::n+1}", (K)0));
    qlt_eq_int(number("n"), 1);
    qlt_eq_int(number("n"), 2);
    came_here();
}

QLT(modes, callbacks_begin_each_call)
{
    qlt_dies_with(callbacks, "came here");
}

static void lies(void)
{
    static const char *const names[] = {".bad.length", ".bad.ragged", ".bad.deep",
                                        ".bad.type",   ".bad.null",   ".bad.symbol"};
    qlt_eq_int(host_init("-s", "0"), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        K object = q.k(0, names[i], (K)0);
        qlt_check(object && object->t != QLI_Q_ERROR);
        q.r0(object);
        qlt_eq_int(host_references(), 0);
    }
    came_here();
}

QLT(modes, objects_that_lie_are_released)
{
    qlt_dies_with(lies, "came here");
}
