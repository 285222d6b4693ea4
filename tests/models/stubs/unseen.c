/* Nobody measures, watches or traces a model: its scenarios are about what the tasks do. */
#include "core/runtime.h"

unsigned ql_histogram_bucket(int64_t ns)
{
    (void)ns;
    return 0;
}

void qli_sample(ql_task *task)
{
    (void)task;
}

int64_t qli_sample_begins(ql_times *times, const ql_task *task)
{
    (void)times, (void)task;
    return 0;
}

qli_ring *qli_ring_create(unsigned events, const char *thread)
{
    (void)events, (void)thread;
    return NULL;
}

void qli_ring_free(qli_ring *ring)
{
    (void)ring;
}

void qli_ring_add(qli_ring *ring, qli_event_kind kind, int64_t at_ns, const void *task, const char *name,
                  int64_t number)
{
    (void)ring, (void)kind, (void)at_ns, (void)task, (void)name, (void)number;
}

void qli_watchdog_init(qli_watchdog *watchdog, ql_runtime *runtime)
{
    watchdog->runtime = runtime;
}

void qli_watchdog_rouse(qli_watchdog *watchdog)
{
    (void)watchdog;
}

int64_t qli_watchdog_look(qli_watchdog *watchdog)
{
    (void)watchdog;
    return QL_FOREVER;
}

void qli_idle_over(qli_context *context)
{
    qli_store(&context->idle_since_ns, 0, __ATOMIC_RELAXED);
}
