/* One heap of deadlines for a runtime, kept inside the tasks, and one thread that sleeps until the earliest. While nothing
 * is armed it sleeps for ever.
 *
 * The heap is a pairing heap (Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986): any task can leave it, and
 * it needs no memory of its own, so arming cannot fail. */
#ifndef QLANE_CORE_TIMER_H
#define QLANE_CORE_TIMER_H

#include <pthread.h>

#include "core/context.h"
#include "core/thread.h"
#include "core/watchdog.h"

/* The heap alone: its root is the task with the earliest deadline_ns, NULL when it is empty. No locking. A task in no heap has
 * qli_heap zero. */
void qli_deadlines_add(ql_task **root, ql_task *task);
void qli_deadlines_remove(ql_task **root, ql_task *task);

typedef struct qli_timers {
    pthread_mutex_t lock;
    pthread_cond_t fired;
    ql_task *root;
    ql_task *firing; /* its deadline is being acted upon, without the lock */
    bool unwanted;   /* somebody disarms just that one, and waits */
    bool ending;
    const ql_plan *plan;
    qli_watchdog *watchdog; /* NULL: there is none */
    qli_thread thread;
    qli_parker parker;
} qli_timers;

/* Its thread stays with the first worker, off the lanes' cores. */
int qli_timers_start(qli_timers *timers, const ql_plan *plan, qli_watchdog *watchdog);
/* Nothing is armed any more. */
void qli_timers_end(qli_timers *timers);

/* At task->deadline_ns the task's executor is asked to end it with ETIMEDOUT. */
void qli_timers_arm(qli_timers *timers, ql_task *task);
/* The task settles, or was not accepted after all: afterwards its deadline does not touch it. */
void qli_timers_disarm(qli_timers *timers, ql_task *task);

#endif
