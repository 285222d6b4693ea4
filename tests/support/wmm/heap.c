/* heap.c: the program's heap. A block's memory is never used again in one run, so that each use after free is
 * seen. */
#include "wmm.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_SIZE ((size_t)512 << 20)

/* Between two blocks lies at least one granule that is nobody's, so that an access just outside is seen. */
enum { GRANULE = 8, HEADER = 16 };

enum { NOBODYS, LIVE, FREED };
static char *arena;
static uint8_t *owner; /* per granule */
static size_t used;

/* Before the driver has run: a few blocks of constructors and of the dynamic linker. */
static _Alignas(64) char early[1 << 16];
static size_t early_used;

void wmm_heap_start(void)
{
    enum { ACCESS = PROT_READ | PROT_WRITE, HOW = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
    char *memory = mmap(NULL, ARENA_SIZE, ACCESS, HOW, -1, 0);
    owner = mmap(NULL, ARENA_SIZE / GRANULE, ACCESS, HOW, -1, 0);
    if (memory == MAP_FAILED || owner == MAP_FAILED)
        _exit(2);
    arena = memory;
}

static bool in_arena(uintptr_t address)
{
    return arena && address >= (uintptr_t)arena && address < (uintptr_t)arena + ARENA_SIZE;
}

static size_t size_of(const void *block)
{
    return ((const size_t *)block)[-1];
}

static void set_owner(const char *block, size_t size, uint8_t who)
{
    size_t first = (size_t)(block - arena) / GRANULE;
    memset(owner + first, who, (size + GRANULE - 1) / GRANULE);
}

static void *take(size_t align, size_t size)
{
    char *base = arena ? arena : early;
    size_t limit = arena ? ARENA_SIZE : sizeof early;
    size_t *top = arena ? &used : &early_used;
    if (align < 16)
        align = 16;
    /* Threads inside a real system call may be here at the same time. */
    size_t old = __atomic_load_n(top, __ATOMIC_RELAXED), start;
    do {
        start = (old + HEADER + align - 1) / align * align;
        if (size > limit || start > limit - size || limit - size - start < GRANULE) {
            errno = ENOMEM;
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(top, &old, start + size + GRANULE, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    char *block = base + start;
    ((size_t *)(void *)block)[-1] = size;
    if (arena)
        set_owner(block, size, LIVE);
    return block;
}

static void *allocate(size_t align, size_t size, uintptr_t caller)
{
    bool checked = wmm_enter(caller);
    void *block = take(align, size);
    if (checked)
        wmm_leave();
    return block;
}

static void release(void *block, uintptr_t caller)
{
    enum { MOST = 4096 };
    if (!in_arena((uintptr_t)block))
        return;
    size_t size = size_of(block);
    bool checked = wmm_enter(caller);
    if (checked && size) {
        if (owner[((uintptr_t)block - (uintptr_t)arena) / GRANULE] == FREED)
            wmm_fail("double free of %p", block);
        /* Freeing counts as a write: every earlier access must happen before it. Libraries' blocks are not
         * looked at. */
        if (wmm_is_program(caller))
            wmm_touch((uintptr_t)block, size < MOST ? size : MOST, WMM_WRITE);
    }
    set_owner(block, size, FREED);
    if (checked)
        wmm_leave();
}

void wmm_heap_check(uintptr_t address, size_t size)
{
    if (!in_arena(address))
        return;
    uint8_t first = owner[(address - (uintptr_t)arena) / GRANULE];
    uint8_t last = owner[(address + size - 1 - (uintptr_t)arena) / GRANULE];
    if (first == LIVE && last == LIVE)
        return;
    const char *what = first == FREED || last == FREED ? "use of freed" : "access outside";
    wmm_fail("%s heap memory: %p, %zu bytes", what, (void *)address, size);
}

void *malloc(size_t size)
{
    return allocate(0, size, WMM_CALLER);
}

void *calloc(size_t count, size_t each)
{
    size_t size;
    if (__builtin_mul_overflow(count, each, &size)) {
        errno = ENOMEM;
        return NULL;
    }
    return allocate(0, size, WMM_CALLER); /* fresh memory is zero */
}

void free(void *block)
{
    release(block, WMM_CALLER);
}

void *realloc(void *block, size_t size)
{
    uintptr_t caller = WMM_CALLER;
    void *fresh = allocate(0, size, caller);
    if (!block || !fresh)
        return fresh;
    size_t kept = size < size_of(block) ? size : size_of(block);
    bool checked = wmm_enter(caller);
    if (checked && kept && wmm_is_program(caller))
        wmm_touch((uintptr_t)block, kept, WMM_READ);
    memcpy(fresh, block, kept);
    if (checked)
        wmm_leave();
    release(block, caller);
    return fresh;
}

int posix_memalign(void **out, size_t align, size_t size)
{
    void *block = allocate(align, size, WMM_CALLER);
    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}

void *aligned_alloc(size_t align, size_t size)
{
    return allocate(align, size, WMM_CALLER);
}

void *memalign(size_t align, size_t size)
{
    return allocate(align, size, WMM_CALLER);
}

size_t malloc_usable_size(void *block)
{
    return block ? size_of(block) : 0;
}
