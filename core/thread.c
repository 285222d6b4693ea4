#include "core/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "core/runtime.h"

/* Whoever waits for what the thread runs or holds would wait for ever, and its frames are gone. */
static void ended_early(void *arg)
{
    const qli_context *context = qli_context_current();
    (void)arg;
    if (context)
        qli_misuse(context->runtime, 0,
                   "pthread_exit: task '%s' ended a thread of the runtime; the process ends",
                   context->task_name ? context->task_name : "");
    abort();
}

static void *main_of(void *arg)
{
    qli_thread *thread = arg;
    pthread_setname_np(pthread_self(), thread->name);
    pthread_cleanup_push(ended_early, NULL);
    thread->run(thread->arg);
    pthread_cleanup_pop(false);
    qli_unpark(&thread->ended);
    return NULL;
}

/* The host's signals are the host's threads' to handle; a crash is handled where it happens. */
static void block_signals(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (unsigned i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
        sigdelset(&all, crashes[i]);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

int qli_thread_start(qli_thread *thread, void (*run)(void *), void *arg, const char *name)
{
    thread->run = run;
    thread->arg = arg;
    thread->ended = (qli_parker){0};
    size_t n = 0;
    for (; name[n] && n + 1 < sizeof(thread->name); n++)
        thread->name[n] = name[n];
    thread->name[n] = 0;
    sigset_t before;
    block_signals(&before);
    int code = pthread_create(&thread->handle, NULL, main_of, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -code;
}

int qli_thread_join(qli_thread *thread, int64_t deadline_ns)
{
    if (!qli_park(&thread->ended, deadline_ns))
        return -ETIMEDOUT;
    int state = qli_cancel_off(), code = -pthread_join(thread->handle, NULL);
    qli_cancel_back(state);
    return code;
}
