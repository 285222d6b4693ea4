/* What the hardware and the kernel ask for, as contenders: LIMIT is LINE, a cache line that goes to the lane and back; FUTEX,
 * two threads that sleep and wake one another; MUTEX, the operation by whoever holds a mutex; MUTEX_OFTEN, the same with as
 * many rows a commit as BENCH_ROWS_A_COMMIT says. */
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/lane/contender.h"

#define LINE 1
#define FUTEX 2
#define MUTEX 3
#define MUTEX_OFTEN 4

#if LIMIT == LINE || LIMIT == FUTEX

/* 0: the caller has it; 1: the lane has; 2: the lane is to end. The answer is on the same line. */
static _Alignas(128) struct {
    uint32_t turn;
    uint64_t value;
} ball;

static pthread_t thread;

#if LIMIT == LINE
static void pass(uint32_t turn)
{
    __atomic_store_n(&ball.turn, turn, __ATOMIC_RELEASE);
}

static void await_turn(uint32_t other)
{
    while (__atomic_load_n(&ball.turn, __ATOMIC_ACQUIRE) == other)
        ;
}
#else
static void pass(uint32_t turn)
{
    __atomic_store_n(&ball.turn, turn, __ATOMIC_RELEASE);
    syscall(SYS_futex, &ball.turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void await_turn(uint32_t other)
{
    while (__atomic_load_n(&ball.turn, __ATOMIC_ACQUIRE) == other)
        syscall(SYS_futex, &ball.turn, FUTEX_WAIT_PRIVATE, other, NULL, NULL, 0);
}
#endif

static void *live(void *arg)
{
    lane_here();
    for (;;) {
        await_turn(0);
        if (__atomic_load_n(&ball.turn, __ATOMIC_RELAXED) == 2)
            return arg;
        ball.value = lane_operate(0);
        pass(0);
    }
}

static void start(bool blocking)
{
    (void)blocking;
    if (pthread_create(&thread, NULL, live, NULL))
        abort();
}

static void stop(void)
{
    pass(2);
    pthread_join(thread, NULL);
}

static inline uint64_t call(void *caller, uint64_t key)
{
    (void)caller;
    (void)key;
    pass(1);
    await_turn(1);
    return ball.value;
}

#else

static _Alignas(128) pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void start(bool blocking)
{
    (void)blocking;
    lane_operation_open();
}

#if LIMIT == MUTEX
static inline uint64_t operate(uint64_t key)
{
    return lane_operate(key);
}

static void stop(void)
{
}
#else
static size_t rows, rows_a_commit;

static uint64_t operate(uint64_t key)
{
    if (!rows_a_commit) {
        const char *text = getenv("BENCH_ROWS_A_COMMIT");
        rows_a_commit = text && atol(text) > 0 ? (size_t)atol(text) : 1;
    }
    if (!rows++)
        lane_batch_begin();
    uint64_t value = lane_operate(key);
    if (rows == rows_a_commit) {
        lane_batch_end();
        rows = 0;
    }
    return value;
}

static void stop(void)
{
    if (rows)
        lane_batch_end();
}
#endif

static inline uint64_t call(void *caller, uint64_t key)
{
    (void)caller;
    pthread_mutex_lock(&lock);
    uint64_t value = operate(key);
    pthread_mutex_unlock(&lock);
    return value;
}

#endif

/* Nothing can be under way: it is done when it is submitted, and its value kept. */
static inline void submit(void *caller, size_t slot, uint64_t key)
{
    ((uint64_t *)caller)[slot] = call(caller, key);
}

static inline uint64_t reap(void *caller, size_t slot)
{
    return ((uint64_t *)caller)[slot];
}

LANE_LOOPS(call, submit, reap)

static void *open_caller(size_t slots)
{
    uint64_t *values = malloc(slots * sizeof(*values));
    for (size_t i = 0; values && i < slots; i++)
        values[i] = 0;
    return values;
}

const lane_contender lane_this = {
#if LIMIT == LINE
    .name = "line",
    .works = "call,",
#elif LIMIT == FUTEX
    .name = "futex",
    .works = "call_park,",
#elif LIMIT == MUTEX
    .name = "mutex",
    .works = "call,call20,submit1,submit4,submit20,submit_fresh,producers," LANE_SQLITE_WORKS,
#else
    .name = "mutex_often",
    .works = LANE_SQLITE_WORKS,
#endif
    .version = "1",
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = free,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
};
