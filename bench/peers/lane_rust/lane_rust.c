/* The contenders around lane_rust/src/lib.rs: PEER is tokio or crossbeam. */
#include "bench/lane/contender.h"

#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define OF_PEER(name) JOIN(PEER, _, name)

void OF_PEER(start)(void);
void OF_PEER(stop)(void);
void *OF_PEER(open)(size_t slots);
void OF_PEER(close)(void *caller);
void OF_PEER(submit)(void *caller, size_t slot, uint64_t key);
uint64_t OF_PEER(reap)(void *caller, size_t slot);
uint64_t bench_lane_operate(uint64_t key);

uint64_t bench_lane_operate(uint64_t key)
{
    return lane_operate(key);
}

static void start(bool blocking)
{
    (void)blocking;
    OF_PEER(start)();
}

static uint64_t call(void *caller, uint64_t key)
{
    OF_PEER(submit)(caller, 0, key);
    return OF_PEER(reap)(caller, 0);
}

LANE_LOOPS(call, OF_PEER(submit), OF_PEER(reap))

const lane_contender lane_this = {
    .name = PEER_NAME,
    .version = PEER_VERSION,
    .works = LANE_ALL_WORKS "idle",
    .start = start,
    .stop = OF_PEER(stop),
    .open = OF_PEER(open),
    .close = OF_PEER(close),
    .calls = calls,
    .stream = stream,
    .submit = OF_PEER(submit),
    .reap = OF_PEER(reap),
};
