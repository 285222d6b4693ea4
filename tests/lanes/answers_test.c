/* What calls answer in corners that no other test comes to. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "qlane/strand.h"
#include "qlane/trace.h"
#include "qlane/version.h"
#include "qlane/watch.h"
#include "tests/lanes/lanes.h"

static ql_runtime *runtime;
static qlt_gate gate;

static int hold(ql_task *task)
{
    (void)task;
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    return 0;
}

/* Something runs, and keeps the stop that is asked for meanwhile from coming to its end. */
static void hold_on(ql_executor *on, ql_task *task)
{
    gate = (qlt_gate)QLT_GATE_INIT;
    ql_task_init(task, hold, NULL);
    qlt_eq_int(ql_submit(on, task), 0);
    qlt_gate_wait(&gate, 1);
}

static void *stop(void *arg)
{
    qlt_runtime_stop(arg);
    return NULL;
}

QLT(answers, of_a_runtime_that_is_being_stopped)
{
    ql_task holder;
    ql_error error = {0};
    ql_lane *lane;
    ql_lane_config configs[] = {{.size = sizeof(ql_lane_config), .engine = &recorder_ops},
                                {.size = sizeof(ql_lane_config), .flags = QL_LANE_ON_CALLER}};
    recorder engine = {.count = 0}, here = {.count = 0};
    pthread_t stopping;
    configs[0].engine_arg = &engine;
    configs[1].engine_arg = &here;
    configs[1].engine = &recorder_ops;
    runtime = qlt_runtime(1);
    hold_on(ql_runtime_pool(runtime), &holder);
    pthread_create(&stopping, NULL, stop, runtime);
    while (!ql_spawn(ql_runtime_pool(runtime), nothing, NULL))
        sched_yield();
    qlt_eq_int(ql_runtime_stop(runtime, NULL, &error), -EINVAL);
    qlt_has_str(error.text, "being stopped already");
    for (int i = 0; i < 2; i++) {
        qlt_eq_int(ql_lane_open(runtime, &configs[i], &lane, &error), -ESHUTDOWN);
        qlt_has_str(error.text, "the runtime stops");
        qlt_eq_ptr(lane, NULL);
    }
    qlt_eq_str(engine.calls, "x"); /* no thread was started */
    qlt_eq_str(here.calls, "x");
    qlt_gate_open(&gate, 2);
    pthread_join(stopping, NULL);
}

/* ---- Places that a continuation had reserved -------------------------------------------------------------------- */

QLT(answers, of_continuations_that_are_refused_leave_their_place_free)
{
    blocker first;
    ql_task other, a, b, c;
    ql_client *client;
    runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .capacity_tasks = 1});
    qlt_eq_int(ql_client_open(lane, NULL, 2, QL_FULL_REFUSES, &client), 0);
    ql_executor *const doors[] = {ql_lane_executor(lane), ql_client_executor(client)};
    ql_task_init(&other, nothing, NULL);
    for (int i = 0; i < 2; i++) {
        ql_task_init(&a, nothing, NULL);
        ql_task_init(&b, nothing, NULL);
        ql_task_init(&c, nothing, NULL);
        a.on = b.on = c.on = doors[i];
        qlt_eq_int(ql_future_then(&other.future, &a), -EINVAL); /* never submitted */
        qlt_eq_int(ql_future_wait(&a.future), -EINVAL);
        block(lane, &first);
        qlt_eq_int(ql_future_then(&first.task.future, &a), 0); /* has the only place */
        qlt_eq_int(ql_future_then(&first.task.future, &b), -EAGAIN);
        qlt_eq_int(ql_future_then(&first.task.future, &a), -EBUSY);
        qlt_eq_int(ql_submit_many(doors[i], (ql_task *[]){&c}, 1), -EAGAIN);
        qlt_gate_open(&first.gate, 2);
        await(&a);
        qlt_eq_int(a.future.code, 0);
        qlt_eq_int(ql_submit(doors[i], &b), 0);
        await(&b);
    }
    qlt_eq_int(ql_client_close(client), 0);
    qlt_runtime_stop(runtime);
}

QLT(answers, of_clients_that_close_in_any_order)
{
    ql_client *clients[3];
    runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    for (int i = 0; i < 3; i++)
        qlt_eq_int(ql_client_open(lane, NULL, 1, QL_FULL_REFUSES, &clients[i]), 0);
    qlt_eq_int(ql_client_close(clients[1]), 0);
    qlt_eq_int(ql_client_close(clients[0]), 0);
    qlt_eq_int(ql_client_close(clients[2]), 0);
    qlt_runtime_stop(runtime);
}

QLT(answers, of_many_with_deadlines_that_a_full_lane_refuses)
{
    blocker first;
    ql_task a, b, *both[] = {&a, &b};
    runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .capacity_tasks = 1});
    block(lane, &first);
    for (int i = 0; i < 2; i++) {
        ql_task_init(both[i], nothing, NULL);
        both[i]->deadline_ns = ql_after_ns(i ? 1 : 100000000000);
    }
    for (int i = 0; i < 100; i++)
        qlt_eq_int(ql_submit_many(ql_lane_executor(lane), both, 2), -EAGAIN);
    qlt_eq_int(ql_submit_many(ql_runtime_pool(runtime), both, 2), 0);
    await(&a);
    await(&b);
    qlt_eq_int(a.future.code, 0);
    unblock(&first);
    qlt_runtime_stop(runtime);
}

/* ---- Strands ----------------------------------------------------------------------------------------------------- */

static int cancel_it(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = ql_task_cancel(task->arg)});
}

QLT(answers, of_a_strand_about_what_runs_queues_and_expires)
{
    ql_task holder, queued, expires, canceller;
    ql_strand *strand;
    runtime = qlt_runtime(2);
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    hold_on(ql_strand_executor(strand), &holder);
    ql_task_init(&queued, nothing, NULL);
    ql_task_init(&expires, nothing, NULL);
    expires.deadline_ns = ql_after_ns(1000000);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &queued), 0);
    qlt_eq_int(ql_submit(ql_strand_executor(strand), &expires), 0);
    qlt_eq_int(ql_task_cancel(&holder), -EINPROGRESS);
    ql_task_init(&canceller, cancel_it, &queued); /* from a worker */
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &canceller), 0);
    await(&canceller);
    qlt_eq_int(canceller.future.value.i64, 0);
    qlt_eq_int(queued.future.code, -ECANCELED);
    qlt_eq_str(queued.future.text, "cancelled before it ran");
    await(&expires);
    qlt_eq_int(expires.future.code, -ETIMEDOUT);
    qlt_gate_open(&gate, 2);
    await(&holder);
    ql_strand_release(strand);
    qlt_runtime_stop(runtime);
}

/* ---- Tasks that a scope has cancelled before a lane comes to them -------------------------------------------------- */

static void cancel_scope(const ql_engine_ops *ops)
{
    static recorder engine;
    blocker first;
    ql_scope scope;
    ql_task queued[3];
    engine = (recorder){.count = 0};
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q", .engine = ops, .engine_arg = &engine});
    ql_scope_init(&scope, NULL);
    block(lane, &first);
    for (int i = 0; i < 3; i++) {
        ql_task_init(&queued[i], nothing, NULL);
        queued[i].scope = i == 1 ? NULL : &scope;
        submit(lane, &queued[i]);
    }
    ql_scope_cancel(&scope);
    unblock(&first);
    for (int i = 0; i < 3; i++) {
        await(&queued[i]);
        qlt_eq_int(queued[i].future.code, i == 1 ? 0 : -ECANCELED);
        if (i != 1)
            qlt_eq_str(queued[i].future.text, "cancelled before it ran");
    }
    close_lane(lane);
}

QLT(answers, of_a_lane_whose_tasks_were_cancelled_by_their_scope)
{
    runtime = qlt_runtime(1);
    cancel_scope(&recorder_ops);
    cancel_scope(&recorder_interruptible_ops);
    qlt_runtime_stop(runtime);
}

/* ---- On the lane's own thread ------------------------------------------------------------------------------------ */

typedef struct inside {
    ql_lane *lane;
    ql_watch watches[3];
    int fds[3][2];
} inside;

static void ready(ql_watch *watch, unsigned what)
{
    (void)watch, (void)what;
}

static int use_inside(ql_task *task)
{
    inside *with = task->arg;
    qlt_eq_int(ql_lane_call(with->lane, task), -EBUSY); /* it is the one that runs */
    for (int i = 0; i < 3; i++) {
        with->watches[i] = (ql_watch){.fn = ready};
        qlt_eq_int(ql_watch_start(&with->watches[i], with->fds[i][0], QL_READABLE), 0);
    }
    qlt_eq_int(ql_watch_stop(&with->watches[1]), 0);
    qlt_eq_int(ql_watch_stop(&with->watches[0]), 0);
    return ql_watch_stop(&with->watches[2]);
}

QLT(answers, of_a_lane_to_its_own_task)
{
    inside with;
    ql_task task;
    runtime = qlt_runtime(1);
    with.lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    for (int i = 0; i < 3; i++)
        qlt_eq_int(pipe(with.fds[i]), 0);
    ql_task_init(&task, use_inside, &with);
    call(with.lane, &task);
    qlt_eq_int(task.future.code, 0);
    for (int i = 0; i < 3; i++) {
        close(with.fds[i][0]);
        close(with.fds[i][1]);
    }
    qlt_runtime_stop(runtime);
}

/* ---- A call that cannot be taken back, from a worker --------------------------------------------------------------- */

static struct circle {
    ql_lane *lane;
    ql_task root, inner;
    bool lent;
    int call_code, wait_code;
} circle;

static int wait_for_root(ql_task *task)
{
    (void)task;
    circle.wait_code = ql_future_wait(&circle.root.future);
    return 0;
}

static int call_who_waits(ql_task *task)
{
    (void)task;
    if (circle.lent)
        ql_blocking_begin();
    ql_task_init(&circle.inner, wait_for_root, NULL);
    circle.call_code = ql_lane_call(circle.lane, &circle.inner);
    if (circle.lent)
        ql_blocking_end();
    return 0;
}

static void quiet(void *context, const char *sentence)
{
    (void)context, (void)sentence;
}

QLT(answers, of_a_worker_whose_call_closes_a_circle)
{
    runtime = qlt_runtime_with(2, (ql_runtime_config){.on_misuse = quiet});
    circle.lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    for (int i = 0; i < 200; i++) {
        int64_t until_ns = ql_after_ns(20000000000);
        circle.lent = i % 2;
        ql_task_init(&circle.root, call_who_waits, NULL);
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &circle.root), 0);
        while (!ql_future_settled(&circle.root.future)) { /* its place for a waiter is the other's */
            if (ql_now_ns() > until_ns)
                qlt_fail("a worker and a lane wait for each other for ever");
            sched_yield();
        }
        qlt_eq_int(circle.call_code, 0);
        qlt_eq_int(circle.wait_code, -EDEADLK);
    }
    qlt_runtime_stop(runtime);
}

/* ---- Nonsense ---------------------------------------------------------------------------------------------------- */

QLT(answers, to_nonsense)
{
    ql_lane *lane;
    ql_error error;
    ql_engine_ops nameless = {.size = sizeof(nameless)};
    ql_lane_config config = {.size = sizeof(config), .engine = &nameless};
    FILE *out = fopen("/dev/null", "w");
    runtime = qlt_runtime(1);
    qlt_eq_str(ql_version(), QL_VERSION);
    qlt_eq_int(ql_wait_all(NULL, 1, QL_FOREVER), -EINVAL);
    qlt_eq_int(ql_trace_write(NULL, out), -EINVAL);
    qlt_eq_int(ql_trace_write(runtime, NULL), -EINVAL);
    qlt_eq_int(ql_trace_write(runtime, out), -ENOTSUP);
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "engine->name is NULL");
    fclose(out);
    qlt_runtime_stop(runtime);
}
