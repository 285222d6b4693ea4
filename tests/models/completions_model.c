/* Two threads settle two tasks each, while the consumer registers them and takes what has settled: all that is there, or
 * (IMPATIENT) one for each time that it is told. Each task with its entry is freed as soon as it has come out, and the
 * completions as soon as the last one has. */
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "core/future.h"
#include "core/runtime.h"

enum { SETTLERS = 2, TASKS = 2 };

/* ---- What is left out ---- */

qli_context *qli_context_current(void)
{
    return NULL;
}

void qli_context_enter(qli_context *context)
{
    (void)context;
    abort(); /* no fork here */
}

int qli_misuse(const ql_runtime *runtime, int code, const char *format, ...)
{
    (void)runtime, (void)code, (void)format;
    abort(); /* no cycle here */
}

bool qli_seat_none_works(qli_pool *pool)
{
    (void)pool;
    return false;
}

int qli_seat_leave(qli_worker *worker, bool must)
{
    (void)worker, (void)must;
    abort(); /* threads of the host have none */
}

void qli_seat_return(qli_worker *worker)
{
    (void)worker;
}

bool qli_task_follow(ql_task *next)
{
    (void)next;
    abort(); /* no continuation here */
}

/* ---- The scenario ---- */

typedef struct request {
    ql_task task; /* first */
    ql_completion done;
    int settler, place;
} request;

static request *requests[SETTLERS][TASKS];

static void *settle(void *arg)
{
    request **mine = arg;
    for (int i = 0; i < TASKS; i++) {
        mine[i]->task.future.value.i64 = 42;
        qli_future_settle(&mine[i]->task.future);
    }
    return NULL;
}

static int taken, next_place[SETTLERS];

/* False: nothing is left for now. */
static bool take(ql_completions *completions)
{
    ql_completion *entry = ql_completions_next(completions);
    if (!entry)
        return false;
    request *done = (request *)entry->future;
    assert(entry == &done->done && done->task.future.value.i64 == 42);
    assert(ql_future_settled(entry->future));
    assert(done->place == next_place[done->settler]++);
    free(done);
    taken++;
    return true;
}

int main(void)
{
    pthread_t settlers[SETTLERS];
    ql_completions *completions;
    assert(!ql_completions_create(&completions));
    for (int s = 0; s < SETTLERS; s++) {
        for (int i = 0; i < TASKS; i++) {
            request *made = requests[s][i] = calloc(1, sizeof(*made));
            assert(made);
            *made = (request){.task = {.future = {.qli_word = QLI_PENDING}}, .settler = s, .place = i};
            /* The first before it can settle, so that the second never comes before it. */
            if (!i)
                assert(!ql_completions_add(completions, &made->task.future, &made->done));
        }
        ql_future *last = &requests[s][TASKS - 1]->task.future;
        ql_completion *entry = &requests[s][TASKS - 1]->done;
        pthread_create(&settlers[s], NULL, settle, requests[s]);
        assert(!ql_completions_add(completions, last, entry));
    }
    while (taken < SETTLERS * TASKS) {
#ifdef IMPATIENT
        struct pollfd readable = {.fd = ql_completions_fd(completions), .events = POLLIN};
        poll(&readable, 1, -1);
        take(completions);
#else
        /* Looks again although it was told nothing: between the push and the write. */
        for (int looks = 0; looks < 3; looks++)
            while (take(completions))
                ;
        struct pollfd readable = {.fd = ql_completions_fd(completions), .events = POLLIN};
        if (taken < SETTLERS * TASKS)
            poll(&readable, 1, -1);
#endif
    }
    assert(!ql_completions_destroy(completions));
    /* Whoever opens one next gets the same number, and nothing from us. */
    eventfd_t count;
    int other = eventfd(0, EFD_NONBLOCK);
    for (int s = 0; s < SETTLERS; s++)
        pthread_join(settlers[s], NULL);
    assert(eventfd_read(other, &count) == -1);
    return 0;
}
