/* races.c: data races, by vector clocks that understand fences (libtsan's do not). For each byte of each
 * 8-byte cell and each thread the time of its latest access of each kind is kept; two accesses race when
 * neither happens before the other, one writes and one is plain. */
#include "wmm.h"

#include <string.h>

enum { CELLS = 1 << 15, SLOTS = 2 * CELLS, KINDS = 4, CELL_BYTES = 8 };

typedef struct {
    uint32_t time[KINDS][CELL_BYTES];
    uintptr_t pc[KINDS];
} accesses;

typedef struct {
    uintptr_t key; /* address / CELL_BYTES */
    accesses *by[WMM_THREADS];
} cell;

static cell *cells[CELLS];
static uint32_t cell_count;
static uint16_t slots[SLOTS]; /* hash of keys: cell + 1, 0 empty */

static cell *cell_of(uintptr_t key)
{
    /* 64 cells in a row keep together, for the sake of the page faults of each forked child */
    uint32_t i = (uint32_t)(((key >> 6) * 0x9E3779B97F4A7C15u >> 40) * 64 + (key & 63)) % SLOTS;
    while (slots[i] && cells[slots[i] - 1]->key != key)
        i = (i + 1) % SLOTS;
    if (!slots[i]) {
        if (cell_count == CELLS)
            wmm_fail("more than %d memory cells touched; make the scenario smaller", CELLS);
        cells[cell_count] = wmm_own_memory(sizeof(cell));
        cells[cell_count]->key = key;
        slots[i] = (uint16_t)++cell_count;
    }
    return cells[slots[i] - 1];
}

static const char *describe(enum wmm_access kind)
{
    static const char *const names[] = {"plain read", "plain write", "atomic read", "atomic write"};
    return names[kind];
}

static bool conflict(enum wmm_access a, enum wmm_access b)
{
    bool writes = a == WMM_WRITE || a == WMM_ATOMIC_WRITE || b == WMM_WRITE || b == WMM_ATOMIC_WRITE;
    bool plain = a <= WMM_WRITE || b <= WMM_WRITE;
    return writes && plain;
}

static void check(const cell *c, int thread, unsigned from, unsigned to, enum wmm_access kind, size_t size)
{
    const accesses *theirs = c->by[thread];
    uint32_t known = wmm_me()->clock.at[thread];
    for (int k = 0; k < KINDS; k++) {
        if (!conflict(kind, (enum wmm_access)k))
            continue;
        for (unsigned b = from; b < to; b++)
            if (theirs->time[k][b] > known)
                wmm_fail("DATA RACE on %p: %s of %zu bytes by thread %d, against earlier %s by thread %d at "
                         "pc 0x%lx",
                         (void *)(c->key * CELL_BYTES + b), describe(kind), size, wmm_self,
                         describe((enum wmm_access)k), thread, wmm_pc(theirs->pc[k]));
    }
}

static void record(cell *c, unsigned from, unsigned to, enum wmm_access kind)
{
    if (!c->by[wmm_self])
        c->by[wmm_self] = wmm_own_memory(sizeof(accesses));
    accesses *mine = c->by[wmm_self];
    for (unsigned b = from; b < to; b++)
        mine->time[kind][b] = wmm_me()->clock.at[wmm_self];
    mine->pc[kind] = wmm_me()->pc;
}

void wmm_touch(uintptr_t address, size_t size, enum wmm_access kind)
{
    wmm_heap_check(address, size);
    for (uintptr_t a = address, end = address + size; a < end; a = (a | (CELL_BYTES - 1)) + 1) {
        cell *c = cell_of(a / CELL_BYTES);
        unsigned from = a % CELL_BYTES;
        unsigned to = end - a < CELL_BYTES - from ? from + (unsigned)(end - a) : CELL_BYTES;
        for (int t = 0; t < wmm_thread_count; t++)
            if (t != wmm_self && c->by[t])
                check(c, t, from, to, kind, size);
        record(c, from, to, kind);
    }
}

void wmm_plain(uintptr_t address, size_t size, enum wmm_access kind, uintptr_t pc)
{
    if (!size || !wmm_enter(pc))
        return;
    wmm_touch(address, size, kind);
    if (kind == WMM_WRITE)
        wmm_end_history(address, size);
    wmm_leave();
}

void wmm_forget_accesses(uintptr_t address, size_t size)
{
    for (uint32_t i = 0; i < cell_count; i++)
        if (cells[i]->key >= address / CELL_BYTES && cells[i]->key <= (address + size - 1) / CELL_BYTES)
            memset(cells[i]->by, 0, sizeof cells[i]->by);
}
