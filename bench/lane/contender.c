#include "bench/lane/contender.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How the callers of a work go about it. */
typedef enum way { CALLS, STREAM, HELD, MEMORY } way;

typedef struct lane_work {
    const char *name;
    way way;
    size_t slots; /* of each caller; 0: as many as it has operations */
    bool blocking, upsert, file;
} lane_work;

enum { OUTSTANDING = 1024, SAMPLES_MAX = 100000, HELD_LEAST = 50000 };

static const lane_work works[] = {
    {.name = "call", .way = CALLS, .slots = 1},
    {.name = "call_park", .way = CALLS, .slots = 1, .blocking = true},
    {.name = "call20", .way = CALLS, .slots = 1},
    {.name = "submit1", .way = STREAM, .slots = OUTSTANDING},
    {.name = "submit4", .way = STREAM, .slots = OUTSTANDING},
    {.name = "submit20", .way = STREAM, .slots = OUTSTANDING},
    {.name = "submit_fresh", .way = STREAM},
    {.name = "producers", .way = STREAM, .slots = 64},
    {.name = "length", .way = HELD},
    {.name = "memory", .way = MEMORY},
    {.name = "sqlite_async_memory", .way = STREAM, .upsert = true},
    {.name = "sqlite_async_wal", .way = STREAM, .upsert = true, .file = true},
    {.name = "sqlite_sync_memory", .way = CALLS, .slots = 1, .upsert = true},
    {.name = "q_async", .way = STREAM, .upsert = true},
    {.name = "q_sync", .way = CALLS, .slots = 1, .upsert = true},
    {.name = "sqlite_sync_wal", .way = CALLS, .slots = 1, .upsert = true, .file = true},
};

typedef struct caller {
    pthread_t thread;
    const struct lane_run *run;
    size_t number;
    uint64_t sum; /* of what all operations returned */
    int64_t start_ns, end_ns;
    int64_t *took_ns;
} caller;

typedef struct lane_run {
    const lane_work *work;
    bool confined;
    size_t callers, count, warm, samples; /* of each caller: timed, before that, after that one by one */
    pthread_barrier_t *gate;
} lane_run;

typedef struct timing {
    int64_t ns, cpu_ns;
    double wakes;
} timing;

static int64_t clock_ns(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static void fail(const char *text)
{
    fprintf(stderr, "%s: %s\n", lane_this.name, text);
    exit(1);
}

static void *must_have(void *memory)
{
    if (!memory)
        fail("no memory");
    return memory;
}

/* ---- a caller */

static void keep_off_the_lane(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) || CPU_COUNT(&set) < 2)
        return;
    CPU_CLR((size_t)lane_pu(), &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Callers start spread over the cores, the first off the lane's; then the kernel moves them as it likes. Else a sample tells where its
 * caller happened to start: two threads that wake one another on one core need a tenth of the time. */
static void start_apart(size_t number)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof(all), &all))
        return;
    size_t pu = 0;
    for (size_t left = number % (size_t)CPU_COUNT(&all) + 1; left; pu++)
        left -= CPU_ISSET(pu, &all) ? 1 : 0;
    CPU_ZERO(&one);
    CPU_SET(pu - 1, &one);
    sched_setaffinity(0, sizeof(one), &one);
    sched_setaffinity(0, sizeof(all), &all);
}

/* The lane is held until all queue; what is timed is all of the work, and no waiting. */
static uint64_t hold(void *me, size_t count)
{
    lane_this.submit(me, count, LANE_GATE);
    for (size_t i = 0; i < count; i++)
        lane_this.submit(me, i, i);
    __atomic_store_n(&lane_gate, 1, __ATOMIC_RELEASE);
    uint64_t sum = lane_this.reap(me, count);
    for (size_t i = 0; i < count; i++)
        sum += lane_this.reap(me, i);
    __atomic_store_n(&lane_gate, 0, __ATOMIC_RELAXED);
    return sum;
}

/* Short queues again and again. */
static size_t holds(size_t count)
{
    return count && count < HELD_LEAST ? HELD_LEAST / count : 1;
}

static uint64_t held(void *me, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < holds(count); i++)
        sum += hold(me, count);
    return sum;
}

static uint64_t operate(const caller *self, void *me, size_t slots, size_t count, int64_t *took_ns)
{
    const lane_work *work = self->run->work;
    uint64_t key = self->number * self->run->count;
    if (work->way == CALLS)
        return lane_this.calls(me, count, key, took_ns);
    if (work->way == STREAM)
        return lane_this.stream(me, count, slots < count ? slots : count ? count : 1, key, took_ns);
    return held(me, count);
}

static void *live(void *arg)
{
    caller *self = arg;
    const lane_run *run = self->run;
    size_t slots = run->work->slots ? run->work->slots : run->count + 1;
    if (run->confined)
        keep_off_the_lane();
    start_apart(self->number);
    void *me = lane_this.open(slots);
    self->sum = operate(self, me, slots, run->warm, NULL);
    pthread_barrier_wait(run->gate);
    pthread_barrier_wait(run->gate);
    self->start_ns = bench_now_ns();
    self->sum += operate(self, me, slots, run->count, NULL);
    self->end_ns = bench_now_ns();
    pthread_barrier_wait(run->gate);
    self->sum += operate(self, me, slots, run->samples, self->took_ns);
    lane_this.close(me);
    return NULL;
}

static void time_callers(const lane_run *run, caller *callers, timing *result)
{
    pthread_barrier_wait(run->gate);
    uint64_t wakes = lane_this.wakes ? lane_this.wakes() : 0;
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    pthread_barrier_wait(run->gate);
    pthread_barrier_wait(run->gate);
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - result->cpu_ns;
    if (lane_this.wakes)
        result->wakes = (double)(lane_this.wakes() - wakes) / (double)(run->count * run->callers);
    for (size_t i = 0; i < run->callers; i++)
        pthread_join(callers[i].thread, NULL);
    int64_t start_ns = callers[0].start_ns, end_ns = callers[0].end_ns;
    for (size_t i = 1; i < run->callers; i++) {
        start_ns = callers[i].start_ns < start_ns ? callers[i].start_ns : start_ns;
        end_ns = callers[i].end_ns > end_ns ? callers[i].end_ns : end_ns;
    }
    result->ns = end_ns - start_ns;
    if (run->work->way == HELD) {
        result->ns /= (int64_t)holds(run->count);
        result->cpu_ns /= (int64_t)holds(run->count);
    }
}

/* Every operation was done once, and its own value was returned. */
static void check(const lane_run *run, const caller *callers)
{
    uint64_t done = run->callers * (run->count + run->warm + run->samples), sum = 0;
    if (run->work->way == HELD)
        done = holds(run->count) * (run->count + 1) + holds(run->warm) * (run->warm + 1) + 1;
    for (size_t i = 0; i < run->callers; i++)
        sum += callers[i].sum;
    if (run->work->upsert ? sum != done || lane_operation_stored() != done : sum != done * (done + 1) / 2)
        fail("operations were lost, or done twice");
}

/* ---- what is told */

static int earlier(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t clock_cost_ns(void)
{
    int64_t least_ns = INT64_MAX;
    for (int i = 0; i < 1000; i++) {
        int64_t at_ns = bench_now_ns(), took_ns = bench_now_ns() - at_ns;
        least_ns = took_ns < least_ns ? took_ns : least_ns;
    }
    return least_ns;
}

static void tell_samples(int64_t *took_ns, size_t count)
{
    static const struct {
        const char *name;
        double share;
    } points[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
    int64_t clock_ns = clock_cost_ns();
    qsort(took_ns, count, sizeof(*took_ns), earlier);
    for (int i = 0; i < 4; i++) {
        int64_t at_ns = took_ns[(size_t)(points[i].share * (double)(count - 1))] - clock_ns;
        printf(" %s_ns=%lld", points[i].name, (long long)(at_ns > 0 ? at_ns : 0));
    }
}

static void tell(const lane_run *run, const timing *result, int64_t *took_ns)
{
    printf("ns=%lld cpu_ns=%lld check=%zu", (long long)result->ns, (long long)result->cpu_ns,
           run->count * run->callers);
    if (run->samples)
        tell_samples(took_ns, run->samples * run->callers);
    if (lane_this.wakes)
        printf(" wakes=%.3f", result->wakes);
    if (run->work->upsert && lane_this.rows_a_commit)
        printf(" rows_a_commit=%.0f", lane_this.rows_a_commit());
    putchar('\n');
}

/* ---- a work */

static void do_timed(const lane_work *work, bool confined, size_t callers_count, size_t size)
{
    pthread_barrier_t gate;
    timing result = {.ns = 0};
    size_t count = size / callers_count ? size / callers_count : 1;
    size_t samples = callers_count * count < SAMPLES_MAX ? count : SAMPLES_MAX / callers_count;
    lane_run run = {.work = work,
                    .confined = confined,
                    .callers = callers_count,
                    .count = count,
                    .warm = count / 8,
                    .samples = work->way == HELD || work->upsert ? 0 : samples,
                    .gate = &gate};
    caller *callers = must_have(calloc(callers_count, sizeof(*callers)));
    int64_t *took_ns = must_have(calloc(callers_count * run.samples + 1, sizeof(*took_ns)));
    pthread_barrier_init(&gate, NULL, (unsigned)callers_count + 1);
    for (size_t i = 0; i < callers_count; i++) {
        callers[i] = (caller){.run = &run, .number = i, .took_ns = took_ns + i * run.samples};
        if (pthread_create(&callers[i].thread, NULL, live, &callers[i]))
            fail("no thread");
    }
    time_callers(&run, callers, &result);
    check(&run, callers);
    tell(&run, &result, took_ns);
    pthread_barrier_destroy(&gate);
    free(took_ns);
    free(callers);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static void do_memory(size_t count)
{
    void *me = lane_this.open(count + 1);
    hold(me, 1000 < count ? 1000 : count); /* what is made once */
    lane_this.submit(me, count, LANE_GATE);
    size_t before = heap_bytes();
    for (size_t i = 0; i < count; i++)
        lane_this.submit(me, i, i);
    size_t after = heap_bytes();
    __atomic_store_n(&lane_gate, 1, __ATOMIC_RELEASE);
    lane_this.reap(me, count);
    for (size_t i = 0; i < count; i++)
        lane_this.reap(me, i);
    lane_this.close(me);
    printf("ns=%zu cpu_ns=0 check=%zu\n", after > before ? after - before : 0, count);
}

static void do_idle(void)
{
    char byte;
    void *me = lane_this.open(OUTSTANDING);
    lane_this.stream(me, 1000, OUTSTANDING, 0, NULL);
    lane_this.calls(me, 1000, 0, NULL);
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    lane_this.close(me);
}

static void do_work(const lane_work *work, bool confined, size_t callers, size_t size)
{
    char folder[] = "/tmp/lane_bench.XXXXXX", path[64], side[72];
    if (work->file) {
        if (!mkdtemp(folder))
            fail("no folder in /tmp");
        snprintf(path, sizeof(path), "%s/db", folder);
        lane_sqlite_path = path;
    }
    lane_is_upsert = work->upsert;
    lane_is_special = work->upsert || work->way == HELD || work->way == MEMORY;
    lane_this.start(work->blocking);
    if (work->way == MEMORY)
        do_memory(size);
    else
        do_timed(work, confined, callers, size);
    fflush(stdout);
    if (lane_this.stop)
        lane_this.stop();
    if (work->file) {
        for (int i = 0; i < 3; i++) {
            snprintf(side, sizeof(side), "%s%s", path, (const char *const[]){"", "-wal", "-shm"}[i]);
            unlink(side);
        }
        rmdir(folder);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "about")) {
        printf("name=%s version=%s works=%s\n", lane_this.name, lane_this.version,
               lane_this.works ? lane_this.works : LANE_ALL_WORKS "idle");
        return 0;
    }
    if (argc == 4 && !strcmp(argv[1], "idle")) {
        lane_this.start(false);
        do_idle();
        if (lane_this.stop)
            lane_this.stop();
        return 0;
    }
    const char *slash = argc == 4 ? strchr(argv[1], '/') : NULL;
    for (size_t i = 0; slash && i < sizeof(works) / sizeof(*works); i++) {
        size_t length = strlen(works[i].name);
        if ((size_t)(slash - argv[1]) != length || strncmp(argv[1], works[i].name, length))
            continue;
        do_work(&works[i], !strcmp(slash, "/confined"), (size_t)atol(argv[2]), (size_t)atol(argv[3]));
        return 0;
    }
    fprintf(stderr, "usage: %s about | WORK/PLACE CALLERS SIZE | idle 1 0\n", argv[0]);
    return 2;
}
