/* sweep.c: runs the story once for every call of every function, in a child of its own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/faults/faults.h"
#include "tests/support/faults/internal.h"

enum { MOST_CALLS = 5000 };

/* How a child ends, beside the story's own answer. */
enum { KEPT, BROKEN, LEAKS, LEAVES_THREADS, LEAVES_DESCRIPTORS, ENDS };
static const char *const endings[ENDS] = {"promises kept", "a promise is broken", "memory leaks",
                                          "a thread is left", "a descriptor is left"};

/* There under AddressSanitizer only; and under ThreadSanitizer, which starts a thread of its own. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
void __tsan_acquire(void *address) __attribute__((weak));

static int log_fd;

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count;
}

/* A joined thread may stand in /proc a moment longer. */
static bool threads_are(int expected)
{
    for (int ms = 0; count_entries("/proc/self/task") > expected; ms++) {
        if (ms == 1000)
            return false;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return true;
}

static int tell(faults_story *story)
{
    int threads = count_entries("/proc/self/task"), descriptors = count_entries("/proc/self/fd");
    faults_resume();
    int broken = story();
    faults_pause();
    if (broken)
        return BROKEN;
    if (!threads_are(threads + (__tsan_acquire ? 1 : 0)))
        return LEAVES_THREADS;
    if (count_entries("/proc/self/fd") > descriptors)
        return LEAVES_DESCRIPTORS;
    return __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() ? LEAKS : KEPT;
}

static void (*say_more)(void);

void faults_on_hang(void (*say)(void))
{
    say_more = say;
}

/* It may hang too: then the second alarm, which nobody handles, ends it. */
static void hangs(int signal_number)
{
    signal(signal_number, SIG_DFL);
    alarm(2);
    faults_pause();
    if (say_more)
        say_more();
    raise(signal_number);
}

/* How long a story may take. */
static unsigned patience_s(void)
{
    const char *given = getenv("FAULTS_PATIENCE_S");
    return given && atoi(given) > 0 ? (unsigned)atoi(given) : 30;
}

static int run(faults_story *story)
{
    int status;
    fflush(NULL);
    if (ftruncate(log_fd, 0) || lseek(log_fd, 0, SEEK_SET))
        abort();
    pid_t child = fork();
    if (child < 0) {
        perror("faults: fork");
        exit(2);
    }
    if (child == 0) {
        dup2(log_fd, STDOUT_FILENO);
        dup2(log_fd, STDERR_FILENO);
        signal(SIGALRM, hangs);
        alarm(patience_s());
        int end = tell(story);
        fflush(NULL);
        _exit(end);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* What the child said, with functions and lines in the place of our own addresses. */
static void show_log(void)
{
    char line[1024], command[128];
    FILE *log = fdopen(dup(log_fd), "r");
    rewind(log);
    while (fgets(line, sizeof line, log)) {
        const char *offset = strstr(line, "(+0x");
        if (!offset || strstr(line, ".so")) {
            fputs(line, stdout);
            continue;
        }
        int length = (int)strcspn(offset + 2, ")");
        snprintf(command, sizeof command, "addr2line -s -f -p -e /proc/%d/exe %.*s", (int)getpid(), length,
                 offset + 2);
        fputs("    ", stdout);
        fflush(stdout);
        if (system(command))
            puts("(no addr2line)");
    }
    fclose(log);
}

static bool passes(faults_story *story, const char *what)
{
    int status = run(story);
    if (WIFEXITED(status) && WEXITSTATUS(status) == KEPT)
        return true;
    if (WIFSIGNALED(status))
        printf("%s: %s\n", what, WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    else
        printf("%s: %s\n", what, WEXITSTATUS(status) < ENDS ? endings[WEXITSTATUS(status)] : "exits");
    show_log();
    return false;
}

static bool fail_nth(faults_story *story, enum faults_function function, long nth, bool for_ever)
{
    char what[64];
    snprintf(what, sizeof what, "%s %ld%s", faults_name(function), nth, for_ever ? " for_ever" : "");
    *faults_now = (faults_run){.target = function, .nth = nth, .for_ever = for_ever};
    return passes(story, what);
}

/* Returns how many runs failed. */
static int sweep(faults_story *story, enum faults_function function, int *runs)
{
    int failed = 0;
    for (int for_ever = 0; for_ever < 2; for_ever++)
        for (long nth = 1; nth < MOST_CALLS; nth++) {
            bool passed = fail_nth(story, function, nth, for_ever);
            if (passed && !faults_now->failed)
                break; /* there are not so many calls */
            (*runs)++;
            failed += !passed;
            if (!passed && !faults_now->failed) {
                puts("it fails with no fault at all");
                break;
            }
        }
    return failed;
}

static int sweep_all(faults_story *story)
{
    long calls[FAULTS_FUNCTIONS];
    int runs = 0, failed = 0;
    *faults_now = (faults_run){.target = FAULTS_FUNCTIONS};
    if (!passes(story, "with no fault"))
        return 1;
    memcpy(calls, faults_now->calls, sizeof calls);
    for (enum faults_function function = 0; function < FAULTS_FUNCTIONS; function++) {
        int before = runs;
        if (calls[function])
            failed += sweep(story, function, &runs);
        if (runs > before)
            printf("%s: %d runs\n", faults_name(function), runs - before);
    }
    printf("faults: %d runs, %d failed\n", runs, failed);
    return runs == 0 || failed > 0;
}

int faults_main(int argc, char **argv, faults_story *story)
{
    log_fd = memfd_create("faults", 0);
    faults_now = mmap(NULL, sizeof *faults_now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (log_fd < 0 || faults_now == MAP_FAILED) {
        perror("faults");
        return 2;
    }
    if (argc < 3)
        return sweep_all(story);
    for (enum faults_function function = 0; function < FAULTS_FUNCTIONS; function++)
        if (!strcmp(argv[1], faults_name(function)))
            return fail_nth(story, function, atol(argv[2]), argc > 3) ? 0 : 1;
    fprintf(stderr, "faults: %s is not one of functions.inc\n", argv[1]);
    return 2;
}
