/* Two locks taken by two threads, and a condition that one waits for.
 *
 * PLANT_ABBA: the second thread takes them in the other order. PLANT_UNGUARDED: a shared counter outside its
 * lock. PLANT_IF: the wait does not look at its condition again. PLANT_SIGNAL_ONE: one of two waiters is
 * woken. */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int counter;
static bool ready;

static void count(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    counter++;
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
#ifdef PLANT_UNGUARDED
    counter++;
#endif
}

static void *waiter(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&a);
#ifdef PLANT_IF
    if (!ready)
#else
    while (!ready)
#endif
        pthread_cond_wait(&changed, &a);
    assert(ready);
    pthread_mutex_unlock(&a);
#ifdef PLANT_ABBA
    count(&b, &a);
#else
    count(&a, &b);
#endif
    return NULL;
}

int main(void)
{
    pthread_t thread[2];
    pthread_create(&thread[0], NULL, waiter, NULL);
    pthread_create(&thread[1], NULL, waiter, NULL);
    pthread_mutex_lock(&a);
    ready = true;
#ifdef PLANT_SIGNAL_ONE
    pthread_cond_signal(&changed);
#else
    pthread_cond_broadcast(&changed);
#endif
    pthread_mutex_unlock(&a);
    count(&a, &b);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    return 0;
}
