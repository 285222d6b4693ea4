/* How q is found, started, and refused; on the library that stands in for libq. This program has a function k() of its own. */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lanes/q_lane.h"

struct k0 *k(int handle, const char *text, ...);
struct k0 *k(int handle, const char *text, ...)
{
    (void)handle, (void)text;
    qlt_fail("the host's k() was called");
}

/* That nothing is left running the harness sees: it counts threads and descriptors. */
static void refused(const ql_q_config *config, int code, const char *part)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error = {0};
    int found = ql_q_open(runtime, NULL, config, &lane, &error);
    if (found != code)
        qlt_fail("open answered %d: %s", found, error.text);
    qlt_has_str(error.text, part);
    qlt_check(!lane);
    qlt_runtime_stop(runtime);
}

static const ql_q_config plain = {.size = sizeof(plain)};

Q_TEST(q_open, each_refusal_says_what_is_wrong)
{
    ql_q_config config = plain;
    config.libq = "/no/such/libq.so";
    refused(&config, -ENOENT, "/no/such/libq.so");
    config.libq = "/proc/self/status";
    refused(&config, -ENOEXEC, "/proc/self/status");
    config.libq = getenv("LIBQ_SHORT");
    refused(&config, -ENOSYS, "sd0x");
    config = plain;
    config.size = 1;
    refused(&config, -EINVAL, "size");
    config = plain;
    config.flags = 1 << 9;
    refused(&config, -EINVAL, "flags");
    /* Nothing of that was q: it can still be opened. */
    q_lane at = q_lane_open(NULL);
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}

Q_TEST(q_open, without_a_libq_it_says_how_to_name_one)
{
    unsetenv("QLANE_LIBQ");
    unsetenv("QHOME");
    refused(&plain, -ENOENT, "QLANE_LIBQ");
}

Q_TEST(q_open, finds_libq_under_qhome)
{
    char home[] = "/tmp/qlane-home-XXXXXX", folder[64], link[96], target[4096];
    qlt_check(mkdtemp(home) && realpath(getenv("QLANE_LIBQ"), target));
    snprintf(folder, sizeof(folder), "%s/l64", home);
    snprintf(link, sizeof(link), "%s/libq.so", folder);
    char command[8192];
    snprintf(command, sizeof(command), "mkdir %s && ln -s %s %s", folder, target, link);
    qlt_eq_int(system(command), 0); /* NOLINT: the names are ours */
    unsetenv("QLANE_LIBQ");
    ql_q_config config = plain;
    config.qhome = home;
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error;
    if (ql_q_open(runtime, NULL, &config, &lane, &error))
        qlt_fail("%s", error.text);
    qlt_runtime_stop(runtime);
    unlink(link);
    rmdir(folder);
    rmdir(home);
}

Q_TEST(q_open, no_licence_is_told_from_a_start_that_failed)
{
    setenv("LIBQ_STANDIN_MODE", "no_licence", 1);
    refused(&plain, -ENOKEY, "licence");
    /* It stays loaded, with what it left behind, and there is no second try. */
    void *library = dlopen(getenv("QLANE_LIBQ"), RTLD_NOW | RTLD_NOLOAD);
    qlt_check(library != NULL);
    dlclose(library);
    setenv("LIBQ_STANDIN_MODE", "plain", 1);
    refused(&plain, -EBUSY, "there can be one");
}

Q_TEST(q_open, a_start_that_failed_says_so)
{
    setenv("LIBQ_STANDIN_MODE", "init_fails", 1);
    refused(&plain, -ENOTRECOVERABLE, "answered 2");
}

Q_TEST(q_open, a_process_has_one)
{
    q_lane at = q_lane_open(NULL);
    refused(&plain, -EBUSY, "there can be one");
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
    refused(&plain, -EBUSY, "there can be one");
}

Q_TEST(q_open, the_error_is_on_the_future_of_open)
{
    ql_q_config config = plain;
    config.libq = "/no/such/libq.so";
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error;
    ql_q_call call;
    qlt_eq_int(ql_q_open_begin(runtime, NULL, &config, &lane, &error), 0);
    ql_q_call_init(&call, "1");
    int submitted = ql_lane_submit(lane, &call.task);
    qlt_eq_int(ql_future_wait(ql_lane_opened(lane)), 0);
    qlt_eq_int(ql_lane_opened(lane)->code, -ENOENT);
    qlt_has_str(ql_lane_problem(lane), "/no/such/libq.so");
    if (!submitted) {
        qlt_eq_int(ql_future_wait(&call.task.future), 0);
        qlt_eq_int(call.task.future.code, -ENOENT);
    }
    qlt_runtime_stop(runtime);
}

/* ---- What it starts with ----------------------------------------------------------------------------------------- */

Q_TEST(q_open, script_and_text_run_before_the_first_task)
{
    char path[] = "/tmp/qlane-script-XXXXXX";
    int fd = mkstemp(path);
    static const char script[] = "a:40\nadd:{[x;y]\n  x+y}\n";
    qlt_check(fd >= 0 && write(fd, script, sizeof(script) - 1) == sizeof(script) - 1);
    close(fd);
    ql_q_config config = plain;
    config.script = path;
    config.text = "b:add[a;2]";
    q_lane at = q_lane_open(&config);
    q_lane_gives(&at, "b", 42);
    q_lane_close(&at);
    unlink(path);
}

Q_TEST(q_open, a_script_that_fails_fails_the_open)
{
    ql_q_config config = plain;
    config.text = "1+`a";
    refused(&config, -EPROTO, "'type");
}

Q_TEST(q_open, a_script_that_is_not_there_fails_the_open)
{
    ql_q_config config = plain;
    config.script = "/no/such/script.q";
    refused(&config, -ENOENT, "/no/such/script.q");
}

static void on_signal(int number)
{
    (void)number;
}

static void check_handlers(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGSEGV, SIGABRT, SIGHUP};
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        struct sigaction now;
        qlt_eq_int(sigaction(signals[i], NULL, &now), 0);
        qlt_check(now.sa_handler == on_signal);
    }
}

static void set_handlers(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGSEGV, SIGABRT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        qlt_eq_int(sigaction(signals[i], &action, NULL), 0);
}

Q_TEST(q_open, the_hosts_signal_handlers_stay)
{
    struct sigaction now;
    set_handlers();
    q_lane at = q_lane_open(NULL);
    qlt_check(sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == on_signal);
    qlt_check(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == on_signal);
    q_lane_close(&at);
    check_handlers();
}

Q_TEST(q_open, the_hosts_signal_handlers_stay_when_it_is_refused)
{
    set_handlers();
    setenv("LIBQ_STANDIN_MODE", "no_licence", 1);
    refused(&plain, -ENOKEY, "licence");
    check_handlers();
}

/* Of a call with the host's names. */
Q_TEST(q_open, libqs_names_are_its_own_business)
{
    q_lane at = q_lane_open(NULL);
    q_lane_gives(&at, "6*7", 42);
    qlt_check(dlsym(RTLD_DEFAULT, "k") == (void *)(uintptr_t)k);
    qlt_check(!dlsym(RTLD_DEFAULT, "ktn"));
    q_lane_close(&at);
}

Q_TEST(q_open, libqs_names_are_everybodys_if_asked)
{
    ql_q_config config = plain;
    config.flags = QL_Q_GLOBAL;
    q_lane at = q_lane_open(&config);
    q_lane_gives(&at, "6*7", 42);
    qlt_check(dlsym(RTLD_DEFAULT, "ktn"));
    q_lane_close(&at);
}

/* ---- Where it starts --------------------------------------------------------------------------------------------- */

static int count_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) ? 0 : CPU_COUNT(&set);
}

static int lane_cpus(ql_task *task)
{
    *(int *)task->arg = count_cpus();
    return 0;
}

static int cpus_of_lane(const q_lane *at)
{
    int cpus = 0;
    ql_task task;
    ql_task_init(&task, lane_cpus, &cpus);
    qlt_eq_int(ql_lane_call(at->lane, &task), 0);
    return cpus;
}

Q_TEST(q_open, q_starts_on_all_cpus_and_the_lane_is_pinned_then)
{
    ql_q_config config = plain;
    config.threads = 1;
    int all = count_cpus();
    q_lane at = q_lane_open(&config);
    qlt_eq_int(q_lane_ask(&at, "libq_standin_threads_cpus"), all);
    qlt_check(all == 1 || cpus_of_lane(&at) < all);
    q_lane_close(&at);
}

Q_TEST(q_open, q_starts_on_the_lanes_core_if_asked)
{
    ql_q_config config = plain;
    config.threads = 1;
    config.flags = QL_Q_PIN_FIRST;
    setenv("LIBQ_STANDIN_CORES", "1", 1);
    q_lane at = q_lane_open(&config);
    qlt_eq_int(q_lane_ask(&at, "libq_standin_threads_cpus"), cpus_of_lane(&at));
    q_lane_close(&at);
}

Q_TEST(q_open, too_many_cores_for_the_licence_is_a_start_that_failed)
{
    if (count_cpus() == 1)
        return;
    setenv("LIBQ_STANDIN_CORES", "1", 1);
    refused(&plain, -ENOTRECOVERABLE, "answered 3");
}
