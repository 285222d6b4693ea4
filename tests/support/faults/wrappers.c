/* wrappers.c: what the linker calls in the place of each function (--wrap). */
#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/faults/internal.h"

/* The real one is weak: a program need not link hwloc or SQLite. */
#define X(group, type, name, parameters, arguments, error, result) \
    type __real_##name parameters __attribute__((weak));           \
    type __wrap_##name parameters;                                 \
    type __wrap_##name parameters                                  \
    {                                                              \
        if (!faults_must_fail(FAULTS_##name))                      \
            return __real_##name arguments;                        \
        if (error)                                                 \
            errno = error;                                         \
        return result;                                             \
    }
#include "tests/support/faults/functions.inc"
#undef X

int __wrap_asprintf(char **out, const char *format, ...);
int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = __wrap_vasprintf(out, format, list);
    va_end(list);
    return length;
}

/* The error that a system call may answer with at any time; 0 for one that cannot fail. */
static int error_of(long number, long operation)
{
    long command = operation & FUTEX_CMD_MASK;
    switch (number) {
    case SYS_futex:
        return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET ? EINTR : 0;
    case SYS_sched_setaffinity:
        return EPERM;
    case SYS_mbind:
    case SYS_membarrier:
        return ENOSYS;
    default:
        return 0;
    }
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    int error = error_of(number, b);
    if (!error || !faults_must_fail(FAULTS_syscall))
        return __real_syscall(number, a, b, c, d, e, f);
    errno = error;
    return -1;
}
