/* Names tasks that hold a worker or a lane for too long. It looks from the timer thread, a few times in the time allowed, and
 * sleeps for ever once it finds that nothing runs: then whoever has something to do again wakes it.
 *
 *   AWAKE --nobody works--> ASLEEP --a thread has work again--> AWAKE
 *
 * A thread says that it works before it asks, with the lock, whether the watchdog sleeps; that looks with the lock whether anybody
 * works before it goes to sleep. So one of them sees the other. Tasks pay nothing: two looks that find a thread in the same
 * task, with as many ended as before, have seen one task. */
#ifndef QLANE_CORE_WATCHDOG_H
#define QLANE_CORE_WATCHDOG_H

#include <pthread.h>

#include "core/context.h"

typedef struct qli_watchdog {
    ql_runtime *runtime;
    pthread_mutex_t lock;
    bool awake;         /* with the lock */
    int64_t look_at_ns; /* the timer thread's: not before */
} qli_watchdog;

void qli_watchdog_init(qli_watchdog *watchdog, ql_runtime *runtime);

/* A thread that had nothing to do has something again. */
void qli_watchdog_rouse(qli_watchdog *watchdog);

/* The timer thread: look, if it is time. Returns when to look again; QL_FOREVER: not before it is roused. */
int64_t qli_watchdog_look(qli_watchdog *watchdog);

#endif
