/* What has settled is a stack through the entries, taken whole and turned round. "Armed" is a state of the very word that a
 * push changes, so a push comes before it, and the consumer finds the entry, or finds it, and then the pusher owes a write.
 *
 *   ARMED --push, the pusher writes the descriptor--> entries --the consumer takes them--> 0
 *     ^                                                ^----------------- push -----------'
 *     '---- the consumer found nothing, and has read the descriptor ----'
 *
 * Whenever it is not armed, the descriptor is readable or about to be: the consumer may stop in the middle. Only the pusher
 * that found it armed touches the object after its push, so the object lives until that write has been read.
 * Model: tests/models/completions_model */
#include "qlane/completions.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/atfork.h"
#include "core/future.h"
#include "core/thread.h"

enum { ARMED = 1 };

struct ql_completions {
    /* Settlers push, the consumer takes: a cache line of its own. */
    uintptr_t word; /* 0, ARMED, or the newest entry */
    /* The consumer's. */
    ql_completion *ready QLI_ALIGNED; /* taken, the oldest first */
    int fd;                           /* set once, then read by anyone, like the next */
    unsigned forks;                   /* that came before it was made */
    size_t expected;                  /* anyone adds: not yet given to the consumer */
};

/* In a child of fork() it is the parent's, and so is its descriptor: to read that would take from the parent what it waits for. */
static bool is_parents(const ql_completions *completions)
{
    return completions->forks != qli_load(&qli_forks, __ATOMIC_RELAXED);
}

static void tell(const ql_completions *completions)
{
    int state = qli_cancel_off(); /* a settling thread may be the caller's */
    eventfd_write(completions->fd, 1);
    qli_cancel_back(state);
}

/* False: nobody has written since. With patience it waits for that. */
static bool was_told(const ql_completions *completions, bool patient)
{
    int state = qli_cancel_off();
    eventfd_t count;
    struct pollfd readable = {.fd = completions->fd, .events = POLLIN};
    bool told = eventfd_read(completions->fd, &count) == 0;
    while (!told && patient) {
        (void)poll(&readable, 1, -1);
        told = eventfd_read(completions->fd, &count) == 0;
    }
    qli_cancel_back(state);
    return told;
}

int ql_completions_create(ql_completions **out)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    int no_handler = qli_atfork_begin();
    if (no_handler)
        return no_handler;
    ql_completions *completions = aligned_alloc(QLI_CACHE_LINE, sizeof(*completions));
    if (!completions)
        return -ENOMEM;
    *completions = (ql_completions){.word = ARMED,
                                    .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                    .forks = qli_load(&qli_forks, __ATOMIC_RELAXED)};
    if (completions->fd < 0) {
        int code = -errno;
        free(completions);
        return code;
    }
    *out = completions;
    return 0;
}

int ql_completions_fd(const ql_completions *completions)
{
    if (!completions)
        return -EINVAL;
    return is_parents(completions) ? -ECHILD : completions->fd;
}

void qli_completion_arrive(ql_completion *entry)
{
    ql_completions *to = entry->qli_to;
    uintptr_t word = qli_load(&to->word, __ATOMIC_RELAXED);
    do
        entry->qli_next = word == ARMED ? NULL : (ql_completion *)word;
    /* ORDER completions:push (release): entry and task, for completions:take; and that this thread is done with `to`. */
    while (!qli_cas(&to->word, &word, (uintptr_t)entry, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
    if (word == ARMED)
        tell(to);
}

int ql_completions_add(ql_completions *to, ql_future *future, ql_completion *entry)
{
    if (!to || !future || !entry)
        return -EINVAL;
    if (is_parents(to))
        return -ECHILD;
    if (entry->qli_to)
        return -EBUSY;
    *entry = (ql_completion){.future = future, .qli_to = to};
    qli_fetch_add(&to->expected, 1, __ATOMIC_RELAXED);
    int code = qli_future_register(future, entry, QLI_COMPLETION);
    if (code > 0) {
        qli_completion_arrive(entry);
    } else if (code < 0) {
        qli_fetch_sub(&to->expected, 1, __ATOMIC_RELAXED);
        *entry = (ql_completion){0};
    }
    return code > 0 ? 0 : code;
}

/* Nothing is there: ask to be told of what comes. False: something has come. */
static bool arm(ql_completions *from, uintptr_t *word)
{
    /* Who owes the write has not come to it: it will wake the consumer, for nothing or for what is pushed till then. */
    if (!was_told(from, false))
        return true;
    if (qli_cas(&from->word, word, ARMED, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return true;
    tell(from);
    return false;
}

static void take(ql_completions *from)
{
    uintptr_t word = qli_load(&from->word, __ATOMIC_RELAXED);
    if (word == ARMED || (!word && arm(from, &word)))
        return;
    /* ORDER completions:take (acquire): what those who pushed had written. */
    ql_completion *entry = (ql_completion *)qli_exchange(&from->word, 0, __ATOMIC_ACQUIRE);
    while (entry) {
        ql_completion *older = entry->qli_next;
        entry->qli_next = from->ready;
        from->ready = entry;
        entry = older;
    }
}

ql_completion *ql_completions_next(ql_completions *from)
{
    if (!from || is_parents(from))
        return NULL;
    if (!from->ready)
        take(from);
    ql_completion *entry = from->ready;
    if (entry) {
        from->ready = entry->qli_next;
        entry->qli_to = NULL;
        qli_fetch_sub(&from->expected, 1, __ATOMIC_RELAXED);
    }
    return entry;
}

int ql_completions_destroy(ql_completions *completions)
{
    if (!completions)
        return 0;
    if (is_parents(completions))
        return -ECHILD;
    if (qli_load(&completions->expected, __ATOMIC_RELAXED))
        return -EBUSY;
    if (qli_load(&completions->word, __ATOMIC_RELAXED) != ARMED)
        was_told(completions, true);
    close(completions->fd);
    free(completions);
    return 0;
}
