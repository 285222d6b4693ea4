/* Compiled into the program: what fork.h shares with the library. */
#include <qlane/qlane.h>
#include <stdio.h>

QL_FORK_1(long, fib, w, long, n)
{
    if (n < 2)
        return n;
    fib_child left;
    fib_fork(w, &left, n - 1);
    long right = fib(w, n - 2);
    return fib_join(w, &left) + right;
}

static int enter(ql_task *task)
{
    ql_value value = {.i64 = fib(ql_worker_self(), 20)};
    return ql_task_return(task, value);
}

int main(void)
{
    ql_runtime_config config = {.size = sizeof(config)};
    ql_runtime *runtime;
    ql_error error;
    ql_task task;
    if (ql_runtime_start(&config, &runtime, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    ql_task_init(&task, enter, NULL);
    if (ql_submit(ql_runtime_pool(runtime), &task) || ql_future_wait(&task.future))
        return 1;
    printf("fib(20) is %lld\n", (long long)task.future.value.i64);
    return ql_runtime_stop(runtime, NULL, &error) ? 1 : 0;
}
