/* Another thread crashes while the lane of q begins to watch: its handler reads which thread the lane is. No signal is sent, the
 * handler is called as one would. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>

#include "lanes/engines/q.h"

enum { LOOKS = 10 };

static void *crash(void *unused)
{
    siginfo_t info = {.si_code = SEGV_MAPERR};
    for (int i = 0; i < LOOKS; i++) {
        struct sigaction now;
        sigaction(SIGSEGV, NULL, &now);
        if (now.sa_flags & SA_SIGINFO) {
            now.sa_sigaction(SIGSEGV, &info, NULL);
            break;
        }
        sched_yield();
    }
    return unused;
}

int main(void)
{
    static ql_q q;
    pthread_t crasher;
    pthread_create(&crasher, NULL, crash, NULL);
    qli_q_crash_watch(&q);
    pthread_join(crasher, NULL);
    qli_q_crash_unwatch(&q);
    return 0;
}
