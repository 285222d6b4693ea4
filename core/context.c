#include "core/context.h"

#include <errno.h>

#include "core/runtime.h"

static _Thread_local qli_context *current;

qli_context *qli_context_current(void)
{
    return current;
}

void qli_context_enter(qli_context *context)
{
    current = context;
}

qli_end qli_end_of(int code)
{
    switch (code) {
    case 0:
        return QLI_END_DONE;
    case -ECANCELED:
        return QLI_END_CANCELLED;
    case -ETIMEDOUT:
        return QLI_END_EXPIRED;
    case -ESHUTDOWN:
        return QLI_END_SHUT;
    default:
        return QLI_END_FAILED;
    }
}

void qli_count_error(uint64_t ends[QLI_ENDS], bool ours, int code)
{
    uint64_t *end = &ends[qli_end_of(code)];
    if (ours)
        qli_count(end);
    else
        qli_fetch_add(end, 1, __ATOMIC_RELAXED);
}

void qli_ends_add(const uint64_t ends[QLI_ENDS], ql_stats *sum)
{
    sum->failed += qli_load(&ends[QLI_END_FAILED], __ATOMIC_RELAXED);
    sum->cancelled += qli_load(&ends[QLI_END_CANCELLED], __ATOMIC_RELAXED);
    sum->expired += qli_load(&ends[QLI_END_EXPIRED], __ATOMIC_RELAXED);
    sum->shut += qli_load(&ends[QLI_END_SHUT], __ATOMIC_RELAXED);
}

void qli_context_tally(const qli_context *context, ql_stats *sum)
{
    /* ORDER quiet:tally (acquire): with quiet:count, all that this thread had accepted before it settled so many. */
    sum->settled += qli_load(&context->settled, __ATOMIC_ACQUIRE);
    sum->accepted += qli_load(&context->accepted, __ATOMIC_RELAXED);
    sum->steals += qli_load(&context->steals, __ATOMIC_RELAXED);
    sum->parks += qli_load(&context->parks, __ATOMIC_RELAXED);
    sum->wakes += qli_load(&context->wakes, __ATOMIC_RELAXED);
    sum->spins += qli_load(&context->spins, __ATOMIC_RELAXED);
    sum->running += qli_load(&context->task, __ATOMIC_RELAXED) != NULL;
    qli_ends_add(context->ends, sum);
}

void qli_context_dump(const qli_context *context, const char *name, FILE *out)
{
    const char *task = qli_load(&context->task_name, __ATOMIC_RELAXED);
    char waits[200];
    qli_waits_describe(&context->runtime->waits, context, waits, sizeof(waits));
    fprintf(out, "%-15s %s%s%s, %llu settled, %llu steals, %llu parks\n", name, task ? "runs " : "idle",
            task ? task : "", waits, (unsigned long long)qli_load(&context->settled, __ATOMIC_RELAXED),
            (unsigned long long)qli_load(&context->steals, __ATOMIC_RELAXED),
            (unsigned long long)qli_load(&context->parks, __ATOMIC_RELAXED));
}
