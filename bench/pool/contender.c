#include "bench/pool/contender.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct timing {
    int64_t ns, cpu_ns;
    uint64_t check;
    char more[128];
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

static void begin(timing *result)
{
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    result->ns = bench_now_ns();
}

static void end(timing *result)
{
    result->ns = bench_now_ns() - result->ns;
    result->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - result->cpu_ns;
}

/* ---- works that are one call */

static uint64_t do_fib(long size)
{
    return (uint64_t)bench_this.fib((int)size);
}

static uint64_t do_nqueens(long size)
{
    return (uint64_t)bench_this.nqueens((int)size);
}

static uint64_t do_tree(long size)
{
    return bench_this.tree((unsigned)size);
}

static uint64_t do_loop_medium(long size)
{
    return bench_this.loop(bench_loop_medium, (uint64_t)size);
}

static uint64_t do_loop_cheap(long size)
{
    return bench_this.loop(bench_loop_cheap, (uint64_t)size);
}

static uint64_t do_sum(long size)
{
    return (uint64_t)bench_this.sum(bench_sum_tree(), (unsigned)size);
}

typedef struct one_call {
    const char *work;
    uint64_t (*run)(long size);
    long warm_less, warm_divisor; /* the warm-up's size: size / warm_divisor - warm_less */
    bool there;
} one_call;

static void time_call(const one_call *call, long size, timing *result)
{
    call->run(size / call->warm_divisor - call->warm_less);
    begin(result);
    result->check = call->run(size);
    end(result);
}

/* ---- outside */

typedef struct producer {
    pthread_t thread;
    pthread_barrier_t *gate;
    void *prepared;
    size_t first, end;
} producer;

static void *produce(void *arg)
{
    producer *self = arg;
    pthread_barrier_wait(self->gate);
    bench_this.outside_produce(self->prepared, self->first, self->end);
    return NULL;
}

static void time_outside(size_t tasks, unsigned producers, timing *result)
{
    pthread_barrier_t gate;
    producer *all = calloc(producers, sizeof(*all));
    void *prepared = bench_this.outside_prepare(tasks);
    pthread_barrier_init(&gate, NULL, producers + 1);
    for (unsigned i = 0; i < producers; i++) {
        all[i] = (producer){.gate = &gate,
                            .prepared = prepared,
                            .first = tasks * i / producers,
                            .end = tasks * (i + 1) / producers};
        if (pthread_create(&all[i].thread, NULL, produce, &all[i]))
            abort();
    }
    begin(result);
    pthread_barrier_wait(&gate);
    for (unsigned i = 0; i < producers; i++)
        pthread_join(all[i].thread, NULL);
    end(result);
    result->check = tasks;
    pthread_barrier_destroy(&gate);
    bench_this.outside_finish(prepared);
    free(all);
}

/* So many at once, again and again until a million have run. */
static void time_pending(size_t tasks, timing *result)
{
    enum { ALL = 1000000 };
    size_t times = tasks < ALL ? ALL / tasks : 1;
    void *prepared = bench_this.outside_prepare(tasks);
    bench_this.outside_produce(prepared, 0, tasks / 16 + 1);
    begin(result);
    for (size_t i = 0; i < times; i++)
        bench_this.outside_produce(prepared, 0, tasks);
    end(result);
    result->ns /= (int64_t)times;
    result->cpu_ns /= (int64_t)times;
    result->check = tasks;
    bench_this.outside_finish(prepared);
}

/* ---- wake */

enum { WAKE_GAP_NS = 3000000 };

static int64_t woken_ns;

void bench_woken(void)
{
    __atomic_store_n(&woken_ns, bench_now_ns(), __ATOMIC_RELEASE);
}

static void sleep_ns(long ns)
{
    nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/* One wake, and when the task ran. */
static int64_t wake_once(void)
{
    int64_t at_ns;
    __atomic_store_n(&woken_ns, 0, __ATOMIC_RELAXED);
    bench_this.wake();
    while (!(at_ns = __atomic_load_n(&woken_ns, __ATOMIC_ACQUIRE)))
        sleep_ns(100000);
    return at_ns;
}

static int earlier(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A wake is from one core to another: this thread keeps to the first, all that the contender starts begins on the last. */
static void keep_to(bool first)
{
    static cpu_set_t all;
    cpu_set_t one;
    if (!CPU_COUNT(&all) && sched_getaffinity(0, sizeof(all), &all))
        return;
    int count = CPU_COUNT(&all), nth = 0;
    CPU_ZERO(&one);
    for (size_t pu = 0; pu < CPU_SETSIZE; pu++)
        if (CPU_ISSET(pu, &all) && ++nth == (first ? 1 : count))
            CPU_SET(pu, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static void start_apart(unsigned workers)
{
    keep_to(false);
    bench_this.start(workers);
    wake_once(); /* some start their threads with the first task */
    keep_to(true);
}

static void time_wakes(size_t times, timing *result)
{
    int64_t *took_ns = calloc(times, sizeof(*took_ns));
    uint64_t wakes = 0;
    begin(result);
    for (size_t i = 0; i < times; i++) {
        sleep_ns(WAKE_GAP_NS);
        uint64_t before = bench_this.wakes ? bench_this.wakes() : 0;
        int64_t start_ns = bench_now_ns();
        took_ns[i] = wake_once() - start_ns;
        wakes += bench_this.wakes ? bench_this.wakes() - before : 0;
    }
    end(result);
    qsort(took_ns, times, sizeof(*took_ns), earlier);
    result->ns = took_ns[times / 2];
    result->cpu_ns /= (int64_t)times;
    result->check = times;
    int n =
        snprintf(result->more, sizeof(result->more), " p99_ns=%lld", (long long)took_ns[times * 99 / 100]);
    if (bench_this.wakes)
        snprintf(result->more + n, sizeof(result->more) - (size_t)n, " wakes=%.3f",
                 (double)wakes / (double)times);
    free(took_ns);
}

/* ---- idle */

static void be_idle(void)
{
    timing ignored;
    if (bench_this.outside_prepare)
        time_outside(1000, 1, &ignored);
    else
        bench_this.fib(20);
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
}

/* ---- main */

static void about(const one_call *calls, size_t count)
{
    printf("name=%s version=%s works=", bench_this.name, bench_this.version);
    for (size_t i = 0; i < count; i++)
        if (calls[i].there)
            printf("%s,", calls[i].work);
    if (bench_this.outside_prepare)
        printf("outside1,outside4,pending,");
    if (bench_this.wake)
        printf("wake,");
    puts("idle");
}

static bool run(const one_call *calls, size_t count, const char *work, long size, timing *result)
{
    for (size_t i = 0; i < count; i++)
        if (calls[i].there && !strcmp(work, calls[i].work))
            return time_call(&calls[i], size, result), true;
    if (!strncmp(work, "outside", 7) && bench_this.outside_prepare) {
        unsigned producers = (unsigned)atoi(work + 7);
        time_outside((size_t)size / 16 + producers, producers, result);
        return time_outside((size_t)size, producers, result), true;
    }
    if (!strcmp(work, "pending") && bench_this.outside_prepare)
        return time_pending((size_t)size, result), true;
    if (!strcmp(work, "wake") && bench_this.wake)
        return time_wakes((size_t)size, result), true;
    return false;
}

int main(int argc, char **argv)
{
    const one_call calls[] = {
        {"fib", do_fib, 6, 1, bench_this.fib},
        {"nqueens", do_nqueens, 2, 1, bench_this.nqueens},
        {"tree", do_tree, 0, 8, bench_this.tree},
        {"loop_medium", do_loop_medium, 0, 16, bench_this.loop},
        {"loop_cheap", do_loop_cheap, 0, 16, bench_this.loop},
        {"sum1000", do_sum, 0, 16, bench_this.sum},
    };
    const size_t count = sizeof(calls) / sizeof(*calls);
    timing result = {.more = ""};
    if (argc == 2 && !strcmp(argv[1], "about"))
        return about(calls, count), 0;
    if (argc != 4) {
        fprintf(stderr, "usage: %s about | WORK WORKERS SIZE\n", argv[0]);
        return 2;
    }
    const unsigned workers = (unsigned)atoi(argv[2]);
    if (strcmp(argv[1], "wake") || !bench_this.wake)
        bench_this.start(workers);
    else
        start_apart(workers);
    if (!strcmp(argv[1], "idle")) {
        be_idle();
    } else if (run(calls, count, argv[1], atol(argv[3]), &result)) {
        printf("ns=%lld cpu_ns=%lld check=%llu%s\n", (long long)result.ns, (long long)result.cpu_ns,
               (unsigned long long)result.check, result.more);
    } else {
        fprintf(stderr, "%s: no work '%s'\n", argv[0], argv[1]);
        return 2;
    }
    if (bench_this.stop)
        bench_this.stop();
    return 0;
}
