/* A plain pool: one list of tasks under one mutex, a condition variable for its workers and one for those who wait. It
 * allocates nothing, and a worker marks a task done in the same hold of the lock in which it takes the next one. What
 * outside1 and outside4 are compared with. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/pool/contender.h"

typedef struct task {
    void (*fn)(struct task *task);
    struct task *next;
    bool done, awaited;
} task;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static task *first, **last = &first;
static unsigned sleepers;

static void *worker(void *arg)
{
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!first) {
            sleepers++;
            pthread_cond_wait(&work, &lock);
            sleepers--;
        }
        task *mine = first;
        first = mine->next;
        if (!first)
            last = &first;
        pthread_mutex_unlock(&lock);
        mine->fn(mine);
        pthread_mutex_lock(&lock);
        mine->done = true;
        if (mine->awaited)
            pthread_cond_broadcast(&done);
    }
    return arg;
}

static void submit(task *mine)
{
    mine->next = NULL;
    mine->done = mine->awaited = false;
    pthread_mutex_lock(&lock);
    *last = mine;
    last = &mine->next;
    if (sleepers)
        pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
}

static void wait_for(task *mine)
{
    pthread_mutex_lock(&lock);
    mine->awaited = true;
    while (!mine->done)
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
}

static void start(unsigned workers)
{
    pthread_t thread;
    for (unsigned i = 0; i < workers; i++)
        if (pthread_create(&thread, NULL, worker, NULL))
            abort();
}

static void nothing(task *mine)
{
    (void)mine;
}

static void *prepare(size_t count)
{
    task *tasks = malloc(count * sizeof(*tasks));
    for (size_t i = 0; i < count; i++)
        tasks[i] = (task){.fn = nothing};
    return tasks;
}

static void produce(void *prepared, size_t from, size_t end)
{
    task *tasks = prepared;
    for (size_t i = from; i < end; i++)
        submit(&tasks[i]);
    for (size_t i = from; i < end; i++)
        wait_for(&tasks[i]);
}

static void woken(task *mine)
{
    (void)mine;
    bench_woken();
}

static void wake(void)
{
    static task one = {.fn = woken};
    submit(&one);
}

const bench_contender bench_this = {
    .name = "cqueue",
    .version = "1",
    .start = start,
    .outside_prepare = prepare,
    .outside_produce = produce,
    .outside_finish = free,
    .wake = wake,
};
