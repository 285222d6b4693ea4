/* The rules that libq expects its host to keep, and what happens to a host that does not. */
#include "tests/support/libq_standin/standin.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct si_state si_state;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t allocator_key;
static pid_t process;

void si_abort(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("libq_standin: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    fflush(stderr);
    abort();
}

int si_thread(void)
{
    static __thread int thread;
    if (!thread || process != getpid())
        thread = (int)syscall(SYS_gettid);
    return thread;
}

/* ---- Rule 2: m9() before a thread ends ---- */

static void thread_ended(void *used)
{
    (void)used;
    si_abort("thread %d used q's allocator and ended without m9()", si_thread());
}

static void make_key(void)
{
    if (pthread_key_create(&allocator_key, thread_ended))
        si_abort("no key for threads");
}

void si_watch_thread(void)
{
    pthread_once(&once, make_key);
    if (pthread_setspecific(allocator_key, &si_state))
        si_abort("no memory for a thread's mark");
}

void si_unwatch_thread(void)
{
    pthread_once(&once, make_key);
    pthread_setspecific(allocator_key, NULL);
}

/* ---- Rules 1, 3, 4, 5, 7: one thread, and a child has no engine ---- */

void si_own(void)
{
    process = getpid();
    si_state.owner = si_thread();
    si_state.ready = true;
}

void si_enter(const char *function)
{
    if (!si_state.ready)
        si_abort("%s() before qinit() has returned 0", function);
    if (process != getpid())
        si_abort("%s() in a forked child: it has no engine", function);
    if (si_thread() != si_state.owner)
        si_abort("%s() on thread %d, but thread %d ran qinit()", function, si_thread(), si_state.owner);
    si_watch_thread();
}
