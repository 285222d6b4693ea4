/* real.c: ways past the checker, to libc's own functions and to memory that the program under test never
 * sees. */
#include "wmm.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct wmm_real libc;

#define RESOLVE(name) (*(void **)&libc.name = dlsym(RTLD_NEXT, #name))

const struct wmm_real *wmm_libc(void)
{
    if (!libc.syscall) {
        RESOLVE(pthread_create);
        RESOLVE(pthread_join);
        RESOLVE(pthread_mutex_lock);
        RESOLVE(pthread_mutex_trylock);
        RESOLVE(pthread_mutex_unlock);
        RESOLVE(clock_gettime);
        RESOLVE(clock_nanosleep);
        RESOLVE(read);
        RESOLVE(write);
        RESOLVE(poll);
        RESOLVE(epoll_wait);
        RESOLVE(epoll_pwait2);
        RESOLVE(syscall);
    }
    return &libc;
}

void wmm_real_wait(int *word, int while_value)
{
    int saved = errno;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == while_value)
        wmm_libc()->syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, while_value, NULL, NULL, 0);
    errno = saved;
}

void wmm_real_set(int *word, int value)
{
    int saved = errno;
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    wmm_libc()->syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

void wmm_real_nap(long ns)
{
    int saved = errno;
    struct timespec nap = {0, ns};
    wmm_libc()->clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    errno = saved;
}

void *wmm_own_memory(size_t size)
{
    enum { CHUNK = 1 << 20 };
    static char *next;
    static size_t left;
    size = (size + 15) & ~(size_t)15;
    if (size > left) {
        left = size > CHUNK ? size : CHUNK;
        next = mmap(NULL, left, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (next == MAP_FAILED)
            _exit(2);
    }
    void *memory = next;
    next += size;
    left -= size;
    return memory;
}

/* The linker's names for where the program's code begins and ends. */
extern char __executable_start, etext;

bool wmm_is_program(uintptr_t pc)
{
    return pc >= (uintptr_t)&__executable_start && pc < (uintptr_t)&etext;
}

unsigned long wmm_pc(uintptr_t pc)
{
    uintptr_t base = (uintptr_t)&__executable_start;
    if (!pc)
        return 0;
    return (base > 0x10000000 ? pc - base : pc) - 1; /* a program linked with -no-pie starts lower */
}
