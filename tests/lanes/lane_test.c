/* A lane as its users see it: hand-off, order, re-entry, confinement. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lanes/lanes.h"

static void answers(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "count"});
    long counter = 0;
    for (long i = 1; i <= 1000; i++) {
        ql_task task;
        ql_task_init(&task, count_up, &counter);
        call(lane, &task);
        qlt_eq_int(task.future.code, 0);
        qlt_eq_int(task.future.value.i64, i);
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(lane, answers_every_call)
{
    qlt_workers_each(answers);
}

static int thread_id(ql_task *task)
{
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof(name));
    qlt_eq_str(name, "ql-lane-q");
    return ql_task_return(task, (ql_value){.i64 = gettid()});
}

QLT(lane, runs_every_task_on_its_one_named_thread)
{
    ql_runtime *runtime = qlt_runtime(2);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    int64_t first = 0;
    for (int i = 0; i < 100; i++) {
        ql_task task;
        ql_task_init(&task, thread_id, NULL);
        call(lane, &task);
        first = first ? first : task.future.value.i64;
        qlt_eq_int(task.future.value.i64, first);
        qlt_check(first != gettid());
    }
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* Many producers, from outside and from workers. */
enum { PRODUCERS = 4, EACH = 2000 };
static struct {
    ql_lane *lane;
    ql_task tasks[PRODUCERS][EACH];
    long counter;
    long seen[PRODUCERS];
} many;

static int in_order(ql_task *task)
{
    long producer = (long)(intptr_t)task->arg / EACH, number = (long)(intptr_t)task->arg % EACH;
    qlt_eq_int(number, many.seen[producer]++);
    many.counter++;
    return 0;
}

static void produce(long producer)
{
    for (long i = 0; i < EACH; i++) {
        ql_task *task = &many.tasks[producer][i];
        ql_task_init(task, in_order, (void *)(intptr_t)(producer * EACH + i));
        submit(many.lane, task);
    }
}

static void *produce_outside(void *arg)
{
    produce((long)(intptr_t)arg);
    return NULL;
}

static int produce_on_worker(ql_task *task)
{
    produce((long)(intptr_t)task->arg);
    return 0;
}

static void keeps_order(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    pthread_t threads[2];
    ql_task tasks[2];
    memset(&many, 0, sizeof(many));
    many.lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    for (intptr_t i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, produce_outside, (void *)i);
        ql_task_init(&tasks[i], produce_on_worker, (void *)(i + 2));
        qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &tasks[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        await(&tasks[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        for (int k = 0; k < EACH; k++)
            await(&many.tasks[i][k]);
    qlt_eq_int(many.counter, PRODUCERS * EACH);
    close_lane(many.lane);
    qlt_runtime_stop(runtime);
}

QLT(lane, keeps_each_producers_order)
{
    qlt_workers_each(keeps_order);
}

static int append_letter(ql_task *task)
{
    strcat(task->arg, task->name);
    return 0;
}

QLT(lane, runs_urgent_tasks_first_and_background_ones_last)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    static const ql_class classes[] = {QL_BACKGROUND, QL_NORMAL, QL_URGENT,
                                       QL_BACKGROUND, QL_NORMAL, QL_URGENT};
    static const char *const names[] = {"e", "c", "a", "f", "d", "b"};
    char order[16] = "";
    ql_task tasks[6];
    blocker first;
    block(lane, &first);
    for (int i = 0; i < 6; i++) {
        ql_task_init(&tasks[i], append_letter, order);
        tasks[i].klass = (uint8_t)classes[i];
        tasks[i].name = names[i];
        submit(lane, &tasks[i]);
    }
    unblock(&first);
    for (int i = 0; i < 6; i++)
        await(&tasks[i]);
    qlt_eq_str(order, "abcdef");
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* A normal task among hundreds of urgent ones waits for at most 32 of them. */
QLT(lane, passes_no_class_over_more_than_32_times)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    static ql_task urgent[300];
    long counter = 0;
    ql_task normal;
    blocker first;
    block(lane, &first);
    ql_task_init(&normal, count_up, &counter);
    submit(lane, &normal);
    for (int i = 0; i < 300; i++) {
        ql_task_init(&urgent[i], count_up, &counter);
        urgent[i].klass = QL_URGENT;
        submit(lane, &urgent[i]);
    }
    unblock(&first);
    for (int i = 0; i < 300; i++)
        await(&urgent[i]);
    await(&normal);
    qlt_eq_int(normal.future.value.i64, 33);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

/* ---- Re-entry -------------------------------------------------------------------------------------------------- */

typedef struct nest {
    ql_lane *lane;
    int left, deepest;
    int code;
} nest;

static int call_deeper(ql_task *task)
{
    nest *at = task->arg;
    at->deepest++;
    if (!at->left--)
        return 0;
    ql_task inner;
    ql_task_init(&inner, call_deeper, at);
    int code = ql_lane_call(at->lane, &inner);
    at->code = at->code ? at->code : code;
    return ql_task_return(task, (ql_value){.i64 = inner.future.value.i64 + 1});
}

QLT(lane, runs_a_call_to_itself_inline)
{
    ql_runtime *runtime = qlt_runtime(1);
    nest at = {.lane = open_lane(runtime, (ql_lane_config){.name = "q"}), .left = QL_LANE_DEPTH_MAX};
    ql_task task;
    ql_task_init(&task, call_deeper, &at);
    call(at.lane, &task);
    qlt_eq_int(task.future.value.i64, QL_LANE_DEPTH_MAX);
    qlt_eq_int(at.code, 0);
    close_lane(at.lane);
    qlt_runtime_stop(runtime);
}

QLT(lane, refuses_to_call_itself_deeper_than_it_says)
{
    ql_runtime *runtime = qlt_runtime(1);
    nest at = {.lane = open_lane(runtime, (ql_lane_config){.name = "q"}), .left = 1000};
    ql_task task;
    ql_task_init(&task, call_deeper, &at);
    call(at.lane, &task);
    qlt_eq_int(at.code, -ELOOP);
    qlt_eq_int(at.deepest, QL_LANE_DEPTH_MAX + 1);
    close_lane(at.lane);
    qlt_runtime_stop(runtime);
}

/* Lane -> pool -> wait: the pool works on while the lane waits. */
typedef struct pair {
    ql_runtime *runtime;
    ql_lane *lane;
    int code;
} pair;

static int ask_pool(ql_task *task)
{
    pair *at = task->arg;
    long counter = 41;
    ql_task inner;
    ql_task_init(&inner, count_up, &counter);
    qlt_eq_int(ql_submit(ql_runtime_pool(at->runtime), &inner), 0);
    qlt_eq_int(ql_future_wait(&inner.future), 0);
    return ql_task_return(task, inner.future.value);
}

static void waits_for_pool(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime(workers);
    pair at = {.runtime = runtime, .lane = open_lane(runtime, (ql_lane_config){.name = "q"})};
    for (int i = 0; i < 100; i++) {
        ql_task task;
        ql_task_init(&task, ask_pool, &at);
        call(at.lane, &task);
        qlt_eq_int(task.future.value.i64, 42);
    }
    close_lane(at.lane);
    qlt_runtime_stop(runtime);
}

QLT(lane, may_wait_for_the_pool)
{
    qlt_workers_each(waits_for_pool);
}

/* Lane -> pool -> the same lane: nobody could ever go on, so one of the two waits is refused. */
typedef struct cycle {
    ql_runtime *runtime;
    ql_lane *lane;
    ql_task on_lane, on_pool, on_lane_again;
    int lane_code, pool_code;
} cycle;

static char cycle_text[512];

static void name_cycle(void *context, const char *sentence)
{
    (void)context;
    snprintf(cycle_text, sizeof(cycle_text), "%s", sentence);
}

static int call_lane(ql_task *task)
{
    cycle *at = task->arg;
    ql_task_init(&at->on_lane_again, nothing, NULL);
    at->on_lane_again.name = "again";
    at->pool_code = ql_lane_call(at->lane, &at->on_lane_again);
    return 0;
}

static int ask_pool_to_call_lane(ql_task *task)
{
    cycle *at = task->arg;
    ql_task_init(&at->on_pool, call_lane, at);
    at->on_pool.name = "calls the lane";
    qlt_eq_int(ql_submit(ql_runtime_pool(at->runtime), &at->on_pool), 0);
    at->lane_code = ql_future_wait(&at->on_pool.future);
    return 0;
}

static void refuses_cycle(unsigned workers)
{
    ql_runtime *runtime = qlt_runtime_with(workers, (ql_runtime_config){.on_misuse = name_cycle});
    for (int i = 0; i < 20; i++) {
        cycle_text[0] = 0;
        cycle at = {.runtime = runtime, .lane = open_lane(runtime, (ql_lane_config){.name = "q"})};
        ql_task_init(&at.on_lane, ask_pool_to_call_lane, &at);
        at.on_lane.name = "asks the pool";
        call(at.lane, &at.on_lane);
        await(&at.on_pool);
        qlt_check((at.lane_code == -EDEADLK) != (at.pool_code == -EDEADLK));
        qlt_eq_str(cycle_text,
                   at.lane_code
                       ? "ql_future_wait: a cycle of waits is refused: task 'asks the pool' on q waits "
                         "for 'calls the lane', task 'calls the lane' on pool waits for 'again'"
                       : "ql_future_wait: a cycle of waits is refused: task 'calls the lane' on pool "
                         "waits for 'again', task 'asks the pool' on q waits for 'calls the lane'");
        close_lane(at.lane);
    }
    qlt_runtime_stop(runtime);
}

QLT(lane, a_cycle_of_waits_is_refused)
{
    qlt_workers_each(refuses_cycle);
}

/* ---- Confinement ----------------------------------------------------------------------------------------------- */

static char misuse_text[512];

static void misuse(void *context, const char *sentence)
{
    (void)context;
    snprintf(misuse_text, sizeof(misuse_text), "%s", sentence);
}

static int get_engine(ql_task *task)
{
    void *engine;
    int code = ql_lane_engine(task->arg, &engine);
    return code ? code : ql_task_return(task, (ql_value){.ptr = engine});
}

QLT(lane, gives_its_engine_on_its_own_thread_only)
{
    ql_runtime *runtime = qlt_runtime_with(1, (ql_runtime_config){.on_misuse = misuse});
    recorder engine = {.count = 0};
    ql_lane *lane =
        open_lane(runtime, (ql_lane_config){.name = "q", .engine = &recorder_ops, .engine_arg = &engine});
    ql_task task;
    ql_task_init(&task, get_engine, lane);
    call(lane, &task);
    qlt_eq_int(task.future.code, 0);
    qlt_eq_ptr(task.future.value.ptr, &engine);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    await(&task);
    qlt_eq_int(task.future.code, -EPERM);
    qlt_has_str(misuse_text, "expected the thread of lane 'q', found pool");
    void *handle = &task;
    qlt_eq_int(ql_lane_engine(lane, &handle), -EPERM);
    qlt_eq_ptr(handle, NULL);
    qlt_has_str(misuse_text, "found a thread of the host");
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

static int error_with_text(ql_task *task)
{
    return ql_task_fail(task, -EDOM, "row %d is bad", 7);
}

QLT(lane, a_task_leaves_its_error_code_and_text)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = open_lane(runtime, (ql_lane_config){.name = "q"});
    char text[64];
    ql_task task;
    ql_task_init(&task, error_with_text, NULL);
    task.text_buffer = text;
    task.text_size = sizeof(text);
    call(lane, &task);
    qlt_eq_int(task.future.code, -EDOM);
    qlt_eq_str(task.future.text, "row 7 is bad");
    close_lane(lane);
    qlt_runtime_stop(runtime);
}

QLT(lane, bad_arguments_are_refused)
{
    ql_runtime *runtime = qlt_runtime(1);
    ql_lane *lane = NULL;
    ql_error error;
    ql_task task;
    void *engine;
    ql_lane_config config = {.size = sizeof(config)};
    ql_engine_ops ops = {.size = 1, .name = "x"};
    qlt_eq_int(ql_lane_open(NULL, &config, &lane, &error), -EINVAL);
    qlt_eq_int(ql_lane_open(runtime, NULL, &lane, &error), -EINVAL);
    qlt_eq_int(ql_lane_open(runtime, &config, NULL, &error), -EINVAL);
    config.engine = &ops;
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "sizeof(ql_engine_ops)");
    config.engine = NULL;
    config.size = 3;
    qlt_eq_int(ql_lane_open(runtime, &config, &lane, &error), -EINVAL);
    qlt_has_str(error.text, "sizeof(ql_lane_config)");
    qlt_eq_ptr(lane, NULL);
    ql_task_init(&task, nothing, NULL);
    qlt_eq_int(ql_lane_submit(NULL, &task), -EINVAL);
    qlt_eq_int(ql_lane_submit_until(NULL, &task, 0), -EINVAL);
    qlt_eq_int(ql_lane_call(NULL, &task), -EINVAL);
    qlt_eq_int(ql_lane_engine(NULL, &engine), -EINVAL);
    qlt_eq_int(ql_lane_close(NULL, NULL, NULL, &error), -EINVAL);
    qlt_eq_int(ql_lane_free(NULL), 0);
    qlt_eq_ptr(ql_lane_executor(NULL), NULL);
    qlt_eq_ptr(ql_lane_opened(NULL), NULL);
    qlt_eq_str(ql_lane_problem(NULL), "");
    lane = open_lane(runtime, (ql_lane_config){.name = NULL});
    qlt_eq_int(ql_lane_submit(lane, NULL), -EINVAL);
    qlt_eq_int(ql_lane_call(lane, NULL), -EINVAL);
    qlt_eq_int(ql_lane_engine(lane, NULL), -EINVAL);
    qlt_eq_int(ql_lane_free(lane), -EBUSY);
    ql_stop stop = {.size = 1};
    qlt_eq_int(ql_lane_close(lane, &stop, NULL, &error), -EINVAL);
    close_lane(lane);
    qlt_runtime_stop(runtime);
}
