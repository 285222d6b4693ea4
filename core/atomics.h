/* The one door to atomics in this library: gcc's builtins, which have C11's meaning, work on plain fields from C and C++
 * alike and are seen by every checker. Orders are always written out at the call, as __ATOMIC_*.
 *
 * fork.h's hot half (include/qlane/impl/deque.h) is the only other user of the builtins. */
#ifndef QLANE_CORE_ATOMICS_H
#define QLANE_CORE_ATOMICS_H

#define qli_load(address, order) __atomic_load_n(address, order)
#define qli_store(address, value, order) __atomic_store_n(address, value, order)
#define qli_exchange(address, value, order) __atomic_exchange_n(address, value, order)
#define qli_fetch_add(address, value, order) __atomic_fetch_add(address, value, order)
#define qli_fetch_sub(address, value, order) __atomic_fetch_sub(address, value, order)
#define qli_fetch_or(address, value, order) __atomic_fetch_or(address, value, order)
#define qli_fetch_and(address, value, order) __atomic_fetch_and(address, value, order)

/* Strong compare and swap: on failure *expected is what was there. */
#define qli_cas(address, expected, desired, success, failure) \
    __atomic_compare_exchange_n(address, expected, desired, 0, success, failure)

#define qli_fence(order) __atomic_thread_fence(order)

/* ORDER quiet:count (release), for quiet:tally and lane:ends: whoever sees it counted sees all that came before. A counter that
 * only its own thread writes and anyone reads: no read-modify-write needed. */
#define qli_count(address) \
    __atomic_store_n(address, __atomic_load_n(address, __ATOMIC_RELAXED) + 1, __ATOMIC_RELEASE)

/* On the way of every task, where a call costs as much as what it does. */
#define QLI_INLINE static inline __attribute__((always_inline))

enum { QLI_CACHE_LINE = 64 };
#define QLI_ALIGNED __attribute__((aligned(QLI_CACHE_LINE)))

/* Ask for a line that is about to be written. On x86 a compiler that is not told of newer processors makes __builtin_prefetch(p, 1) a
 * prefetch for reading, and the line comes twice; processors that lack this one do nothing. */
static inline void qli_prefetch_to_write(const void *line)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw (%0)" : : "r"(line));
#else
    __builtin_prefetch(line, 1);
#endif
}

/* Tell the core that this is a spin loop. */
static inline void qli_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
