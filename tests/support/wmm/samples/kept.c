/* A counter whose order nobody needs, kept for a reason: how a survivor of a mutation is excused. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static int counter;

static void *count(void *unused)
{
    (void)unused;
    /* order kept: nothing is published by it; it shows what a reason looks like */
    __atomic_fetch_add(&counter, 1, __ATOMIC_RELEASE);
    return NULL;
}

int main(void)
{
    pthread_t thread[2];
    pthread_create(&thread[0], NULL, count, NULL);
    pthread_create(&thread[1], NULL, count, NULL);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    assert(__atomic_load_n(&counter, __ATOMIC_RELAXED) == 2);
    return 0;
}
