/* The one place where threads are made: named, joinable, with every signal blocked but those of crashes. */
#ifndef QLANE_CORE_THREAD_H
#define QLANE_CORE_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "core/park.h"

typedef struct qli_thread {
    pthread_t handle;
    void (*run)(void *arg);
    void *arg;
    char name[16];
    qli_parker ended; /* gets a token when run() has returned */
} qli_thread;

/* Start run(arg). `thread` must outlive it. Errors: -EAGAIN no thread can be had, -ENOMEM. */
int qli_thread_start(qli_thread *thread, void (*run)(void *), void *arg, const char *name);

/* Wait for its end, at most until the deadline (ql_now_ns() time; QL_FOREVER). 0: it is joined. -ETIMEDOUT: ask again, or
 * detach it. */
int qli_thread_join(qli_thread *thread, int64_t deadline_ns);

/* No call of ours is a cancellation point: around those of libc that are. */
static inline int qli_cancel_off(void)
{
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

static inline void qli_cancel_back(int state)
{
    pthread_setcancelstate(state, NULL);
}

#endif
