/* Work is posted to a thread that sleeps on a futex: post, then look for sleepers; announce the sleep, then
 * look for work.
 *
 * PLANT_NO_RECHECK: the sleeper does not look again after it has announced its sleep: a lost wake-up.
 * PLANT_TIMED: the same, but a timed sleep saves it: only a run without timeouts notices. */
#include <assert.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int work, sleeping;

static void post(void)
{
    __atomic_store_n(&work, 1, __ATOMIC_RELAXED);
    /* FENCE wake:A, with wake:B in sleep_until_work() */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&sleeping, __ATOMIC_RELAXED)) {
        __atomic_store_n(&sleeping, 0, __ATOMIC_RELAXED);
        syscall(SYS_futex, &sleeping, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void sleep_once(void)
{
    const struct timespec *forever = NULL;
#ifdef PLANT_TIMED
    struct timespec second = {1, 0};
    forever = &second;
#endif
    syscall(SYS_futex, &sleeping, FUTEX_WAIT_PRIVATE, 1, forever, NULL, 0);
}

static void sleep_until_work(void)
{
    while (!__atomic_load_n(&work, __ATOMIC_RELAXED)) {
        __atomic_store_n(&sleeping, 1, __ATOMIC_RELAXED);
        /* FENCE wake:B, with wake:A in post() */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
#if !defined PLANT_NO_RECHECK && !defined PLANT_TIMED
        if (__atomic_load_n(&work, __ATOMIC_RELAXED))
            return;
#endif
        sleep_once();
    }
}

static void *sleeper(void *unused)
{
    (void)unused;
    sleep_until_work();
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleeper, NULL);
    post();
    pthread_join(thread, NULL);
    return 0;
}
