#include "bench/harness/wakes.h"

#include <stdarg.h>
#include <sys/syscall.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static uint64_t futex_wakes;

long __wrap_syscall(long number, ...)
{
    enum { WORDS = 6, FUTEX_COMMAND = 0x7f, FUTEX_WAKES = 1 };
    long words[WORDS];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < WORDS; i++)
        words[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_futex && (words[1] & FUTEX_COMMAND) == FUTEX_WAKES)
        __atomic_fetch_add(&futex_wakes, 1, __ATOMIC_RELAXED);
    return __real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

uint64_t bench_wakes(void)
{
    return __atomic_load_n(&futex_wakes, __ATOMIC_RELAXED);
}
