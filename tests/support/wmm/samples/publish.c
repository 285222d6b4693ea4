/* Message passing: a payload behind a pointer, handed over with a release store and taken with an acquire
 * load. */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static int payload;
static int *published;

static void *producer(void *unused)
{
    (void)unused;
    payload = 42;
    /* ORDER publish:store, release: the payload, for consumer(). */
    __atomic_store_n(&published, &payload, __ATOMIC_RELEASE);
    return NULL;
}

static void *consumer(void *unused)
{
    (void)unused;
    int *seen = __atomic_load_n(&published, __ATOMIC_ACQUIRE); /* ORDER publish:load */
    if (seen)
        assert(*seen == 42);
    return NULL;
}

int main(void)
{
    pthread_t thread[2];
    pthread_create(&thread[0], NULL, producer, NULL);
    pthread_create(&thread[1], NULL, consumer, NULL);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    return 0;
}
