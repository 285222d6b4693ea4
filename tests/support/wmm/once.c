/* once.c: pthread_once, semaphores, barriers. */
#include "wmm.h"

#include <errno.h>
#include <semaphore.h>

enum { ONCE_DONE = 2 };

static void run_once(pthread_once_t *once, void (*init)(void))
{
    wmm_sync *sync = wmm_sync_of(once);
    while (sync->owner >= 0)
        wmm_block(WMM_MUTEX, once, WMM_NEVER);
    if (*once != ONCE_DONE) {
        sync->owner = wmm_self;
        wmm_leave();
        init();
        wmm_enter(0);
        *once = ONCE_DONE;
        sync->owner = -1;
        wmm_sync_release(sync);
        wmm_wake_some(WMM_MUTEX, once, WMM_THREADS);
    }
    wmm_sync_acquire(sync);
}

int pthread_once(pthread_once_t *once, void (*init)(void))
{
    if (wmm_enter(WMM_CALLER)) {
        wmm_point();
        run_once(once, init);
        wmm_leave();
    } else if (*once != ONCE_DONE) {
        *once = ONCE_DONE;
        init();
    }
    return 0;
}

int sem_init(sem_t *sem, int shared, unsigned value)
{
    (void)shared;
    wmm_sync_of(sem)->count = value;
    return 0;
}

int sem_destroy(sem_t *sem)
{
    (void)sem;
    return 0;
}

int sem_post(sem_t *sem)
{
    wmm_sync *sync = wmm_sync_of(sem);
    if (!wmm_enter(WMM_CALLER)) {
        sync->count++;
        return 0;
    }
    wmm_point();
    sync->count++;
    wmm_sync_release(sync);
    wmm_wake_some(WMM_SEMAPHORE, sem, 1);
    wmm_note("sem-post", (uintptr_t)sem, sync->count, -1, 0);
    wmm_leave();
    return 0;
}

static int take(sem_t *sem, bool wait, uint64_t deadline_ns)
{
    wmm_sync *sync = wmm_sync_of(sem);
    if (wait && wmm_options.spurious && wmm_below(48) == 0)
        return EINTR;
    while (!sync->count) {
        if (!wait)
            return EAGAIN;
        if (wmm_block(WMM_SEMAPHORE, sem, deadline_ns))
            return ETIMEDOUT;
    }
    sync->count--;
    wmm_sync_acquire(sync);
    wmm_note("sem-take", (uintptr_t)sem, sync->count, -1, 0);
    return 0;
}

static int sem_take(sem_t *sem, uintptr_t caller, bool wait, uint64_t deadline_ns)
{
    int error = EAGAIN;
    if (wmm_enter(caller)) {
        wmm_point();
        error = take(sem, wait, deadline_ns);
        wmm_leave();
    }
    if (error)
        errno = error;
    return error ? -1 : 0;
}

int sem_wait(sem_t *sem)
{
    return sem_take(sem, WMM_CALLER, true, WMM_NEVER);
}

int sem_trywait(sem_t *sem)
{
    return sem_take(sem, WMM_CALLER, false, WMM_NEVER);
}

int sem_timedwait(sem_t *sem, const struct timespec *deadline)
{
    return sem_take(sem, WMM_CALLER, true, wmm_deadline_ns(deadline));
}

int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attributes, unsigned count)
{
    (void)attributes;
    wmm_sync_of(barrier)->count = count;
    wmm_sync_of(barrier)->depth = 0;
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    (void)barrier;
    return 0;
}

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    wmm_sync *sync = wmm_sync_of(barrier);
    if (!wmm_enter(WMM_CALLER))
        return 0;
    wmm_point();
    wmm_sync_release(sync);
    bool last = ++sync->depth == (int)sync->count;
    if (last) {
        sync->depth = 0;
        wmm_wake_some(WMM_BARRIER, barrier, WMM_THREADS);
    } else {
        wmm_block(WMM_BARRIER, barrier, WMM_NEVER);
    }
    wmm_sync_acquire(sync);
    wmm_leave();
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}
