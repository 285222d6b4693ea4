/* A thread is sent to sleep and woken, round after round; a round that stalls ends the program with status 1.
 * PLANT_NO_RECHECK: the sleeper does not look for work again after it has announced its sleep. */
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STALL_S = 2 };
static int posted, done, sleeping;

static void post(void)
{
    __atomic_fetch_add(&posted, 1, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&sleeping, 0, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &sleeping, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *worker(void *unused)
{
    for (;;) {
        if (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < __atomic_load_n(&posted, __ATOMIC_SEQ_CST)) {
            __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
            continue;
        }
        __atomic_store_n(&sleeping, 1, __ATOMIC_SEQ_CST);
#ifndef PLANT_NO_RECHECK
        if (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < __atomic_load_n(&posted, __ATOMIC_SEQ_CST))
            continue;
#endif
        syscall(SYS_futex, &sleeping, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
    }
    return unused;
}

int main(int argc, char **argv)
{
    time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 2);
    pthread_t thread;
    pthread_create(&thread, NULL, worker, NULL);
    int rounds = 0;
    for (; time(NULL) < end; rounds++) {
        post();
        time_t stalled = time(NULL) + STALL_S;
        while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) < __atomic_load_n(&posted, __ATOMIC_SEQ_CST)) {
            if (time(NULL) > stalled) {
                printf("stalled after %d rounds\n", rounds);
                return 1;
            }
        }
    }
    printf("%d rounds\n", rounds);
    return 0;
}
