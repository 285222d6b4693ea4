/* Store buffering, the heart of Dekker's lock and of every "work posted" against "going to sleep": each
 * thread writes its own flag and reads the other's. Without both fences both can read 0, on x86 too. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static int flag[2];
static int seen[2];

static void *left(void *unused)
{
    (void)unused;
    __atomic_store_n(&flag[0], 1, __ATOMIC_RELAXED);
    /* FENCE dekker:A, with dekker:B in right() */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    seen[0] = __atomic_load_n(&flag[1], __ATOMIC_RELAXED);
    return NULL;
}

static void *right(void *unused)
{
    (void)unused;
    __atomic_store_n(&flag[1], 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* FENCE dekker:B, with dekker:A in left() */
    seen[1] = __atomic_load_n(&flag[0], __ATOMIC_RELAXED);
    return NULL;
}

int main(void)
{
    pthread_t thread[2];
    pthread_create(&thread[0], NULL, left, NULL);
    pthread_create(&thread[1], NULL, right, NULL);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    assert(seen[0] || seen[1]);
    return 0;
}
