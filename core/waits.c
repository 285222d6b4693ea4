#include "core/waits.h"

#include <errno.h>
#include <stdio.h>

#include "core/executor.h"
#include "core/future.h"
#include "core/runtime.h"

/* Whose thread must act for this task to settle; NULL: nobody in particular, or another runtime, which may be gone as
 * soon as the task has settled. */
static qli_context *settler(ql_runtime *runtime, ql_task *task)
{
    if (task->qli_runtime != runtime || ql_future_settled(&task->future))
        return NULL;
    /* ORDER waits:runner (acquire): the worker, with task:begin; a spare thread's may be younger than this thread. */
    uint32_t runner = qli_load(&task->future.qli_cancel, __ATOMIC_ACQUIRE) >> QLI_RUNNER_SHIFT;
    if (runner)
        return &runtime->pool->workers[runner - 1]->context;
    return task->on->runner ? settler(runtime, task->on->runner) : task->on->context;
}

/* With the lock: end this context's wait, if what it waits for has not settled. The waiter finds the token that the future, or
 * the last of them, would have given. */
static bool refuse(qli_context *who, int code)
{
    if (!who->waits_for_count)
        return false;
    const ql_member *first = &who->waits_for[0];
    if (first->qli_group) {
        if (!qli_group_refuse(first))
            return false;
    } else {
        if (!qli_future_unregister(first->future, &who->parker, QLI_PARKER))
            return false;
        qli_unpark(&who->parker);
    }
    who->waits_for_count = 0;
    who->refused = code; /* read with the lock */
    return true;
}

/* A step of the way from `self` to itself. */
typedef struct hop {
    const qli_context *who;
    const ql_task *waits_for; /* NULL: it joins a child */
} hop;

enum { HOPS = 8 };

typedef struct walk {
    qli_waits *waits;
    qli_context *self; /* does anything lead here? */
    bool breaks;       /* then refuse the first wait on the way that can be */
    unsigned length;   /* of the way, once it has */
    hop way[HOPS];     /* its beginning */
} walk;

static bool leads_back(walk *of, qli_context *from, unsigned steps);

static bool leads_on(walk *of, const qli_context *who, const ql_task *task, qli_context *to, unsigned steps)
{
    if (steps < HOPS)
        of->way[steps] = (hop){.who = who, .waits_for = task};
    return leads_back(of, to, steps + 1);
}

/* Depth first through all that `from` waits for. Each that waits keeps alive what it waits for until it has left, which
 * takes the lock. The depth is that of the chain of waits. */
static bool leads_back(walk *of, qli_context *from, unsigned steps)
{
    if (!from)
        return false;
    if (from == of->self) {
        of->length = steps;
        return true;
    }
    if (from->walk == of->waits->walks)
        return false;
    from->walk = of->waits->walks;
    if (leads_on(of, from, NULL, from->waits_for_context, steps))
        return true;
    for (size_t i = 0; i < from->waits_for_count; i++) {
        ql_task *task = (ql_task *)from->waits_for[i].future;
        if (!leads_on(of, from, task, settler(of->self->runtime, task), steps))
            continue;
        if (of->breaks)
            of->breaks = !refuse(from, -EDEADLK);
        return true;
    }
    return false;
}

/* With the lock: put the way into words. */
static void describe(const walk *of, char *text, size_t size)
{
    size_t length = 0;
    for (unsigned i = 0; i < of->length && i < HOPS && length < size; i++) {
        const hop *at = &of->way[i];
        const char *task = qli_load(&at->who->task_name, __ATOMIC_RELAXED);
        int n = snprintf(text + length, size - length, "%stask '%s' on %s %s%s%s", i ? ", " : "",
                         task ? task : "none", at->who->executor->name,
                         at->waits_for ? "waits for '" : "joins a child",
                         at->waits_for ? qli_task_name(at->waits_for) : "", at->waits_for ? "'" : "");
        length += n > 0 ? (size_t)n : 0;
    }
    if (of->length > HOPS && length < size)
        snprintf(text + length, size - length, ", and so on");
}

enum { TEXT = 400 };

static int report(ql_runtime *runtime, const char *text)
{
    return qli_misuse(runtime, -EDEADLK, "ql_future_wait: a cycle of waits is refused: %s", text);
}

int qli_waits_enter(qli_waits *waits, qli_context *self, const ql_member *members, size_t count)
{
    walk of = {.waits = waits, .self = self};
    char text[TEXT];
    bool cycle = false;
    pthread_mutex_lock(&waits->lock);
    waits->walks++;
    for (size_t i = 0; i < count && !cycle; i++) {
        ql_task *task = (ql_task *)members[i].future;
        cycle = leads_on(&of, self, task, settler(self->runtime, task), 0);
    }
    if (cycle) {
        describe(&of, text, sizeof(text));
    } else {
        self->waits_for = members;
        self->waits_for_count = count;
    }
    pthread_mutex_unlock(&waits->lock);
    return cycle ? report(self->runtime, text) : 0;
}

void qli_waits_enter_join(qli_waits *waits, qli_context *self, qli_context *thief)
{
    walk of = {.waits = waits, .self = self, .breaks = true};
    char text[TEXT];
    pthread_mutex_lock(&waits->lock);
    waits->walks++;
    (void)leads_on(&of, self, NULL, thief, 0);
    bool broken = !of.breaks;
    if (broken)
        describe(&of, text, sizeof(text));
    self->waits_for_context = thief;
    pthread_mutex_unlock(&waits->lock);
    if (broken)
        report(self->runtime, text);
}

int qli_waits_leave(qli_waits *waits, qli_context *self)
{
    pthread_mutex_lock(&waits->lock);
    int refused = self->refused;
    self->refused = 0;
    self->waits_for_context = NULL;
    self->waits_for_count = 0;
    pthread_mutex_unlock(&waits->lock);
    return refused;
}

void qli_waits_describe(qli_waits *waits, const qli_context *who, char *text, size_t size)
{
    *text = 0;
    if (pthread_mutex_trylock(&waits->lock))
        return;
    const qli_context *thief = who->waits_for_context;
    if (thief) {
        snprintf(text, size, ", joins a child that another worker runs");
    } else if (who->waits_for_count) {
        /* It keeps what it waits for alive until it has left, which takes the lock. */
        const ql_task *task = (const ql_task *)who->waits_for[0].future;
        snprintf(text, size, ", waits for '%s' on %s%s", qli_task_name(task), task->on->name,
                 who->waits_for_count > 1 ? " and others" : "");
    }
    pthread_mutex_unlock(&waits->lock);
}

bool qli_waits_refuse(qli_waits *waits, qli_context *who)
{
    bool queues = false;
    pthread_mutex_lock(&waits->lock);
    for (size_t i = 0; i < who->waits_for_count && !queues; i++) {
        ql_task *task = (ql_task *)who->waits_for[i].future;
        queues = task->qli_runtime == who->runtime && !ql_future_settled(&task->future) &&
                 !settler(who->runtime, task);
    }
    bool refused = queues && refuse(who, -EAGAIN);
    pthread_mutex_unlock(&waits->lock);
    return refused;
}
