/* driver.c: runs the program's main() once per seed, each time in a forked child, and says what was found. */
#include "wmm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct wmm_options wmm_options;
int wmm_seed;
int wmm_error_fd = STDERR_FILENO;

static bool running;
static _Thread_local bool inside = true; /* a thread is the checker's until it is about to run the program */
static uint64_t random_state;

/* Children tell the parent how many steps a run takes, so that PCT drops priorities within the run. */
static long *shared_steps;

static struct {
    long runs, seconds, first_seed, only_seed, expected_steps, alarm_s;
    bool keep_going, show_output;
} plan;

bool wmm_live(void)
{
    return running && !inside && wmm_self >= 0;
}

bool wmm_enter(uintptr_t pc)
{
    if (!wmm_live())
        return false;
    inside = true;
    if (wmm_is_program(pc))
        wmm_me()->pc = pc;
    return true;
}

void wmm_leave(void)
{
    inside = false;
}

void wmm_stop_checking(void)
{
    inside = true;
    running = false;
}

uint64_t wmm_random(void)
{
    uint64_t x = (random_state += 0x9E3779B97F4A7C15u);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint32_t wmm_below(uint32_t n)
{
    return (uint32_t)((wmm_random() >> 32) * n >> 32);
}

static long environment(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtol(text, NULL, 10) : otherwise;
}

static void read_environment(void)
{
    const char *model = getenv("WMM_MODEL");
    wmm_options.sequential = model && !strcmp(model, "sc");
    wmm_options.timeouts = environment("WMM_TIMEOUTS", 1);
    wmm_options.spurious = environment("WMM_SPURIOUS", 1);
    wmm_options.drain = environment("WMM_DRAIN", 0);
    wmm_options.steps_max = environment("WMM_STEPS", 100000);
    wmm_options.row_max = environment("WMM_SPIN", 64);
    plan.runs = environment("WMM_ITERS", 2000);
    plan.seconds = environment("WMM_TIME", 30);
    plan.first_seed = environment("WMM_SEED0", 1);
    plan.only_seed = environment("WMM_SEED", 0);
    plan.expected_steps = environment("WMM_EST", 200);
    plan.alarm_s = environment("WMM_TIMEOUT", 20);
    plan.keep_going = environment("WMM_KEEP", 0);
    plan.show_output = environment("WMM_STDOUT", 0);
}

static void on_signal(int number)
{
    signal(number, SIG_DFL);
    const char *what = number == SIGABRT   ? "assertion or abort()"
                       : number == SIGALRM ? "out of time"
                                           : "crash";
    wmm_fail("signal %d (%s)", number, what);
}

/* After this the caller goes on into the program's main(). */
static void become_run(int seed)
{
    static const unsigned stale[] = {0, 2, 4, 8, 11};
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    wmm_seed = seed;
    random_state = (uint64_t)seed * 0xD1342543DE82EF95u + 0x1234567;
    wmm_options.stale = stale[wmm_below(5)];
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], on_signal);
    wmm_schedule_start(plan.expected_steps);
    wmm_threads_start();
    running = true;
    inside = false;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void show_failure(int log, int seed, int status)
{
    char buffer[4096];
    ssize_t size;
    lseek(log, 0, SEEK_SET);
    while ((size = read(log, buffer, sizeof buffer)) > 0)
        if (write(STDERR_FILENO, buffer, (size_t)size) < 0)
            break;
    bool killed = WIFSIGNALED(status);
    dprintf(STDERR_FILENO, "wmm: seed %d: %s %d; replay: WMM_SEED=%d WMM_EST=%ld\n", seed,
            killed ? "signal" : "exit", killed ? WTERMSIG(status) : WEXITSTATUS(status), seed,
            plan.expected_steps);
}

/* A hand-over is cheapest on one core; each run may have another one. */
static void stay_here(void)
{
    cpu_set_t here;
    int cpu = sched_getcpu();
    CPU_ZERO(&here);
    CPU_SET((size_t)(cpu < 0 ? 0 : cpu), &here);
    sched_setaffinity(0, sizeof here, &here);
}

/* Returns true in the child. */
static bool run_forked(int seed, int log, int nowhere, int *status)
{
    if (ftruncate(log, 0) || lseek(log, 0, SEEK_SET))
        _exit(2);
    pid_t child = fork();
    if (child < 0) {
        perror("wmm: fork");
        _exit(2);
    }
    if (child == 0) {
        wmm_error_fd = log;
        dup2(log, STDERR_FILENO);
        if (!plan.show_output)
            dup2(nowhere, STDOUT_FILENO);
        alarm((unsigned)plan.alarm_s);
        stay_here();
        become_run(seed);
        return true;
    }
    while (waitpid(child, status, 0) < 0 && errno == EINTR)
        continue;
    return false;
}

/* Returns in each child, and goes on there into main(); the parent exits. */
static void run_all(void)
{
    enum {
        BATCH = 64
    }; /* seeds that share one expectation of steps, so that a seed replays with the same WMM_EST */
    int log = memfd_create("wmm", 0), nowhere = open("/dev/null", O_WRONLY);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    long done = 0, failed = 0, first = 0;
    while (done < plan.runs && (plan.keep_going || !failed) &&
           (!plan.seconds || seconds_since(&start) < plan.seconds)) {
        int seed = (int)(plan.first_seed + done), status = 0;
        if (done && done % BATCH == 0 && *shared_steps > 8)
            plan.expected_steps = *shared_steps;
        if (run_forked(seed, log, nowhere, &status))
            return;
        done++;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        if (!failed++) {
            first = seed;
            show_failure(log, seed, status);
        }
    }
    dprintf(STDOUT_FILENO, "wmm: %ld runs from seed %ld, %ld failed, %.2f s", done, plan.first_seed, failed,
            seconds_since(&start));
    dprintf(STDOUT_FILENO, failed ? ", first failing seed %ld\n" : "\n", first);
    _exit(failed ? 1 : 0);
}

/* After the program's own constructors, as this file is linked behind them. */
__attribute__((constructor)) static void start(void)
{
    read_environment();
    wmm_libc();
    wmm_heap_start();
    shared_steps =
        mmap(NULL, sizeof *shared_steps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    wmm_options.replay = plan.only_seed;
    if (wmm_options.replay)
        become_run((int)plan.only_seed);
    else
        run_all();
}

__attribute__((destructor)) static void end(void)
{
    if (!wmm_live())
        return;
    wmm_enter(0);
    if (wmm_options.drain)
        wmm_drain();
    *shared_steps = wmm_steps();
    running = false;
}
