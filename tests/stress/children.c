/* fork() in the middle of everything: the child is answered, and has a runtime of its own. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/soak.h"
#include "tests/support/harness.h"

enum { PATIENCE_S = 60 };

static int answer(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = 42});
}

/* Nobody listens to a failed check: the exit status says which line it was. */
#define expect(condition)              \
    do {                               \
        if (!(condition))              \
            _exit(__LINE__ % 254 + 1); \
    } while (0)

/* A thread that was forked with others cannot start any under ThreadSanitizer, nor allocate under AddressSanitizer. */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
static void live(void)
{
    ql_runtime *runtime;
    ql_lane *lane;
    ql_task task;
    ql_lane_config config = {.size = sizeof(config)};
    expect(!ql_runtime_start(NULL, &runtime, NULL));
    expect(!ql_lane_open(runtime, &config, &lane, NULL));
    ql_task_init(&task, answer, NULL);
    expect(!ql_submit(ql_runtime_pool(runtime), &task) && !ql_future_wait(&task.future));
    expect(!ql_lane_call(lane, &task) && task.future.value.i64 == 42);
    expect(!ql_runtime_stop(runtime, NULL, NULL));
}
#else
static void live(void)
{
}
#endif

void fork_child(void)
{
    int status = 0;
    soak_count(&soak_counts.forks, 1);
    pid_t child = fork();
    qlt_check(child >= 0);
    if (!child) {
        ql_task task;
        alarm(PATIENCE_S);
        ql_task_init(&task, answer, NULL);
        expect(ql_submit(soak_pool, &task) == -ECHILD);
        expect(ql_runtime_resize(soak_runtime, 1) == -ECHILD);
        live();
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0)
        qlt_eq_int(errno, EINTR);
    if (status)
        qlt_fail("a fork's child ended with status %#x (an exit names a line of children.c)",
                 (unsigned)status);
}
