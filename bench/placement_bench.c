#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "affinity/plan.h"
#include "qlane/future.h"
#include "qlane/runtime.h"
#include "qlane/task.h"

/* What placement costs: from start to the first task here; reading a large machine from a file; planning it. A line of JSON
 * for each, with the limit it has to keep; the exit status says whether all kept theirs. Limits are on CPU time, that of the child
 * which reads the file included: on a machine that others use too, the clock tells more about them. */

enum { REPEATS = 21 };

typedef struct cost {
    double clock_ms, cpu_ms;
} cost;

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static cost now(void)
{
    struct timespec clock;
    struct rusage self, children;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    double cpu = seconds_of(self.ru_utime) + seconds_of(self.ru_stime) + seconds_of(children.ru_utime) +
                 seconds_of(children.ru_stime);
    return (cost){(double)clock.tv_sec * 1e3 + (double)clock.tv_nsec / 1e6, cpu * 1e3};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The medians of what each repeat took. */
static cost median(const cost *costs)
{
    double clock[REPEATS], cpu[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        clock[i] = costs[i].clock_ms;
        cpu[i] = costs[i].cpu_ms;
    }
    qsort(clock, REPEATS, sizeof *clock, ascending);
    qsort(cpu, REPEATS, sizeof *cpu, ascending);
    return (cost){clock[REPEATS / 2], cpu[REPEATS / 2]};
}

static cost since(cost began)
{
    cost ended = now();
    return (cost){ended.clock_ms - began.clock_ms, ended.cpu_ms - began.cpu_ms};
}

static void give_up(const char *what)
{
    fprintf(stderr, "placement: %s\n", what);
    exit(2);
}

static bool report(const char *what, unsigned pus, cost found, double limit_ms)
{
    printf("{\"what\": \"%s\", \"pus\": %u, \"median_ms\": %.3f, \"median_cpu_ms\": %.3f", what, pus,
           found.clock_ms, found.cpu_ms);
    if (limit_ms > 0)
        printf(", \"limit_ms\": %.0f", limit_ms);
    printf("}\n");
    return limit_ms <= 0 || found.cpu_ms < limit_ms;
}

static int one(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = 1});
}

static cost start_to_first_task(void)
{
    cost costs[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        ql_runtime *runtime;
        ql_error error;
        ql_task task;
        cost began = now();
        if (ql_runtime_start(NULL, &runtime, &error) < 0)
            give_up(error.text);
        ql_task_init(&task, one, NULL);
        if (ql_submit(ql_runtime_pool(runtime), &task) < 0 || ql_future_wait(&task.future) < 0)
            give_up("the first task did not run");
        costs[i] = since(began);
        if (ql_runtime_stop(runtime, NULL, &error) < 0)
            give_up(error.text);
    }
    return median(costs);
}

/* From the file to a plan, as a program starts with HWLOC_XMLFILE. */
static cost read_and_plan(void)
{
    cost costs[REPEATS];
    for (int i = 0; i < REPEATS; i++) {
        ql_plan *plan;
        ql_error error;
        cost began = now();
        if (ql_plan_create(NULL, &plan, &error) < 0)
            give_up(error.text);
        costs[i] = since(began);
        ql_plan_destroy(plan);
    }
    return median(costs);
}

static double thread_cpu_ms(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (double)cpu.tv_sec * 1e3 + (double)cpu.tv_nsec / 1e6;
}

/* Planning alone, of a machine already read; the least of the repeats. *bytes: what machine and plan keep. */
static double plan_only(size_t *bytes)
{
    double least = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        qli_machine *machine = NULL;
        qli_request request;
        static qli_limits limits;
        ql_plan *plan;
        ql_error error;
        size_t before = mallinfo2().uordblks;
        if (qli_request_read(NULL, NULL, NULL, &request, &error) < 0 ||
            qli_machine_load(QLI_FROM_THIS_SYSTEM, "", &machine, &error) < 0)
            give_up(error.text);
        qli_limits_of(machine, "", 0, &limits);
        double began = thread_cpu_ms();
        if (qli_plan_make(machine, &limits, &request, &plan, &error) < 0)
            give_up(error.text);
        double took = thread_cpu_ms() - began;
        least = took < least ? took : least;
        *bytes = mallinfo2().uordblks - before;
        ql_plan_destroy(plan);
    }
    return least;
}

/* A two-socket machine of so many PUs, in a file, as hwloc writes it. */
static void write_machine(const char *topo, unsigned pus, const char *path)
{
    char command[4096];
    int length = snprintf(command, sizeof command,
                          "%s --xml %s -i 'package:2 [numa(memory=1000000000)] l3:%u core:8 pu:2'", topo,
                          path, pus / 32);
    if (length < 0 || (size_t)length >= sizeof command ||
        system(command) != 0) /* NOLINT: the command beside it */
        give_up("topo cannot write the file");
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {256, 512, 1024, 2048, 4096};
    char path[64];
    double first_ms = 0, first_bytes = 0;
    if (argc != 2)
        give_up("usage: placement TOPO");
    snprintf(path, sizeof path, "/tmp/qlane-placement-%d.xml", getpid());
    bool kept = report("start to first task", 0, start_to_first_task(), 5);
    setenv("HWLOC_XMLFILE", path, 1);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t bytes;
        write_machine(argv[1], sizes[i], path);
        kept = report("read a file and plan", sizes[i], read_and_plan(), i == 0 ? 15 : 0) && kept;
        double ms = plan_only(&bytes), times = sizes[i] / (double)sizes[0];
        first_ms = i == 0 ? ms : first_ms;
        first_bytes = i == 0 ? (double)bytes : first_bytes;
        double growth = (double)bytes / first_bytes / times;
        printf("{\"what\": \"plan\", \"pus\": %u, \"least_cpu_ms\": %.3f, \"bytes\": %zu, \"ms_per_pu\": "
               "%.2f, \"bytes_per_pu\": %.2f}\n",
               sizes[i], ms, bytes, ms / first_ms / times, growth);
        kept = kept && growth < 1.5 && ms / first_ms / times < 4;
        unlink(path);
    }
    return kept ? 0 : 1;
}
