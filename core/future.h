/* The future's word: what is registered with it, in the low bits, and by whom.
 *
 *   FRESH --submit--> PENDING --settle--> SETTLED --submit--> PENDING
 *                     PENDING --a waiter registers--> PARKER --it takes itself out--> PENDING
 *                     PARKER  --settle--> SETTLED, and the parker gets its token
 *                     GROUP and NEXT likewise: a member of a group arrives, a continuation is submitted
 *                     COMPLETION --settle--> SETTLED, and its entry is pushed, for an event loop to take
 *                     HOOKED --settle--> SETTLED, and its hook is called
 *
 * Settling is one exchange, the runtime's last access to the task. What is still to do follows from the word that the
 * exchange returned, and touches only what that names. Model: tests/models/future_model */
#ifndef QLANE_CORE_FUTURE_H
#define QLANE_CORE_FUTURE_H

#include "core/context.h"
#include "qlane/completions.h"

enum {
    QLI_FRESH = 0,
    QLI_PENDING = 1,
    QLI_PARKER = 2,     /* | a qli_parker */
    QLI_GROUP = 3,      /* | a ql_member */
    QLI_NEXT = 4,       /* | a ql_task */
    QLI_COMPLETION = 5, /* | a ql_completion */
    QLI_HOOKED = 6,
    QLI_SETTLED = 7,
    QLI_WORD_TAG = 7
};

static inline bool qli_future_is_settled(const ql_future *future)
{
    /* ORDER future:see (acquire): value, code and text, written before future:settle. */
    return qli_load(&future->qli_word, __ATOMIC_ACQUIRE) == QLI_SETTLED;
}

/* In qli_place, beside what task.c has there: it has a name, so that the others need no look at their second line. */
enum { QLI_NAMED = 4 };

static inline const char *qli_task_name(const ql_task *task)
{
    return task->name ? task->name : "task";
}

/* Around the call of a task's function: what enter returned goes to leave. */
typedef struct qli_frame {
    ql_task *outer;
    const char *outer_name;
    int64_t began_ns; /* 0: it is not sampled */
} qli_frame;

QLI_INLINE qli_frame qli_task_enter(qli_context *context, ql_task *task)
{
    qli_frame frame = {context->task, context->task_name, context->sampled_ns};
    if (!frame.outer)
        qli_count(&context->begun);
    qli_store(&context->task, task, __ATOMIC_RELAXED);
    qli_store(&context->task_name, task->qli_place & QLI_NAMED ? task->name : "task", __ATOMIC_RELAXED);
    context->sampled_ns = 0;
    QLI_PROBE(start, task, context->task_name);
    if (__builtin_expect(context->ring != NULL, 0))
        qli_ring_add(context->ring, QLI_EVENT_START, ql_now_ns(), task, context->task_name, 0);
    return frame;
}

QLI_INLINE void qli_task_leave(qli_context *context, const qli_frame *frame)
{
    if (__builtin_expect(context->ring != NULL, 0))
        qli_ring_add(context->ring, QLI_EVENT_END, ql_now_ns(), context->task, context->task_name, 0);
    qli_store(&context->task, frame->outer, __ATOMIC_RELAXED);
    qli_store(&context->task_name, frame->outer_name, __ATOMIC_RELAXED);
    if (__builtin_expect(QLI_METERS && frame->began_ns != 0, 0))
        qli_histogram_count(&context->times.run, ql_now_ns() - frame->began_ns);
}

/* Register what shall follow when it settles. 0, or 1: it has settled. -EBUSY, -EINVAL never submitted. */
int qli_future_register(ql_future *future, const void *what, uintptr_t tag);
/* Take it out again. False: it has settled, and what follows has happened or will. */
bool qli_future_unregister(ql_future *future, const void *what, uintptr_t tag);
/* What follows from the word that the exchange returned. */
void qli_future_follow(ql_future *future, uintptr_t word);

static inline uintptr_t qli_future_exchange(ql_future *future)
{
    /* ORDER future:settle (release: value, code and text, for whoever sees SETTLED; acquire: what was registered).
     * From here on the memory is the caller's. */
    return qli_exchange(&future->qli_word, QLI_SETTLED, __ATOMIC_ACQ_REL);
}

/* The exchange, and what follows from it; value, code and text are written before. */
static inline void qli_future_settle(ql_future *future)
{
    uintptr_t word = qli_future_exchange(future);
    if (word != QLI_PENDING)
        qli_future_follow(future, word);
}

/* group.c: the member's future has settled. */
void qli_group_arrive(ql_member *member);
/* With the waits' lock: end the wait for all of which this is a member. False: all have arrived, or are arriving. */
bool qli_group_refuse(const ql_member *member);
/* completions.c: the entry's future has settled. */
void qli_completion_arrive(ql_completion *entry);
/* task.c: what the continuation waited for has settled. False: its executor takes nothing any more, so it must settle now, with
 * the code and text that were written. */
bool qli_task_follow(ql_task *next);

/* wait.c: the calling thread's parker. */
qli_parker *qli_own_parker(qli_context *self);
/* Sleep until the parker has its token. If the sleep is refused or the deadline comes, `withdraw` takes out what was
 * registered; if it cannot, the token is on the way and is waited for. 0, or -ETIMEDOUT, -EDEADLK, -EAGAIN. `members` are
 * what is waited for, as far as others should know. */
int qli_sleep_in_wait(qli_context *self, const ql_member *members, size_t count, int64_t deadline_ns,
                      bool (*withdraw)(void *arg), void *arg);

/* Wait for a future that `settler` will settle, as a join waits for its child: never refused, so a wait that stands in the way is. Returns
 * at once on a thread of others, or if somebody else waits for it. */
void qli_wait_unrefused(qli_context *settler, ql_future *future);

/* The calling thread has submitted a task, and may wait for that very one. */
void qli_wait_expected(void);
/* So many tasks more will the calling thread hand over before one whose times are counted. */
extern _Thread_local unsigned qli_unsampled;

/* It hands over one: is it such a one? */
static inline bool qli_sampled_next(void)
{
    if (!QLI_METERS || __builtin_expect(qli_unsampled-- != 0, 1))
        return false;
    qli_unsampled = QLI_SAMPLED_EVERY - 1;
    return true;
}

#endif
