/* What a host must not do, each in a process of its own. None of these tests initialises the library here. */
#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    pthread_create(&thread, NULL, body, arg);
    pthread_join(thread, NULL);
}

/* ---- Threads ---- */

static void *call_k(void *arg)
{
    q.k(0, "1+1", (K)0);
    return arg;
}

static void call_from_elsewhere(void)
{
    host_begin();
    in_thread(call_k, NULL);
}

QLT(rules, only_the_thread_of_qinit_calls)
{
    qlt_dies_with(call_from_elsewhere, "ran qinit()");
}

static void *intern(void *arg)
{
    static char text[] = "symbol";
    q.ss(text);
    return arg;
}

static void intern_elsewhere(void)
{
    host_begin();
    in_thread(intern, NULL);
}

QLT(rules, symbols_are_interned_there_only)
{
    qlt_dies_with(intern_elsewhere, "ss() on thread");
}

static void *release(void *arg)
{
    q.r0(arg);
    return NULL;
}

static void free_elsewhere(void)
{
    host_begin();
    in_thread(release, q.kj(1));
}

QLT(rules, objects_are_freed_where_they_were_made)
{
    qlt_dies_with(free_elsewhere, "r0() on thread");
}

static void *live_and_end(void *arg)
{
    host_begin();
    q.r0(q.kj(1));
    if (arg)
        q.m9();
    return NULL;
}

static void end_without_m9(void)
{
    in_thread(live_and_end, NULL);
}

static void end_with_m9(void)
{
    in_thread(live_and_end, "with");
    abort();
}

QLT(rules, a_thread_ends_with_m9)
{
    qlt_dies_with(end_without_m9, "ended without m9()");
    qlt_dies_with(end_with_m9, "");
}

static void call_before(void)
{
    host_load();
    q.kj(1);
}

QLT(rules, nothing_is_called_before_qinit)
{
    qlt_dies_with(call_before, "before qinit()");
}

static void call_in_child(void)
{
    host_begin();
    int status = 0;
    if (fork() == 0)
        q.kj(1);
    wait(&status);
    abort();
}

QLT(rules, a_forked_child_has_no_engine)
{
    qlt_dies_with(call_in_child, "forked child");
}

static void init_twice(void)
{
    host_begin();
    host_init("-s", "0");
}

QLT(rules, there_is_one_engine)
{
    qlt_dies_with(init_twice, "a second time");
}

/* ---- References ---- */

static void free_twice(void)
{
    host_begin();
    K object = q.kj(1);
    q.r0(object);
    q.r0(object);
}

static void use_after_free(void)
{
    host_begin();
    K list = q.ktn(QL_Q_LONG, 2);
    q.r0(list);
    q.k(0, "count", list, (K)0);
}

static void free_in_a_list(void)
{
    host_begin();
    K item = q.kj(1);
    K list = q.knk(1, item);
    q.r0(item);
    q.r0(list);
}

QLT(rules, each_reference_is_given_back_once)
{
    qlt_dies_with(free_twice, "one r0() too many");
    qlt_dies_with(use_after_free, "k() of an object that was freed");
    qlt_dies_with(free_in_a_list, "one r0() too many");
}

static void keep_one(void)
{
    host_begin();
    if (host_references() != 0)
        return;
    q.kj(1);
    if (host_references() == 1)
        abort();
}

QLT(rules, what_is_not_given_back_is_counted)
{
    qlt_dies_with(keep_one, "");
}

static void grow_what_is_shared(void)
{
    host_begin();
    K vector = q.r1(q.ktn(QL_Q_LONG, 0));
    long long item = 1;
    q.ja(&vector, &item);
}

QLT(rules, only_what_has_one_owner_grows)
{
    qlt_dies_with(grow_what_is_shared, "other owners");
}

/* ---- Arguments ---- */

static void give_nine(void)
{
    host_begin();
    K n[9];
    for (int i = 0; i < 9; i++)
        n[i] = q.kj(i);
    q.k(0, "enlist", n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], (K)0);
}

static void use_a_reserved_word(void)
{
    host_begin();
    q.krr("stop");
}

QLT(rules, arguments_are_what_q_takes)
{
    qlt_dies_with(give_nine, "more than 8 arguments");
    qlt_dies_with(use_a_reserved_word, "q's own");
}

/* ---- qinit ---- */

static void refuse(const char *mode, int expected)
{
    setenv("LIBQ_STANDIN_MODE", mode, 1);
    if (host_init("-s", "0") == expected)
        abort();
}

static void no_licence(void)
{
    refuse("no_licence", 1);
}

static void init_fails(void)
{
    refuse("init_fails", 2);
}

QLT(rules, qinit_refuses_by_mode)
{
    qlt_dies_with(no_licence, "licence error: k4.lic");
    qlt_dies_with(init_fails, "");
}

static void too_many_cores(void)
{
    cpu_set_t mask;
    sched_getaffinity(0, sizeof(mask), &mask);
    char text[16];
    snprintf(text, sizeof(text), "%d", CPU_COUNT(&mask) - 1);
    setenv("LIBQ_STANDIN_CORES", CPU_COUNT(&mask) > 1 ? text : "1", 1);
    if (host_init("-s", "0") == (CPU_COUNT(&mask) > 1 ? 3 : 0))
        abort();
}

static void threads_inherit(void)
{
    cpu_set_t mask, one;
    sched_getaffinity(0, sizeof(mask), &mask);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) {
        if (CPU_ISSET((size_t)i, &mask))
            CPU_SET((size_t)i, &one);
    }
    sched_setaffinity(0, sizeof(one), &one);
    if (host_init("-s", "2") == 0 && host_threads_cpus() == 1)
        abort();
}

QLT(rules, the_mask_of_qinit_decides_on_cores)
{
    qlt_dies_with(too_many_cores, "");
    qlt_dies_with(threads_inherit, "");
}

static void signals_taken(void)
{
    struct sigaction before, after;
    sigaction(SIGINT, NULL, &before);
    host_begin();
    sigaction(SIGINT, NULL, &after);
    if (before.sa_handler != after.sa_handler)
        abort();
}

QLT(rules, qinit_takes_the_signals)
{
    qlt_dies_with(signals_taken, "");
}
