#include "tests/support/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LEAK_CHECK 1
#endif
#endif
#ifdef WITH_LEAK_CHECK
#include <sanitizer/lsan_interface.h>

/* LeakSanitizer asks this when the process ends. */
static int untidy;

int __lsan_is_turned_off(void)
{
    return untidy;
}
#endif

void qlt_ends_untidily(void)
{
#ifdef WITH_LEAK_CHECK
    untidy = 1;
#endif
}

void qlt_workers_each(void (*promise)(unsigned workers))
{
    cpu_set_t usable;
    int cores = sched_getaffinity(0, sizeof usable, &usable) == 0 ? CPU_COUNT(&usable) : 1;
    const unsigned counts[] = {1, 2, cores > 4 ? (unsigned)cores : 4};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        fprintf(stderr, "%s %s: %u workers\n", qlt_unit_, qlt_promise_, counts[i]);
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

    for (int ms = 0; count > expected && ms < 1000 * qlt_patience_s_(); ms++) {
        nanosleep(&moment, NULL);
        count = count_entries("/proc/self/task");
    }
    return count;
}

void qlt_run_(const char *unit, const char *promise, void (*body)(void))
{
    unsigned descriptors, threads;

    qlt_unit_ = unit;
    qlt_promise_ = promise;
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
