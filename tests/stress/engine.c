/* An engine that fails now and then, and that knows in which order it is called. */
#include <errno.h>

#include "tests/stress/soak.h"
#include "tests/support/harness.h"

static bool fails(place *of)
{
    return qlt_random(&of->stream) % 32 == 0;
}

static int prepare(void *self, ql_error *error)
{
    place *of = self;
    (void)error;
    qlt_eq_uint(of->opens + of->closes + of->exits, 0);
    return 0;
}

static int open_it(void *self, ql_error *error)
{
    place *of = self;
    (void)error;
    qlt_eq_uint(of->opens++, 0);
    if (qlt_random(&of->stream) % 6 == 0)
        return -ENXIO;
    of->open = true;
    return 0;
}

/* Before the task's function or after it. */
static int run(void *self, ql_task *task)
{
    place *of = self;
    qlt_check(of->open);
    if (fails(of))
        return -EPROTO;
    int code = task->fn(task);
    return fails(of) ? -EPROTO : code;
}

static int begin(void *self, unsigned tasks_max, ql_error *error)
{
    place *of = self;
    (void)error;
    qlt_check(of->open && !of->in_batch && tasks_max);
    of->in_batch = !fails(of);
    return of->in_batch ? 0 : -EBADMSG;
}

static int end(void *self, ql_error *error)
{
    place *of = self;
    (void)error;
    qlt_check(of->open && of->in_batch);
    of->in_batch = false;
    of->batches++;
    return fails(of) ? -ENOSPC : 0;
}

static int interrupt(void *self)
{
    const place *of = self;
    return of->kind == FAILING ? 0 : -ENOTSUP;
}

static void close_it(void *self)
{
    place *of = self;
    qlt_check(of->open && !of->in_batch);
    of->open = false;
    of->closes++;
}

static void thread_exit(void *self)
{
    place *of = self;
    qlt_eq_uint(of->exits++, 0);
    qlt_check(!of->open);
}

const ql_engine_ops soak_engine = {.size = sizeof(soak_engine),
                                   .name = "failing",
                                   .prepare = prepare,
                                   .open = open_it,
                                   .run = run,
                                   .batch_begin = begin,
                                   .batch_end = end,
                                   .interrupt = interrupt,
                                   .close = close_it,
                                   .thread_exit = thread_exit};
