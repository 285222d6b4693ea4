/* Log-linear histograms: a bucket is found by the highest bit of a number and the three below it. */
#include "core/times.h"

enum { SUB_BITS = 3, SUBS = 1 << SUB_BITS };

unsigned ql_histogram_bucket(int64_t ns)
{
    if (ns < SUBS)
        return ns < 0 ? 0 : (unsigned)ns;
    unsigned shift = 63 - (unsigned)__builtin_clzll((uint64_t)ns) - SUB_BITS;
    unsigned bucket = (shift + 1) * SUBS + (unsigned)((ns >> shift) & (SUBS - 1));
    return bucket < QL_HISTOGRAM_BUCKETS ? bucket : QL_HISTOGRAM_BUCKETS - 1;
}

int64_t ql_histogram_least_ns(unsigned bucket)
{
    if (bucket < SUBS)
        return bucket;
    if (bucket >= QL_HISTOGRAM_BUCKETS)
        return QL_FOREVER;
    return (int64_t)(SUBS + bucket % SUBS) << (bucket / SUBS - 1);
}

int64_t ql_histogram_quantile_ns(const ql_histogram *histogram, double of)
{
    if (!histogram || !histogram->count)
        return 0;
    double rank = of * (double)histogram->count;
    uint64_t seen = 0;
    unsigned bucket = 0, last = 0;
    for (; bucket < QL_HISTOGRAM_BUCKETS; bucket++) {
        if (!histogram->buckets[bucket])
            continue;
        last = bucket;
        seen += histogram->buckets[bucket];
        if ((double)seen >= rank)
            break;
    }
    /* The last bucket has no end; one that was read while it grew may be the last that has anything. */
    bool open = last == QL_HISTOGRAM_BUCKETS - 1;
    return open ? ql_histogram_least_ns(last) : ql_histogram_least_ns(last + 1) - 1;
}

/* The lower half of a time in units of 32 ns: enough for 137 s before a deadline. */
enum { STAMP_SHIFT = 5 };

void qli_sample(ql_task *task)
{
    int64_t now_ns = ql_now_ns();
    /* relaxed: who cancels a continuation may look at its place before it is handed over. */
    qli_store(&task->qli_place, (uint8_t)(task->qli_place | QLI_SAMPLED), __ATOMIC_RELAXED);
    if (task->deadline_ns) /* the heap's links are in use */
        task->future.code = (int32_t)(uint32_t)(now_ns >> STAMP_SHIFT);
    else
        task->qli_heap[1] = (ql_task *)(uintptr_t)now_ns;
}

int64_t qli_sample_begins(ql_times *times, const ql_task *task)
{
    int64_t now_ns = ql_now_ns();
    uint32_t ago = (uint32_t)(now_ns >> STAMP_SHIFT) - (uint32_t)task->future.code;
    int64_t waited_ns =
        task->deadline_ns ? (int64_t)ago << STAMP_SHIFT : now_ns - (int64_t)(uintptr_t)task->qli_heap[1];
    qli_histogram_count(&times->wait, waited_ns);
    return now_ns;
}

static void add(ql_histogram *sum, const ql_histogram *histogram)
{
    for (unsigned i = 0; i < QL_HISTOGRAM_BUCKETS; i++) {
        uint64_t count = qli_load(&histogram->buckets[i], __ATOMIC_RELAXED);
        sum->buckets[i] += count;
        sum->count += count; /* of the same reading: the buckets always add up to it */
    }
    sum->sum_ns += qli_load(&histogram->sum_ns, __ATOMIC_RELAXED);
}

void qli_times_add(ql_times *sum, const ql_times *times)
{
    add(&sum->wait, &times->wait);
    add(&sum->run, &times->run);
}
