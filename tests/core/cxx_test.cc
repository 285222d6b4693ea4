// fork.h from C++, and an exception that leaves a task: the process terminates, as it does when one leaves a thread.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "qlane/fork.h"
#include "qlane/runtime.h"

QL_FORK_1(long, fib, w, long, n)
{
    if (n < 2)
        return n;
    fib_child left;
    fib_fork(w, &left, n - 1);
    long right = fib(w, n - 2);
    return fib_join(w, &left) + right;
}

static int run_fib(ql_task *task)
{
    ql_value value = {};
    value.i64 = fib(ql_worker_self(), 20);
    return ql_task_return(task, value);
}

static int throw_it(ql_task *)
{
    throw std::runtime_error("left the task");
}

// Runs one task on a runtime of its own; what it returned, or -1.
static long run(ql_task_fn *fn)
{
    ql_runtime *runtime;
    ql_error error;
    ql_task task;
    if (ql_runtime_start(nullptr, &runtime, &error)) {
        std::fprintf(stderr, "%s\n", error.text);
        return -1;
    }
    ql_task_init(&task, fn, nullptr);
    bool ran = !ql_submit(ql_runtime_pool(runtime), &task) && !ql_future_wait(&task.future);
    bool stopped = !ql_runtime_stop(runtime, nullptr, &error);
    return ran && stopped ? task.future.value.i64 : -1;
}

// Only std::terminate() comes here, and says so by its own exit status.
static void on_terminate()
{
    _exit(42);
}

int main()
{
    pid_t child = fork();
    if (child == 0) {
        std::set_terminate(on_terminate);
        (void)run(throw_it);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 42) {
        std::fprintf(stderr, "an exception left a task: expected std::terminate(), found wait status 0x%x\n",
                     status);
        return 1;
    }
    long value = run(run_fib);
    if (value != 6765)
        std::fprintf(stderr, "fib(20) is %ld\n", value);
    return value != 6765;
}
