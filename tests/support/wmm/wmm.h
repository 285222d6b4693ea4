/* wmm.h: what the files of the weak-memory checker share. README.md says what the checker does and how it is
 * used.
 *
 * One thread of the program under test runs at a time (schedule.c): whoever runs owns everything declared
 * here, and no lock is needed. */
#ifndef WMM_H
#define WMM_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

enum { WMM_THREADS = 16, WMM_LOCATIONS = 4096 };

#define WMM_NEVER UINT64_MAX

/* Any value that an atomic operation can move. */
__extension__ typedef unsigned __int128 wmm_value;

/* A vector clock: how much of each thread happens before here. */
typedef struct {
    uint32_t at[WMM_THREADS];
} wmm_clock;

/* A view: for each location the timestamp of the newest store known here. */
typedef struct {
    uint32_t at[WMM_LOCATIONS];
} wmm_view;

/*   RUNNABLE --block--> WAITING --woken or timed out--> RUNNABLE --returns--> FINISHED
 *      `--system call--> OUTSIDE --done, admitted--> RUNNABLE */
enum wmm_state { WMM_UNUSED, WMM_RUNNABLE, WMM_WAITING, WMM_OUTSIDE, WMM_FINISHED };

enum wmm_wait { WMM_NOTHING, WMM_MUTEX, WMM_CONDVAR, WMM_FUTEX, WMM_JOIN, WMM_SEMAPHORE, WMM_BARRIER };

typedef struct {
    /* schedule.c */
    enum wmm_state state;
    enum wmm_wait wait_kind;
    const void *wait_object;
    uint64_t wait_deadline_ns;
    int wait_result; /* 0 woken, ETIMEDOUT */
    bool returned;   /* OUTSIDE, and the system call has ended */
    int turn;        /* futex of the real thread: 1 = may run */
    long priority;
    uint32_t futex_bits;
    /* threads.c */
    pthread_t handle;
    void *(*start)(void *);
    void *argument;
    void *value;
    bool joined;
    /* memory.c, atomics.c: what this thread knows; what an acquire fence would add to that; what its relaxed
     * stores carry since its last release fence. */
    wmm_view seen, acquirable, released;
    wmm_clock clock, clock_acquirable, clock_released;
    unsigned stale_reads; /* in a row */
    uintptr_t pc;         /* of its latest instrumented operation, for the report */
} wmm_thread;

extern wmm_thread wmm_threads[WMM_THREADS];
extern int wmm_thread_count;
extern _Thread_local int wmm_self; /* index of the calling thread, -1 where it is not the program's */

static inline wmm_thread *wmm_me(void)
{
    return &wmm_threads[wmm_self];
}

/* ---- driver.c: one forked child for each seed */

struct wmm_options {
    bool sequential; /* WMM_MODEL=sc */
    bool timeouts;   /* timed waits may time out */
    bool spurious;   /* weak compare and swap, futex and condvar may fail for no reason */
    bool replay;     /* one seed, with a long trace */
    bool drain;      /* the other threads go on after main() has returned */
    long steps_max;
    long row_max;   /* steps one thread may take in a row before it goes behind the others */
    unsigned stale; /* of 16 loads, how many look for an old value; from the seed */
};
extern struct wmm_options wmm_options;
extern int wmm_seed;
extern int wmm_error_fd;

/* True while the program runs and the caller is not inside the checker already. */
bool wmm_live(void);

/* Into the checker on behalf of the caller at pc, and out again. enter() says no, and does nothing, when not
 * live. */
bool wmm_enter(uintptr_t pc);
void wmm_leave(void);
void wmm_stop_checking(void);

#define WMM_CALLER ((uintptr_t)__builtin_return_address(0))

/* Uniform, from the seed. below(0) is 0. */
uint64_t wmm_random(void);
uint32_t wmm_below(uint32_t n);

/* ---- real.c: past the checker */

struct wmm_real {
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    int (*pthread_join)(pthread_t, void **);
    int (*pthread_mutex_lock)(pthread_mutex_t *);
    int (*pthread_mutex_trylock)(pthread_mutex_t *);
    int (*pthread_mutex_unlock)(pthread_mutex_t *);
    int (*clock_gettime)(clockid_t, struct timespec *);
    int (*clock_nanosleep)(clockid_t, int, const struct timespec *, struct timespec *);
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*write)(int, const void *, size_t);
    int (*poll)(struct pollfd *, nfds_t, int);
    int (*epoll_wait)(int, struct epoll_event *, int, int);
    int (*epoll_pwait2)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
    long (*syscall)(long, ...);
};
const struct wmm_real *wmm_libc(void);
void wmm_real_wait(int *word, int while_value);
void wmm_real_set(int *word, int value);
void wmm_real_nap(long ns);
/* The checker's own memory: zeroed, never given back. */
void *wmm_own_memory(size_t size);
/* Is this an address in the code of the program, and not of a shared library? */
bool wmm_is_program(uintptr_t pc);

/* ---- report.c */

_Noreturn __attribute__((format(printf, 1, 2))) void wmm_fail(const char *format, ...);
/* One event for the trace. age: the value was the age-th newest; order -1: none. */
void wmm_note(const char *what, uintptr_t address, uint64_t value, int order, int age);
/* As addr2line wants it: inside the call, relative where the program is position independent. */
unsigned long wmm_pc(uintptr_t pc);

/* ---- schedule.c */

void wmm_schedule_start(long expected_steps);
/* The next thread to run is chosen here. */
void wmm_point(void);
/* The caller polls: the others go first, and time may pass. */
void wmm_yield(void);
/* Returns when woken, 0, or when the deadline came, ETIMEDOUT. */
int wmm_block(enum wmm_wait kind, const void *object, uint64_t deadline_ns);
/* Who waits for this, as indices. */
int wmm_waiters(enum wmm_wait kind, const void *object, int out[WMM_THREADS]);
void wmm_wake(int thread);
/* Wakes at most `most` of those, in an order chosen by the seed; returns how many. */
long wmm_wake_some(enum wmm_wait kind, const void *object, long most);
void wmm_thread_over(void);
void wmm_drain(void);
void wmm_outside_begin(void);
void wmm_outside_end(void);
long wmm_steps(void);

/* ---- threads.c: the main thread becomes thread 0 */

void wmm_threads_start(void);

/* ---- vtime.c: time that passes only when the seed says so */

uint64_t wmm_now_ns(void);
void wmm_time_passes(uint64_t ns);
void wmm_time_reaches(uint64_t deadline_ns);
/* An absolute time of any clock, NULL for none. */
uint64_t wmm_deadline_ns(const struct timespec *absolute);
uint64_t wmm_deadline_after_ns(const struct timespec *relative);

/* ---- memory.c: stores, and which of them a load may return */

typedef struct wmm_store {
    wmm_value value;
    struct wmm_message *message; /* the view that goes with it; NULL: nothing */
    wmm_clock clock;
    uint32_t stamp;
} wmm_store;

/* The location's index, made when new. */
uint32_t wmm_location(uintptr_t address, int size);
/* Store by age, 0 the newest. */
wmm_store *wmm_nth(uint32_t location, int age);
/* Age of the oldest store that is not older than the floor. */
int wmm_oldest_allowed(uint32_t location, uint32_t floor);
int wmm_oldest_readable(uint32_t location, int order);
/* One of 0..oldest, mostly 0. */
int wmm_pick_age(int oldest);
void wmm_read_store(uint32_t location, const wmm_store *store, int order);
/* Returns the new store's age: 0 unless it was put before a store that ran earlier. rmw_of: what the
 * operation read. */
int wmm_write_store(uint32_t location, wmm_value value, int order, const wmm_store *rmw_of);
/* A plain write, or memory that is used anew: what was stored there is no longer readable. */
void wmm_end_history(uintptr_t address, size_t size);
void wmm_end_history_on_stack(uintptr_t low, size_t size);
wmm_value wmm_peek(uintptr_t address, int size);
void wmm_poke(uintptr_t address, int size, wmm_value value);

void wmm_fence(int order);
/* A seq_cst fence in every thread at once. */
void wmm_fence_everywhere(void);

/* What a waker knew, for the kernel's comparison in FUTEX_WAIT. */
uint32_t wmm_kernel_floor(uint32_t location);
void wmm_kernel_learns(void);

/* ---- views.c */

void wmm_clock_join(wmm_clock *into, const wmm_clock *from);
void wmm_view_join(wmm_view *into, const wmm_view *from);
void wmm_view_join_message(wmm_view *into, const struct wmm_message *from);
struct wmm_message *wmm_message_new(const wmm_view *from);
void wmm_message_join(struct wmm_message *into, const struct wmm_message *from);
void wmm_message_set(struct wmm_message *message, uint32_t location, uint32_t stamp);
void wmm_message_free(struct wmm_message *message);
extern uint32_t wmm_location_count;

static inline void wmm_raise(uint32_t *value, uint32_t to)
{
    if (to > *value)
        *value = to;
}

/* ---- atomics.c: the operations, when live; the caller is inside the checker */

enum wmm_rmw { WMM_EXCHANGE, WMM_ADD, WMM_SUB, WMM_AND, WMM_OR, WMM_XOR, WMM_NAND };
wmm_value wmm_apply(enum wmm_rmw operation, wmm_value old, wmm_value operand, int size);
wmm_value wmm_load(uintptr_t address, int size, int order);
void wmm_store_op(uintptr_t address, int size, wmm_value value, int order);
wmm_value wmm_rmw_op(uintptr_t address, int size, wmm_value operand, enum wmm_rmw operation, int order);
bool wmm_cas(uintptr_t address, int size, wmm_value *expected, wmm_value desired, int order, int fail_order,
             bool weak);

/* ---- races.c, heap.c */

enum wmm_access { WMM_READ, WMM_WRITE, WMM_ATOMIC_READ, WMM_ATOMIC_WRITE };
void wmm_touch(uintptr_t address, size_t size, enum wmm_access kind);
/* A plain access by the program, at any time. */
void wmm_plain(uintptr_t address, size_t size, enum wmm_access kind, uintptr_t pc);
void wmm_forget_accesses(uintptr_t address, size_t size);

void wmm_heap_start(void);
void wmm_heap_check(uintptr_t address, size_t size);

/* ---- locks.c */

/* What a lock, semaphore, barrier or the kernel passes on from those who leave it to those who enter. */
typedef struct {
    const void *key;
    int owner, depth;
    unsigned count;
    wmm_view view;
    wmm_clock clock;
} wmm_sync;

wmm_sync *wmm_sync_of(const void *key);
void wmm_sync_acquire(const wmm_sync *sync);
void wmm_sync_release(wmm_sync *sync);

#endif
