/* vtime.c: the program's clocks and sleeps. Time is virtual, so that a seed replays: it moves a little with
 * each step and each look at a clock, and leaps to a deadline when the seed lets a timed wait end. */
#include "wmm.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* The real-time clock runs this far ahead of the monotonic one, so that a deadline tells which of the two it
 * is of. */
#define REALTIME_AHEAD_NS 1700000000000000000u
#define SECOND_NS 1000000000u

static uint64_t now_ns = 1000 * (uint64_t)SECOND_NS;

uint64_t wmm_now_ns(void)
{
    return now_ns;
}

void wmm_time_passes(uint64_t ns)
{
    now_ns += ns;
}

void wmm_time_reaches(uint64_t deadline_ns)
{
    if (now_ns < deadline_ns)
        now_ns = deadline_ns;
}

static uint64_t in_ns(const struct timespec *t)
{
    uint64_t seconds = (uint64_t)t->tv_sec, ns;
    if (t->tv_sec < 0)
        return 0;
    if (__builtin_mul_overflow(seconds, (uint64_t)SECOND_NS, &ns))
        return WMM_NEVER - 1;
    return ns + (uint64_t)t->tv_nsec;
}

uint64_t wmm_deadline_ns(const struct timespec *absolute)
{
    if (!absolute)
        return WMM_NEVER;
    uint64_t ns = in_ns(absolute);
    return ns >= REALTIME_AHEAD_NS ? ns - REALTIME_AHEAD_NS : ns;
}

uint64_t wmm_deadline_after_ns(const struct timespec *relative)
{
    uint64_t ns = relative ? in_ns(relative) : WMM_NEVER;
    return ns < WMM_NEVER - now_ns ? now_ns + ns : WMM_NEVER;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->clock_gettime(clock, out);
    now_ns += (uint64_t)1 << wmm_below(16); /* up to 32 us: a spin budget may end at any turn */
    uint64_t ns =
        now_ns + (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? REALTIME_AHEAD_NS : 0);
    out->tv_sec = (time_t)(ns / SECOND_NS);
    out->tv_nsec = (long)(ns % SECOND_NS);
    wmm_leave();
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->clock_nanosleep(clock, flags, time, left);
    uint64_t deadline_ns = flags & TIMER_ABSTIME ? wmm_deadline_ns(time) : wmm_deadline_after_ns(time);
    wmm_yield();
    wmm_time_reaches(deadline_ns);
    wmm_leave();
    return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);
    if (error)
        errno = error;
    return error ? -1 : 0;
}

int usleep(useconds_t us)
{
    struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    return nanosleep(&time, NULL);
}

unsigned sleep(unsigned seconds)
{
    struct timespec time = {(time_t)seconds, 0};
    return nanosleep(&time, NULL) ? seconds : 0;
}
