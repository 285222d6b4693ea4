#include "tests/support/harness.h"

#include <pthread.h>
#include <stdlib.h>

/* What must make a test fail is in broken_test.c; here is what must pass. */

QLT(harness, passes_checks_that_hold)
{
    int evaluated = 0;

    qlt_check(1 < 2);
    qlt_eq_int(-1, -1);
    qlt_eq_uint(UINT64_MAX, UINT64_MAX);
    qlt_eq_ptr(&evaluated, &evaluated);
    qlt_eq_str("same", "same");
    qlt_eq_str(NULL, NULL);
    qlt_has_str("a needle in hay", "needle");
    qlt_eq_int(++evaluated, 1);
    qlt_eq_int(evaluated, 1);
}

QLT(harness, keeps_one_seed)
{
    uint64_t one = qlt_seed(), other = qlt_seed();

    qlt_eq_uint(one, qlt_seed());
    qlt_eq_uint(qlt_random(&one), qlt_random(&other));
    qlt_check(qlt_random(&one) != qlt_random(&one));
}

static unsigned seen[3], seen_count;

static void note_workers(unsigned workers)
{
    seen[seen_count++] = workers;
}

QLT(harness, runs_a_promise_with_one_two_and_many_workers)
{
    seen_count = 0;
    qlt_workers_each(note_workers);
    qlt_eq_uint(seen_count, 3);
    qlt_eq_uint(seen[0], 1);
    qlt_eq_uint(seen[1], 2);
    qlt_check(seen[2] >= 4);
}

static qlt_gate gate = QLT_GATE_INIT;
static int order[4], order_count;

static void *second_and_fourth(void *unused)
{
    (void)unused;
    qlt_gate_wait(&gate, 1);
    order[order_count++] = 2;
    qlt_gate_open(&gate, 2);
    qlt_gate_wait(&gate, 3);
    order[order_count++] = 4;
    return NULL;
}

QLT(harness, steps_threads_by_gates)
{
    pthread_t thread;

    qlt_eq_int(pthread_create(&thread, NULL, second_and_fourth, NULL), 0);
    order[order_count++] = 1;
    qlt_gate_arrive(&gate);
    qlt_gate_wait(&gate, 2);
    order[order_count++] = 3;
    qlt_gate_open(&gate, 3);
    pthread_join(thread, NULL);
    for (int i = 0; i < 4; i++) {
        qlt_eq_int(order[i], i + 1);
    }
}

static void abort_with_a_sentence(void)
{
    qlt_fail("the sentence");
}

QLT(harness, sees_a_death_and_what_it_said)
{
    qlt_dies_with(abort_with_a_sentence, "the sentence");
}
