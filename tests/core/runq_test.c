#include "core/runq.h"

#include <pthread.h>

#include "tests/support/harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TASKS = 20000 };
#else
enum { TASKS = 200000 };
#endif
enum { TAKERS = 3 };

static qli_runq queue;
static ql_task tasks[TASKS];
static unsigned char taken[TASKS];
static unsigned count;

QLT(runq, is_first_in_first_out_and_full_at_its_size)
{
    for (int round = 0; round < 3; round++) {
        qlt_eq_uint(qli_runq_room(&queue), QLI_RUNQ_TASKS);
        for (int i = 0; i < QLI_RUNQ_TASKS; i++)
            qli_runq_push(&queue, &tasks[i]);
        qlt_eq_uint(qli_runq_room(&queue), 0);
        for (int i = 0; i < QLI_RUNQ_TASKS; i++) {
            qlt_check(qli_runq_has_work(&queue));
            qlt_eq_ptr(qli_runq_take(&queue), &tasks[i]);
        }
        qlt_check(!qli_runq_has_work(&queue) && !qli_runq_take(&queue));
    }
}

static void see(const ql_task *task)
{
    qlt_eq_int(__atomic_fetch_add(&taken[task - tasks], 1, __ATOMIC_RELAXED), 0);
    qlt_eq_uint((unsigned)task->deadline_ns, (unsigned)(task - tasks) + 1); /* written before the push */
    __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
}

/* Each taker sees tasks in the order in which they were pushed. */
static void *take_all(void *arg)
{
    const ql_task *last = NULL;
    (void)arg;
    while (__atomic_load_n(&count, __ATOMIC_RELAXED) < TASKS) {
        const ql_task *task = qli_runq_take(&queue);
        if (!task)
            continue;
        qlt_check(!last || task > last);
        last = task;
        see(task);
    }
    return NULL;
}

QLT(runq, gives_each_task_to_one_taker)
{
    pthread_t takers[TAKERS];
    for (int i = 0; i < TAKERS; i++)
        pthread_create(&takers[i], NULL, take_all, NULL);
    for (int i = 0; i < TASKS; i++) {
        tasks[i].deadline_ns = i + 1;
        while (!qli_runq_room(&queue)) {
            const ql_task *task = qli_runq_take(&queue);
            if (task)
                see(task);
        }
        qli_runq_push(&queue, &tasks[i]);
    }
    for (int i = 0; i < TAKERS; i++)
        pthread_join(takers[i], NULL);
    qlt_eq_uint(count, TASKS);
}
