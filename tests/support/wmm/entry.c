/* entry.c: what the compiler calls under -fsanitize=thread, in place of libtsan, and the block functions of
 * libc. */
#include "wmm.h"

#include <string.h>

#define VALUE_8 uint8_t
#define VALUE_16 uint16_t
#define VALUE_32 uint32_t
#define VALUE_64 uint64_t
#define VALUE_128 wmm_value

/* The compiler declares none of them. */
#define PLAIN_ENTRY(name, size, kind)                          \
    void __tsan_##name##size(void *address);                   \
    void __tsan_##name##size(void *address)                    \
    {                                                          \
        wmm_plain((uintptr_t)address, size, kind, WMM_CALLER); \
    }

/* A read-modify-write by plain accesses: it races with whatever its write races with. */
#define PLAIN_ENTRIES(size)                              \
    PLAIN_ENTRY(read, size, WMM_READ)                    \
    PLAIN_ENTRY(write, size, WMM_WRITE)                  \
    PLAIN_ENTRY(unaligned_read, size, WMM_READ)          \
    PLAIN_ENTRY(unaligned_write, size, WMM_WRITE)        \
    PLAIN_ENTRY(read_write, size, WMM_WRITE)             \
    PLAIN_ENTRY(unaligned_read_write, size, WMM_WRITE)   \
    PLAIN_ENTRY(volatile_read, size, WMM_READ)           \
    PLAIN_ENTRY(volatile_write, size, WMM_WRITE)         \
    PLAIN_ENTRY(unaligned_volatile_read, size, WMM_READ) \
    PLAIN_ENTRY(unaligned_volatile_write, size, WMM_WRITE)

PLAIN_ENTRIES(1)
PLAIN_ENTRIES(2)
PLAIN_ENTRIES(4)
PLAIN_ENTRIES(8)
PLAIN_ENTRIES(16)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *address, size_t size);
void __tsan_read_range(void *address, size_t size)
{
    wmm_plain((uintptr_t)address, size, WMM_READ, WMM_CALLER);
}

void __tsan_write_range(void *address, size_t size);
void __tsan_write_range(void *address, size_t size)
{
    wmm_plain((uintptr_t)address, size, WMM_WRITE, WMM_CALLER);
}

/* ---- atomics. Outside a run, and in the program's constructors, they act on memory at once. */

static wmm_value load(const volatile void *address, int size, int order, uintptr_t caller)
{
    if (!wmm_enter(caller))
        return wmm_peek((uintptr_t)address, size);
    wmm_value value = wmm_load((uintptr_t)address, size, order & 7);
    wmm_leave();
    return value;
}

static void store(volatile void *address, int size, wmm_value value, int order, uintptr_t caller)
{
    if (!wmm_enter(caller)) {
        wmm_poke((uintptr_t)address, size, value);
        return;
    }
    wmm_store_op((uintptr_t)address, size, value, order & 7);
    wmm_leave();
}

static wmm_value rmw(volatile void *address, int size, wmm_value operand, enum wmm_rmw operation, int order,
                     uintptr_t caller)
{
    if (!wmm_enter(caller)) {
        wmm_value old = wmm_peek((uintptr_t)address, size);
        wmm_poke((uintptr_t)address, size, wmm_apply(operation, old, operand, size));
        return old;
    }
    wmm_value old = wmm_rmw_op((uintptr_t)address, size, operand, operation, order & 7);
    wmm_leave();
    return old;
}

typedef struct {
    wmm_value expected, desired;
    int size, order, fail_order;
    bool weak;
} cas_call;

static bool cas(volatile void *address, cas_call *call, uintptr_t caller)
{
    uintptr_t at = (uintptr_t)address;
    if (!wmm_enter(caller)) {
        wmm_value old = wmm_peek(at, call->size);
        bool equal = old == call->expected;
        if (equal)
            wmm_poke(at, call->size, call->desired);
        call->expected = old;
        return equal;
    }
    bool done = wmm_cas(at, call->size, &call->expected, call->desired, call->order & 7, call->fail_order & 7,
                        call->weak);
    wmm_leave();
    return done;
}

#define RMW_ENTRY(bits, name, operation)                                                            \
    VALUE_##bits __tsan_atomic##bits##_##name(volatile VALUE_##bits *address, VALUE_##bits operand, \
                                              int order);                                           \
    VALUE_##bits __tsan_atomic##bits##_##name(volatile VALUE_##bits *address, VALUE_##bits operand, \
                                              int order)                                            \
    {                                                                                               \
        return (VALUE_##bits)rmw(address, bits / 8, operand, operation, order, WMM_CALLER);         \
    }

#define CAS_ENTRY(bits, name, is_weak)                                                       \
    int __tsan_atomic##bits##_##name(volatile VALUE_##bits *address, VALUE_##bits *expected, \
                                     VALUE_##bits desired, int order, int fail_order);       \
    int __tsan_atomic##bits##_##name(volatile VALUE_##bits *address, VALUE_##bits *expected, \
                                     VALUE_##bits desired, int order, int fail_order)        \
    {                                                                                        \
        cas_call call = {*expected, desired, bits / 8, order, fail_order, is_weak};          \
        bool done = cas(address, &call, WMM_CALLER);                                         \
        if (!done)                                                                           \
            *expected = (VALUE_##bits)call.expected;                                         \
        return done;                                                                         \
    }

#define ATOMIC_ENTRIES(bits)                                                                             \
    VALUE_##bits __tsan_atomic##bits##_load(const volatile VALUE_##bits *address, int order);            \
    VALUE_##bits __tsan_atomic##bits##_load(const volatile VALUE_##bits *address, int order)             \
    {                                                                                                    \
        return (VALUE_##bits)load(address, bits / 8, order, WMM_CALLER);                                 \
    }                                                                                                    \
    void __tsan_atomic##bits##_store(volatile VALUE_##bits *address, VALUE_##bits value, int order);     \
    void __tsan_atomic##bits##_store(volatile VALUE_##bits *address, VALUE_##bits value, int order)      \
    {                                                                                                    \
        store(address, bits / 8, value, order, WMM_CALLER);                                              \
    }                                                                                                    \
    RMW_ENTRY(bits, exchange, WMM_EXCHANGE)                                                              \
    RMW_ENTRY(bits, fetch_add, WMM_ADD)                                                                  \
    RMW_ENTRY(bits, fetch_sub, WMM_SUB)                                                                  \
    RMW_ENTRY(bits, fetch_and, WMM_AND)                                                                  \
    RMW_ENTRY(bits, fetch_or, WMM_OR)                                                                    \
    RMW_ENTRY(bits, fetch_xor, WMM_XOR)                                                                  \
    RMW_ENTRY(bits, fetch_nand, WMM_NAND)                                                                \
    CAS_ENTRY(bits, compare_exchange_strong, false)                                                      \
    CAS_ENTRY(bits, compare_exchange_weak, true)                                                         \
    VALUE_##bits __tsan_atomic##bits##_compare_exchange_val(volatile VALUE_##bits *address,              \
                                                            VALUE_##bits expected, VALUE_##bits desired, \
                                                            int order, int fail_order);                  \
    VALUE_##bits __tsan_atomic##bits##_compare_exchange_val(volatile VALUE_##bits *address,              \
                                                            VALUE_##bits expected, VALUE_##bits desired, \
                                                            int order, int fail_order)                   \
    {                                                                                                    \
        cas_call call = {expected, desired, bits / 8, order, fail_order, false};                         \
        return cas(address, &call, WMM_CALLER) ? expected : (VALUE_##bits)call.expected;                 \
    }

ATOMIC_ENTRIES(8)
ATOMIC_ENTRIES(16)
ATOMIC_ENTRIES(32)
ATOMIC_ENTRIES(64)
ATOMIC_ENTRIES(128)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if (!wmm_enter(WMM_CALLER))
        return;
    wmm_point();
    wmm_fence(order & 7);
    wmm_note("fence", 0, 0, order & 7, 0);
    wmm_leave();
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

/* ---- block functions: accesses when the program calls them, not when a library does */

/* Or gcc makes each of these loops a call of the function it stands in. */
#define NO_LIBCALLS __attribute__((optimize("no-tree-loop-distribute-patterns")))

static void copies(void *to, const void *from, size_t size, uintptr_t caller)
{
    if (!wmm_live() || !wmm_is_program(caller))
        return;
    wmm_plain((uintptr_t)from, size, WMM_READ, caller);
    wmm_plain((uintptr_t)to, size, WMM_WRITE, caller);
}

NO_LIBCALLS void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copies(to, from, size, WMM_CALLER);
    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

NO_LIBCALLS void *memmove(void *to, const void *from, size_t size)
{
    copies(to, from, size, WMM_CALLER);
    if ((uintptr_t)to < (uintptr_t)from)
        for (size_t i = 0; i < size; i++)
            ((char *)to)[i] = ((const char *)from)[i];
    else
        for (size_t i = size; i-- > 0;)
            ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

NO_LIBCALLS void *memset(void *to, int byte, size_t size)
{
    if (wmm_live() && wmm_is_program(WMM_CALLER))
        wmm_plain((uintptr_t)to, size, WMM_WRITE, WMM_CALLER);
    for (size_t i = 0; i < size; i++)
        ((char *)to)[i] = (char)byte;
    return to;
}
