#include "core/context.h"

static _Thread_local qli_context *current;

qli_context *qli_context_current(void)
{
    return current;
}

void qli_context_enter(qli_context *context)
{
    current = context;
}

void qli_context_tally(const qli_context *context, ql_stats *sum)
{
    /* ORDER quiet:tally (acquire): with qli_count(), all that this thread had accepted before it settled so many. */
    sum->settled += qli_load(&context->settled, __ATOMIC_ACQUIRE);
    sum->accepted += qli_load(&context->accepted, __ATOMIC_RELAXED);
    sum->steals += qli_load(&context->steals, __ATOMIC_RELAXED);
    sum->parks += qli_load(&context->parks, __ATOMIC_RELAXED);
}

void qli_context_dump(const qli_context *context, const char *name, FILE *out)
{
    const char *task = qli_load(&context->task_name, __ATOMIC_RELAXED);
    fprintf(out, "%-15s %s%s, %llu settled, %llu steals, %llu parks\n", name, task ? "runs " : "idle",
            task ? task : "", (unsigned long long)qli_load(&context->settled, __ATOMIC_RELAXED),
            (unsigned long long)qli_load(&context->steals, __ATOMIC_RELAXED),
            (unsigned long long)qli_load(&context->parks, __ATOMIC_RELAXED));
}
