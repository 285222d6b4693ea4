/* jitter.c: real threads on real hardware, disturbed at every atomic operation.
 *
 * Linked in libtsan's place (bazel test --config=jitter): the compiler calls these functions for each atomic
 * operation, and before and after it the thread is now and then delayed, by a short spin, a yield, or a
 * sleep. So narrow windows become wide: a lost wake-up that a plain soak never meets shows within seconds. It
 * checks nothing itself; asserts and stall watchdogs do.
 *
 * Environment: JITTER_PPM chance of a delay at each atomic, in a million (20000); JITTER_MAX_US the longest
 * sleep (200); QLANE_SEED (1). */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint32_t chance_ppm = 20000, max_us = 200;
static uint64_t seed = 1;
static _Thread_local uint64_t state;

static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void read_environment(void)
{
    chance_ppm = (uint32_t)environment("JITTER_PPM", chance_ppm);
    max_us = (uint32_t)environment("JITTER_MAX_US", max_us);
    seed = environment("QLANE_SEED", seed);
}

static uint64_t next_random(void)
{
    if (!state)
        state = (seed * 0x9E3779B97F4A7C15u) ^ ((uint64_t)syscall(SYS_gettid) << 20) ^ 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545F4914F6CDD1Du;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* No cancellation point, where the code that it disturbs has none. */
static void delay(uint64_t random)
{
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    switch (random & 3) {
    case 0:
        for (volatile uint64_t i = random >> 4 & 1023; i > 0; i--)
            continue;
        break;
    case 1:
        sched_yield();
        break;
    default:
        nanosleep(&(struct timespec){0, (long)((random >> 8 & 0xffffff) % (max_us * 1000u + 1))}, NULL);
    }
    pthread_setcancelstate(before, NULL);
}

/* A thread is delayed for a third of its time at most: one that lives on atomics would else not come to its
 * end. */
static void disturb(void)
{
    enum { SHARE = 3, AT_ONCE_NS = 20000000 };
    static _Thread_local int64_t began_ns, delayed_ns;
    uint64_t random = next_random();
    if ((uint32_t)(random >> 40) % 1000000 >= chance_ppm)
        return;
    int64_t before_ns = now_ns();
    if (!began_ns)
        began_ns = before_ns;
    if (delayed_ns > AT_ONCE_NS + (before_ns - began_ns) / SHARE)
        return;
    delay(random);
    delayed_ns += now_ns() - before_ns;
}

/* ---- plain accesses and calls are let through */

#define NOTHING(name, ...)           \
    void __tsan_##name(__VA_ARGS__); \
    void __tsan_##name(__VA_ARGS__)  \
    {                                \
    }

/* Unnamed parameters are C2x: the names are unused on purpose. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define PLAIN(size)                                    \
    NOTHING(read##size, void *address)                 \
    NOTHING(write##size, void *address)                \
    NOTHING(unaligned_read##size, void *address)       \
    NOTHING(unaligned_write##size, void *address)      \
    NOTHING(read_write##size, void *address)           \
    NOTHING(unaligned_read_write##size, void *address) \
    NOTHING(volatile_read##size, void *address)        \
    NOTHING(volatile_write##size, void *address)

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)
NOTHING(init, void)
NOTHING(func_entry, void *caller)
NOTHING(func_exit, void)
NOTHING(vptr_read, void **address)
NOTHING(vptr_update, void **address, void *value)
NOTHING(read_range, void *address, size_t size)
NOTHING(write_range, void *address, size_t size)
NOTHING(atomic_signal_fence, int order)

/* ---- atomics are done as written, between two disturbances. The order comes as a value: a relaxed access
 * stays relaxed in the machine's code, all else may as well be stronger. */

#define RELAXED_OR(order, relaxed, strong) ((order) == __ATOMIC_RELAXED ? (relaxed) : (strong))

#define RMW(bits, name)                                                                                   \
    uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *address, uint##bits##_t operand, \
                                                int order);                                               \
    uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *address, uint##bits##_t operand, \
                                                int order)                                                \
    {                                                                                                     \
        (void)order;                                                                                      \
        disturb();                                                                                        \
        uint##bits##_t old = BUILTIN_##name(address, operand, __ATOMIC_SEQ_CST);                          \
        disturb();                                                                                        \
        return old;                                                                                       \
    }

#define BUILTIN_exchange __atomic_exchange_n
#define BUILTIN_fetch_add __atomic_fetch_add
#define BUILTIN_fetch_sub __atomic_fetch_sub
#define BUILTIN_fetch_and __atomic_fetch_and
#define BUILTIN_fetch_or __atomic_fetch_or
#define BUILTIN_fetch_xor __atomic_fetch_xor
#define BUILTIN_fetch_nand __atomic_fetch_nand

/* A weak one fails now and then for no reason. */
#define CAS(bits, name, spurious)                                                                   \
    int __tsan_atomic##bits##_##name(volatile uint##bits##_t *address, uint##bits##_t *expected,    \
                                     uint##bits##_t desired, int order, int fail_order);            \
    int __tsan_atomic##bits##_##name(volatile uint##bits##_t *address, uint##bits##_t *expected,    \
                                     uint##bits##_t desired, int order, int fail_order)             \
    {                                                                                               \
        (void)order;                                                                                \
        (void)fail_order;                                                                           \
        disturb();                                                                                  \
        bool done = false;                                                                          \
        if ((spurious) && next_random() % 16 == 0)                                                  \
            *expected = __atomic_load_n(address, __ATOMIC_SEQ_CST);                                 \
        else                                                                                        \
            done = __atomic_compare_exchange_n(address, expected, desired, false, __ATOMIC_SEQ_CST, \
                                               __ATOMIC_SEQ_CST);                                   \
        disturb();                                                                                  \
        return done;                                                                                \
    }

#define ATOMICS(bits)                                                                                       \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *address, int order);           \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *address, int order)            \
    {                                                                                                       \
        disturb();                                                                                          \
        uint##bits##_t value = RELAXED_OR(order, __atomic_load_n(address, __ATOMIC_RELAXED),                \
                                          __atomic_load_n(address, __ATOMIC_SEQ_CST));                      \
        disturb();                                                                                          \
        return value;                                                                                       \
    }                                                                                                       \
    void __tsan_atomic##bits##_store(volatile uint##bits##_t *address, uint##bits##_t value, int order);    \
    void __tsan_atomic##bits##_store(volatile uint##bits##_t *address, uint##bits##_t value, int order)     \
    {                                                                                                       \
        disturb();                                                                                          \
        if (order == __ATOMIC_RELAXED)                                                                      \
            __atomic_store_n(address, value, __ATOMIC_RELAXED);                                             \
        else if (order == __ATOMIC_RELEASE)                                                                 \
            __atomic_store_n(address, value, __ATOMIC_RELEASE);                                             \
        else                                                                                                \
            __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                                             \
        disturb();                                                                                          \
    }                                                                                                       \
    RMW(bits, exchange)                                                                                     \
    RMW(bits, fetch_add)                                                                                    \
    RMW(bits, fetch_sub)                                                                                    \
    RMW(bits, fetch_and)                                                                                    \
    RMW(bits, fetch_or)                                                                                     \
    RMW(bits, fetch_xor)                                                                                    \
    RMW(bits, fetch_nand)                                                                                   \
    CAS(bits, compare_exchange_strong, false)                                                               \
    CAS(bits, compare_exchange_weak, true)                                                                  \
    uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile uint##bits##_t *address,             \
                                                              uint##bits##_t expected,                      \
                                                              uint##bits##_t desired, int order, int fail); \
    uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(volatile uint##bits##_t *address,             \
                                                              uint##bits##_t expected,                      \
                                                              uint##bits##_t desired, int order, int fail)  \
    {                                                                                                       \
        __tsan_atomic##bits##_compare_exchange_strong(address, &expected, desired, order, fail);            \
        return expected;                                                                                    \
    }

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    disturb();
    if (order == __ATOMIC_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    else
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    disturb();
}
