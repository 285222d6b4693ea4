/* What the tests of lanes share: an engine that remembers its hooks, and a task that a test holds. */
#ifndef TESTS_LANES_LANES_H
#define TESTS_LANES_LANES_H

#include "qlane/lane.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

/* An engine that writes down its calls, one letter each: p repare, o pen, ( batch_begin, r un, ) batch_end, i nterrupt,
 * c lose, x thread_exit. Its lane's own. */
typedef struct recorder {
    char calls[4096];
    unsigned count;
    int prepare_code, open_code, begin_code, end_code; /* what those hooks shall answer */
    unsigned tasks_max;                                /* of the last batch_begin */
    uint32_t interrupts;                               /* any thread */
} recorder;

/* Ops with every hook but interrupt; and with it too. */
extern const ql_engine_ops recorder_ops, recorder_interruptible_ops;

/* Open a lane with this engine (NULL: none); any failure fails the test. */
ql_lane *open_lane(ql_runtime *runtime, ql_lane_config config);
void close_lane(ql_lane *lane);

/* A task that opens its gate to 1 when it runs, and waits until the test opens it to 2. */
typedef struct blocker {
    ql_task task;
    qlt_gate gate;
} blocker;
/* Submit it and wait until it runs. */
void block(ql_lane *lane, blocker *with);
void unblock(blocker *with);

/* Submit, or call; a refusal fails the test. */
void submit(ql_lane *lane, ql_task *task);
void call(ql_lane *lane, ql_task *task);
void await(ql_task *task);

/* A task that counts itself: ++*(long *)arg, and gives the new value. */
int count_up(ql_task *task);
/* A task that does nothing. */
int nothing(ql_task *task);

#endif
