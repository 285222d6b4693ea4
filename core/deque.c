#include "core/deque.h"

#include <stddef.h>

static uint32_t tail_of(uint64_t bounds)
{
    return (uint32_t)bounds;
}

static uint32_t split_of(uint64_t bounds)
{
    return (uint32_t)(bounds >> 32);
}

static uint64_t pack(uint32_t tail, uint32_t split)
{
    return (uint64_t)split << 32 | tail;
}

void qli_deque_init(qli_deque *deque, ql_worker *owner, qli_entry *entries, unsigned depth)
{
    *deque = (qli_deque){.owner = owner, .entries = entries, .end = entries + depth};
    *owner = (ql_worker){.head = entries, .split = entries, .limit = deque->end, .floor = entries};
}

/* Owner: raise the split to `split`. Whoever has asked before has his answer with that. */
static bool share(qli_deque *deque, uint32_t split)
{
    uint64_t bounds = qli_load(&deque->bounds, __ATOMIC_RELAXED);
    qli_store(&deque->owner->limit, deque->end, __ATOMIC_RELAXED);
    qli_store(&deque->owner->floor, deque->entries + split, __ATOMIC_RELAXED);
    /* ORDER deque:share (release): the children below the new split, for deque:steal. */
    while (
        !qli_cas(&deque->bounds, &bounds, pack(tail_of(bounds), split), __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    deque->owner->split = deque->entries + split;
    return tail_of(bounds) < split;
}

qli_entry *qli_deque_next(qli_deque *deque)
{
    qli_entry *head = deque->owner->head;
    return head < deque->end ? head : NULL;
}

/* Owner: lower the split. An ask that nobody has answered stays. */
static void take_back(ql_worker *owner, qli_entry *split)
{
    qli_entry *floor = owner->split;
    owner->split = split;
    (void)qli_cas(&owner->floor, &floor, split, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool qli_deque_move_head(qli_deque *deque, qli_entry *head)
{
    ql_worker *owner = deque->owner;
    owner->head = head;
    if (head == owner->split)
        return false;
    /* Half of what is private, the oldest and so the largest; at least one. */
    uint32_t private_first = (uint32_t)(owner->split - deque->entries);
    return share(deque, private_first + (uint32_t)(head - owner->split + 1) / 2);
}

bool qli_deque_share_all(qli_deque *deque)
{
    return share(deque, (uint32_t)(deque->owner->head - deque->entries));
}

bool qli_deque_pop_slow(qli_deque *deque, qli_entry *entry)
{
    ql_worker *owner = deque->owner;
    uint32_t index = (uint32_t)(entry - deque->entries);
    uint64_t bounds = qli_load(&deque->bounds, __ATOMIC_RELAXED);
    while (tail_of(bounds) <= index) {
        /* Take half of what is left back, the youngest at least. */
        uint32_t split = tail_of(bounds) + (index - tail_of(bounds)) / 2;
        /* relaxed: the owner wrote these children itself; as a read-modify-write it keeps deque:share's release. */
        if (!qli_cas(&deque->bounds, &bounds, pack(tail_of(bounds), split), __ATOMIC_RELAXED,
                     __ATOMIC_RELAXED))
            continue;
        take_back(owner, deque->entries + split);
        owner->head = entry;
        return true;
    }
    return false;
}

void qli_deque_forget(qli_deque *deque, qli_entry *entry)
{
    uint32_t index = (uint32_t)(entry - deque->entries);
    /* It was the youngest and is gone, so all before it were stolen too: nothing is left above `entry`. No thief writes
     * now, because tail equals split. */
    qli_store(&entry->state, QLI_CHILD_FREE, __ATOMIC_RELAXED);
    qli_store(&deque->bounds, pack(index, index), __ATOMIC_RELAXED);
    deque->owner->head = entry;
    take_back(deque->owner, entry);
}

qli_entry *qli_deque_steal(qli_deque *deque, ql_worker *thief)
{
    uint64_t bounds = qli_load(&deque->bounds, __ATOMIC_RELAXED);
    while (tail_of(bounds) < split_of(bounds)) {
        uint32_t tail = tail_of(bounds);
        /* ORDER deque:steal (acquire): the child, written before deque:share. The same bounds may have come back with
         * other children behind them; that is as good, since nothing was read yet. */
        if (!qli_cas(&deque->bounds, &bounds, pack(tail + 1, split_of(bounds)), __ATOMIC_ACQUIRE,
                     __ATOMIC_RELAXED))
            continue;
        qli_entry *entry = &deque->entries[tail];
        /* ORDER deque:thief (release): with it the joiner finds the thief's own deque. */
        qli_store(&entry->state, (uintptr_t)thief, __ATOMIC_RELEASE);
        return entry;
    }
    return NULL;
}

void qli_deque_ask(qli_deque *deque)
{
    ql_worker *owner = deque->owner;
    if (qli_load(&owner->limit, __ATOMIC_RELAXED))
        qli_store(&owner->limit, (qli_entry *)NULL, __ATOMIC_RELAXED);
    if (qli_load(&owner->floor, __ATOMIC_RELAXED) != QLI_ASKED)
        qli_store(&owner->floor, QLI_ASKED, __ATOMIC_RELAXED);
}

bool qli_deque_has_work(const qli_deque *deque)
{
    uint64_t bounds = qli_load(&deque->bounds, __ATOMIC_RELAXED);
    return tail_of(bounds) < split_of(bounds);
}
