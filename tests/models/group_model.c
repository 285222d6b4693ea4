/* Two tasks settle while a thread waits for both of them with patience, and then for either of two more. Group and members
 * are gone as soon as the wait is over, be it by time, and so are the tasks once they have settled. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/future.h"
#include "core/runtime.h"

enum { TASKS = 2 };

/* ---- What is left out ---- */

void qli_context_enter(qli_context *context)
{
    (void)context;
}

qli_context *qli_context_current(void)
{
    return NULL;
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

static void *settle(void *arg)
{
    ql_task *task = arg;
    task->future.value.i64 = 42;
    qli_future_settle(&task->future);
    return NULL;
}

typedef int wait_fn(ql_member *members);

static int wait_all(ql_member *members)
{
    return ql_wait_all(members, TASKS, ql_after_ns(1000));
}

static int wait_any(ql_member *members)
{
    size_t which = TASKS;
    int code = ql_wait_any(members, TASKS, ql_after_ns(1000), &which);
    assert(code || (which < TASKS && members[which].future->value.i64 == 42));
    return code;
}

/* Writes where the group was: whoever still reads it is in a race. */
__attribute__((noinline)) static void use_stack(void)
{
    int words[128];
    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
        ((volatile int *)words)[i] = 0;
}

static void with(wait_fn *wait, bool all)
{
    pthread_t settlers[TASKS];
    ql_task *tasks[TASKS];
    ql_member *members = malloc(TASKS * sizeof(*members));
    assert(members);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = malloc(sizeof(ql_task));
        assert(tasks[i]);
        *tasks[i] = (ql_task){.future = {.qli_word = QLI_PENDING}};
        members[i] = (ql_member){.future = &tasks[i]->future};
        pthread_create(&settlers[i], NULL, settle, tasks[i]);
    }
    int code = wait(members);
    assert(!code || code == -ETIMEDOUT);
    free(members);
    use_stack();
    for (int i = 0; i < TASKS; i++) {
        if (code || !all)
            assert(ql_future_wait(&tasks[i]->future) == 0);
        assert(tasks[i]->future.value.i64 == 42);
        free(tasks[i]);
    }
    for (int i = 0; i < TASKS; i++)
        pthread_join(settlers[i], NULL);
}

int main(void)
{
    with(wait_all, true);
    with(wait_any, false);
    return 0;
}
