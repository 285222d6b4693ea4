/* memory.c: the stores to each atomic location, and what a load may return.
 *
 * An operational C11 model: each location keeps its newest stores in modification order, each store carries
 * the view (what its reader learns) and the clock (what happens before) that its order published. A load may
 * return any store that is not older than what the thread knows of, or, for seq_cst, than what the seq_cst
 * order knows of. A store may be put before another thread's store that ran earlier. Every behaviour shown is
 * legal, not every legal one is shown. */
#include "wmm.h"

#include <string.h>

/* Stores kept per location; older ones are forgotten, and with them some legal behaviours. */
enum { HISTORY = 10 };

/* Stamps have gaps, so that a store can be put between two others; read-modify-writes sit right behind what
 * they read. */
enum { GAP = 1024 };

typedef struct {
    uintptr_t address;
    uint32_t last_stamp;
    uint8_t size;
    int count;
    wmm_store stores[HISTORY]; /* oldest first */
} location;

enum { SLOTS = WMM_LOCATIONS * 4 };
static location *locations[WMM_LOCATIONS];
static uint32_t slots[SLOTS]; /* hash of addresses: location + 1, 0 empty */

/* What the total order of seq_cst operations, and the kernel's futexes, know. */
static wmm_view sc_view, kernel_view;

static bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

wmm_value wmm_peek(uintptr_t address, int size)
{
    wmm_value value = 0;
    switch (size) {
    case 1:
        return *(volatile uint8_t *)address;
    case 2:
        return *(volatile uint16_t *)address;
    case 4:
        return *(volatile uint32_t *)address;
    case 8:
        return *(volatile uint64_t *)address;
    default:
        memcpy(&value, (void *)address, sizeof value);
        return value;
    }
}

void wmm_poke(uintptr_t address, int size, wmm_value value)
{
    switch (size) {
    case 1:
        *(volatile uint8_t *)address = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)address = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)address = (uint32_t)value;
        break;
    case 8:
        *(volatile uint64_t *)address = (uint64_t)value;
        break;
    default:
        memcpy((void *)address, &value, sizeof value);
    }
}

static uint32_t *slot_of(uintptr_t address)
{
    uint32_t i = (uint32_t)((address >> 1) * 2654435761u) % SLOTS;
    while (slots[i] && locations[slots[i] - 1]->address != address)
        i = (i + 1) % SLOTS;
    return &slots[i];
}

static void forget_stores(location *loc)
{
    while (loc->count)
        wmm_message_free(loc->stores[--loc->count].message);
}

/* Room for a store with this stamp, at its place in modification order. */
static wmm_store *insert(location *loc, uint32_t stamp)
{
    if (loc->count == HISTORY) {
        wmm_message_free(loc->stores[0].message);
        memmove(loc->stores, loc->stores + 1, (HISTORY - 1) * sizeof loc->stores[0]);
        loc->count--;
    }
    int i = loc->count++;
    for (; i > 0 && loc->stores[i - 1].stamp > stamp; i--)
        loc->stores[i] = loc->stores[i - 1];
    memset(&loc->stores[i], 0, sizeof loc->stores[i]);
    loc->stores[i].stamp = stamp;
    wmm_raise(&loc->last_stamp, stamp);
    return &loc->stores[i];
}

/* The memory was written behind our back: what is there now is the only store, and carries nothing. */
static void restart(location *loc)
{
    forget_stores(loc);
    insert(loc, loc->last_stamp + GAP)->value = wmm_peek(loc->address, loc->size);
}

uint32_t wmm_location(uintptr_t address, int size)
{
    uint32_t *slot = slot_of(address);
    if (!*slot) {
        if (wmm_location_count == WMM_LOCATIONS)
            wmm_fail("more than %d atomic locations; make the scenario smaller", WMM_LOCATIONS);
        location *fresh = wmm_own_memory(sizeof *fresh);
        fresh->address = address;
        locations[wmm_location_count] = fresh;
        *slot = ++wmm_location_count;
    }
    location *loc = locations[*slot - 1];
    bool known = loc->count && loc->size == size && wmm_nth(*slot - 1, 0)->value == wmm_peek(address, size);
    loc->size = (uint8_t)size;
    if (!known)
        restart(loc);
    return *slot - 1;
}

void wmm_end_history(uintptr_t address, size_t size)
{
    for (uintptr_t a = address; wmm_location_count && a < address + size; a++) {
        uint32_t *slot = slot_of(a);
        if (*slot)
            forget_stores(locations[*slot - 1]);
    }
}

void wmm_end_history_on_stack(uintptr_t low, size_t size)
{
    for (uint32_t i = 0; i < wmm_location_count; i++)
        if (locations[i]->address >= low && locations[i]->address < low + size)
            forget_stores(locations[i]);
}

wmm_store *wmm_nth(uint32_t index, int age)
{
    location *loc = locations[index];
    return &loc->stores[loc->count - 1 - age];
}

int wmm_oldest_allowed(uint32_t index, uint32_t floor)
{
    int age = 0;
    while (age + 1 < locations[index]->count && wmm_nth(index, age)->stamp > floor)
        age++;
    return age;
}

/* A thread may neither read nor write behind this stamp. */
static uint32_t floor_of(uint32_t index, int order)
{
    uint32_t floor = wmm_me()->seen.at[index];
    if (order == __ATOMIC_SEQ_CST)
        wmm_raise(&floor, sc_view.at[index]);
    return floor;
}

int wmm_oldest_readable(uint32_t index, int order)
{
    return wmm_oldest_allowed(index, floor_of(index, order));
}

int wmm_pick_age(int oldest)
{
    enum { STALE_IN_A_ROW = 24 }; /* then the newest: C11 wants stores to become visible in the end */
    wmm_thread *me = wmm_me();
    if (!oldest || wmm_options.sequential || !wmm_options.stale || wmm_below(16) >= wmm_options.stale ||
        me->stale_reads > STALE_IN_A_ROW) {
        me->stale_reads = 0;
        return 0;
    }
    me->stale_reads++;
    return 1 + (int)wmm_below((uint32_t)oldest);
}

void wmm_read_store(uint32_t index, const wmm_store *store, int order)
{
    wmm_thread *me = wmm_me();
    wmm_raise(&me->seen.at[index], store->stamp);
    if (acquires(order)) {
        wmm_view_join_message(&me->seen, store->message);
        wmm_clock_join(&me->clock, &store->clock);
    }
    wmm_view_join_message(&me->acquirable, store->message);
    wmm_clock_join(&me->clock_acquirable, &store->clock);
    wmm_raise(&me->acquirable.at[index], store->stamp);
    if (order == __ATOMIC_SEQ_CST)
        wmm_raise(&sc_view.at[index], store->stamp);
}

/* Mostly at the end; now and then before a store that another thread ran earlier. */
static uint32_t place_for_store(uint32_t index, uint32_t floor)
{
    location *loc = locations[index];
    uint32_t end = loc->last_stamp + GAP;
    if (wmm_options.sequential || !wmm_options.stale || loc->count < 2 || wmm_nth(index, 0)->stamp <= floor ||
        wmm_below(6))
        return end;
    int before = 1 + (int)wmm_below((uint32_t)loc->count - 1);
    uint32_t high = loc->stores[before].stamp;
    uint32_t low = loc->stores[before - 1].stamp;
    wmm_raise(&low, floor);
    return high > low + 1 ? low + (high - low) / 2 : end;
}

int wmm_write_store(uint32_t index, wmm_value value, int order, const wmm_store *rmw_of)
{
    wmm_thread *me = wmm_me();
    location *loc = locations[index];
    uint32_t stamp = rmw_of ? rmw_of->stamp + 1 : place_for_store(index, floor_of(index, order));
    struct wmm_message *message = wmm_message_new(releases(order) ? &me->seen : &me->released);
    wmm_clock clock = releases(order) ? me->clock : me->clock_released;
    if (rmw_of) { /* a release sequence goes on through a read-modify-write of any order */
        wmm_message_join(message, rmw_of->message);
        wmm_clock_join(&clock, &rmw_of->clock);
    }
    wmm_message_set(message, index, stamp);
    wmm_store *store = insert(loc, stamp); /* rmw_of may have moved */
    store->value = value;
    store->message = message;
    store->clock = clock;
    me->seen.at[index] = stamp;
    wmm_raise(&me->acquirable.at[index], stamp);
    if (order == __ATOMIC_SEQ_CST)
        wmm_raise(&sc_view.at[index], stamp);
    if (releases(order))
        me->clock.at[wmm_self]++;
    me->stale_reads = 0;
    int age = (int)(wmm_nth(index, 0) - store);
    if (!age)
        wmm_poke(loc->address, loc->size, value);
    return age;
}

void wmm_fence(int order)
{
    wmm_thread *me = wmm_me();
    if (acquires(order)) {
        wmm_view_join(&me->seen, &me->acquirable);
        wmm_clock_join(&me->clock, &me->clock_acquirable);
    }
    if (order == __ATOMIC_SEQ_CST) {
        wmm_view_join(&me->seen, &sc_view);
        wmm_view_join(&sc_view, &me->seen);
        wmm_view_join(&me->acquirable, &me->seen);
    }
    if (releases(order)) {
        memcpy(me->released.at, me->seen.at, wmm_location_count * sizeof me->seen.at[0]);
        me->clock_released = me->clock;
        me->clock.at[wmm_self]++;
    }
}

void wmm_fence_everywhere(void)
{
    for (int i = 0; i < wmm_thread_count; i++)
        wmm_view_join(&sc_view, &wmm_threads[i].seen);
    for (int i = 0; i < wmm_thread_count; i++) {
        wmm_view_join(&wmm_threads[i].seen, &sc_view);
        wmm_view_join(&wmm_threads[i].acquirable, &sc_view);
    }
}

uint32_t wmm_kernel_floor(uint32_t index)
{
    uint32_t floor = wmm_me()->seen.at[index];
    wmm_raise(&floor, kernel_view.at[index]);
    return floor;
}

void wmm_kernel_learns(void)
{
    wmm_view_join(&kernel_view, &wmm_me()->seen);
}
