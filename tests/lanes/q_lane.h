/* What the tests of q share: a runtime with a lane of q, which is the library that stands in for libq (QLANE_LIBQ). */
#ifndef TESTS_LANES_Q_LANE_H
#define TESTS_LANES_Q_LANE_H

#include "qlane/q.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

typedef struct q_lane {
    ql_runtime *runtime;
    ql_lane *lane;
} q_lane;

/* A process can have one q, so each of its tests is a process of its own, whatever the harness does. */
#define Q_TEST(unit, promise)                    \
    static void q_body_##unit##_##promise(void); \
    QLT(unit, promise)                           \
    {                                            \
        q_lane_apart(q_body_##unit##_##promise); \
    }                                            \
    static void q_body_##unit##_##promise(void)
void q_lane_apart(void (*body)(void));

/* `config` may be NULL. Any failure fails the test. */
q_lane q_lane_open(const ql_q_config *config);
/* Nothing of q's may be left in our hands. */
void q_lane_close(q_lane *at);

/* Run a call whose members are set; its code must be this one. */
void q_lane_call(const q_lane *at, ql_q_call *call, int code);
/* Evaluate; the result is the caller's. */
ql_q_value *q_lane_eval(const q_lane *at, const char *text);
/* Evaluate what gives a long, and compare. */
void q_lane_gives(const q_lane *at, const char *text, int64_t expected);
/* Evaluate what fails. */
void q_lane_fails(const q_lane *at, const char *text, int code, const char *part);

/* A function of the stand-in that libq has not; on the lane. */
long long q_lane_ask(const q_lane *at, const char *name);

#endif
