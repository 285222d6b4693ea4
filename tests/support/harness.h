#ifndef TESTS_SUPPORT_HARNESS_H
#define TESTS_SUPPORT_HARNESS_H

/* The test harness.
 *
 *     QLT(inbox, keeps_each_producers_order)
 *     {
 *         qlt_eq_int(qli_inbox_size(&inbox), 0);
 *     }
 *
 * A test is named by the promise it keeps. It is a Criterion test, in a process of its own; where Criterion cannot
 * start (ThreadSanitizer, or --define=harness=in_process) it runs in this process, after the one before it.
 *
 * A test fails when a check fails, on whatever thread, and when it ends with more threads or descriptors than it began
 * with; built with AddressSanitizer also when it leaks. The first failure ends the test with one line on stderr. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef QLT_IN_PROCESS
#define QLT_REGISTER_(unit, promise, body)                                         \
    __attribute__((constructor)) static void qlt_register_##unit##_##promise(void) \
    {                                                                              \
        static struct qlt_test test = {#unit, #promise, body, NULL};               \
        qlt_register_(&test);                                                      \
    }
#else
#include <criterion/criterion.h>
#define QLT_REGISTER_(unit, promise, body) \
    Test(unit, promise, .disabled = 0)     \
    {                                      \
        qlt_run_(#unit, #promise, body);   \
    }
#endif

#define QLT(unit, promise)                                    \
    static void qlt_body_##unit##_##promise(void);            \
    QLT_REGISTER_(unit, promise, qlt_body_##unit##_##promise) \
    static void qlt_body_##unit##_##promise(void)

/* Checks. Callable from any thread; each argument is evaluated once. */
#define qlt_check(condition) ((condition) ? (void)0 : qlt_fail("not true: %s", #condition))
#define qlt_eq_int(found, expected) \
    qlt_eq_int_(__FILE__, __LINE__, #found, (intmax_t)(found), (intmax_t)(expected))
#define qlt_eq_uint(found, expected) \
    qlt_eq_uint_(__FILE__, __LINE__, #found, (uintmax_t)(found), (uintmax_t)(expected))
#define qlt_eq_ptr(found, expected) qlt_eq_ptr_(__FILE__, __LINE__, #found, (found), (expected))
#define qlt_eq_str(found, expected) qlt_eq_str_(__FILE__, __LINE__, #found, (found), (expected))
/* `text` contains `part`. */
#define qlt_has_str(text, part) qlt_has_str_(__FILE__, __LINE__, #text, (text), (part))
#define qlt_fail(...) qlt_fail_(__FILE__, __LINE__, __VA_ARGS__)
/* `body` runs in a child process, which must abort and whose stderr must contain `text`. The test is single-threaded
 * when it calls this: a fork copies only the calling thread. */
#define qlt_dies_with(body, text) qlt_dies_with_(__FILE__, __LINE__, (body), (text))

/* This process, a child that a test made, will end without cleaning up: LeakSanitizer lets it. */
void qlt_ends_untidily(void);

/* The seed of every random choice in this process: QLANE_SEED if set, else fresh. Printed the first time. */
uint64_t qlt_seed(void);

/* The next number of a stream that starts anywhere: uint64_t stream = qlt_seed() + producer. */
uint64_t qlt_random(uint64_t *stream);

/* Runs `promise` with 1, 2 and N workers, N being the usable cores but at least 4: more than the machine may have. */
void qlt_workers_each(void (*promise)(unsigned workers));

/* A gate counts steps, and threads wait until it has come to the step they need. Gates put threads in order without
 * sleeping; a step that does not come in time (30 s, or QLT_PATIENCE_S) fails the test.
 *
 *     static qlt_gate gate = QLT_GATE_INIT;
 *     thread A: qlt_gate_open(&gate, 1);  qlt_gate_wait(&gate, 2);
 *     thread B: qlt_gate_wait(&gate, 1);  qlt_gate_open(&gate, 2); */
typedef struct qlt_gate {
    unsigned step;
} qlt_gate;

#define QLT_GATE_INIT \
    {                 \
        0             \
    }

/* The gate is now at `step`; it never goes back. */
void qlt_gate_open(qlt_gate *gate, unsigned step);
/* One step further: N threads that arrive bring it to N. */
void qlt_gate_arrive(qlt_gate *gate);
void qlt_gate_wait(qlt_gate *gate, unsigned step);

/* Only for the macros above. */
struct qlt_test {
    const char *unit, *promise;
    void (*body)(void);
    struct qlt_test *next;
};

extern const char *qlt_unit_, *qlt_promise_;
int qlt_patience_s_(void);
void qlt_register_(struct qlt_test *test);
void qlt_run_(const char *unit, const char *promise, void (*body)(void));
void qlt_eq_int_(const char *file, int line, const char *what, intmax_t found, intmax_t expected);
void qlt_eq_uint_(const char *file, int line, const char *what, uintmax_t found, uintmax_t expected);
void qlt_eq_ptr_(const char *file, int line, const char *what, const void *found, const void *expected);
void qlt_eq_str_(const char *file, int line, const char *what, const char *found, const char *expected);
void qlt_has_str_(const char *file, int line, const char *what, const char *text, const char *part);
void qlt_dies_with_(const char *file, int line, void (*body)(void), const char *text);
__attribute__((noreturn, format(printf, 3, 4))) void qlt_fail_(const char *file, int line, const char *format,
                                                               ...);

#endif
