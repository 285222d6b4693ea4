/* futex.c: futexes and memory barriers asked for by syscall(). Any other number goes to the kernel. */
#include "wmm.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    uintptr_t word;
    int operation;
    uint32_t value, bits;
    const struct timespec *time;
} futex_call;

/* All return 0 or more, or minus an errno. */
static long futex_wait(const futex_call *call, uint64_t deadline_ns)
{
    /* The kernel compares with a value at least as new as what any waker of this run had seen on entering
     * FUTEX_WAKE. */
    uint32_t location = wmm_location(call->word, 4);
    int age = wmm_pick_age(wmm_oldest_allowed(location, wmm_kernel_floor(location)));
    uint32_t value = (uint32_t)wmm_nth(location, age)->value;
    bool equal = value == call->value;
    wmm_note(equal ? "fx-wait" : "fx-again", call->word, value, -1, age);
    if (!equal)
        return -EAGAIN;
    if (wmm_options.spurious && wmm_below(32) == 0)
        return wmm_below(2) ? 0 : -EINTR;
    wmm_me()->futex_bits = call->bits;
    return -wmm_block(WMM_FUTEX, (void *)call->word, deadline_ns);
}

static long futex_wake(const futex_call *call)
{
    wmm_kernel_learns();
    int waiters[WMM_THREADS], matching = 0;
    int count = wmm_waiters(WMM_FUTEX, (void *)call->word, waiters);
    for (int i = 0; i < count; i++)
        if (wmm_threads[waiters[i]].futex_bits & call->bits)
            waiters[matching++] = waiters[i];
    long woken = 0;
    for (; matching && woken < (int)call->value; woken++) {
        uint32_t i = wmm_below((uint32_t)matching);
        wmm_wake(waiters[i]);
        waiters[i] = waiters[--matching];
    }
    wmm_note("fx-wake", call->word, (uint64_t)woken, -1, 0);
    return woken;
}

static long futex(futex_call *call)
{
    wmm_point();
    int command = call->operation & FUTEX_CMD_MASK;
    if (command == FUTEX_WAIT || command == FUTEX_WAKE)
        call->bits = FUTEX_BITSET_MATCH_ANY;
    switch (command) {
    case FUTEX_WAIT:
        return futex_wait(call, wmm_deadline_after_ns(call->time));
    case FUTEX_WAIT_BITSET:
        return futex_wait(call, wmm_deadline_ns(call->time));
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return futex_wake(call);
    default:
        wmm_fail("futex operation %d is not modelled", command);
    }
}

static long membarrier(int command)
{
    wmm_point();
    if (command == MEMBARRIER_CMD_QUERY)
        return MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    wmm_fence_everywhere();
    wmm_note("membarrier", 0, 0, -1, 0);
    return 0;
}

static long modelled(long number, const long argument[6])
{
    if (number == SYS_membarrier)
        return membarrier((int)argument[0]);
    if (number == SYS_sched_yield) {
        wmm_yield();
        return 0;
    }
    return futex(&(futex_call){.word = (uintptr_t)argument[0],
                               .operation = (int)argument[1],
                               .value = (uint32_t)argument[2],
                               .time = (const struct timespec *)argument[3],
                               .bits = (uint32_t)argument[5]});
}

long syscall(long number, ...)
{
    long argument[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        argument[i] = va_arg(arguments, long);
    va_end(arguments);
    bool known = number == SYS_futex || number == SYS_membarrier || number == SYS_sched_yield;
    if (!known || !wmm_enter(WMM_CALLER))
        return wmm_libc()->syscall(number, argument[0], argument[1], argument[2], argument[3], argument[4],
                                   argument[5]);
    long result = modelled(number, argument);
    wmm_leave();
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}
