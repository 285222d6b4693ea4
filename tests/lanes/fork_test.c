/* fork() while a runtime works: the child's inherited handles answer -ECHILD, nothing hangs, and a runtime of its own works;
 * the parent goes on as if nothing had been. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "qlane/completions.h"
#include "qlane/metrics.h"
#include "qlane/qlane.h"
#include "qlane/sqlite.h"
#include "qlane/trace.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static ql_runtime *runtime;
static ql_lane *lane, *sqlite, *caller_lane;
static ql_strand *strand;
static ql_client *client;
static uint32_t ends;
static ql_task held; /* runs on the lane from before the fork until after it */
static qlt_gate gate;
static FILE *out;
static unsigned forgotten; /* engines that were told, in this process */
static ql_sqlite *connection;
static ql_completions *completions;
static ql_task settled;
static ql_completion settled_entry; /* is ready to come out */

static int hold(ql_task *task)
{
    (void)task;
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    return 0;
}

static int nothing(ql_task *task)
{
    return ((void)task, 0);
}

static void forget(void *self)
{
    (void)self;
    forgotten++;
}

/* In the child nobody listens to a failed check: the exit status says which line it was. */
#define expect(condition)              \
    do {                               \
        if (!(condition))              \
            _exit(__LINE__ % 254 + 1); \
    } while (0)

static ql_task fresh(ql_task_fn *fn)
{
    ql_task task;
    ql_task_init(&task, fn, NULL);
    return task;
}

static void ask_executor(ql_executor *on)
{
    ql_task task = fresh(nothing), *many[] = {&task};
    expect(ql_submit(on, &task) == -ECHILD);
    task.deadline_ns = ql_after_ns(1000);
    expect(ql_submit(on, &task) == -ECHILD);
    expect(ql_submit_many(on, many, 1) == -ECHILD);
    expect(ql_spawn(on, nothing, NULL) == -ECHILD);
    task.on = on;
    expect(ql_future_then(&held.future, &task) == -ECHILD);
    expect(!ql_executor_is_current(on));
}

static void ask_futures(void)
{
    ql_member member = {.future = &held.future};
    size_t which;
    expect(ql_future_wait(&held.future) == -ECHILD);
    expect(ql_future_wait_until(&held.future, ql_after_ns(1000000000)) == -ECHILD);
    expect(ql_wait_all(&member, 1, QL_FOREVER) == -ECHILD);
    expect(ql_wait_any(&member, 1, QL_FOREVER, &which) == -ECHILD);
    expect(ql_task_cancel(&held) == -ECHILD);
}

static void ask_lane(ql_lane *of)
{
    ql_task task = fresh(nothing);
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_error error;
    void *engine;
    ask_executor(ql_lane_executor(of));
    expect(ql_lane_submit(of, &task) == -ECHILD);
    expect(ql_lane_submit_until(of, &task, QL_FOREVER) == -ECHILD);
    expect(ql_lane_call(of, &task) == -ECHILD);
    expect(ql_lane_engine(of, &engine) == -ECHILD);
    ql_times times = {.size = sizeof(times)};
    ql_client *none;
    ql_lane_stats_get(of, &stats);
    expect(ql_executor_times(ql_lane_executor(of), &times) == -ECHILD);
    expect(ql_client_open(of, NULL, 1, QL_FULL_REFUSES, &none) == -ECHILD && !none);
    expect(ql_lane_close(of, NULL, NULL, &error) == -ECHILD && error.code == -ECHILD);
    expect(ql_lane_free(of) == -ECHILD);
}

/* The parent has not looked yet, and must find afterwards what it would have found. */
static void ask_completions(void)
{
    ql_completion entry = {0};
    expect(ql_completions_fd(completions) == -ECHILD);
    expect(ql_completions_add(completions, &settled.future, &entry) == -ECHILD && !entry.future);
    expect(!ql_completions_next(completions));
    expect(ql_completions_destroy(completions) == -ECHILD);
}

/* For the parent's runtime, and for one of this process (NULL: it is refused before it is looked at). */
static void ask_sqlite(ql_runtime *on)
{
    ql_sqlite_config config = {.size = sizeof(config)};
    ql_lane *none = lane;
    ql_error error = {0};
    expect(ql_sqlite_open(on, NULL, &config, &none, &error) == -ECHILD && !none);
    expect(error.code == -ECHILD && error.text[0]);
    expect(ql_sqlite_run(connection, "SELECT 1", NULL, 0, NULL, &error) == -ECHILD);
    expect(error.code == -ECHILD && error.text[0]);
    expect(!ql_sqlite_handle(connection) && !ql_sqlite_here());
}

static void ask_runtime(void)
{
    ql_stats stats = {.size = sizeof(stats)};
    ql_error error;
    ql_lane *none;
    ql_strand *no_strand;
    ql_lane_config config = {.size = sizeof(config)};
    ask_executor(ql_runtime_pool(runtime));
    expect(ql_runtime_resize(runtime, 1) == -ECHILD);
    ql_runtime_stats(runtime, &stats);
    ql_runtime_dump(runtime, out);
    expect(ql_metrics_write(runtime, out) == -ECHILD);
    expect(ql_trace_write(runtime, out) == -ECHILD);
    expect(ql_lane_open(runtime, &config, &none, &error) == -ECHILD && !none);
    expect(ql_strand_create(runtime, &no_strand) == -ECHILD);
    expect(ql_runtime_stop(runtime, NULL, &error) == -ECHILD && error.code == -ECHILD);
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
/* Futures of its own runtime come out of completions of its own. */
static void complete_its_own(ql_runtime *own)
{
    ql_completions *mine;
    ql_completion entry = {0}, *found;
    ql_task task = fresh(nothing);
    expect(!ql_completions_create(&mine));
    expect(!ql_submit(ql_runtime_pool(own), &task));
    expect(ql_completions_add(completions, &task.future, &entry) == -ECHILD);
    expect(!ql_completions_add(mine, &task.future, &entry));
    struct pollfd readable = {.fd = ql_completions_fd(mine), .events = POLLIN};
    while (!(found = ql_completions_next(mine)))
        expect(poll(&readable, 1, -1) == 1);
    expect(found == &entry && !ql_completions_destroy(mine));
}

/* A thread that was forked with others cannot start any under ThreadSanitizer, nor allocate under AddressSanitizer. No SQLite: the
 * parent's lane may have been in it, and then its locks are held for ever here (qlane/sqlite.h). */
static void start_its_own(void)
{
    ql_runtime *own;
    ql_lane *plain;
    ql_error error;
    ql_lane_config config = {.size = sizeof(config)};
    ql_task task = fresh(nothing);
    expect(!ql_runtime_start(NULL, &own, &error));
    expect(!ql_lane_open(own, &config, &plain, &error));
    expect(!ql_lane_call(plain, &task) && task.future.code == 0);
    expect(!ql_submit(ql_runtime_pool(own), &task) && !ql_future_wait(&task.future));
    ask_futures();
    ask_sqlite(own);
    complete_its_own(own);
    expect(!ql_runtime_stop(own, NULL, &error));
}
#else
static void start_its_own(void)
{
}
#endif

static void be_the_child(void)
{
    alarm(30); /* what hangs */
    expect(forgotten == 1);
    ask_runtime();
    ask_lane(lane);
    ask_lane(sqlite);
    ask_lane(caller_lane);
    expect(ql_lane_poll(caller_lane, QL_FOREVER) == -ECHILD);
    expect(ql_lane_run(caller_lane) == -ECHILD);
    ask_executor(ql_strand_executor(strand));
    ql_strand_release(strand);
    ask_executor(ql_client_executor(client));
    expect(ql_client_close(client) == -ECHILD);
    ask_futures();
    ask_completions();
    ask_sqlite(runtime);
    start_its_own();
    _exit(0);
}

static int fork_and_wait(void)
{
    int status = 0;
    pid_t child = fork();
    if (!child)
        be_the_child();
    qlt_check(child > 0);
    qlt_eq_int(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* Keeps everything busy, and every lock taken now and then. */
static void *work(void *arg)
{
    unsigned long *done = arg;
    while (!__atomic_load_n(&ends, __ATOMIC_ACQUIRE)) {
        ql_sqlite_call call;
        ql_task task = fresh(nothing), timed = fresh(nothing);
        ql_sqlite_call_init(&call, "SELECT 1");
        timed.deadline_ns = ql_after_ns(1000000000);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
        qlt_eq_int(ql_submit(ql_strand_executor(strand), &timed), 0);
        qlt_eq_int(ql_lane_call(sqlite, &call.task), 0);
        qlt_eq_int(call.task.future.code, 0);
        ql_sqlite_rows_free(call.rows);
        qlt_eq_int(ql_future_wait(&task.future), 0);
        qlt_eq_int(ql_future_wait(&timed.future), 0);
        ++*done;
    }
    return NULL;
}

static int find_connection(ql_task *task)
{
    connection = ql_sqlite_here();
    return ((void)task, 0);
}

static void begin_completions(void)
{
    settled_entry = (ql_completion){0};
    qlt_eq_int(ql_completions_create(&completions), 0);
    qlt_eq_int(ql_completions_add(completions, &settled.future, &settled_entry), 0);
}

/* What a child did with them is not seen here. */
static void end_completions(void)
{
    struct pollfd readable = {.fd = ql_completions_fd(completions), .events = POLLIN};
    qlt_eq_int(poll(&readable, 1, 0), 1);
    qlt_eq_ptr(ql_completions_next(completions), &settled_entry);
    qlt_eq_ptr(ql_completions_next(completions), NULL);
    qlt_eq_int(poll(&readable, 1, 0), 0);
    qlt_eq_int(ql_completions_destroy(completions), 0);
}

static void begin(void)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "forgets", .fork_child = forget};
    ql_error error;
    ql_sqlite_config database = {.size = sizeof(database)};
    ql_lane_config config = {.size = sizeof(config), .name = "held", .engine = &ops};
    ql_lane_config here = {.size = sizeof(here), .name = "here", .flags = QL_LANE_ON_CALLER};
    runtime = qlt_runtime(2);
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), 0);
    qlt_eq_int(ql_lane_open(runtime, &here, &caller_lane, &error), 0);
    qlt_eq_int(ql_sqlite_open(runtime, NULL, &database, &sqlite, &error), 0);
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    qlt_eq_int(ql_client_open(lane, NULL, 1, QL_FULL_REFUSES, &client), 0);
    out = fopen("/dev/null", "w");
    settled = fresh(find_connection);
    qlt_eq_int(ql_lane_call(sqlite, &settled), 0);
    begin_completions();
    gate = (qlt_gate)QLT_GATE_INIT;
    held = fresh(hold);
    qlt_eq_int(ql_lane_submit(lane, &held), 0);
    qlt_gate_wait(&gate, 1);
}

static void end(void)
{
    ql_error error;
    end_completions();
    qlt_gate_open(&gate, 2);
    qlt_eq_int(ql_future_wait(&held.future), 0);
    qlt_eq_int(held.future.code, 0);
    qlt_eq_int(ql_lane_close(caller_lane, NULL, NULL, &error), 0);
    ql_strand_release(strand);
    fclose(out);
    qlt_runtime_stop(runtime);
}

QLT(fork, a_child_is_answered_and_the_parent_unharmed)
{
    enum { WORKERS = 3, FORKS = 30 };
    pthread_t threads[WORKERS];
    unsigned long done[WORKERS] = {0};
    begin();
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, &done[i]);
    for (int i = 0; i < FORKS; i++)
        qlt_eq_int(fork_and_wait(), 0);
    __atomic_store_n(&ends, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        qlt_check(done[i] > 0);
    }
    qlt_eq_uint(forgotten, 0);
    end();
}

/* From a task, on a worker and on a lane: in the child it is a thread of the host. */
static int fork_in_task(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = fork_and_wait()});
}

QLT(fork, a_task_may_fork)
{
    begin();
    ql_task task = fresh(fork_in_task);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_eq_int(task.future.value.i64, 0);
    qlt_eq_int(ql_lane_call(sqlite, &task), 0);
    qlt_eq_int(task.future.value.i64, 0);
    end();
}

/* The child of a child has the orphans of both, and answers for both. */
QLT(fork, a_grandchild_is_answered_too)
{
    int status = 0;
    begin();
    pid_t child = fork();
    if (!child) {
        alarm(30);
        _exit(fork_and_wait() ? 1 : 0);
    }
    qlt_eq_int(waitpid(child, &status, 0), child);
    qlt_eq_int(status, 0);
    end();
}
