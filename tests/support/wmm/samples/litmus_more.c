/* Shapes of three and four threads. See litmus.h. */
#include "litmus.h"

#include <assert.h>
#include <stddef.h>

/* What one shape uses; a to d are what its parts have read. */
static struct {
    int x, y, z, a, b, c, d;
} four, chain, sequence;

static void *four_write_x(void *unused)
{
    __atomic_store_n(&four.x, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void *four_write_y(void *unused)
{
    __atomic_store_n(&four.y, 1, __ATOMIC_SEQ_CST);
    return unused;
}

/* Two readers must agree which of two independent writes was first. */
static void *four_read_xy(void *unused)
{
    four.a = __atomic_load_n(&four.x, __ATOMIC_SEQ_CST);
    four.b = __atomic_load_n(&four.y, __ATOMIC_SEQ_CST); /* ORDER litmus:agree */
    return unused;
}

static void *four_read_yx(void *unused)
{
    four.c = __atomic_load_n(&four.y, __ATOMIC_SEQ_CST);
    four.d = __atomic_load_n(&four.x, __ATOMIC_SEQ_CST);
    return unused;
}

/* What the first publishes reaches the third through the second. */
static void *chain_first(void *unused)
{
    __atomic_store_n(&chain.x, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&chain.y, 1, __ATOMIC_RELEASE); /* ORDER litmus:chain_first */
    return unused;
}

static void *chain_second(void *unused)
{
    chain.a = __atomic_load_n(&chain.y, __ATOMIC_ACQUIRE); /* ORDER litmus:chain_load */
    __atomic_store_n(&chain.z, 1, __ATOMIC_RELEASE);       /* ORDER litmus:chain_store */
    return unused;
}

static void *chain_third(void *unused)
{
    chain.b = __atomic_load_n(&chain.z, __ATOMIC_ACQUIRE); /* ORDER litmus:chain_third */
    chain.c = __atomic_load_n(&chain.x, __ATOMIC_RELAXED);
    return unused;
}

/* A relaxed read-modify-write carries on what the store that it read has released. */
static void *sequence_release(void *unused)
{
    __atomic_store_n(&sequence.x, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&sequence.y, 1, __ATOMIC_RELEASE); /* ORDER litmus:sequence */
    return unused;
}

static void *sequence_add(void *unused)
{
    __atomic_fetch_add(&sequence.y, 1, __ATOMIC_RELAXED);
    return unused;
}

static void *sequence_acquire(void *unused)
{
    sequence.a = __atomic_load_n(&sequence.y, __ATOMIC_ACQUIRE);
    sequence.b = __atomic_load_n(&sequence.x, __ATOMIC_RELAXED);
    return unused;
}

int main(void)
{
    together(4, (const part[]){four_write_x, four_write_y, four_read_xy, four_read_yx});
    assert(!(four.a && !four.b && four.c && !four.d));
    together(3, (const part[]){chain_first, chain_second, chain_third});
    assert(!(chain.a && chain.b && !chain.c));
    together(3, (const part[]){sequence_release, sequence_add, sequence_acquire});
    assert(sequence.a != 2 || sequence.b);
    return 0;
}
