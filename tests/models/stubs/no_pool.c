/* A runtime of lanes only, for models: no worker, no timer, nobody to pass a seat to. */
#include "tests/models/stubs/no_pool.h"

#include <stdlib.h>

ql_runtime *no_pool_start(void)
{
    ql_runtime *runtime = aligned_alloc(QLI_CACHE_LINE, sizeof(*runtime));
    *runtime = (ql_runtime){.config = {.size = sizeof(ql_runtime_config)}};
    pthread_mutex_init(&runtime->lock, NULL);
    pthread_mutex_init(&runtime->waits.lock, NULL);
    return runtime;
}

void no_pool_stop(ql_runtime *runtime)
{
    pthread_mutex_destroy(&runtime->lock);
    pthread_mutex_destroy(&runtime->waits.lock);
    free(runtime);
}

int qli_seat_leave(qli_worker *worker, bool must)
{
    (void)worker, (void)must;
    abort();
}

void qli_seat_return(qli_worker *worker)
{
    (void)worker;
    abort();
}

bool qli_seat_none_works(qli_pool *pool)
{
    (void)pool;
    return false;
}

int qli_pool_create(ql_runtime *runtime, qli_pool **pool, ql_error *error)
{
    (void)runtime, (void)pool, (void)error;
    abort();
}
