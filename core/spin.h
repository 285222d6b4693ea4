/* How long to spin before parking: a budget learned from what waiting has cost lately, never above a stated maximum. Short
 * waits raise it towards twice their length; long ones, which end parked anyway, lower it. A wait counts as short up to
 * twice the maximum, because what was slept through contains the wake itself, tens of microseconds on a virtual machine.
 * It never quite reaches zero, or short waits would not be seen again; with a maximum of zero nothing ever spins. */
#ifndef QLANE_CORE_SPIN_H
#define QLANE_CORE_SPIN_H

#include "core/atomics.h"
#include "qlane/future.h"

typedef struct qli_spin {
    int64_t max_ns;
    int64_t budget_ns; /* relaxed: threads that share one may lose an update */
} qli_spin;

static inline void qli_spin_init(qli_spin *spin, int64_t max_ns)
{
    spin->max_ns = max_ns;
    spin->budget_ns = max_ns / 4;
}

/* When to stop a spin that starts now; 0: do not spin. */
static inline int64_t qli_spin_until(const qli_spin *spin, int64_t now_ns)
{
    if (spin->max_ns == QL_FOREVER)
        return QL_FOREVER;
    int64_t budget_ns = qli_load(&spin->budget_ns, __ATOMIC_RELAXED);
    return budget_ns ? now_ns + budget_ns : 0;
}

static inline void qli_spin_learn(qli_spin *spin, int64_t waited_ns)
{
    if (spin->max_ns == QL_FOREVER || !spin->max_ns)
        return;
    int64_t budget_ns = qli_load(&spin->budget_ns, __ATOMIC_RELAXED);
    int64_t aim_ns = waited_ns <= 2 * spin->max_ns ? 2 * waited_ns : 0;
    budget_ns += (aim_ns - budget_ns) / 4;
    if (budget_ns < spin->max_ns / 16)
        budget_ns = spin->max_ns / 16;
    if (budget_ns > spin->max_ns)
        budget_ns = spin->max_ns;
    qli_store(&spin->budget_ns, budget_ns, __ATOMIC_RELAXED);
}

#endif
