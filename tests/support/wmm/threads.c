/* threads.c: how threads begin, end, join and yield. */
#include "wmm.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>

static pthread_key_t last_key;

/* A thread is over when the last of its own thread-specific destructors has run, so ours asks to be called
 * again until then. */
static void at_thread_end(void *round)
{
    if ((uintptr_t)round < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(last_key, (void *)((uintptr_t)round + 1));
    } else if (wmm_self >= 0) {
        wmm_enter(0);
        wmm_thread_over();
    }
}

/* libc gives the stack and the thread-local variables of a finished thread to a new one. */
static void forget_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes))
        return;
    pthread_attr_getstack(&attributes, &low, &size);
    pthread_attr_destroy(&attributes);
    wmm_forget_accesses((uintptr_t)low, size);
    wmm_end_history_on_stack((uintptr_t)low, size);
}

static void *thread_main(void *thread)
{
    wmm_thread *me = thread;
    wmm_real_wait(&me->turn, 0);
    me->turn = 0;
    wmm_self = (int)(me - wmm_threads);
    me->pc = (uintptr_t)me->start;
    pthread_setspecific(last_key, (void *)1);
    forget_stack();
    wmm_leave();
    me->value = me->start(me->argument);
    return me->value;
}

static wmm_thread *new_thread(void *(*start)(void *), void *argument)
{
    if (wmm_thread_count == WMM_THREADS)
        wmm_fail("more than %d threads", WMM_THREADS);
    wmm_thread *me = wmm_me();
    wmm_thread *t = &wmm_threads[wmm_thread_count++];
    t->start = start;
    t->argument = argument;
    t->state = WMM_RUNNABLE;
    t->priority = (long)(wmm_random() % 1000000);
    t->clock = me->clock;
    t->clock.at[t - wmm_threads] = 1;
    memcpy(t->seen.at, me->seen.at, wmm_location_count * sizeof t->seen.at[0]);
    memcpy(t->acquirable.at, me->seen.at, wmm_location_count * sizeof t->seen.at[0]);
    me->clock.at[wmm_self]++;
    return t;
}

void wmm_threads_start(void)
{
    wmm_thread *t = &wmm_threads[0];
    pthread_key_create(&last_key, at_thread_end);
    t->state = WMM_RUNNABLE;
    t->handle = pthread_self();
    t->priority = (long)(wmm_random() % 1000000);
    t->clock.at[0] = 1;
    wmm_thread_count = 1;
    wmm_self = 0;
}

int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->pthread_create(out, attributes, start, argument);
    wmm_point();
    wmm_thread *t = new_thread(start, argument);
    int error = wmm_libc()->pthread_create(&t->handle, attributes, thread_main, t);
    if (error) {
        t->state = WMM_UNUSED;
        wmm_thread_count--;
    } else {
        *out = t->handle;
        wmm_touch((uintptr_t)out, sizeof *out, WMM_WRITE);
        wmm_end_history((uintptr_t)out, sizeof *out);
        wmm_note("create", (uintptr_t)(t - wmm_threads), 0, -1, 0);
        wmm_point();
    }
    wmm_leave();
    return error;
}

/* The newest of that name: libc gives the handle of a detached thread that is over to another one. */
static wmm_thread *thread_of(pthread_t handle)
{
    for (int i = wmm_thread_count - 1; i > 0; i--)
        if (pthread_equal(wmm_threads[i].handle, handle) && !wmm_threads[i].joined)
            return &wmm_threads[i];
    return NULL;
}

/* ETIMEDOUT where the deadline comes first, EBUSY where the caller does not wait at all. */
static int join(pthread_t handle, void **value, bool wait, uint64_t deadline_ns)
{
    wmm_thread *me = wmm_me(), *t = thread_of(handle);
    if (!t)
        return ESRCH;
    while (t->state != WMM_FINISHED) {
        if (!wait)
            return EBUSY;
        if (wmm_block(WMM_JOIN, t, deadline_ns))
            return ETIMEDOUT;
    }
    t->joined = true;
    wmm_view_join(&me->seen, &t->seen);
    wmm_view_join(&me->acquirable, &t->seen);
    wmm_clock_join(&me->clock, &t->clock);
    wmm_note("join", (uintptr_t)(t - wmm_threads), 0, -1, 0);
    if (value)
        *value = t->value;
    return wmm_libc()->pthread_join(handle, NULL);
}

static int join_point(pthread_t handle, void **value, bool wait, uint64_t deadline_ns, uintptr_t caller)
{
    if (!wmm_enter(caller))
        return wmm_libc()->pthread_join(handle, value);
    wmm_point();
    int error = join(handle, value, wait, deadline_ns);
    wmm_leave();
    return error;
}

int pthread_join(pthread_t handle, void **value)
{
    return join_point(handle, value, true, WMM_NEVER, WMM_CALLER);
}

int pthread_tryjoin_np(pthread_t handle, void **value)
{
    return join_point(handle, value, false, WMM_NEVER, WMM_CALLER);
}

int pthread_timedjoin_np(pthread_t handle, void **value, const struct timespec *deadline)
{
    return join_point(handle, value, true, wmm_deadline_ns(deadline), WMM_CALLER);
}

int pthread_clockjoin_np(pthread_t handle, void **value, clockid_t clock, const struct timespec *deadline)
{
    (void)clock;
    return join_point(handle, value, true, wmm_deadline_ns(deadline), WMM_CALLER);
}

int sched_yield(void)
{
    if (wmm_enter(WMM_CALLER)) {
        wmm_yield();
        wmm_leave();
    }
    return 0;
}
