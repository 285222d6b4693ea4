/* Opening: engines that refuse, many lanes, places on the machine. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lanes/lanes.h"

static char log_text[4096];

/* Workers that start log at once. */
static void log_line(void *context, ql_level level, const char *line)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)context;
    (void)level;
    pthread_mutex_lock(&lock);
    size_t length = strlen(log_text);
    snprintf(log_text + length, sizeof(log_text) - length, "%s\n", line);
    pthread_mutex_unlock(&lock);
}

/* A machine of four cores, wherever it runs: nobody is pinned there. */
static int start_simulated(const char *text, ql_runtime **runtime, ql_error *error)
{
    ql_affinity_config affinity = {.size = sizeof(affinity), .flags = QL_IGNORE_ENV, .text = text};
    ql_runtime_config config = {.size = sizeof(config), .affinity = &affinity, .log = log_line};
    setenv("HWLOC_SYNTHETIC", "core:4 pu:1", 1);
    int code = ql_runtime_start(&config, runtime, error);
    unsetenv("HWLOC_SYNTHETIC");
    return code;
}

QLT(open, a_lane_without_a_core_is_told_for_whom_one_is_kept)
{
    ql_runtime *runtime;
    ql_error error;
    log_text[0] = 0;
    qlt_eq_int(start_simulated("lane.word=core:1", &runtime, &error), 0);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "Words\n"});
    qlt_has_str(log_text,
                "lane 'Words?': no core is left for it, so it shares those of the workers and never "
                "spins; reserve one with lanes=N or lane.NAME=CORE; core 1 is kept for lane.word\n");
    close_lane(lane);
    lane = open_lane(runtime, (ql_lane_config){.name = ""});
    qlt_has_str(log_text, "lane 'lane': no core is left for it");
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(open, a_place_that_is_required_and_refused_is_said_once_with_a_way_out)
{
    ql_runtime *runtime;
    ql_error error;
    qlt_eq_int(start_simulated("bind=require", &runtime, &error), -ENOTSUP);
    qlt_eq_str(error.text,
               "a worker could not be bound: not pinned: the machine is simulated [bind=require]; "
               "bind=warn runs it anyway");
}

QLT(open, an_engine_that_refuses_says_why_and_leaves_nothing)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.log = log_line});
    recorder engine = {.open_code = -ENOENT};
    ql_lane *lane;
    ql_error error;
    ql_lane_config config = {
        .size = sizeof(config), .name = "q", .engine = &recorder_ops, .engine_arg = &engine};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -ENOENT);
    qlt_eq_ptr(lane, NULL);
    qlt_eq_str(error.text, "engine 'recorder' of lane 'q' failed in open: no such database");
    qlt_has_str(log_text, error.text);
    qlt_eq_str(engine.calls, "pox");
    engine = (recorder){.prepare_code = -EACCES};
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EACCES);
    qlt_eq_str(error.text, "engine 'recorder' of lane 'q' failed in prepare: no preparation");
    qlt_eq_str(engine.calls, "px");
    qlt_runtime_stop(runtime);
}

/* An engine whose open the test holds; then it refuses. */
static qlt_gate open_gate = QLT_GATE_INIT;

static int held_open(void *self, ql_error *error)
{
    (void)self;
    qlt_gate_wait(&open_gate, 1);
    snprintf(error->text, sizeof(error->text), "licence error: k4.lic");
    return -EKEYREJECTED;
}

QLT(open, an_engine_that_refuses_settles_every_waiting_task_with_its_error)
{
    static const ql_engine_ops ops = {.size = sizeof(ops), .name = "held", .open = held_open};
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane;
    ql_error error;
    ql_lane_config config = {.size = sizeof(config), .name = "q", .engine = &ops};
    enum { TASKS = 100 };
    static ql_task tasks[TASKS];
    char text[128];
    qlt_eq_int(ql_lane_open_begin(runtime, &config, &lane, &error), 0);
    qlt_eq_str(ql_lane_problem(lane), "");
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        submit(lane, &tasks[i]);
    }
    ql_task described = tasks[0];
    ql_task_init(&described, nothing, NULL);
    described.text_buffer = text;
    described.text_size = sizeof(text);
    submit(lane, &described);
    qlt_gate_open(&open_gate, 1);
    qlt_eq_int(ql_future_wait(ql_lane_opened(lane)), 0);
    qlt_eq_int(ql_lane_opened(lane)->code, -EKEYREJECTED);
    qlt_has_str(ql_lane_problem(lane), "licence error: k4.lic");
    for (int i = 0; i < TASKS; i++) {
        await(&tasks[i]);
        qlt_eq_int(tasks[i].future.code, -EKEYREJECTED);
        qlt_eq_str(tasks[i].future.text, "the lane's engine did not open");
    }
    await(&described);
    qlt_has_str(described.future.text, "licence error: k4.lic");
    qlt_eq_int(ql_lane_submit(lane, &tasks[0]), -ESHUTDOWN);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(open, tasks_may_queue_before_the_engine_has_opened)
{
    ql_runtime *runtime = qlt_runtime(1);
    recorder engine = {.count = 0};
    ql_lane *lane;
    ql_error error;
    ql_lane_config config = {
        .size = sizeof(config), .name = "q", .engine = &recorder_ops, .engine_arg = &engine};
    long counter = 0;
    ql_task task;
    qlt_eq_int(ql_lane_open_begin(runtime, &config, &lane, &error), 0);
    ql_task_init(&task, count_up, &counter);
    call(lane, &task);
    qlt_eq_int(task.future.value.i64, 1);
    qlt_eq_int(ql_lane_opened(lane)->code, 0);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(open, an_engine_that_a_process_can_have_once_is_refused_the_second_time)
{
    static const ql_engine_ops only = {
        .size = sizeof(only), .name = "only one", .caps = QL_ENGINE_ONE_PER_PROCESS};
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane_config config = {.size = sizeof(config), .name = "q", .engine = &only};
    ql_lane *lane, *second;
    ql_error error;
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), 0);
    qlt_eq_int(ql_lane_open(runtime, &config, &second, &error), -EBUSY);
    qlt_has_str(error.text, "a process can have one");
    close_lane(lane);
    qlt_eq_int(ql_lane_open(runtime, &config, &second, &error), -EBUSY);
    qlt_runtime_stop(runtime);
}

static int ping(ql_task *task)
{
    ql_task inner;
    long counter = 0;
    ql_task_init(&inner, count_up, &counter);
    call(task->arg, &inner);
    return ql_task_return(task, inner.future.value);
}

static void many_lanes(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime_with(workers, (ql_runtime_config){.log = log_line});
    enum { LANES = 5 };
    ql_lane *lanes[LANES];
    recorder engines[LANES];
    memset(engines, 0, sizeof(engines));
    log_text[0] = 0;
    for (int i = 0; i < LANES; i++) {
        char name[16];
        snprintf(name, sizeof(name), "lane%d", i);
        lanes[i] = open_lane(
            runtime, (ql_lane_config){.name = name, .engine = &recorder_ops, .engine_arg = &engines[i]});
    }
    /* More than the plan reserved: they share, and say so. */
    qlt_has_str(log_text, "lane 'lane4': no core is left for it");
    qlt_eq_ptr(ql_lane_slot(lanes[4], NULL), NULL);
    for (int i = 0; i < 1000; i++) {
        ql_task task;
        ql_task_init(&task, ping, lanes[(i + 1) % LANES]);
        call(lanes[i % LANES], &task);
        qlt_eq_int(task.future.value.i64, 1);
    }
    for (int i = 0; i < LANES; i++)
        close_lane(lanes[i]);
    qlt_runtime_stop(runtime);
}

QLT(open, many_lanes_call_one_another)
{
    qlt_workers_each(many_lanes);
}

QLT(open, lanes_come_and_go_while_the_runtime_works)
{
    ql_runtime *runtime = qlt_runtime(2);
    for (int i = 0; i < 200; i++) {
        ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
        /* The one core that is kept for a lane is there again. */
        qlt_check(ql_lane_slot(lane, NULL) != NULL || ql_plan_lanes(ql_runtime_plan(runtime)) == 0);
        ql_task task;
        long counter = 0;
        ql_task_init(&task, count_up, &counter);
        call(lane, &task);
        close_lane(lane);
    }
    qlt_runtime_stop(runtime);
}

QLT(open, a_lane_is_pinned_to_its_slot)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_bound bound;
    const ql_slot *slot = ql_lane_slot(lane, &bound);
    qlt_check(slot != NULL);
    if (slot->pin_pu_os >= 0 && bound.code == 0) {
        qlt_check(bound.pinned);
        qlt_eq_int(bound.granted_pu_os, slot->pin_pu_os);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static ql_runtime *start_spinning(void)
{
    ql_affinity_config affinity = {
        .size = sizeof(affinity), .flags = QL_IGNORE_ENV, .lanes = "1", .workers = "1", .idle = "spin"};
    return qlt_runtime_with(1, (ql_runtime_config){.affinity = &affinity});
}

/* On a core of its own; else it may not spin, and sleeps. */
QLT(open, a_lane_that_spins_never_sleeps)
{
    ql_runtime *runtime = start_spinning();
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    ql_bound bound;
    bool spins = ql_lane_slot(lane, &bound) && bound.spin_max_ns == QL_FOREVER;
    ql_lane_stats stats = {.size = sizeof(stats)};
    for (int i = 0; i < 3; i++) {
        ql_task task;
        ql_task_init(&task, nothing, NULL);
        call(lane, &task);
        /* Until it looks for work, or has slept; then for longer than any other budget is. */
        do
            ql_lane_stats_get(lane, &stats);
        while (!stats.spins && !stats.parks);
        for (int64_t until_ns = ql_after_ns(2000000); ql_now_ns() < until_ns;)
            ;
    }
    ql_lane_stats_get(lane, &stats);
    qlt_check(spins ? stats.spins && !stats.parks : !stats.spins);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
