#include "tests/support/harness.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a test may stand still before it counts as stuck. */
int qlt_patience_s_(void)
{
    const char *given = getenv("QLT_PATIENCE_S");
    int seconds = given ? atoi(given) : 0;

    return seconds > 0 ? seconds : 30;
}

const char *qlt_unit_ = "no test", *qlt_promise_ = "is running";

/* --- checks --- */

void qlt_fail_(const char *file, int line, const char *format, ...)
{
    char text[2048];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s %s: %s\n", file, line, qlt_unit_, qlt_promise_, text);
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
    fprintf(stderr, "%s %s: QLANE_SEED=%" PRIu64 " replays this\n", qlt_unit_, qlt_promise_, seed);
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
    deadline.tv_sec += qlt_patience_s_();
    pthread_mutex_lock(&gate_lock);
    while (gate->step < step && !error) {
        error = pthread_cond_timedwait(&gate_moved, &gate_lock, &deadline);
    }
    reached = gate->step;
    pthread_mutex_unlock(&gate_lock);
    if (reached < step) {
        qlt_fail("waited %d s for step %u of a gate that stands at %u", qlt_patience_s_(), step, reached);
    }
}
