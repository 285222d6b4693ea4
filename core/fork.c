/* The slow ways of fork and join: somebody asked for work, or took some. */
#include "qlane/fork.h"

#include <stdlib.h>
#include <string.h>

#include "core/runtime.h"

static qli_worker *worker_of(ql_worker *hot)
{
    return (qli_worker *)(void *)hot;
}

static void move_head(qli_worker *worker, qli_entry *head)
{
    if (qli_deque_move_head(&worker->deque, head))
        qli_sleep_post(&worker->pool->sleep);
}

/* The child's own forks are inline too and use the same last entry, but only between its start, when it has its arguments,
 * and its end. */
static void run_inline(qli_worker *worker, void (*run)(ql_worker *, qli_entry *), void *args, size_t size)
{
    qli_entry *last = worker->deque.end;
    memcpy(last->args, args, size);
    run(&worker->hot, last);
    memcpy(args, last->args, size);
}

qli_entry *qli_fork_slow(ql_worker *hot, void (*run)(ql_worker *, qli_entry *), void *args, size_t size)
{
    qli_worker *worker = worker_of(hot);
    qli_entry *entry = qli_deque_next(&worker->deque);
    if (!entry) {
        run_inline(worker, run, args, size);
        return NULL;
    }
    entry->run = run;
    memcpy(entry->args, args, size);
    move_head(worker, entry + 1);
    return entry;
}

void qli_check_joined(qli_worker *worker, const qli_entry *head)
{
    if (worker->hot.head == head)
        return;
    /* Its frames are gone and thieves may be in them. */
    qli_misuse(worker->context.runtime, 0,
               "fork: a task returned with forked children that nobody joined; the process ends");
    abort();
}

void qli_run_child(qli_worker *thief, qli_worker *victim, qli_entry *entry)
{
    const qli_entry *head = thief->hot.head;
    const char *outer_name = thief->context.task_name;
    qli_store(&thief->context.task_name, outer_name ? outer_name : "a forked child", __ATOMIC_RELAXED);
    entry->run(&thief->hot, entry);
    qli_store(&thief->context.task_name, outer_name, __ATOMIC_RELAXED);
    if (__builtin_expect(thief->context.lent_for_blocking, 0))
        qli_blocking_over(&thief->context, "a forked child");
    qli_check_joined(thief, head);
    /* ORDER fork:done (release): the child's result, for fork:joined. Then the entry is the victim's
     * again; its parker is good for as long as the pool is. */
    uintptr_t before = qli_exchange(&entry->state, (uintptr_t)QLI_CHILD_DONE, __ATOMIC_RELEASE);
    if (before & QLI_JOIN_SLEEPS)
        qli_unpark(&victim->context.parker);
}

/* Sleep until the child is done. A join cannot be refused, so it goes to sleep even where a wait would not. */
static void sleep_on(qli_worker *worker, qli_worker *thief, qli_entry *entry)
{
    qli_waits *waits = &worker->context.runtime->waits;
    uintptr_t state = (uintptr_t)&thief->hot;
    if (!qli_cas(&entry->state, &state, state | QLI_JOIN_SLEEPS, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    qli_waits_enter_join(waits, &worker->context, &thief->context);
    (void)qli_seat_leave(worker, true);
    int64_t parked_ns = qli_park_begin(&worker->context);
    qli_idle_begin(&worker->context, ql_now_ns());
    qli_park(&worker->context.parker, QL_FOREVER);
    qli_park_end(&worker->context, parked_ns);
    qli_seat_return(worker);
    qli_idle_over(&worker->context);
    (void)qli_waits_leave(waits, &worker->context);
}

/* Run what the thief has forked meanwhile: it can only be part of the child that is waited for, or of what the thief in
 * turn waits for (leapfrogging: Wagner and Calder, "Leapfrogging: a portable technique for implementing efficient
 * futures", 1993). */
static bool help(qli_worker *worker, qli_worker *thief)
{
    qli_entry *entry = qli_deque_steal(&thief->deque, &worker->hot);
    if (!entry) {
        qli_deque_ask(&thief->deque);
        return false;
    }
    qli_stole(&worker->context, entry);
    qli_run_child(worker, thief, entry);
    return true;
}

/* A short while, longer than a small child takes: to ask and be helped costs both sides as much. */
static bool done_soon(const qli_entry *entry)
{
    enum { POLLS = 32 };
    for (int i = 0; i < POLLS; i++) {
        /* ORDER fork:joined (acquire): the child's result. */
        if (qli_load(&entry->state, __ATOMIC_ACQUIRE) == QLI_CHILD_DONE)
            return true;
        qli_pause();
    }
    return false;
}

static void await(qli_worker *worker, qli_entry *entry)
{
    qli_spin *spin = &worker->context.spin;
    int64_t start_ns = ql_now_ns(), until_ns = qli_spin_until(spin, start_ns);
    while (!done_soon(entry)) {
        /* ORDER fork:helped (acquire): as fork:joined; and with deque:thief the thief's deque. */
        uintptr_t state = qli_load(&entry->state, __ATOMIC_ACQUIRE);
        if (state == QLI_CHILD_DONE)
            break;
        qli_worker *thief = worker_of((ql_worker *)state);
        if (!thief)
            continue; /* between the steal and its mark there are a few instructions */
        if (help(worker, thief)) {
            start_ns = ql_now_ns();
            until_ns = qli_spin_until(spin, start_ns);
        } else if (!until_ns || ql_now_ns() >= until_ns) {
            sleep_on(worker, thief, entry);
        }
    }
    qli_spin_learn(spin, ql_now_ns() - start_ns);
}

bool qli_join_slow(ql_worker *hot, qli_entry *entry)
{
    qli_worker *worker = worker_of(hot);
    if (entry >= hot->split) {
        /* The child is private; but somebody asks for others. */
        move_head(worker, entry);
        return true;
    }
    if (qli_deque_pop_slow(&worker->deque, entry))
        return true;
    await(worker, entry);
    qli_deque_forget(&worker->deque, entry);
    return false;
}

ql_worker *ql_worker_self(void)
{
    qli_worker *worker = qli_worker_of(qli_context_current());
    return worker ? &worker->hot : NULL;
}

unsigned ql_worker_count(const ql_worker *hot)
{
    return hot ? ((const qli_worker *)(const void *)hot)->pool->seats_count : 0;
}
