/* How q ends, or its process; on the library that stands in for libq. What ends a process is tried in a child. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lanes/q_lane.h"

/* `body` in a child; what it says on stderr goes to `said`. Its wait status. One that does not end in 20 s fails the test. */
static int in_child(void (*body)(void), char *said, size_t size)
{
    int ends[2], status = -1;
    size_t length = 0;
    qlt_eq_int(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    qlt_check(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        qlt_ends_untidily();
        body();
        exit(99);
    }
    close(ends[1]);
    for (ssize_t more = 1; more > 0 && length + 1 < size; length += more > 0 ? (size_t)more : 0) {
        struct pollfd ready = {.fd = ends[0], .events = POLLIN};
        if (poll(&ready, 1, 20000) <= 0) {
            kill(child, SIGKILL);
            qlt_fail("the child has not ended");
        }
        more = read(ends[0], said + length, size - 1 - length);
    }
    said[length] = 0;
    close(ends[0]);
    qlt_check(waitpid(child, &status, 0) == child);
    return status;
}

static void exits_with(void (*body)(void), int code, const char *part)
{
    char said[4096];
    int status = in_child(body, said, sizeof(said));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        qlt_fail("wait status 0x%x, it said: %s", (unsigned)status, said);
    qlt_has_str(said, part);
}

/* A named task; it is not waited for. */
static void submit(const q_lane *at, ql_q_call *call, const char *text)
{
    ql_q_call_init(call, text);
    call->task.name = "the last one";
    qlt_eq_int(ql_lane_submit(at->lane, &call->task), 0);
}

static void say_goodbye(void)
{
    static const char text[] = "goodbye of the host\n";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(98);
}

/* ---- The process ends -------------------------------------------------------------------------------------------- */

static void forget(void)
{
    static ql_q_call call;
    q_lane at = q_lane_open(NULL);
    q_lane_gives(&at, "6*7", 42);
    submit(&at, &call, ".standin.sleep 60000");
    exit(7);
}

Q_TEST(q_end, a_process_that_forgets_it_ends)
{
    exits_with(forget, 7, "");
}

static void exit_in_q(void)
{
    ql_q_call call;
    atexit(say_goodbye);
    q_lane at = q_lane_open(NULL);
    submit(&at, &call, "exit 3");
    for (;;)
        pause();
}

Q_TEST(q_end, exit_in_q_ends_the_process_after_the_hosts_atexit)
{
    exits_with(exit_in_q, 3, "goodbye of the host");
}

static void crash(void)
{
    ql_q_call call;
    q_lane at = q_lane_open(NULL);
    submit(&at, &call, ".standin.crash 0");
    for (;;)
        pause();
}

Q_TEST(q_end, a_crash_names_the_task)
{
    char said[8192];
    int status = in_child(crash, said, sizeof(said));
    qlt_check(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
    qlt_has_str(said, "crashed in task 'the last one'");
}

static void hosts_handler(int number)
{
    static const char text[] = "handler of the host\n";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        _exit(98);
    _exit(number);
}

static void crash_with_handler(void)
{
    signal(SIGSEGV, hosts_handler);
    crash();
}

static void abort_with_handler(void)
{
    signal(SIGABRT, hosts_handler);
    ql_q_call call;
    q_lane at = q_lane_open(NULL);
    submit(&at, &call, "1");
    qlt_eq_int(ql_future_wait(&call.task.future), 0);
    abort();
}

Q_TEST(q_end, a_crash_is_the_hosts_handlers)
{
    exits_with(crash_with_handler, SIGSEGV, "handler of the host");
    exits_with(crash_with_handler, SIGSEGV, "crashed in task 'the last one'");
    exits_with(abort_with_handler, SIGABRT, "handler of the host");
}

/* ---- The lane ends ----------------------------------------------------------------------------------------------- */

Q_TEST(q_end, close_keeps_its_deadline_and_names_the_task)
{
    static ql_q_call running, queued;
    q_lane at = q_lane_open(NULL);
    ql_error error;
    submit(&at, &running, ".standin.sleep 400");
    submit(&at, &queued, "1");
    int64_t began_ns = ql_now_ns();
    ql_stop patience = {.size = sizeof(patience), .drain_until_ns = 1, .give_up_ns = ql_after_ns(50000000)};
    int code = ql_lane_close(at.lane, &patience, NULL, &error);
    /* Unless this machine was so slow that the task had ended. */
    if (code) {
        qlt_eq_int(code, -ETIMEDOUT);
        qlt_has_str(error.text, "the last one");
        qlt_check(ql_now_ns() - began_ns < 390000000);
    }
    qlt_eq_int(ql_future_wait(&queued.task.future), 0);
    qlt_check(queued.task.future.code == -ESHUTDOWN || code == 0);
    qlt_eq_int(ql_future_wait(&running.task.future), 0);
    ql_q_free(running.result);
    ql_q_free(queued.result);
    if (code)
        qlt_eq_int(ql_lane_close(at.lane, NULL, NULL, &error), 0);
    qlt_runtime_stop(at.runtime);
}

Q_TEST(q_end, a_running_call_cannot_be_cancelled_and_a_queued_one_can)
{
    static ql_q_call running, queued;
    q_lane at = q_lane_open(NULL);
    submit(&at, &running, ".standin.sleep 200");
    submit(&at, &queued, "1");
    int code = ql_task_cancel(&queued.task);
    qlt_eq_int(ql_future_wait(&queued.task.future), 0);
    qlt_check(code == 0 ? queued.task.future.code == -ECANCELED : queued.task.future.code == 0);
    qlt_eq_int(ql_future_wait(&running.task.future), 0);
    qlt_eq_int(running.task.future.code, 0);
    ql_q_free(running.result);
    ql_q_free(queued.result);
    q_lane_close(&at);
}

/* ---- fork() ------------------------------------------------------------------------------------------------------ */

/* In the child. A thread that was forked with others cannot start any under ThreadSanitizer. */
static int open_its_own(void)
{
#ifndef __SANITIZE_THREAD__
    static const ql_q_config plain = {.size = sizeof(plain)};
    ql_error error = {0};
    ql_lane *lane;
    ql_runtime *runtime;
    if (ql_runtime_start(NULL, &runtime, &error))
        return 3;
    if (ql_q_open(runtime, NULL, &plain, &lane, &error) != -EBUSY)
        return 4;
    return ql_runtime_stop(runtime, NULL, &error) ? 5 : 0;
#else
    return 0;
#endif
}

static int use_inherited(const q_lane *at)
{
    static ql_q_call call;
    ql_error error = {0};
    ql_q_call_init(&call, "6*7");
    if (ql_lane_submit(at->lane, &call.task) != -ECHILD || ql_lane_call(at->lane, &call.task) != -ECHILD)
        return 1;
    if (ql_lane_close(at->lane, NULL, NULL, &error) != -ECHILD)
        return 2;
    return open_its_own();
}

static void fork_and_use(const q_lane *at)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(use_inherited(at));
    qlt_check(child > 0 && waitpid(child, &status, 0) == child);
    qlt_eq_int(status, 0);
}

static int fork_on_lane(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    int status = -1;
    (void)count;
    pid_t child = fork();
    if (child == 0) {
        ql_q_call call;
        ql_q_call_init(&call, "6*7");
        _exit(ql_lane_call(((const q_lane *)context)->lane, &call.task) == -ECHILD ? 0 : 1);
    }
    qlt_check(child > 0 && waitpid(child, &status, 0) == child);
    qlt_eq_int(status, 0);
    return ql_q_reply_value(reply, arguments);
}

Q_TEST(q_end, a_child_of_fork_has_no_q)
{
    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    fork_and_use(&at);
    ql_q_function_init(&call, "fork", 1, fork_on_lane, &at);
    q_lane_call(&at, &call, 0);
    ql_q_free(call.result);
    q_lane_gives(&at, "fork 42", 42);
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}
