/* A task that is cancelled by a thread of the host, and by its deadline, while a worker takes it: it runs or it does not,
 * its future tells which, and its memory is gone as soon as it has settled and the canceller is back. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "qlane/runtime.h"

static int work(ql_task *task)
{
    *(int *)task->arg = 1;
    return ql_task_return(task, (ql_value){.i64 = 42});
}

/* What an earlier settling wrote is seen by whoever is told that it is too late. */
static void *cancel(void *arg)
{
    ql_task *task = arg;
    int code = ql_task_cancel(task);
    assert(code == 0 || code == -EINPROGRESS || code == -EALREADY);
    if (code == -EALREADY)
        assert(task->future.code != 0 || task->future.value.i64 == 42);
    return (void *)(intptr_t)code;
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config), .fork_depth = 2, .spares_max = 1};
    ql_runtime *runtime;
    ql_error error;
    pthread_t canceller;
    void *answer;
    assert(!ql_runtime_start(&config, &runtime, &error));
    for (int timed = 0; timed < 2; timed++) {
        int *ran = calloc(1, sizeof(*ran));
        ql_task *task = malloc(sizeof(*task));
        assert(ran && task);
        ql_task_init(task, work, ran);
        task->deadline_ns = timed ? ql_after_ns(100) : 0;
        assert(!ql_submit(ql_runtime_pool(runtime), task));
        pthread_create(&canceller, NULL, cancel, task);
        assert(!ql_future_wait(&task->future));
        int code = task->future.code;
        assert(*ran == (code == 0));
        assert(code == 0 || code == -ECANCELED || (timed && code == -ETIMEDOUT));
        free(ran);
        pthread_join(canceller, &answer);
        assert((intptr_t)answer != 0 || code == -ECANCELED || (timed && code == -ETIMEDOUT));
        free(task);
    }
    assert(!ql_runtime_stop(runtime, NULL, &error));
    return 0;
}
