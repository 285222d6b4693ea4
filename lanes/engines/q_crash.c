/* When the lane crashes: say in which task, then let whoever handled the signal before have it. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/atomics.h"
#include "lanes/engines/q.h"

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { CRASHES = sizeof(crashes) / sizeof(*crashes) };

/* A process has one q. */
static const ql_q *watched;
static pthread_t lane_thread;
static struct sigaction before[CRASHES];

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    /* ORDER crash:handle (acquire): the thread, with crash:watch; another one may be the first to crash. */
    const ql_q *at = qli_load(&watched, __ATOMIC_ACQUIRE);
    for (int i = 0; i < CRASHES; i++)
        if (crashes[i] == signal_number)
            sigaction(signal_number, &before[i], NULL);
    if (at && pthread_equal(pthread_self(), lane_thread) && at->task_name) {
        say("qlane: the lane of q crashed in task '");
        say(at->task_name);
        say("'\n");
    }
    /* A fault comes again when this returns; what was sent is sent again. */
    if (info->si_code <= 0)
        raise(signal_number);
}

void qli_q_crash_watch(ql_q *at)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    lane_thread = pthread_self();
    /* ORDER crash:watch (release): the thread, for crash:handle. */
    qli_store(&watched, at, __ATOMIC_RELEASE);
    for (int i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &action, &before[i]);
}

/* What the host has set since stays. */
void qli_q_crash_unwatch(const ql_q *at)
{
    if (watched != at)
        return;
    for (int i = 0; i < CRASHES; i++) {
        struct sigaction now;
        if (sigaction(crashes[i], NULL, &now) == 0 && now.sa_flags & SA_SIGINFO && now.sa_sigaction == handle)
            sigaction(crashes[i], &before[i], NULL);
    }
    qli_store(&watched, NULL, __ATOMIC_RELAXED); /* only the lane's own thread follows it */
}
