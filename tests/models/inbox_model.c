/* An inbox with its consumer, who sleeps when there is nothing, and two producers: one closes the inbox when it is done,
 * the other cancels what it pushed first. Every task that was accepted comes out once, in its producer's order. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "core/inbox.h"
#include "core/park.h"
#include "qlane/future.h"

#ifndef CAPACITY
#define CAPACITY 0
#endif

enum { PRODUCERS = 2, TASKS = 3 };

typedef struct job {
    ql_task task; /* first */
    int number;   /* plain: written before the push, read after the take */
    int accepted, taken, removed;
} job;

static qli_inbox inbox;
static qli_parker consumer;
static job jobs[PRODUCERS][TASKS];
static int order; /* the consumer's: how many it has taken */

static void push(job *of, int number)
{
    of->number = number;
    int code = qli_inbox_push(&inbox, &of->task, false, false);
    assert(code >= 0 || code == -ESHUTDOWN || (CAPACITY && code == -EAGAIN));
    of->accepted = code >= 0;
    if (code > 0)
        qli_unpark(&consumer);
    /* What the caller pushed is counted, whether it was popped meanwhile or not. */
    if (of->accepted && number == 1)
        assert(qli_inbox_accepted(&inbox));
}

static void *push_and_cancel(void *arg)
{
    job *mine = arg;
    for (int i = 0; i < TASKS; i++)
        push(&mine[i], i + 1);
    if (mine[0].accepted)
        mine[0].removed = qli_inbox_remove(&inbox, &mine[0].task);
    return NULL;
}

static void *push_and_close(void *arg)
{
    job *mine = arg;
    for (int i = 0; i < TASKS; i++)
        push(&mine[i], i + 1);
    qli_inbox_shut(&inbox, QLI_INBOX_CLOSED);
    qli_unpark(&consumer);
    return NULL;
}

static void consume(job *of)
{
    assert(of->number);
    of->number = 0;
    of->taken = ++order;
}

/* As a lane does: until it is closed and empty. */
static void serve(void)
{
    for (;;) {
        ql_task *tasks[2];
        ql_task *one = qli_inbox_pop(&inbox);
        if (one) {
            consume((job *)(void *)one);
            continue;
        }
        size_t n = qli_inbox_take(&inbox, tasks, 2);
        for (size_t i = 0; i < n; i++)
            consume((job *)(void *)tasks[i]);
        if (n)
            continue;
        if (qli_inbox_sleep(&inbox)) {
            qli_park(&consumer, QL_FOREVER);
            qli_inbox_awake(&inbox);
        } else if (qli_inbox_is_closed(&inbox) && qli_inbox_empty(&inbox)) {
            return;
        }
    }
}

int main(void)
{
    static void *(*const run[PRODUCERS])(void *) = {push_and_close, push_and_cancel};
    pthread_t threads[PRODUCERS];
    uint64_t accepted = 0;
    qli_inbox_init(&inbox, CAPACITY);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, run[i], jobs[i]);
    serve();
    for (int i = 0; i < PRODUCERS; i++) {
        int last = 0;
        pthread_join(threads[i], NULL);
        for (int j = 0; j < TASKS; j++) {
            const job *of = &jobs[i][j];
            accepted += (uint64_t)of->accepted;
            assert(of->accepted == (of->taken != 0) + of->removed);
            assert(!of->taken || of->taken > last);
            last = of->taken ? of->taken : last;
        }
    }
    assert(qli_inbox_accepted(&inbox) == accepted && !inbox.queued);
    qli_inbox_fini(&inbox);
    return 0;
}
