/* schedule.c: one thread runs at a time; which one is chosen by the seed at each scheduling point.
 *
 * Two strategies: a random walk, and PCT (probabilistic concurrency testing: the runnable thread of highest
 * priority runs, priorities are random and drop at a few random steps). Each program thread is a real thread
 * that waits for its `turn`; handing over is one futex call. */
#include "wmm.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

wmm_thread wmm_threads[WMM_THREADS];
int wmm_thread_count;
_Thread_local int wmm_self = -1;

enum { DROPS = 5 };
#define LOW_PRIORITY (-1000000L) /* of dropped threads; those that were passed over go lower still */

static bool random_walk;
static uint32_t walk_length; /* a random walk leaves a thread after this many steps on average */
static long drop_at[DROPS];
static int drop_count;
static long lowest_priority = 2 * LOW_PRIORITY;
static long steps, row; /* all; and those that the running thread took in a row */

/* Index of the running thread; -1: every thread is outside, whoever comes back first runs. */
static int running;
static int returned_count; /* threads outside whose system call has ended */

void wmm_schedule_start(long expected_steps)
{
    static const uint32_t lengths[] = {2, 3, 5, 10, 25};
    random_walk = wmm_seed % 3 == 0;
    walk_length = lengths[wmm_below(5)];
    drop_count = random_walk ? 0 : 1 + (int)wmm_below(DROPS);
    for (int i = 0; i < drop_count; i++)
        drop_at[i] = 1 + (long)(wmm_random() % (uint64_t)(expected_steps > 8 ? expected_steps : 8));
}

long wmm_steps(void)
{
    return steps;
}

/* A runnable thread, -1 if there is none. */
static int choose(bool may_stay)
{
    int runnable[WMM_THREADS], count = 0;
    for (int i = 0; i < wmm_thread_count; i++)
        if (wmm_threads[i].state == WMM_RUNNABLE && (may_stay || i != wmm_self))
            runnable[count++] = i;
    if (!count)
        return -1;
    if (random_walk) {
        if (may_stay && wmm_me()->state == WMM_RUNNABLE && wmm_below(walk_length))
            return wmm_self;
        return runnable[wmm_below((uint32_t)count)];
    }
    int best = runnable[0];
    for (int i = 1; i < count; i++)
        if (wmm_threads[runnable[i]].priority > wmm_threads[best].priority)
            best = runnable[i];
    return best;
}

static void hand_over(int to)
{
    wmm_thread *me = wmm_me();
    if (to == wmm_self)
        return;
    row = 0;
    __atomic_store_n(&running, to, __ATOMIC_RELEASE);
    wmm_real_set(&wmm_threads[to].turn, 1);
    if (me->state == WMM_FINISHED)
        return;
    wmm_real_wait(&me->turn, 0);
    me->turn = 0;
}

/* Threads whose system call has ended take part again. */
static void admit_returned(void)
{
    if (!__atomic_load_n(&returned_count, __ATOMIC_ACQUIRE))
        return;
    for (int i = 0; i < wmm_thread_count; i++) {
        wmm_thread *t = &wmm_threads[i];
        if (t->state != WMM_OUTSIDE || !__atomic_load_n(&t->returned, __ATOMIC_ACQUIRE))
            continue;
        t->state = WMM_RUNNABLE;
        __atomic_sub_fetch(&returned_count, 1, __ATOMIC_ACQ_REL);
    }
}

static void count_step(void)
{
    if (++steps > wmm_options.steps_max)
        wmm_fail("no progress after %ld steps (livelock, or raise WMM_STEPS)", wmm_options.steps_max);
    wmm_time_passes(50);
    admit_returned();
}

/* Ends the timed wait of one thread, chosen by the seed; -1 if there is none. */
static int end_timed_wait(void)
{
    int timed[WMM_THREADS], count = 0;
    for (int i = 0; i < wmm_thread_count; i++)
        if (wmm_threads[i].state == WMM_WAITING && wmm_threads[i].wait_deadline_ns != WMM_NEVER)
            timed[count++] = i;
    if (!count || !wmm_options.timeouts)
        return -1;
    int i = timed[wmm_below((uint32_t)count)];
    wmm_time_reaches(wmm_threads[i].wait_deadline_ns);
    wmm_wake(i);
    wmm_threads[i].wait_result = ETIMEDOUT;
    return i;
}

static bool any_in(enum wmm_state state)
{
    for (int i = 0; i < wmm_thread_count; i++)
        if (wmm_threads[i].state == state)
            return true;
    return false;
}

/* Who runs when the caller cannot; -1 when every thread has finished. A timed wait ends when nobody else can
 * run, and now and then before. */
static int next_thread(void)
{
    for (;;) {
        admit_returned();
        int next = choose(true);
        if (next < 0 || wmm_below(64) == 0) {
            int timed_out = end_timed_wait();
            next = timed_out < 0 ? next : timed_out;
        }
        if (next >= 0)
            return next;
        if (!any_in(WMM_OUTSIDE)) {
            if (any_in(WMM_WAITING))
                wmm_fail("nobody can run: deadlock or lost wake-up");
            return -1;
        }
        wmm_real_nap(200000);
    }
}

void wmm_point(void)
{
    count_step();
    for (int i = 0; i < drop_count; i++)
        if (drop_at[i] == steps)
            wmm_me()->priority = LOW_PRIORITY + i;
    bool may_stay = ++row <= wmm_options.row_max;
    if (!may_stay) {
        wmm_me()->priority = --lowest_priority;
        row = 0;
    }
    int next = choose(may_stay);
    hand_over(next < 0 ? wmm_self : next);
}

void wmm_yield(void)
{
    count_step();
    wmm_me()->priority = --lowest_priority;
    int next = choose(false);
    if (next < 0 || wmm_below(16) == 0) {
        int timed_out = end_timed_wait();
        next = timed_out < 0 ? next : timed_out;
    }
    hand_over(next < 0 ? wmm_self : next);
}

int wmm_block(enum wmm_wait kind, const void *object, uint64_t deadline_ns)
{
    wmm_thread *me = wmm_me();
    if (deadline_ns <= wmm_now_ns())
        return ETIMEDOUT; /* in every mode: who asks for a time that is over polls */
    me->state = WMM_WAITING;
    me->wait_kind = kind;
    me->wait_object = object;
    me->wait_deadline_ns = deadline_ns;
    me->wait_result = 0;
    hand_over(next_thread());
    return me->wait_result;
}

int wmm_waiters(enum wmm_wait kind, const void *object, int out[WMM_THREADS])
{
    int count = 0;
    for (int i = 0; i < wmm_thread_count; i++) {
        const wmm_thread *t = &wmm_threads[i];
        if (t->state == WMM_WAITING && t->wait_kind == kind && t->wait_object == object)
            out[count++] = i;
    }
    return count;
}

void wmm_wake(int thread)
{
    wmm_threads[thread].state = WMM_RUNNABLE;
    wmm_threads[thread].wait_kind = WMM_NOTHING;
    wmm_threads[thread].wait_result = 0;
}

long wmm_wake_some(enum wmm_wait kind, const void *object, long most)
{
    int waiters[WMM_THREADS], count = wmm_waiters(kind, object, waiters);
    long woken = 0;
    for (; count && woken < most; woken++) {
        uint32_t i = wmm_below((uint32_t)count);
        wmm_wake(waiters[i]);
        waiters[i] = waiters[--count];
    }
    return woken;
}

void wmm_thread_over(void)
{
    wmm_me()->state = WMM_FINISHED;
    wmm_me()->clock.at[wmm_self]++;
    wmm_wake_some(WMM_JOIN, wmm_me(), WMM_THREADS);
    int next = next_thread();
    if (next >= 0)
        hand_over(next);
    wmm_self = -1;
}

void wmm_drain(void)
{
    wmm_me()->priority = LONG_MIN;
    for (int next; (next = choose(false)) >= 0;) {
        count_step();
        hand_over(next);
    }
}

/* ---- system calls that may really block: the others run meanwhile */

void wmm_outside_begin(void)
{
    count_step();
    __atomic_store_n(&wmm_me()->returned, false, __ATOMIC_RELAXED);
    wmm_me()->state = WMM_OUTSIDE;
    int next = choose(true);
    if (next < 0)
        next = end_timed_wait();
    row = 0;
    __atomic_store_n(&running, next, __ATOMIC_RELEASE);
    if (next >= 0)
        wmm_real_set(&wmm_threads[next].turn, 1);
}

void wmm_outside_end(void)
{
    wmm_thread *me = wmm_me();
    int saved = errno;
    __atomic_store_n(&me->returned, true, __ATOMIC_RELEASE);
    __atomic_add_fetch(&returned_count, 1, __ATOMIC_ACQ_REL);
    /* Somebody at a scheduling point admits us and hands over; where nobody runs, we go on by ourselves. */
    for (int nobody = -1; !__atomic_load_n(&me->turn, __ATOMIC_ACQUIRE); nobody = -1) {
        if (__atomic_compare_exchange_n(&running, &nobody, wmm_self, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            __atomic_sub_fetch(&returned_count, 1, __ATOMIC_ACQ_REL);
            me->state = WMM_RUNNABLE;
            errno = saved;
            return;
        }
        wmm_real_nap(50000);
    }
    me->turn = 0;
    errno = saved;
}
