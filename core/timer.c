#include "core/timer.h"

#include <errno.h>
#include <sched.h>

#include "core/executor.h"

/* qli_heap[]: the first child; the next sibling; the previous sibling, or the parent of a first child. The root's
 * previous is the root itself, so that a task in the heap is told from one that is not. */
enum { CHILD, NEXT, PREV };

static ql_task *meld(ql_task *a, ql_task *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline_ns < a->deadline_ns) {
        ql_task *swap = a;
        a = b;
        b = swap;
    }
    b->qli_heap[NEXT] = a->qli_heap[CHILD];
    if (b->qli_heap[NEXT])
        b->qli_heap[NEXT]->qli_heap[PREV] = b;
    b->qli_heap[PREV] = a;
    a->qli_heap[CHILD] = b;
    return a;
}

/* Meld siblings in pairs, left to right, then all pairs, right to left. */
static ql_task *meld_siblings(ql_task *first)
{
    ql_task *pairs = NULL;
    while (first) {
        ql_task *second = first->qli_heap[NEXT], *rest = second ? second->qli_heap[NEXT] : NULL;
        first->qli_heap[NEXT] = NULL;
        if (second)
            second->qli_heap[NEXT] = NULL;
        ql_task *pair = meld(first, second);
        pair->qli_heap[NEXT] = pairs;
        pairs = pair;
        first = rest;
    }
    ql_task *root = NULL;
    while (pairs) {
        ql_task *next = pairs->qli_heap[NEXT];
        pairs->qli_heap[NEXT] = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void set_root(ql_task **root, ql_task *task)
{
    *root = task;
    if (task)
        task->qli_heap[PREV] = task;
}

void qli_deadlines_add(ql_task **root, ql_task *task)
{
    set_root(root, meld(*root, task));
}

void qli_deadlines_remove(ql_task **root, ql_task *task)
{
    ql_task *children = meld_siblings(task->qli_heap[CHILD]);
    if (task == *root) {
        set_root(root, children);
    } else {
        ql_task *prev = task->qli_heap[PREV], *next = task->qli_heap[NEXT];
        if (prev->qli_heap[CHILD] == task)
            prev->qli_heap[CHILD] = next;
        else
            prev->qli_heap[NEXT] = next;
        if (next)
            next->qli_heap[PREV] = prev;
        set_root(root, meld(*root, children));
    }
    task->qli_heap[CHILD] = task->qli_heap[NEXT] = task->qli_heap[PREV] = NULL;
}

/* With the lock, which is released meanwhile: act on the earliest deadline. */
static void fire(qli_timers *timers)
{
    ql_task *task = timers->root;
    qli_deadlines_remove(&timers->root, task);
    timers->firing = task;
    pthread_mutex_unlock(&timers->lock);
    /* The task lives: whoever settles it waits for us in disarm, unless that is this very call. */
    bool not_there_yet = task->on->ops->cancel(task->on, task, ETIMEDOUT) == -EAGAIN;
    if (not_there_yet)
        sched_yield(); /* its submit has armed it and is about to push it */
    pthread_mutex_lock(&timers->lock);
    /* Armed again it would fire at once, before whoever disarms it can get the lock. */
    if (not_there_yet && !timers->unwanted)
        qli_deadlines_add(&timers->root, task);
    timers->unwanted = false;
    timers->firing = NULL;
    pthread_cond_broadcast(&timers->fired);
}

static void serve(void *arg)
{
    qli_timers *timers = arg;
    ql_bound bound = {0};
    (void)ql_slot_bind(timers->plan, ql_plan_worker(timers->plan, 0),
                       &bound); /* the worker reports what is wrong */
    pthread_mutex_lock(&timers->lock);
    while (!timers->ending) {
        int64_t deadline_ns = timers->root ? timers->root->deadline_ns : QL_FOREVER;
        if (deadline_ns != QL_FOREVER && deadline_ns <= ql_now_ns()) {
            fire(timers);
            continue;
        }
        pthread_mutex_unlock(&timers->lock);
        if (timers->watchdog) {
            int64_t look_ns = qli_watchdog_look(timers->watchdog);
            deadline_ns = look_ns < deadline_ns ? look_ns : deadline_ns;
        }
        qli_park(&timers->parker, deadline_ns);
        pthread_mutex_lock(&timers->lock);
    }
    pthread_mutex_unlock(&timers->lock);
}

int qli_timers_start(qli_timers *timers, const ql_plan *plan, qli_watchdog *watchdog)
{
    *timers = (qli_timers){.plan = plan, .watchdog = watchdog};
    pthread_mutex_init(&timers->lock, NULL);
    pthread_cond_init(&timers->fired, NULL);
    int code = qli_thread_start(&timers->thread, serve, timers, "ql-timer");
    if (code) {
        pthread_cond_destroy(&timers->fired);
        pthread_mutex_destroy(&timers->lock);
    }
    return code;
}

void qli_timers_end(qli_timers *timers)
{
    pthread_mutex_lock(&timers->lock);
    timers->ending = true;
    pthread_mutex_unlock(&timers->lock);
    qli_unpark(&timers->parker);
    qli_thread_join(&timers->thread, QL_FOREVER);
    pthread_cond_destroy(&timers->fired);
    pthread_mutex_destroy(&timers->lock);
}

void qli_timers_arm(qli_timers *timers, ql_task *task)
{
    task->qli_heap[CHILD] = task->qli_heap[NEXT] = NULL;
    pthread_mutex_lock(&timers->lock);
    qli_deadlines_add(&timers->root, task);
    bool earliest = timers->root == task;
    pthread_mutex_unlock(&timers->lock);
    if (earliest)
        qli_unpark(&timers->parker);
}

void qli_timers_disarm(qli_timers *timers, ql_task *task)
{
    pthread_mutex_lock(&timers->lock);
    while (timers->firing == task && !pthread_equal(pthread_self(), timers->thread.handle)) {
        timers->unwanted = true;
        int state = qli_cancel_off();
        pthread_cond_wait(&timers->fired, &timers->lock);
        qli_cancel_back(state);
    }
    if (task->qli_heap[PREV])
        qli_deadlines_remove(&timers->root, task);
    pthread_mutex_unlock(&timers->lock);
}
