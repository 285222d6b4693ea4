/* However a process ends: nothing hangs, and what it is told is right. A busy runtime has two workers and a
 * lane with an engine, all of them working and with more to do. (A thread of its: thread_test.c. A fork:
 * tests/lanes/fork_test.c. dlclose: tests/embed.) */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qlane/sqlite.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* ---- A process that ends ---- */

static int again(ql_task *task)
{
    int *left = task->arg;
    for (volatile int i = 0; i < 1000; i++)
        ;
    if (left && __atomic_sub_fetch(left, 1, __ATOMIC_RELAXED) == 0)
        exit(7);
    return ql_spawn(task->on, again, task->arg) ? -ESHUTDOWN : 0;
}

/* Tasks that submit themselves again for ever, from whichever of the two is `left` to call exit(). */
static ql_lane *start_busy(int *in_pool, int *on_lane)
{
    ql_error error;
    ql_lane *lane;
    ql_runtime *runtime = qlt_runtime(2);
    if (ql_sqlite_open(runtime, NULL, &(ql_sqlite_config){.size = sizeof(ql_sqlite_config)}, &lane, &error))
        qlt_fail("%s", error.text);
    for (int i = 0; i < 20; i++) {
        qlt_eq_int(ql_spawn(ql_runtime_pool(runtime), again, in_pool), 0);
        qlt_eq_int(ql_spawn(ql_lane_executor(lane), again, on_lane), 0);
    }
    return lane;
}

static void exits(void)
{
    start_busy(NULL, NULL);
    exit(7);
}

static void exits_in_a_task(void)
{
    int left = 1000;
    start_busy(&left, NULL);
    for (;;)
        pause();
}

static void exits_on_the_lane(void)
{
    int left = 1000;
    start_busy(NULL, &left);
    for (;;)
        pause();
}

static void exits_at_once(void)
{
    start_busy(NULL, NULL);
    _exit(7);
}

static void becomes_another(void)
{
    start_busy(NULL, NULL);
    execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
}

static void ends_its_main_thread(void)
{
    static int left = 100000; /* its own stack goes first */
    start_busy(NULL, &left);
    pthread_exit(NULL);
}

QLT(life, ends_when_its_host_says_so)
{
    qlt_ends_with(exits, 7 << 8);
    qlt_ends_with(exits_in_a_task, 7 << 8);
    qlt_ends_with(exits_on_the_lane, 7 << 8);
    qlt_ends_with(exits_at_once, 7 << 8);
    qlt_ends_with(becomes_another, 7 << 8);
    qlt_ends_with(ends_its_main_thread, 7 << 8);
}

static qlt_gate gate;

static int hold(ql_task *task)
{
    qlt_gate_wait(&gate, 1);
    return ql_task_return(task, (ql_value){.i64 = 42});
}

/* ---- Signals ---- */

/* The signals that a thread of this process blocks, or 0 if it is not ours. */
static unsigned long long blocked_by(const char *tid)
{
    char path[64], line[128];
    unsigned long long blocked = 0;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/status", tid);
    FILE *file = fopen(path, "r");
    bool ours = false;
    while (file && fgets(line, sizeof line, file)) {
        ours |= !strncmp(line, "Name:\tql-", 9);
        sscanf(line, "SigBlk: %llx", &blocked);
    }
    if (file)
        fclose(file);
    return ours ? blocked : 0;
}

QLT(life, signals_are_the_hosts_but_for_crashes)
{
    static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGALRM, SIGUSR1, SIGPROF};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    ql_runtime *runtime = qlt_runtime(2);
    ql_lane *lane;
    ql_error error;
    qlt_eq_int(ql_lane_open(runtime, &(ql_lane_config){.size = sizeof(ql_lane_config)}, &lane, &error), 0);
    unsigned found = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));) {
        unsigned long long blocked = blocked_by(entry->d_name);
        if (!blocked)
            continue;
        found++;
        for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
            qlt_check(blocked >> (ours[i] - 1) & 1);
        for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; i++)
            qlt_check(!(blocked >> (crashes[i] - 1) & 1));
    }
    closedir(tasks);
    qlt_eq_uint(found, 4); /* two workers, the lane, the timers' */
    qlt_runtime_stop(runtime);
}

/* ---- Again and again, and many at once ---- */

static void live_once(void)
{
    ql_task task;
    ql_lane *lane;
    ql_error error;
    ql_runtime *runtime = qlt_runtime(2);
    qlt_eq_int(ql_lane_open(runtime, &(ql_lane_config){.size = sizeof(ql_lane_config)}, &lane, &error), 0);
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_gate_open(&gate, 1);
    ql_task_init(&task, hold, NULL);
    qlt_eq_int(ql_lane_call(lane, &task), 0);
    qlt_eq_int(task.future.value.i64, 42);
    qlt_runtime_stop(runtime);
}

static long resident_kb(void)
{
    char line[128];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "VmRSS: %ld", &kb);
    if (file)
        fclose(file);
    return kb;
}

/* QLT_CYCLES=10000 for longer. */
QLT(life, starts_and_stops_again_and_again)
{
    const char *cycles = getenv("QLT_CYCLES");
    int count = cycles ? atoi(cycles) : 100;
    for (int i = 0; i < 20; i++)
        live_once();
    long before_kb = resident_kb();
    for (int i = 0; i < count; i++)
        live_once();
    qlt_check(SANITIZED || resident_kb() - before_kb < 2048);
}

QLT(life, has_room_for_a_hundred_runtimes)
{
    enum { COUNT = 100 };
    ql_runtime *runtimes[COUNT];
    static ql_task tasks[COUNT];
    gate = (qlt_gate)QLT_GATE_INIT;
    for (int i = 0; i < COUNT; i++) {
        runtimes[i] = qlt_runtime(1);
        ql_task_init(&tasks[i], hold, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtimes[i]), &tasks[i]), 0);
    }
    qlt_gate_open(&gate, 1);
    for (int i = 0; i < COUNT; i++) {
        qlt_eq_int(ql_future_wait(&tasks[i].future), 0);
        qlt_runtime_stop(runtimes[i]);
    }
}

/* ---- Limits of the process ---- */

/* A runtime starts and works, or says why it cannot. */
static void start_or_say(int expected)
{
    ql_runtime *runtime;
    ql_error error = {0};
    int code = ql_runtime_start(NULL, &runtime, &error);
    if (code == 0) {
        ql_task task;
        gate = (qlt_gate)QLT_GATE_INIT;
        qlt_gate_open(&gate, 1);
        ql_task_init(&task, hold, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_runtime_stop(runtime);
        _exit(0);
    }
    qlt_check(error.text[0]);
    _exit(code == expected ? 1 : 2);
}

static void limit(__rlimit_resource_t what, rlim_t to)
{
    struct rlimit limits = {to, to};
    qlt_eq_int(setrlimit(what, &limits), 0);
}

static void without_threads(void)
{
    /* Root may always start threads; another user has none left. */
    if (setgid(12345) || setuid(12345))
        _exit(3);
    limit(RLIMIT_NPROC, 1);
    start_or_say(-EAGAIN);
}

QLT(life, without_threads_is_refused)
{
    if (geteuid() == 0)
        qlt_ends_with(without_threads, 1 << 8);
    else
        fprintf(stderr, "skipped: only root can become another user\n");
}

static rlim_t room;

static void with_little_room(void)
{
    limit(RLIMIT_AS, room);
    start_or_say(-ENOMEM);
}

/* From too little for anything to enough: each start works or is refused, and none crashes or hangs. */
QLT(life, with_little_memory_starts_or_says_so)
{
    if (SANITIZED)
        return; /* its shadow needs more than any such limit */
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    qlt_check(file && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    rlim_t used = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
    int worked = 0, refused = 0;
    for (rlim_t more = 0; more < 96u << 20; more += 2u << 20) {
        int status;
        room = used + more;
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            with_little_room();
        }
        qlt_eq_int(waitpid(child, &status, 0), child);
        qlt_check(WIFEXITED(status));
        /* Memory for a stack may lack too, and that is -EAGAIN. */
        qlt_check(WEXITSTATUS(status) <= 2);
        worked += WEXITSTATUS(status) == 0;
        refused += WEXITSTATUS(status) != 0;
    }
    qlt_check(worked > 0);
    qlt_check(refused > 0);
}

static void with_small_stacks(void)
{
    limit(RLIMIT_STACK, 256u << 10);
    start_or_say(0);
}

static void with_endless_stacks(void)
{
    struct rlimit limits;
    getrlimit(RLIMIT_STACK, &limits);
    limits.rlim_cur = limits.rlim_max;
    setrlimit(RLIMIT_STACK, &limits);
    start_or_say(0);
}

QLT(life, works_with_small_and_endless_stacks)
{
    qlt_ends_with(with_small_stacks, 0);
    qlt_ends_with(with_endless_stacks, 0);
}
