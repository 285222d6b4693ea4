#include "tests/lanes/lanes.h"

static int note(void *self, char call, int code)
{
    recorder *at = self;
    if (at->count + 1 < sizeof(at->calls))
        at->calls[at->count++] = call;
    return code;
}

static int prepare(void *self, ql_error *error)
{
    snprintf(error->text, sizeof(error->text), "no preparation");
    return note(self, 'p', ((recorder *)self)->prepare_code);
}

static int open_it(void *self, ql_error *error)
{
    snprintf(error->text, sizeof(error->text), "no such database");
    return note(self, 'o', ((recorder *)self)->open_code);
}

static int run(void *self, ql_task *task)
{
    note(self, 'r', 0);
    return task->fn(task);
}

static int begin(void *self, unsigned tasks_max, ql_error *error)
{
    recorder *at = self;
    at->tasks_max = tasks_max;
    snprintf(error->text, sizeof(error->text), "cannot begin");
    return note(self, '(', at->begin_code);
}

static int end(void *self, ql_error *error)
{
    snprintf(error->text, sizeof(error->text), "disk full");
    return note(self, ')', ((recorder *)self)->end_code);
}

static int interrupt(void *self)
{
    __atomic_fetch_add(&((recorder *)self)->interrupts, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static void close_it(void *self)
{
    note(self, 'c', 0);
}

static void thread_exit(void *self)
{
    note(self, 'x', 0);
}

#define HOOKS                                                                                           \
    .size = sizeof(ql_engine_ops), .name = "recorder", .prepare = prepare, .open = open_it, .run = run, \
    .batch_begin = begin, .batch_end = end, .close = close_it, .thread_exit = thread_exit

const ql_engine_ops recorder_ops = {HOOKS};
const ql_engine_ops recorder_interruptible_ops = {HOOKS, .interrupt = interrupt};

ql_lane *open_lane(ql_runtime *runtime, ql_lane_config config)
{
    ql_lane *lane;
    ql_error error;
    config.size = sizeof(config);
    if (ql_lane_open(runtime, &config, &lane, &error))
        qlt_fail("%s", error.text);
    return lane;
}

void close_lane(ql_lane *lane)
{
    ql_error error;
    if (ql_lane_close(lane, NULL, NULL, &error))
        qlt_fail("%s", error.text);
    qlt_eq_int(ql_lane_free(lane), 0);
}

static int run_blocker(ql_task *task)
{
    blocker *self = task->arg;
    qlt_gate_open(&self->gate, 1);
    qlt_gate_wait(&self->gate, 2);
    return 0;
}

void submit(ql_lane *lane, ql_task *task)
{
    qlt_eq_int(ql_lane_submit(lane, task), 0);
}

void call(ql_lane *lane, ql_task *task)
{
    qlt_eq_int(ql_lane_call(lane, task), 0);
}

void await(ql_task *task)
{
    qlt_eq_int(ql_future_wait(&task->future), 0);
}

void block(ql_lane *lane, blocker *with)
{
    with->gate = (qlt_gate)QLT_GATE_INIT;
    ql_task_init(&with->task, run_blocker, with);
    submit(lane, &with->task);
    qlt_gate_wait(&with->gate, 1);
}

void unblock(blocker *with)
{
    qlt_gate_open(&with->gate, 2);
    await(&with->task);
}

int count_up(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = ++*(long *)task->arg});
}

int nothing(ql_task *task)
{
    (void)task;
    return 0;
}
