#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "affinity/plan.h"
#include "affinity/threads.h"

/* callers=confine: the process's other threads are kept off the lanes' cores from start to stop. Nothing is kept but the
 * masks that were changed, so what a thread did with its mask meanwhile stands. */

/* A mask found, and what was made of it. Threads with the same mask share one. */
struct change {
    qli_pu_set before, after;
};

struct confined {
    int tid;
    unsigned change;
};

struct ql_callers {
    qli_pu_set lanes;
    bool require;
    struct change *changes;
    unsigned change_count;
    struct confined *threads;
    unsigned thread_count;
    bool changed; /* in this round */
    int code;     /* the first refusal, or -ENOMEM */
};

static int find_change(ql_callers *callers, const qli_pu_set *before, unsigned *index)
{
    for (*index = 0; *index < callers->change_count; ++*index)
        if (qli_pu_set_equal(&callers->changes[*index].before, before))
            return 0;
    struct change *grown = realloc(callers->changes, (callers->change_count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    callers->changes = grown;
    struct change *change = &grown[callers->change_count++];
    change->before = change->after = *before;
    qli_pu_set_minus(&change->after, &callers->lanes);
    return 0;
}

static int remember(ql_callers *callers, int tid, unsigned change)
{
    struct confined *grown = realloc(callers->threads, (callers->thread_count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    callers->threads = grown;
    grown[callers->thread_count++] = (struct confined){tid, change};
    return 0;
}

/* A thread that may only run on a lane's core cannot be moved; ql_callers_seen() will name it. */
static void confine_one(void *context, int tid)
{
    ql_callers *callers = context;
    qli_pu_set mask;
    unsigned change;
    if ((callers->code && callers->require) || callers->code == -ENOMEM || qli_thread_mask(tid, &mask) < 0 ||
        !qli_pu_set_meets(&mask, &callers->lanes) || qli_pu_set_within(&mask, &callers->lanes))
        return;
    int code = find_change(callers, &mask, &change);
    if (code == 0)
        code = remember(callers, tid, change);
    if (code == 0)
        code = qli_thread_set_mask(tid, &callers->changes[change].after);
    callers->changed = callers->changed || code == 0;
    if (code < 0 && code != -ESRCH && !callers->code)
        callers->code = code;
}

int ql_callers_confine(const ql_plan *plan, ql_callers **callers, ql_error *error)
{
    if (!callers)
        return qli_error_set(error, -EINVAL, "ql_callers_confine: callers is NULL");
    *callers = NULL;
    if (!plan)
        return qli_error_set(error, -EINVAL, "ql_callers_confine: plan is NULL");
    if (!plan->request.confine || plan->request.bind == QLI_BIND_OFF || plan->machine->simulated ||
        plan->lane_count == 0)
        return 0;
    ql_callers *made = calloc(1, sizeof *made);
    if (!made)
        return qli_error_set(error, -ENOMEM, "no memory to confine the callers");
    made->require = plan->request.bind == QLI_BIND_REQUIRE;
    for (unsigned i = 0; i < plan->lane_count; i++)
        qli_pu_set_or(&made->lanes, &plan->places[i].pus);
    /* A thread may start another while we look: until a round finds nothing left to do. */
    do {
        made->changed = false;
        qli_threads_each("", 0, confine_one, made);
    } while (made->changed);
    int code = made->code;
    if (code == -ENOMEM || (code < 0 && made->require)) {
        ql_callers_restore(made);
        return code == -ENOMEM
                   ? qli_error_set(error, code, "no memory to confine the callers")
                   : qli_error_set(error, code,
                                   "callers=confine: a thread cannot be moved off the lanes' cores: %s "
                                   "[bind=require]; use callers=free",
                                   strerrordesc_np(-code));
    }
    *callers = made;
    return 0;
}

static void restore_one(void *context, int tid)
{
    const ql_callers *callers = context;
    const struct change *change = NULL;
    qli_pu_set mask;
    if (qli_thread_mask(tid, &mask) < 0)
        return;
    for (unsigned i = 0; i < callers->thread_count && !change; i++)
        if (callers->threads[i].tid == tid)
            change = &callers->changes[callers->threads[i].change];
    /* A thread started by a confined one has its mask. */
    for (unsigned i = 0; i < callers->change_count && !change; i++)
        if (qli_pu_set_equal(&mask, &callers->changes[i].after))
            change = &callers->changes[i];
    if (change && qli_pu_set_equal(&mask, &change->after))
        (void)qli_thread_set_mask(tid, &change->before);
}

void ql_callers_restore(ql_callers *callers)
{
    if (!callers)
        return;
    qli_threads_each("", 0, restore_one, callers);
    free(callers->changes);
    free(callers->threads);
    free(callers);
}

/* ---- Who is seen on a lane's core ---- */

struct look {
    const ql_plan *plan;
    unsigned count;
    char *text;
    size_t text_size, length;
};

static void look_at(void *context, int tid)
{
    struct look *look = context;
    qli_thread_stat stat;
    if (!qli_thread_stat_read("", 0, tid, &stat) ||
        strncmp(stat.name, QLI_THREAD_PREFIX, sizeof QLI_THREAD_PREFIX - 1) == 0)
        return;
    for (unsigned i = 0; i < look->plan->lane_count; i++) {
        if (!qli_pu_set_has(&look->plan->places[i].pus, stat.last_pu_os))
            continue;
        if (look->length < look->text_size) {
            int more =
                snprintf(look->text + look->length, look->text_size - look->length, "%s%s(%d) on PU %u",
                         look->count ? ", " : "", stat.name, tid, stat.last_pu_os);
            look->length += more > 0 ? (size_t)more : 0;
        }
        look->count++;
        return;
    }
}

unsigned ql_callers_seen(const ql_plan *plan, char *text, size_t text_size)
{
    struct look look = {.plan = plan, .text = text, .text_size = text ? text_size : 0};
    if (look.text_size)
        text[0] = '\0';
    if (plan && !plan->machine->simulated)
        qli_threads_each("", 0, look_at, &look);
    return look.count;
}
