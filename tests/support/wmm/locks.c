/* locks.c: mutexes and condition variables. */
#include "wmm.h"

#include <errno.h>

enum { SYNCS = 512 };
static wmm_sync *syncs[SYNCS];

wmm_sync *wmm_sync_of(const void *key)
{
    uint32_t i = (uint32_t)(((uintptr_t)key >> 3) * 2654435761u) % SYNCS;
    for (int tries = 0; tries < SYNCS; tries++, i = (i + 1) % SYNCS) {
        if (!syncs[i]) {
            syncs[i] = wmm_own_memory(sizeof *syncs[i]);
            syncs[i]->key = key;
            syncs[i]->owner = -1;
        }
        if (syncs[i]->key == key)
            return syncs[i];
    }
    wmm_fail("more than %d locks", SYNCS);
}

void wmm_sync_acquire(const wmm_sync *sync)
{
    wmm_thread *me = wmm_me();
    wmm_view_join(&me->seen, &sync->view);
    wmm_view_join(&me->acquirable, &sync->view);
    wmm_clock_join(&me->clock, &sync->clock);
}

void wmm_sync_release(wmm_sync *sync)
{
    wmm_thread *me = wmm_me();
    wmm_view_join(&sync->view, &me->seen);
    wmm_clock_join(&sync->clock, &me->clock);
    me->clock.at[wmm_self]++;
}

static bool is_recursive(const pthread_mutex_t *mutex)
{
    return (mutex->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP;
}

static int lock(pthread_mutex_t *mutex, bool wait, uint64_t deadline_ns)
{
    wmm_sync *sync = wmm_sync_of(mutex);
    while (sync->owner >= 0) {
        if (sync->owner == wmm_self && is_recursive(mutex)) {
            sync->depth++;
            return 0;
        }
        if (!wait)
            return EBUSY;
        if (wmm_block(WMM_MUTEX, mutex, deadline_ns))
            return ETIMEDOUT;
    }
    sync->owner = wmm_self;
    sync->depth = 1;
    wmm_sync_acquire(sync);
    wmm_note("lock", (uintptr_t)mutex, 0, -1, 0);
    return 0;
}

static void unlock(pthread_mutex_t *mutex)
{
    wmm_sync *sync = wmm_sync_of(mutex);
    if (sync->owner != wmm_self)
        wmm_fail("unlock of mutex %p that this thread does not hold", (void *)mutex);
    if (--sync->depth)
        return;
    sync->owner = -1;
    wmm_sync_release(sync);
    wmm_wake_some(WMM_MUTEX, mutex, WMM_THREADS);
    wmm_note("unlock", (uintptr_t)mutex, 0, -1, 0);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->pthread_mutex_lock(mutex);
    wmm_point();
    int error = lock(mutex, true, WMM_NEVER);
    wmm_leave();
    return error;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->pthread_mutex_trylock(mutex);
    wmm_point();
    int error = lock(mutex, false, WMM_NEVER);
    wmm_leave();
    return error;
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->pthread_mutex_lock(mutex);
    wmm_point();
    int error = lock(mutex, true, wmm_deadline_ns(deadline));
    wmm_leave();
    return error;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->pthread_mutex_unlock(mutex);
    wmm_point();
    unlock(mutex);
    wmm_leave();
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    if (wmm_enter(WMM_CALLER)) {
        if (wmm_sync_of(mutex)->owner >= 0)
            wmm_fail("destroy of locked mutex %p", (void *)mutex);
        wmm_leave();
    }
    return 0;
}

static int cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns)
{
    wmm_point();
    bool spurious = wmm_options.spurious && wmm_below(24) == 0;
    unlock(mutex);
    int error = spurious ? 0 : wmm_block(WMM_CONDVAR, cond, deadline_ns);
    lock(mutex, true, WMM_NEVER);
    return error;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (wmm_enter(WMM_CALLER)) {
        cond_wait(cond, mutex, WMM_NEVER);
        wmm_leave();
    }
    return 0;
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline)
{
    if (!wmm_enter(WMM_CALLER))
        return ETIMEDOUT;
    int error = cond_wait(cond, mutex, wmm_deadline_ns(deadline));
    wmm_leave();
    return error;
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *deadline)
{
    (void)clock;
    if (!wmm_enter(WMM_CALLER))
        return ETIMEDOUT;
    int error = cond_wait(cond, mutex, wmm_deadline_ns(deadline));
    wmm_leave();
    return error;
}

static void cond_wake(pthread_cond_t *cond, uintptr_t caller, long most, const char *what)
{
    if (!wmm_enter(caller))
        return;
    wmm_point();
    wmm_wake_some(WMM_CONDVAR, cond, most);
    wmm_note(what, (uintptr_t)cond, 0, -1, 0);
    wmm_leave();
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    cond_wake(cond, WMM_CALLER, 1, "signal");
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    cond_wake(cond, WMM_CALLER, WMM_THREADS, "broadcast");
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
    (void)cond;
    return 0;
}
