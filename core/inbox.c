#include "core/inbox.h"

#include <errno.h>
#include <string.h>

static const uintptr_t flags_mask = QLI_INBOX_FLAGS;

static bool is_asleep(uintptr_t front)
{
    return (front & ~flags_mask) == QLI_INBOX_ASLEEP;
}

static ql_task *top(uintptr_t front)
{
    return is_asleep(front) ? NULL : (ql_task *)(front & ~flags_mask);
}

void qli_inbox_init(qli_inbox *inbox, size_t capacity)
{
    memset(inbox, 0, sizeof(*inbox));
    inbox->capacity = capacity;
    pthread_mutex_init(&inbox->lock, NULL);
}

void qli_inbox_fini(qli_inbox *inbox)
{
    pthread_mutex_destroy(&inbox->lock);
}

/* Room is reserved before the push and given back when the task is taken. */
static bool reserve(qli_inbox *inbox, size_t n)
{
    if (!inbox->capacity)
        return true;
    /* relaxed: a count; what it guards is published by the front. */
    if (qli_fetch_add(&inbox->queued, n, __ATOMIC_RELAXED) + n <= inbox->capacity)
        return true;
    qli_fetch_sub(&inbox->queued, n, __ATOMIC_RELAXED);
    return false;
}

bool qli_inbox_reserve(qli_inbox *inbox)
{
    return reserve(inbox, 1);
}

void qli_inbox_unreserve(qli_inbox *inbox, size_t n)
{
    if (inbox->capacity && n)
        qli_fetch_sub(&inbox->queued, n, __ATOMIC_RELAXED);
}

int qli_inbox_push_many(qli_inbox *inbox, ql_task *newest, ql_task *oldest, size_t n, bool outside,
                        bool reserved)
{
    uintptr_t refused = QLI_INBOX_CLOSED | (outside ? QLI_INBOX_SHUT_OUTSIDE : 0);
    qli_prefetch_to_write(&inbox->front); /* to write it: else it is fetched twice */
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    if (!reserved && !reserve(inbox, n))
        return front & refused ? -ESHUTDOWN : -EAGAIN;
    do {
        if (front & refused) {
            qli_inbox_unreserve(inbox, n);
            return -ESHUTDOWN;
        }
        oldest->future.qli_next = top(front);
        /* ORDER inbox:push (release: the task's fields, for inbox:drain and inbox:pop; acquire: what the consumer did before
         * inbox:asleep, for a strand, whose next runner is ours to submit). Closing and sleeping are changes of this same
         * word, so no push can pass them and no fence is needed. */
    } while (!qli_cas(&inbox->front, &front,
                      (uintptr_t)newest | (front & flags_mask) |
                          (top(front) || n > 1 ? (uintptr_t)QLI_INBOX_MORE : 0),
                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return is_asleep(front) ? 1 : 0;
}

static void put(ql_task *task, uint8_t place)
{
    task->qli_place = (uint8_t)((task->qli_place & ~QLI_PLACE_MASK) | place);
}

static bool is_in(const ql_task *task, uint8_t place)
{
    return (qli_load(&task->qli_place, __ATOMIC_RELAXED) & QLI_PLACE_MASK) == place;
}

/* It queues no more: its value and text, where the links were, are its own again. */
static void clear_links(ql_task *task)
{
    task->future.value = (ql_value){0};
    task->future.text = NULL;
}

ql_task *qli_inbox_pop(qli_inbox *inbox)
{
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    if (front & QLI_INBOX_MORE || !top(front))
        return NULL;
    /* It is about to be written: let it come while the front does, and with it what follows: its owner's own (bench q, q_call). */
    qli_prefetch_to_write(top(front));
    __builtin_prefetch(top(front) + 1, 0);
    /* Counted before it is gone from the front, so that accepted never falls behind. */
    uint64_t popped = inbox->popped;
    qli_store(&inbox->popped, popped + 1, __ATOMIC_RELAXED);
    /* ORDER inbox:pop (acquire: the task's fields, see inbox:push; release: the count, for inbox:seen). */
    if (!qli_cas(&inbox->front, &front, front & flags_mask, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        qli_store(&inbox->popped, popped, __ATOMIC_RELAXED);
        return NULL;
    }
    qli_inbox_unreserve(inbox, 1);
    clear_links(top(front));
    return top(front);
}

static void append_list(qli_list *list, const qli_list *newer)
{
    newer->first->future.qli_prev = list->last;
    if (list->last)
        list->last->future.qli_next = newer->first;
    else
        list->first = newer->first;
    list->last = newer->last;
}

static void unlink_task(qli_list *list, ql_task *task)
{
    if (task->future.qli_prev)
        task->future.qli_prev->future.qli_next = task->future.qli_next;
    else
        list->first = task->future.qli_next;
    if (task->future.qli_next)
        task->future.qli_next->future.qli_prev = task->future.qli_prev;
    else
        list->last = task->future.qli_prev;
    clear_links(task);
}

/* With the lock: move the front into the lists, oldest first. */
static void drain(qli_inbox *inbox)
{
    /* ORDER inbox:seen (acquire): the count of a task that was popped, with inbox:pop; what a closer wrote, with inbox:shut. */
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_ACQUIRE);
    do {
        if (!top(front))
            return;
        /* ORDER inbox:drain (acquire): the fields of every task pushed with ORDER inbox:push; all pushes since the word was
         * last empty are one release sequence. */
    } while (!qli_cas(&inbox->front, &front, (front & flags_mask) | QLI_INBOX_MORE, __ATOMIC_ACQUIRE,
                      __ATOMIC_ACQUIRE));
    ql_task *stack = top(front);
    qli_list newer[QL_CLASSES] = {{NULL, NULL}};
    size_t n = 0;
    /* Newest first: each goes before what its class has had so far. One look at each: after a burst they are cold. */
    for (ql_task *task = stack, *older; task; task = older, n++) {
        older = task->future.qli_next;
        qli_list *list = &newer[task->klass];
        put(task, QLI_PLACE_LISTED);
        task->future.qli_next = list->first;
        if (list->first)
            list->first->future.qli_prev = task;
        else
            list->last = task;
        list->first = task;
    }
    for (int klass = 0; klass < QL_CLASSES; klass++)
        if (newer[klass].first)
            append_list(&inbox->lists[klass], &newer[klass]);
    inbox->accepted += n;
    qli_store(&inbox->listed, inbox->listed + n, __ATOMIC_RELAXED);
}

/* With the lock, last: if the lists are empty the front need not say that there is more. */
static void unlock(qli_inbox *inbox)
{
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    while (!inbox->listed && front & QLI_INBOX_MORE && !top(front))
        if (qli_cas(&inbox->front, &front, front & ~(uintptr_t)QLI_INBOX_MORE, __ATOMIC_RELAXED,
                    __ATOMIC_RELAXED))
            break;
    pthread_mutex_unlock(&inbox->lock);
}

/* With the lock: the list whose turn it is, or NULL. */
static qli_list *choose(qli_inbox *inbox)
{
    static const uint8_t ranks[QL_CLASSES] = {QL_URGENT, QL_NORMAL, QL_BACKGROUND};
    int chosen = -1;
    for (int rank = 0; rank < QL_CLASSES; rank++) {
        unsigned klass = ranks[rank];
        if (!inbox->lists[klass].first)
            continue;
        if (chosen < 0 || inbox->passed[klass] >= QLI_INBOX_AGE)
            chosen = (int)klass;
    }
    if (chosen < 0)
        return NULL;
    for (int klass = 0; klass < QL_CLASSES; klass++)
        inbox->passed[klass] = klass == chosen || !inbox->lists[klass].first ? 0 : inbox->passed[klass] + 1;
    return &inbox->lists[chosen];
}

/* With the lock: no other list has tasks, so there is nothing to choose. */
static bool is_alone(const qli_inbox *inbox, const qli_list *list)
{
    for (int klass = 0; klass < QL_CLASSES; klass++)
        if (&inbox->lists[klass] != list && inbox->lists[klass].first)
            return false;
    return true;
}

/* With the lock: the first `max` of a list, or all of it. */
static size_t take_first(qli_list *list, ql_task **tasks, size_t max)
{
    size_t n = 0;
    ql_task *task = list->first;
    for (ql_task *next; task && n < max; task = next) {
        next = task->future.qli_next;
        put(task, QLI_PLACE_TAKEN);
        clear_links(task);
        /* relaxed: a canceller that looks into a lane's slots has held the lock since. */
        qli_store(&tasks[n++], task, __ATOMIC_RELAXED);
    }
    list->first = task;
    if (task)
        task->future.qli_prev = NULL;
    else
        list->last = NULL;
    return n;
}

size_t qli_inbox_take(qli_inbox *inbox, ql_task **tasks, size_t max)
{
    size_t n = 0;
    qli_list *list;
    pthread_mutex_lock(&inbox->lock);
    drain(inbox);
    while (n < max && (list = choose(inbox)))
        n += take_first(list, tasks + n, is_alone(inbox, list) ? max - n : 1);
    qli_store(&inbox->listed, inbox->listed - n, __ATOMIC_RELAXED);
    unlock(inbox);
    qli_inbox_unreserve(inbox, n);
    return n;
}

ql_task *qli_inbox_drop(qli_inbox *inbox, uint8_t klass, const ql_executor *on)
{
    static const uint8_t ranks[QL_CLASSES] = {QL_BACKGROUND, QL_NORMAL, QL_URGENT};
    ql_task *task = NULL;
    pthread_mutex_lock(&inbox->lock);
    drain(inbox);
    for (int rank = 0; rank < QL_CLASSES && !task; rank++) {
        qli_list *list = &inbox->lists[ranks[rank]];
        for (task = list->first; task && on && task->on != on;)
            task = task->future.qli_next;
        if (task) {
            unlink_task(list, task);
            put(task, QLI_PLACE_TAKEN);
            qli_store(&inbox->listed, inbox->listed - 1, __ATOMIC_RELAXED);
        }
        if (ranks[rank] == klass)
            break;
    }
    unlock(inbox);
    return task;
}

bool qli_inbox_remove(qli_inbox *inbox, ql_task *task)
{
    pthread_mutex_lock(&inbox->lock);
    drain(inbox);
    bool found = is_in(task, QLI_PLACE_LISTED);
    if (found) {
        unlink_task(&inbox->lists[task->klass], task);
        put(task, QLI_PLACE_TAKEN);
        qli_store(&inbox->listed, inbox->listed - 1, __ATOMIC_RELAXED);
    }
    unlock(inbox);
    qli_inbox_unreserve(inbox, found);
    return found;
}

bool qli_inbox_was_taken(qli_inbox *inbox, const ql_task *task)
{
    pthread_mutex_lock(&inbox->lock);
    drain(inbox);
    bool taken = is_in(task, QLI_PLACE_TAKEN);
    unlock(inbox);
    return taken;
}

bool qli_inbox_shut(qli_inbox *inbox, uintptr_t flags)
{
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    bool wakes;
    do
        wakes = flags & QLI_INBOX_CLOSED && is_asleep(front);
    /* ORDER inbox:shut (release: what the closer wrote, for a lane's engine, by inbox:seen). It changes the word that
     * every push changes, so pushes come before it or are refused. */
    while (!qli_cas(&inbox->front, &front, (wakes ? front & flags_mask : front) | flags, __ATOMIC_RELEASE,
                    __ATOMIC_RELAXED));
    return wakes;
}

bool qli_inbox_sleep(qli_inbox *inbox)
{
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    while (!(front & (~flags_mask | QLI_INBOX_MORE | QLI_INBOX_CLOSED)))
        /* ORDER inbox:asleep (release): what the consumer did, for inbox:push. One word: a push either came before, and this
         * fails, or finds the consumer asleep, and wakes it. */
        if (qli_cas(&inbox->front, &front, front | QLI_INBOX_ASLEEP, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return true;
    return false;
}

bool qli_inbox_awake(qli_inbox *inbox)
{
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    while (is_asleep(front))
        if (qli_cas(&inbox->front, &front, front & flags_mask, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    return false;
}

bool qli_inbox_has_work(const qli_inbox *inbox)
{
    uintptr_t front = qli_load(&inbox->front, __ATOMIC_RELAXED);
    return front & QLI_INBOX_MORE || top(front);
}

bool qli_inbox_empty(qli_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    drain(inbox);
    bool empty = !inbox->listed;
    unlock(inbox);
    return empty;
}

uint64_t qli_inbox_accepted(qli_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    drain(inbox);
    uint64_t accepted = inbox->accepted + qli_load(&inbox->popped, __ATOMIC_RELAXED);
    unlock(inbox);
    return accepted;
}
