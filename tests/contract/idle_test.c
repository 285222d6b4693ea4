/* An idle runtime, its lane and its workers, costs nothing: measured by its threads' own counters, over 2 s from 100 ms after the last task. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "qlane/runtime.h"
#include "qlane/sqlite.h"
#include "qlane/watch.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

typedef struct usage {
    unsigned threads;
    unsigned long long cpu_ns, switches;
} usage;

static void add_thread(usage *sum, const char *tid)
{
    char path[64], line[256];
    unsigned long long cpu_ns = 0, count;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/comm", tid);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    bool ours = fgets(line, sizeof line, file) && !strncmp(line, "ql-", 3);
    fclose(file);
    if (!ours)
        return;
    sum->threads++;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/schedstat", tid);
    file = fopen(path, "r");
    qlt_check(file && fscanf(file, "%llu", &cpu_ns) == 1);
    fclose(file);
    sum->cpu_ns += cpu_ns;
    snprintf(path, sizeof path, "/proc/self/task/%.16s/status", tid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "voluntary_ctxt_switches: %llu", &count) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %llu", &count) == 1)
            sum->switches += count;
    fclose(file);
}

static usage our_threads(void)
{
    usage sum = {0};
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks));)
        if (entry->d_name[0] != '.')
            add_thread(&sum, entry->d_name);
    closedir(tasks);
    return sum;
}

static void sleep_ns(int64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    while (nanosleep(&left, &left))
        ;
}

static int nothing(ql_task *task)
{
    (void)task;
    return 0;
}

/* A timer that is far away, and a descriptor on which nothing comes: the lane sleeps in epoll. */
static ql_timer timer;
static ql_watch watch;

static void never_timer(ql_timer *of)
{
    (void)of;
    qlt_fail("called");
}

static void never_watch(ql_watch *of, unsigned ready)
{
    (void)of, (void)ready;
    qlt_fail("called");
}

static int start_both(ql_task *task)
{
    timer = (ql_timer){.fn = never_timer};
    watch = (ql_watch){.fn = never_watch};
    int code = ql_timer_start(&timer, ql_after_ns(3600000000000), 0);
    return code ? code : ql_watch_start(&watch, *(int *)task->arg, QL_READABLE);
}

static void start_events(ql_lane *lane, int fds[2])
{
    ql_task task;
    qlt_eq_int(pipe(fds), 0);
    ql_task_init(&task, start_both, &fds[0]);
    qlt_eq_int(ql_lane_call(lane, &task), 0);
    qlt_eq_int(task.future.code, 0);
}

static void idles(unsigned workers, bool with_events)
{
    int fds[2];
    ql_runtime *runtime = qlt_runtime(workers);
    ql_lane *lane;
    ql_error error;
    ql_sqlite_config database = {.size = sizeof database};
    if (ql_sqlite_open(runtime, NULL, &database, &lane, &error))
        qlt_fail("%s", error.text);
    if (with_events)
        start_events(lane, fds);
    for (int i = 0; i < 1000; i++) {
        ql_sqlite_call call;
        ql_sqlite_call_init(&call, "SELECT 1");
        qlt_eq_int(ql_lane_call(lane, &call.task), 0);
        ql_sqlite_rows_free(call.rows);
        ql_task task;
        ql_task_init(&task, nothing, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_future_wait(&task.future), 0);
    }
    sleep_ns(100000000);
    usage before = our_threads();
    sleep_ns(2000000000);
    usage after = our_threads();
    qlt_eq_uint(before.threads, workers + 2); /* the lane, and the timers' */
    qlt_eq_uint(after.cpu_ns - before.cpu_ns, 0);
    qlt_eq_uint(after.switches - before.switches, 0);
    qlt_runtime_stop(runtime);
    if (with_events) {
        close(fds[0]);
        close(fds[1]);
    }
}

static void idles_without(unsigned workers)
{
    idles(workers, false);
}

QLT(idle, no_cpu_time_and_no_wake_up)
{
    qlt_workers_each(idles_without);
}

QLT(idle, nor_where_a_lane_watches_what_is_silent)
{
    idles(1, true);
}
