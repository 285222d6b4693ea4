#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "affinity/threads.h"
#include "qlane/fork.h"
#include "qlane/lane.h"
#include "tests/affinity/real.h"
#include "tests/support/harness.h"

/* Placement as a running service has it: what its threads say, where they are, and what happens when they may not be. */

static char said[65536];
static pthread_mutex_t saying = PTHREAD_MUTEX_INITIALIZER;

static void keep_line(void *context, ql_level level, const char *line)
{
    (void)context;
    (void)level;
    pthread_mutex_lock(&saying);
    size_t length = strlen(said);
    snprintf(said + length, sizeof said - length, "%s\n", line);
    pthread_mutex_unlock(&saying);
}

static ql_runtime *start(const char *text)
{
    const ql_affinity_config affinity = {.size = sizeof affinity, .flags = QL_IGNORE_ENV, .text = text};
    const ql_runtime_config config = {.size = sizeof config, .affinity = &affinity, .log = keep_line};
    ql_runtime *runtime;
    ql_error error = {0};
    said[0] = '\0';
    if (ql_runtime_start(&config, &runtime, &error) < 0)
        qlt_fail("%s", error.text);
    return runtime;
}

static void stop(ql_runtime *runtime)
{
    ql_error error = {0};
    if (ql_runtime_stop(runtime, NULL, &error) < 0)
        qlt_fail("%s", error.text);
}

static ql_lane *open_named(ql_runtime *runtime, const char *name)
{
    const ql_lane_config config = {.size = sizeof config, .name = name};
    ql_lane *lane;
    ql_error error = {0};
    if (ql_lane_open(runtime, &config, &lane, &error) < 0)
        qlt_fail("%s", error.text);
    return lane;
}

static int where(ql_task *task)
{
    qli_pu_set mask;
    int code = qli_thread_mask(0, &mask);
    bool one = code == 0 && qli_pu_set_count(&mask) == 1;
    return ql_task_return(task, (ql_value){.i64 = one ? qli_pu_set_next(&mask, 0) : -1});
}

/* The only CPU that whoever runs a task on the executor may use; -1 = several. */
static int64_t pin_of(ql_executor *executor)
{
    ql_task task;
    ql_task_init(&task, where, NULL);
    qlt_eq_int(ql_submit(executor, &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_eq_int(task.future.code, 0);
    return task.future.value.i64;
}

/* ---- Where the plan says ---- */

static void as_planned(void)
{
    ql_runtime *runtime = start("show=1;lane.q=auto");
    const ql_plan *plan = ql_runtime_plan(runtime);
    ql_lane *lane = open_named(runtime, "Q");
    char line[64];
    qlt_eq_int(pin_of(ql_lane_executor(lane)), ql_plan_lane(plan, 0)->pin_pu_os);
    qlt_eq_int(pin_of(ql_runtime_pool(runtime)), ql_plan_worker(plan, 0)->pin_pu_os);
    /* One line for each thread, of what is and not of what was wished. */
    for (unsigned i = 0; i < ql_plan_workers(plan); i++) {
        snprintf(line, sizeof line, "ql-w%-4u core %d pu %d ", i, ql_plan_worker(plan, i)->core_logical,
                 ql_plan_worker(plan, i)->pin_pu_os);
        qlt_has_str(said, line);
    }
    snprintf(line, sizeof line, "ql-lane-Q core %d pu %d ", ql_plan_lane(plan, 0)->core_logical,
             ql_plan_lane(plan, 0)->pin_pu_os);
    qlt_has_str(said, line);
    qlt_has_str(said, "bound ok");
    qlt_eq_ptr(strstr(said, "bound NO"), NULL);

    char command[512];
    FILE *null = freopen("/dev/null", "w", stdout);
    qlt_check(null && getenv("TOPO"));
    snprintf(command, sizeof command, "%s --check %d --config 'lane.q=auto'", getenv("TOPO"), getpid());
    int status = system(command); /* NOLINT: the command under test */
    qlt_check(WIFEXITED(status));
    qlt_eq_int(WEXITSTATUS(status), 0);
    stop(runtime);
}

QLT(placement, is_what_the_plan_says_and_what_topo_finds)
{
    if (has_cpus(2))
        in_child(as_planned);
}

/* ---- Memory ---- */

static void expect_on_node_of(const ql_slot *slot, const void *address)
{
    int mode;
    unsigned long nodes = 0;
    qlt_check(address);
    if (syscall(SYS_get_mempolicy, &mode, &nodes, 64ul, address, MPOL_F_ADDR))
        return; /* a kernel, or a container, that does not say */
    qlt_eq_int(mode, MPOL_PREFERRED);
    qlt_eq_uint(nodes, 1ul << slot->mem_os);
}

static int whose(ql_task *task)
{
    return ql_task_return(task, (ql_value){.ptr = ql_worker_self()});
}

QLT(placement, puts_a_lane_and_a_workers_deque_on_the_nodes_of_their_threads)
{
    ql_runtime *runtime = start("mem=local");
    const ql_plan *plan = ql_runtime_plan(runtime);
    ql_lane *lane = open_named(runtime, "q");
    ql_task task;
    ql_task_init(&task, whose, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    expect_on_node_of(ql_plan_worker(plan, 0), task.future.value.ptr);
    expect_on_node_of(ql_plan_lane(plan, 0), lane); /* its inbox lies within it */
    qlt_eq_int(ql_lane_close(lane, NULL, NULL, NULL), 0);
    qlt_eq_int(ql_lane_free(lane), 0);
    stop(runtime);
}

/* ---- Where a thread may not be bound ---- */

static void refused(void)
{
    if (!with_refused_affinity(EPERM))
        return;
    ql_runtime *runtime = start("show=1");
    ql_lane *lane = open_named(runtime, "q");
    (void)pin_of(ql_lane_executor(lane)); /* works all the same */
    (void)pin_of(ql_runtime_pool(runtime));
    qlt_has_str(said, "ql-w0: not pinned: sched_setaffinity: EPERM (seccomp?); running unpinned [bind=warn]");
    qlt_has_str(said,
                "ql-lane-q: not pinned: sched_setaffinity: EPERM (seccomp?); running unpinned [bind=warn]");
    qlt_has_str(said, "bound NO EPERM");
    stop(runtime);

    const ql_affinity_config affinity = {.size = sizeof affinity, .flags = QL_IGNORE_ENV, .bind = "require"};
    const ql_runtime_config config = {.size = sizeof config, .affinity = &affinity};
    ql_error error = {0};
    qlt_eq_int(ql_runtime_start(&config, &runtime, &error), -EPERM);
    qlt_has_str(error.text, "sched_setaffinity: EPERM");
    qlt_eq_ptr(runtime, NULL);
}

QLT(placement, that_is_refused_is_said_or_stops_the_start)
{
    in_child(refused);
}

/* ---- The host's threads ---- */

static void confined(void)
{
    qli_pu_set before, during, after, lane;
    qlt_eq_int(qli_thread_mask(0, &before), 0);
    ql_runtime *runtime = start("callers=confine");
    qlt_check(qli_pu_set_parse(&lane, ql_plan_lane(ql_runtime_plan(runtime), 0)->pus));
    qlt_eq_int(qli_thread_mask(0, &during), 0);
    qlt_check(!qli_pu_set_meets(&during, &lane));
    qlt_eq_int(pin_of(ql_lane_executor(open_named(runtime, "q"))),
               ql_plan_lane(ql_runtime_plan(runtime), 0)->pin_pu_os);
    stop(runtime);
    qlt_eq_int(qli_thread_mask(0, &after), 0);
    qlt_check(qli_pu_set_equal(&before, &after));
}

QLT(placement, keeps_callers_off_the_lanes_from_start_to_stop)
{
    if (has_cpus(2))
        in_child(confined);
}

static void seen(void)
{
    char pu[16], expected[64];
    ql_runtime *runtime = start("show=1");
    snprintf(pu, sizeof pu, "%d", ql_plan_lane(ql_runtime_plan(runtime), 0)->pin_pu_os);
    qli_pu_set lane;
    qlt_check(qli_pu_set_parse(&lane, pu));
    qlt_eq_int(qli_thread_set_mask(0, &lane), 0);
    (void)open_named(runtime, "q");
    snprintf(expected, sizeof expected, "(%d) on PU %s", gettid(), pu);
    qlt_has_str(said, "on a lane's core: ");
    qlt_has_str(said, expected);
    stop(runtime);
}

QLT(placement, names_callers_that_are_seen_on_a_lanes_core)
{
    if (has_cpus(2))
        in_child(seen);
}

static qlt_gate yielded = QLT_GATE_INIT;
static pid_t yields;

/* In libc's place. */
int sched_yield(void)
{
    if (gettid() == __atomic_load_n(&yields, __ATOMIC_RELAXED))
        qlt_gate_open(&yielded, 1);
    return (int)syscall(SYS_sched_yield);
}

static int until_it_yields(ql_task *task)
{
    qlt_gate_wait(&yielded, 1);
    return ql_task_return(task, (ql_value){.u64 = 1});
}

static void in_the_way(void)
{
    char pu[16];
    ql_runtime *runtime = start("idle=block;worker_idle=block");
    ql_lane *lane = open_named(runtime, "q");
    snprintf(pu, sizeof pu, "%d", ql_plan_lane(ql_runtime_plan(runtime), 0)->pin_pu_os);
    qli_pu_set own;
    qlt_check(qli_pu_set_parse(&own, pu));
    qlt_eq_int(qli_thread_set_mask(0, &own), 0);
    __atomic_store_n(&yields, gettid(), __ATOMIC_RELAXED);
    ql_task task;
    ql_task_init(&task, until_it_yields, NULL);
    qlt_eq_int(ql_lane_call(lane, &task), 0);
    qlt_eq_int(task.future.value.i64, 1);
    stop(runtime);
}

QLT(placement, makes_a_caller_on_the_lanes_core_give_way)
{
    if (has_cpus(2))
        in_child(in_the_way);
}

/* ---- One core ---- */

static void alone(void)
{
    if (!with_mask("0"))
        return;
    ql_runtime *runtime = start(NULL);
    ql_lane *lane = open_named(runtime, "q");
    for (int i = 0; i < 200; i++) {
        qlt_eq_int(pin_of(ql_lane_executor(lane)), 0);
        qlt_eq_int(pin_of(ql_runtime_pool(runtime)), 0);
    }
    qlt_has_str(said, "shared mode: lane and workers share core 0, the only one usable; nothing spins");
    stop(runtime);
}

QLT(placement, on_one_core_serves_lane_and_workers)
{
    in_child(alone);
}
