#include "qlane/completions.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "qlane/strand.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

typedef struct request {
    ql_task task; /* first */
    ql_completion done;
    unsigned seen;
} request;

static ql_runtime *runtime;
static ql_completions *completions;
static qlt_gate gate;

static int number(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = (int64_t)(intptr_t)task->arg});
}

static int wait_for_gate(ql_task *task)
{
    qlt_gate_wait(&gate, (unsigned)(intptr_t)task->arg);
    return 0;
}

static bool readable(int timeout_ms)
{
    struct pollfd fd = {.fd = ql_completions_fd(completions), .events = POLLIN};
    return poll(&fd, 1, timeout_ms) == 1;
}

static request *make(size_t count)
{
    request *requests = calloc(count, sizeof(*requests));
    qlt_check(requests != NULL);
    return requests;
}

static void submit(ql_executor *on, request *sent, ql_task_fn *fn, intptr_t arg)
{
    ql_task_init(&sent->task, fn, (void *)arg);
    qlt_eq_int(ql_submit(on, &sent->task), 0);
    qlt_eq_int(ql_completions_add(completions, &sent->task.future, &sent->done), 0);
}

static void send(request *sent, ql_task_fn *fn, intptr_t arg)
{
    submit(ql_runtime_pool(runtime), sent, fn, arg);
}

static request *next(void)
{
    ql_completion *entry = ql_completions_next(completions);
    request *found = entry ? (request *)(void *)entry->future : NULL;
    if (found) {
        qlt_check(entry == &found->done && ql_future_settled(entry->future));
        found->seen++;
    }
    return found;
}

static void begin(unsigned workers)
{
    runtime = qlt_runtime(workers);
    gate = (qlt_gate)QLT_GATE_INIT;
    qlt_eq_int(ql_completions_create(&completions), 0);
}

static void end(void)
{
    qlt_runtime_stop(runtime);
    qlt_eq_int(ql_completions_destroy(completions), 0);
}

static void hand_out(unsigned workers)
{
    enum { REQUESTS = 500, ROUNDS = 20 };
    begin(workers);
    request *requests = make(REQUESTS);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < REQUESTS; i++)
            send(&requests[i], number, i);
        for (int left = REQUESTS; left;) {
            qlt_check(readable(-1));
            for (request *found; (found = next()); left--)
                qlt_eq_int(found->task.future.value.i64, found - requests);
        }
        for (int i = 0; i < REQUESTS; i++)
            qlt_eq_uint(requests[i].seen, round);
    }
    end();
    free(requests);
}

QLT(completions, come_out_once_each_with_their_value)
{
    qlt_workers_each(hand_out);
}

static void keep_order(unsigned workers)
{
    enum { REQUESTS = 3000 };
    begin(workers);
    ql_strand *strand;
    qlt_eq_int(ql_strand_create(runtime, &strand), 0);
    request *requests = make(REQUESTS);
    /* Held until all are registered: one that is registered after it has settled comes out then. */
    submit(ql_strand_executor(strand), &requests[0], wait_for_gate, 1);
    for (int i = 1; i < REQUESTS; i++)
        submit(ql_strand_executor(strand), &requests[i], number, i);
    qlt_gate_open(&gate, 1);
    for (int i = 0; i < REQUESTS;) {
        qlt_check(readable(-1));
        for (request *found; (found = next()); i++)
            qlt_eq_int(found - requests, i);
    }
    ql_strand_release(strand);
    end();
    free(requests);
}

QLT(completions, of_one_strand_come_out_in_its_order)
{
    qlt_workers_each(keep_order);
}

QLT(completions, cost_one_write_however_many_settle)
{
    enum { REQUESTS = 1000 };
    begin(2);
    request *requests = make(REQUESTS);
    for (int i = 0; i < REQUESTS; i++)
        send(&requests[i], number, i);
    /* Nobody takes them meanwhile. */
    for (int i = 0; i < REQUESTS; i++)
        while (!ql_future_settled(&requests[i].task.future))
            qlt_check(readable(-1));
    eventfd_t written;
    qlt_eq_int(eventfd_read(ql_completions_fd(completions), &written), 0);
    qlt_eq_uint(written, 1);
    qlt_eq_int(eventfd_write(ql_completions_fd(completions), 1), 0);
    int found = 0;
    while (found < REQUESTS)
        found += next() != NULL;
    end();
    free(requests);
}

QLT(completions, tell_only_who_has_found_nothing)
{
    begin(1);
    request *requests = make(2);
    qlt_check(!readable(0));
    send(&requests[0], number, 0);
    qlt_check(readable(-1));
    qlt_eq_ptr(next(), &requests[0]);
    qlt_check(readable(0)); /* it has not been told that this was all */
    qlt_eq_ptr(next(), NULL);
    qlt_check(!readable(0));
    qlt_eq_ptr(next(), NULL);
    send(&requests[1], number, 1);
    qlt_check(readable(-1));
    qlt_eq_ptr(next(), &requests[1]);
    qlt_eq_ptr(next(), NULL);
    qlt_check(!readable(0));
    end();
    free(requests);
}

QLT(completions, stay_readable_when_the_consumer_stops_in_the_middle)
{
    enum { REQUESTS = 300 };
    begin(2);
    request *requests = make(REQUESTS);
    for (int i = 0; i < REQUESTS; i++)
        send(&requests[i], number, i);
    for (int found = 0; found < REQUESTS;) {
        qlt_check(readable(-1));
        found += next() != NULL;
    }
    end();
    free(requests);
}

QLT(completions, that_nobody_reads_hold_up_nobody)
{
    enum { REQUESTS = 20000 };
    begin(2);
    request *requests = make(REQUESTS + 1);
    send(&requests[0], wait_for_gate, 1);
    for (int i = 1; i <= REQUESTS; i++)
        send(&requests[i], number, i);
    qlt_gate_open(&gate, 1);
    qlt_runtime_stop(runtime);
    qlt_eq_int(ql_completions_destroy(completions), -EBUSY);
    for (int i = 0; i <= REQUESTS; i++)
        qlt_check(next() != NULL);
    for (int i = 0; i <= REQUESTS; i++)
        qlt_eq_uint(requests[i].seen, 1);
    qlt_eq_ptr(next(), NULL);
    qlt_eq_int(ql_completions_destroy(completions), 0);
    free(requests);
}

QLT(completions, bring_what_a_stop_or_a_cancel_has_settled)
{
    begin(1);
    request *requests = make(3);
    send(&requests[0], wait_for_gate, 1);
    send(&requests[1], number, 1);
    send(&requests[2], number, 2);
    qlt_eq_int(ql_task_cancel(&requests[1].task), 0);
    qlt_check(readable(0));
    qlt_eq_ptr(next(), &requests[1]);
    qlt_eq_int(requests[1].task.future.code, -ECANCELED);
    qlt_eq_int(ql_task_cancel(&requests[2].task), 0);
    qlt_gate_open(&gate, 1);
    qlt_runtime_stop(runtime);
    for (int found = 0; found < 2;)
        found += next() != NULL;
    qlt_eq_int(requests[2].task.future.code, -ECANCELED);
    qlt_eq_int(ql_completions_destroy(completions), 0);
    free(requests);
}

QLT(completions, of_a_settled_future_come_out_at_once)
{
    begin(1);
    request *settled = make(1);
    ql_task_init(&settled->task, number, (void *)7);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &settled->task), 0);
    qlt_eq_int(ql_future_wait(&settled->task.future), 0);
    qlt_eq_int(ql_completions_add(completions, &settled->task.future, &settled->done), 0);
    qlt_check(readable(0));
    qlt_eq_ptr(next(), settled);
    qlt_eq_int(settled->task.future.value.i64, 7);
    end();
    free(settled);
}

QLT(completions, refuse_what_cannot_come_out)
{
    begin(1);
    request *requests = make(2);
    ql_task fresh;
    ql_completion other = {0};
    ql_task_init(&fresh, number, NULL);
    send(&requests[0], wait_for_gate, 1);
    send(&requests[1], number, 0);
    ql_future *held = &requests[0].task.future;
    qlt_eq_int(ql_completions_add(completions, &fresh.future, &other), -EINVAL);
    qlt_eq_int(ql_completions_add(NULL, held, &other), -EINVAL);
    qlt_eq_int(ql_completions_add(completions, NULL, &other), -EINVAL);
    qlt_eq_int(ql_completions_add(completions, held, NULL), -EINVAL);
    qlt_eq_int(ql_completions_add(completions, held, &other), -EBUSY);
    qlt_eq_int(ql_completions_add(completions, held, &requests[1].done), -EBUSY);
    qlt_eq_int(ql_future_wait_until(held, ql_after_ns(1000)), -EBUSY);
    qlt_eq_int(ql_completions_destroy(completions), -EBUSY);
    qlt_eq_int(ql_completions_destroy(NULL), 0);
    qlt_eq_int(ql_completions_create(NULL), -EINVAL);
    qlt_eq_int(ql_completions_fd(NULL), -EINVAL);
    qlt_eq_ptr(ql_completions_next(NULL), NULL);
    qlt_gate_open(&gate, 1);
    qlt_runtime_stop(runtime);
    /* The one that was refused is as it was, and may be used. */
    ql_completion *first = ql_completions_next(completions), *second = ql_completions_next(completions);
    qlt_check(first == &requests[0].done && second == &requests[1].done);
    qlt_eq_int(ql_completions_add(completions, held, &other), 0);
    qlt_eq_ptr(ql_completions_next(completions), &other);
    qlt_eq_int(ql_completions_destroy(completions), 0);
    free(requests);
}

/* The last one is taken, and all is gone, while who settled it may still be about to tell. */
QLT(completions, may_be_destroyed_as_soon_as_the_last_has_come_out)
{
    runtime = qlt_runtime(2);
    for (int round = 0; round < 5000; round++) {
        qlt_eq_int(ql_completions_create(&completions), 0);
        request *requests = make(2);
        send(&requests[0], number, 0);
        send(&requests[1], number, 1);
        for (int found = 0; found < 2;)
            found += next() != NULL;
        if (round % 2)
            qlt_eq_ptr(next(), NULL);
        free(requests);
        qlt_eq_int(ql_completions_destroy(completions), 0);
    }
    qlt_runtime_stop(runtime);
}

static void *uncancelled(void *arg)
{
    request *settled = arg;
    pthread_cancel(pthread_self());
    qlt_eq_int(ql_completions_add(completions, &settled->task.future, &settled->done), 0);
    qlt_eq_ptr(next(), settled);
    qlt_eq_ptr(next(), NULL);
    qlt_gate_open(&gate, 1);
    pthread_testcancel();
    return NULL;
}

QLT(completions, are_no_cancellation_point)
{
    begin(1);
    pthread_t thread;
    void *result;
    request *settled = make(1);
    ql_task_init(&settled->task, number, NULL);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &settled->task), 0);
    qlt_eq_int(ql_future_wait(&settled->task.future), 0);
    qlt_eq_int(pthread_create(&thread, NULL, uncancelled, settled), 0);
    qlt_eq_int(pthread_join(thread, &result), 0);
    qlt_eq_ptr(result, PTHREAD_CANCELED);
    qlt_eq_uint(gate.step, 1);
    end();
    free(settled);
}
