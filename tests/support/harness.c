#include "tests/support/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LEAK_CHECK 1
#endif
#endif
#ifdef WITH_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif

/* How long a test may stand still before it counts as stuck. */
static int patience_s(void)
{
    const char *given = getenv("QLT_PATIENCE_S");
    int seconds = given ? atoi(given) : 0;

    return seconds > 0 ? seconds : 30;
}

static const char *running_unit = "no test", *running_promise = "is running";

/* --- checks --- */

void qlt_fail_(const char *file, int line, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s %s: %s\n", file, line, running_unit, running_promise, text);
    fflush(NULL);
    /* Not exit(): this may be any thread, and the others still use what atexit handlers would free. */
    abort();
}

void qlt_eq_int_(const char *file, int line, const char *what, intmax_t found, intmax_t expected)
{
    if (found != expected) {
        qlt_fail_(file, line, "%s is %" PRIdMAX ", expected %" PRIdMAX, what, found, expected);
    }
}

void qlt_eq_uint_(const char *file, int line, const char *what, uintmax_t found, uintmax_t expected)
{
    if (found != expected) {
        qlt_fail_(file, line, "%s is %" PRIuMAX ", expected %" PRIuMAX, what, found, expected);
    }
}

void qlt_eq_ptr_(const char *file, int line, const char *what, const void *found, const void *expected)
{
    if (found != expected) {
        qlt_fail_(file, line, "%s is %p, expected %p", what, found, expected);
    }
}

void qlt_eq_str_(const char *file, int line, const char *what, const char *found, const char *expected)
{
    if (!found || !expected ? found != expected : strcmp(found, expected) != 0) {
        qlt_fail_(file, line, "%s is \"%s\", expected \"%s\"", what, found ? found : "(null)",
                  expected ? expected : "(null)");
    }
}

void qlt_has_str_(const char *file, int line, const char *what, const char *text, const char *part)
{
    if (!text || !strstr(text, part)) {
        qlt_fail_(file, line, "%s is \"%s\", expected it to contain \"%s\"", what, text ? text : "(null)",
                  part);
    }
}

static size_t read_all(int fd, char *text, size_t size)
{
    size_t length = 0;

    for (;;) {
        char rest[512];
        ssize_t got =
            length < size - 1 ? read(fd, text + length, size - 1 - length) : read(fd, rest, sizeof rest);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        if (length < size - 1) {
            length += (size_t)got;
        }
    }
    text[length] = '\0';
    return length;
}

void qlt_dies_with_(const char *file, int line, void (*body)(void), const char *text)
{
    char said[4096];
    int pipe_fd[2], status = 0;

    if (pipe(pipe_fd) != 0) {
        qlt_fail_(file, line, "pipe: %s", strerror(errno));
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        qlt_fail_(file, line, "fork: %s", strerror(errno));
    }
    if (child == 0) {
        dup2(pipe_fd[1], STDERR_FILENO);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
        /* Criterion reports a SIGABRT from its handler; here the signal itself is what the parent looks for. */
        signal(SIGABRT, SIG_DFL);
        body();
        _exit(0);
    }
    close(pipe_fd[1]);
    read_all(pipe_fd[0], said, sizeof said);
    close(pipe_fd[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) {
        qlt_fail_(file, line, "expected an abort saying \"%s\", found wait status 0x%x saying \"%s\"", text,
                  (unsigned)status, said);
    }
    if (!strstr(said, text)) {
        qlt_fail_(file, line, "aborted saying \"%s\", expected it to contain \"%s\"", said, text);
    }
}

/* --- seed --- */

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;

static void choose_seed(void)
{
    const char *given = getenv("QLANE_SEED");

    if (given && *given) {
        char *end;
        errno = 0;
        seed = strtoull(given, &end, 0);
        if (errno || *end) {
            qlt_fail("QLANE_SEED=%s is not a number of 64 bits", given);
        }
    } else if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        qlt_fail("getrandom: %s", strerror(errno));
    }
    fprintf(stderr, "%s %s: QLANE_SEED=%" PRIu64 " replays this\n", running_unit, running_promise, seed);
}

uint64_t qlt_seed(void)
{
    pthread_once(&seed_once, choose_seed);
    return seed;
}

uint64_t qlt_random(uint64_t *stream)
{
    /* splitmix64: any starting point is as good as another, so neighbouring seeds give unlike streams. */
    uint64_t mixed = *stream += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* --- gates --- */

/* One lock for all gates, so that a gate is plain data that needs no fini. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;

void qlt_gate_open(qlt_gate *gate, unsigned step)
{
    pthread_mutex_lock(&gate_lock);
    if (gate->step < step) {
        gate->step = step;
    }
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

void qlt_gate_arrive(qlt_gate *gate)
{
    pthread_mutex_lock(&gate_lock);
    gate->step++;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

void qlt_gate_wait(qlt_gate *gate, unsigned step)
{
    struct timespec deadline;
    unsigned reached;
    int error = 0;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += patience_s();
    pthread_mutex_lock(&gate_lock);
    while (gate->step < step && !error) {
        error = pthread_cond_timedwait(&gate_moved, &gate_lock, &deadline);
    }
    reached = gate->step;
    pthread_mutex_unlock(&gate_lock);
    if (reached < step) {
        qlt_fail("waited %d s for step %u of a gate that stands at %u", patience_s(), step, reached);
    }
}

/* --- running a test --- */

void qlt_workers_each(void (*promise)(unsigned workers))
{
    cpu_set_t usable;
    int cores = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    const unsigned counts[] = {1, 2, cores > 4 ? (unsigned)cores : 4};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fprintf(stderr, "%s %s: %u workers\n", running_unit, running_promise, counts[i]);
        promise(counts[i]);
    }
}

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);

    if (!directory) {
        qlt_fail("%s: %s", path, strerror(errno));
    }
    while (readdir(directory)) {
        count++;
    }
    closedir(directory);
    return count;
}

/* A joined thread may stand in /proc a moment longer, until the kernel has taken it away: wait for that. */
static unsigned count_threads(unsigned expected)
{
    const struct timespec moment = {0, 1000000};
    unsigned count = count_entries("/proc/self/task");

    for (int ms = 0; count > expected && ms < 1000 * patience_s(); ms++) {
        nanosleep(&moment, NULL);
        count = count_entries("/proc/self/task");
    }
    return count;
}

void qlt_run_(const char *unit, const char *promise, void (*body)(void))
{
    unsigned descriptors, threads;

    running_unit = unit;
    running_promise = promise;
    descriptors = count_entries("/proc/self/fd");
    threads = count_entries("/proc/self/task");
    body();
    unsigned threads_left = count_threads(threads), descriptors_left = count_entries("/proc/self/fd");
    if (threads_left > threads) {
        qlt_fail("ends with %u more threads than it began with", threads_left - threads);
    }
    if (descriptors_left > descriptors) {
        qlt_fail("ends with %u more open descriptors than it began with", descriptors_left - descriptors);
    }
#ifdef WITH_LEAK_CHECK
    if (__lsan_do_recoverable_leak_check()) {
        qlt_fail("ends with a memory leak");
    }
#endif
}

#ifdef QLT_IN_PROCESS

static struct qlt_test *first_test, **last_test = &first_test;

void qlt_register_(struct qlt_test *test)
{
    *last_test = test;
    last_test = &test->next;
}

static void *start_nothing(void *unused)
{
    return unused;
}

/* ThreadSanitizer starts a thread of its own beside the program's first one: have it before any test counts. */
static void wake_the_sanitizers_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, start_nothing, NULL) != 0) {
        qlt_fail("no thread can be started");
    }
    pthread_join(thread, NULL);
}

/* Of Criterion's command line it knows what qlane's own rules and readers use: --filter UNIT/PROMISE, -jN. */
int main(int argc, char **argv)
{
    const char *filter = "*";
    unsigned passed = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc) {
            filter = argv[++i];
        } else if (strncmp(argv[i], "-j", 2) != 0) {
            fprintf(stderr, "%s: unknown argument; known are --filter UNIT/PROMISE and -jN\n", argv[i]);
            return 2;
        }
    }
    wake_the_sanitizers_thread();
    for (const struct qlt_test *test = first_test; test; test = test->next) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", test->unit, test->promise);
        if (fnmatch(filter, name, 0) == 0) {
            fprintf(stderr, "run %s\n", name);
            qlt_run_(test->unit, test->promise, test->body);
            passed++;
        }
    }
    fprintf(stderr, "%u passed, 0 failed\n", passed);
    return passed ? 0 : 3;
}

#else

int main(int argc, char **argv)
{
    struct criterion_test_set *tests = criterion_initialize();
    int status = 0;

    if (tests->tests == 0) {
        fprintf(stderr, "%s: no test in this program\n", argv[0]);
        status = 3;
    } else if (criterion_handle_args(argc, argv, true)) {
        status = !criterion_run_all_tests(tests);
    }
    criterion_finalize(tests);
    return status;
}

#endif
