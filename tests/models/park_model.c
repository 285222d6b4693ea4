/* One parker, two givers of tokens: no token is lost, what its giver wrote is seen, and a parker may be freed as soon as
 * its token was taken, while its giver is still on the way out. The same for a thread that polls a descriptor. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/park.h"
#include "qlane/future.h"

static qli_parker *parker;
static int given[2], count;

static void *give(void *arg)
{
    *(int *)arg = 1;
    qli_unpark(parker);
    return NULL;
}

/* A timed park that ends may be followed by the token. */
static void one_token_and_gone(void)
{
    pthread_t giver;
    parker = aligned_alloc(QLI_CACHE_LINE, sizeof(*parker));
    assert(parker);
    *parker = (qli_parker){0};
    pthread_create(&giver, NULL, give, &given[0]);
    if (!qli_park(parker, ql_after_ns(1000)))
        assert(qli_park(parker, QL_FOREVER));
    assert(given[0]);
    free(parker);
    pthread_join(giver, NULL);
}

static void *count_and_give(void *arg)
{
    qli_fetch_add(&count, 1, __ATOMIC_RELAXED);
    qli_unpark(arg);
    return NULL;
}

/* Two tokens may be one, but then it carries what both givers did. */
static void two_tokens(void)
{
    qli_parker both = {0};
    pthread_t givers[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&givers[i], NULL, count_and_give, &both);
    while (qli_load(&count, __ATOMIC_RELAXED) < 2)
        assert(qli_park(&both, QL_FOREVER));
    for (int i = 0; i < 2; i++)
        pthread_join(givers[i], NULL);
}

/* The sleep between the two calls may end for any reason: here it does not even begin. Once a token was taken its giver has done
 * with the descriptor too. */
static bool park_polling(qli_parker *at, int fd)
{
    if (!qli_park_polling(at, fd))
        return true;
    return qli_park_polled(at, fd);
}

static void polled_and_gone(void)
{
    pthread_t giver;
    int fd = eventfd(0, 0);
    parker = aligned_alloc(QLI_CACHE_LINE, sizeof(*parker));
    assert(parker);
    *parker = (qli_parker){0};
    pthread_create(&giver, NULL, give, &given[1]);
    while (!park_polling(parker, fd))
        sched_yield();
    assert(given[1]);
    free(parker);
    close(fd);
    pthread_join(giver, NULL);
}

static void *give_and_tell(void *arg)
{
    give(arg);
    qli_fetch_add(&count, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* Once both have given, whatever is taken last carries what both did. */
static void two_tokens_polled(void)
{
    qli_parker both = {0};
    pthread_t givers[2];
    int fd = eventfd(0, 0);
    parker = &both;
    count = given[0] = given[1] = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&givers[i], NULL, give_and_tell, &given[i]);
    while (qli_load(&count, __ATOMIC_RELAXED) < 2)
        if (!park_polling(&both, fd))
            sched_yield();
    park_polling(&both, fd);
    assert(given[0] && given[1]);
    for (int i = 0; i < 2; i++)
        pthread_join(givers[i], NULL);
    close(fd);
}

int main(void)
{
    polled_and_gone();
    two_tokens_polled();
    one_token_and_gone();
    count = 0;
    two_tokens();
    return 0;
}
