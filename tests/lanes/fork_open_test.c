/* fork() just when a lane's thread has started: the linker's --wrap holds its opener there. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/thread.h"
#include "qlane/sqlite.h"
#include "tests/lanes/lanes.h"

static qlt_gate thread_started = QLT_GATE_INIT;
static bool forked; /* atomic */

int __real_qli_thread_start(qli_thread *thread, void (*run)(void *), void *arg, const char *name);
int __wrap_qli_thread_start(qli_thread *thread, void (*run)(void *), void *arg, const char *name);
int __wrap_qli_thread_start(qli_thread *thread, void (*run)(void *), void *arg, const char *name)
{
    int code = __real_qli_thread_start(thread, run, arg, name);
    if (strncmp(name, "ql-lane", 7) != 0)
        return code;
    /* Long enough for a fork that need not wait for the lane to be known; one that must wait comes after. */
    qlt_gate_open(&thread_started, 1);
    for (int64_t until_ns = ql_after_ns(200000000); ql_now_ns() < until_ns;) {
        if (__atomic_load_n(&forked, __ATOMIC_ACQUIRE))
            break;
        sched_yield();
    }
    return code;
}

/* The child says by its status whether SQLite's locks may be taken in it. */
static void *fork_now(void *status)
{
    qlt_gate_wait(&thread_started, 1);
    pid_t child = fork();
    if (!child) {
        ql_sqlite_config config = {.size = sizeof(config)};
        ql_lane *lane;
        ql_error error;
        _exit(ql_sqlite_open(NULL, NULL, &config, &lane, &error) == -ECHILD ? 0 : 1);
    }
    __atomic_store_n(&forked, true, __ATOMIC_RELEASE);
    qlt_eq_int(waitpid(child, status, 0), child);
    return NULL;
}

QLT(fork_open, a_child_knows_of_a_lane_whose_thread_has_just_started)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_sqlite_config config = {.size = sizeof(config)};
    ql_lane *lane;
    ql_error error;
    pthread_t forker;
    int status = -1;
    qlt_eq_int(pthread_create(&forker, NULL, fork_now, &status), 0);
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &config, &lane, &error), 0);
    qlt_eq_int(pthread_join(forker, NULL), 0);
    qlt_eq_int(status, 0);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
