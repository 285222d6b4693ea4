#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "affinity/threads.h"
#include "qlane/affinity.h"
#include "tests/affinity/real.h"
#include "tests/support/harness.h"

/* The host: a main thread and others, of which some come later and some go their own ways. */

static qlt_gate gate = QLT_GATE_INIT;
static qli_pu_set seen_confined, seen_restored, seen_child;

static void *late_child(void *unused)
{
    (void)unused;
    qlt_gate_wait(&gate, 4);
    qlt_eq_int(qli_thread_mask(0, &seen_child), 0);
    return NULL;
}

/* A feed: there before the runtime starts, and the parent of a thread that starts while it runs. */
static void *feed(void *child)
{
    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
    qlt_eq_int(qli_thread_mask(0, &seen_confined), 0);
    qlt_eq_int(pthread_create(child, NULL, late_child, NULL), 0);
    qlt_gate_open(&gate, 3);
    qlt_gate_wait(&gate, 4);
    qlt_eq_int(qli_thread_mask(0, &seen_restored), 0);
    return NULL;
}

static ql_plan *plan_with(const char *text)
{
    ql_affinity_config config = {.size = sizeof config, .flags = QL_IGNORE_ENV, .text = text};
    ql_plan *plan;
    ql_error error = {0};
    if (ql_plan_create(&config, &plan, &error) < 0)
        qlt_fail("%s", error.text);
    return plan;
}

static void confine_and_restore(void)
{
    pthread_t thread, child;
    qli_pu_set before, mine, lane;
    ql_callers *callers;
    ql_plan *plan = plan_with("callers=confine");
    qlt_check(ql_plan_confines(plan));
    qlt_eq_int(qli_thread_mask(0, &before), 0);
    qlt_check(qli_pu_set_parse(&lane, ql_plan_lane(plan, 0)->pus));
    qlt_eq_int(pthread_create(&thread, NULL, feed, &child), 0);
    qlt_gate_wait(&gate, 1);

    qlt_eq_int(ql_callers_confine(plan, &callers, NULL), 0);
    qlt_check(callers);
    qlt_eq_int(qli_thread_mask(0, &mine), 0);
    qlt_check(!qli_pu_set_meets(&mine, &lane) && !qli_pu_set_empty(&mine));
    qlt_gate_open(&gate, 2);
    qlt_gate_wait(&gate, 3);

    ql_callers_restore(callers);
    qlt_gate_open(&gate, 4);
    pthread_join(thread, NULL);
    pthread_join(child, NULL);
    qlt_check(qli_pu_set_equal(&seen_confined, &mine));
    qlt_check(qli_pu_set_equal(&seen_restored, &before));
    qlt_check(qli_pu_set_equal(&seen_child, &before));
    qlt_eq_int(qli_thread_mask(0, &mine), 0);
    qlt_check(qli_pu_set_equal(&mine, &before));
    ql_plan_destroy(plan);
}

QLT(callers, are_kept_off_the_lanes_cores_and_get_their_masks_back)
{
    if (has_cpus(2))
        in_child(confine_and_restore);
}

static void count(void *context, int tid)
{
    (void)tid;
    ++*(unsigned *)context;
}

static void own_ways(void)
{
    unsigned threads = 0;
    qli_threads_each("", 0, count, &threads); /* a sanitizer may have one of its own, on whatever core */
    qli_pu_set lane, mine;
    ql_callers *callers;
    ql_plan *plan = plan_with("callers=confine");
    qlt_check(qli_pu_set_parse(&lane, ql_plan_lane(plan, 0)->pus));
    qlt_eq_int(ql_callers_confine(plan, &callers, NULL), 0);
    /* A thread that chose another mask meanwhile keeps it. */
    qlt_eq_int(qli_thread_set_mask(0, &lane), 0);
    ql_callers_restore(callers);
    qlt_eq_int(qli_thread_mask(0, &mine), 0);
    qlt_check(qli_pu_set_equal(&mine, &lane));
    /* One that may only run on the lane's core cannot be moved, but it is named. */
    qlt_eq_int(ql_callers_confine(plan, &callers, NULL), 0);
    qlt_eq_int(qli_thread_mask(0, &mine), 0);
    qlt_check(qli_pu_set_equal(&mine, &lane));
    char text[256], expected[64];
    unsigned seen = ql_callers_seen(plan, text, sizeof text);
    qlt_check(1 <= seen && seen <= threads);
    snprintf(expected, sizeof expected, "(%d) on PU %d", gettid(), ql_plan_lane(plan, 0)->pu_os);
    qlt_has_str(text, expected);
    seen = ql_callers_seen(plan, text, 4);
    qlt_check(1 <= seen && seen <= threads);
    qlt_eq_uint(strlen(text), 3);
    prctl(PR_SET_NAME, "ql-lane-q"); /* the lane itself is no stranger there */
    qlt_check(ql_callers_seen(plan, text, sizeof text) < threads);
    qlt_check(!strstr(text, expected));
    ql_callers_restore(callers);
    ql_plan_destroy(plan);
}

QLT(callers, that_went_their_own_ways_are_left_alone)
{
    if (has_cpus(2))
        in_child(own_ways);
}

static void refused(void)
{
    ql_plan *warn = plan_with("callers=confine"), *require = plan_with("callers=confine;bind=require");
    ql_callers *callers;
    ql_error error = {0};
    if (!with_refused_affinity(EPERM))
        return;
    qlt_eq_int(ql_callers_confine(warn, &callers, &error), 0);
    ql_callers_restore(callers);
    qlt_eq_int(ql_callers_confine(require, &callers, &error), -EPERM);
    qlt_eq_ptr(callers, NULL);
    qlt_has_str(error.text, "use callers=free");
    ql_plan_destroy(warn);
    ql_plan_destroy(require);
}

QLT(callers, that_cannot_be_moved_are_an_error_only_when_binding_is_required)
{
    if (has_cpus(2))
        in_child(refused);
}

QLT(callers, are_free_unless_asked)
{
    ql_plan *plan = plan_with(NULL);
    ql_callers *callers;
    ql_error error;
    qlt_eq_int(ql_callers_confine(plan, &callers, NULL), 0);
    qlt_eq_ptr(callers, NULL);
    qlt_eq_int(ql_callers_confine(NULL, &callers, &error), -EINVAL);
    qlt_eq_int(ql_callers_confine(plan, NULL, &error), -EINVAL);
    ql_plan_destroy(plan);
}
