/* Shapes of two threads. See litmus.h. */
#include "litmus.h"

#include <assert.h>
#include <stddef.h>

/* What one shape uses; a and b are what its parts have read. */
static struct {
    int x, y, a, b;
} message, fences, buffer, writes, coherence;

static void *message_send(void *unused)
{
    __atomic_store_n(&message.x, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&message.y, 1, __ATOMIC_RELEASE); /* ORDER litmus:send */
    return unused;
}

static void *message_receive(void *unused)
{
    message.a = __atomic_load_n(&message.y, __ATOMIC_ACQUIRE); /* ORDER litmus:receive */
    message.b = __atomic_load_n(&message.x, __ATOMIC_RELAXED);
    return unused;
}

static void *fences_send(void *unused)
{
    __atomic_store_n(&fences.x, 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* FENCE litmus:send */
    __atomic_store_n(&fences.y, 1, __ATOMIC_RELAXED);
    return unused;
}

static void *fences_receive(void *unused)
{
    fences.a = __atomic_load_n(&fences.y, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* FENCE litmus:receive */
    fences.b = __atomic_load_n(&fences.x, __ATOMIC_RELAXED);
    return unused;
}

static void *buffer_left(void *unused)
{
    __atomic_store_n(&buffer.x, 1, __ATOMIC_SEQ_CST);        /* ORDER litmus:buffer_store */
    buffer.a = __atomic_load_n(&buffer.y, __ATOMIC_SEQ_CST); /* ORDER litmus:buffer_load */
    return unused;
}

static void *buffer_right(void *unused)
{
    __atomic_store_n(&buffer.y, 1, __ATOMIC_SEQ_CST);
    buffer.b = __atomic_load_n(&buffer.x, __ATOMIC_SEQ_CST);
    return unused;
}

static void *writes_left(void *unused)
{
    __atomic_store_n(&writes.x, 1, __ATOMIC_SEQ_CST); /* ORDER litmus:write */
    __atomic_store_n(&writes.y, 2, __ATOMIC_SEQ_CST);
    return unused;
}

static void *writes_right(void *unused)
{
    __atomic_store_n(&writes.y, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&writes.x, 2, __ATOMIC_SEQ_CST);
    return unused;
}

static void *coherence_write(void *unused)
{
    __atomic_store_n(&coherence.x, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&coherence.x, 2, __ATOMIC_RELAXED);
    return unused;
}

static void *coherence_read(void *unused)
{
    coherence.a = __atomic_load_n(&coherence.x, __ATOMIC_RELAXED);
    coherence.b = __atomic_load_n(&coherence.x, __ATOMIC_RELAXED);
    return unused;
}

int main(void)
{
    together(2, (const part[]){message_send, message_receive});
    assert(!message.a || message.b);
    together(2, (const part[]){fences_send, fences_receive});
    assert(!fences.a || fences.b);
    together(2, (const part[]){buffer_left, buffer_right});
    assert(buffer.a || buffer.b);
    together(2, (const part[]){writes_left, writes_right});
    assert(writes.x == 2 || writes.y == 2);
    together(2, (const part[]){coherence_write, coherence_read});
    assert(coherence.b >= coherence.a && coherence.x == 2);
    return 0;
}
