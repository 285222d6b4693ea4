#include "tests/support/harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Each of these must fail: harness_fails_test.sh runs them one by one and looks for what they say. */

QLT(broken, check)
{
    qlt_check(1 > 2);
}

QLT(broken, eq_int)
{
    qlt_eq_int(-1, 1);
}

QLT(broken, eq_uint)
{
    qlt_eq_uint(UINT64_MAX, 0u);
}

QLT(broken, eq_ptr)
{
    qlt_eq_ptr(NULL, "");
}

QLT(broken, eq_str)
{
    qlt_eq_str("found", "other");
}

QLT(broken, eq_str_null)
{
    qlt_eq_str(NULL, "other");
}

QLT(broken, has_str)
{
    qlt_has_str("a haystack", "needle");
}

static void *fail_there(void *unused)
{
    (void)unused;
    qlt_fail("on a thread of its own");
}

QLT(broken, other_thread)
{
    pthread_t thread;

    qlt_eq_int(pthread_create(&thread, NULL, fail_there, NULL), 0);
    pthread_join(thread, NULL);
}

QLT(broken, gate)
{
    static qlt_gate gate = QLT_GATE_INIT;

    qlt_gate_open(&gate, 1);
    qlt_gate_wait(&gate, 2);
}

static void *stay(void *unused)
{
    (void)unused;
    pause();
    return NULL;
}

QLT(broken, thread_left)
{
    pthread_t thread;

    qlt_eq_int(pthread_create(&thread, NULL, stay, NULL), 0);
    pthread_detach(thread);
}

QLT(broken, descriptor_left)
{
    qlt_check(open("/dev/null", O_RDONLY) >= 0);
}

/* Volatile, so that the allocation is made and its only pointer is gone. */
static char *volatile only_pointer;

QLT(broken, memory_left)
{
    only_pointer = malloc(10);
    only_pointer = NULL;
}

static void live(void)
{
}

QLT(broken, does_not_die)
{
    qlt_dies_with(live, "");
}

static void die_silently(void)
{
    abort();
}

QLT(broken, dies_without_the_sentence)
{
    qlt_dies_with(die_silently, "the sentence");
}

QLT(broken, seed)
{
    qlt_seed();
}
