/* What the environment and options choose, each in a process of its own: none of these tests initialises the library here. */
#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The end that the parent waits for. */
static void came_here(void)
{
    fputs("came here\n", stderr);
    abort();
}

static void memory(void)
{
    qlt_eq_int(host_init("-w", "1"), 0);
    host_expect("til 1000000", "'wsfull");
    qlt_check(q.ktn(QL_Q_LONG, 1000000) == NULL);
    host_expect("t:([]a:til 10)", "::");
    host_expect("{do[30;`t upsert t];count t}[]", "'wsfull");
    host_expect("sum til 10", "45");
    came_here();
}

QLT(modes, memory_is_bounded_and_survives)
{
    qlt_dies_with(memory, "came here");
}

static void init_in_mode(const char *mode)
{
    setenv("LIBQ_STANDIN_MODE", mode, 1);
    qlt_eq_int(host_init("-s", "0"), 0);
}

static void errors(void)
{
    init_in_mode("error");
    K answer = q.k(0, "1+1", (K)0);
    qlt_check(answer && answer->t == QL_Q_ERROR);
    qlt_eq_str(answer->s, "mode");
    came_here();
}

QLT(modes, error_fails_everything)
{
    qlt_dies_with(errors, "came here");
}

static void on_crash(int number)
{
    (void)number;
    abort();
}

static void crash(void)
{
    signal(SIGSEGV, on_crash);
    init_in_mode("crash");
    q.k(0, "1+1", (K)0);
}

QLT(modes, crash_ends_in_the_first_call)
{
    qlt_dies_with(crash, "");
}

static long long number(const char *text)
{
    K value = q.k(0, text, (K)0);
    qlt_check(value && value->t == -QL_Q_LONG);
    long long found = value->j;
    q.r0(value);
    return found;
}

static void callbacks(void)
{
    init_in_mode("callbacks");
    q.r0(q.k(0, "n:0", (K)0));
    q.r0(q.k(0, ".standin.callback:{n::n+1}", (K)0));
    qlt_eq_int(number("n"), 1);
    qlt_eq_int(number("n"), 2);
    came_here();
}

QLT(modes, callbacks_begin_each_call)
{
    qlt_dies_with(callbacks, "came here");
}

/* Of an evaluation, in the clock that no one sets. */
static double took_ms(const char *text)
{
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    q.r0(q.k(0, text, (K)0));
    clock_gettime(CLOCK_MONOTONIC, &ended);
    return (double)(ended.tv_sec - began.tv_sec) * 1e3 + (double)(ended.tv_nsec - began.tv_nsec) / 1e6;
}

static void slow(void)
{
    setenv("LIBQ_STANDIN_SLOW_MS", "30", 1);
    init_in_mode("slow");
    qlt_check(took_ms("1+1") >= 30);
    qlt_check(took_ms("1+1") >= 30);
    qlt_eq_int(number("6*7"), 42);
    came_here();
}

QLT(modes, slow_takes_its_time_over_each_call)
{
    qlt_dies_with(slow, "came here");
}

static void unknown(void)
{
    setenv("LIBQ_STANDIN_MODE", "no_such", 1);
    host_init("-s", "0");
}

QLT(modes, a_mode_that_there_is_not_is_said)
{
    qlt_dies_with(unknown, "there is no such mode");
}

/* ---- What the language asks of the process ---- */

static void at_exit(void)
{
    fputs("atexit of the host\n", stderr);
    abort();
}

static void exits(void)
{
    init_in_mode("plain");
    atexit(at_exit);
    q.k(0, "exit 0", (K)0);
    fputs("it went on\n", stderr);
}

/* exit() and no less: what the host has left for its end is done. */
QLT(modes, exit_in_q_is_exit)
{
    qlt_dies_with(exits, "atexit of the host");
}

static void loads(void)
{
    char path[] = "/tmp/standin-XXXXXX", text[64];
    static const char script[] = "n:40\nadd:{[x;y]\n  x+y}\nm:add[n;2]\n", wrong[] = "n:41\n1+`a\nn:42\n";
    int fd = mkstemp(path);
    init_in_mode("plain");
    qlt_check(fd >= 0 && write(fd, script, sizeof(script) - 1) == sizeof(script) - 1);
    snprintf(text, sizeof(text), "\\l %s", path);
    host_expect(text, "::");
    host_expect("m", "42");
    snprintf(text, sizeof(text), "system \"l %s\"", path);
    host_expect("m:0", "::");
    host_expect(text, "::");
    host_expect("m", "42");
    qlt_check(ftruncate(fd, 0) == 0 && pwrite(fd, wrong, sizeof(wrong) - 1, 0) == sizeof(wrong) - 1);
    host_expect(text, "'type");
    host_expect("n", "41");
    close(fd);
    unlink(path);
    K answer = q.k(0, "\\l /no/such/script.q", (K)0);
    qlt_check(answer && answer->t == QL_Q_ERROR);
    qlt_has_str(answer->s, "/no/such/script.q");
    q.r0(answer);
    came_here();
}

QLT(modes, a_script_is_loaded_as_far_as_it_goes)
{
    qlt_dies_with(loads, "came here");
}

/* It keeps the interval and the function: embedded q has no loop that would call it. */
static void timer(void)
{
    init_in_mode("plain");
    host_expect("\\t", "0i");
    host_expect("\\t 1", "::");
    host_expect("\\t", "1i");
    host_expect("ticks:0", "::");
    host_expect(".z.ts:{ticks::ticks+1;at::x}", "::");
    host_expect("ticks", "0");
    host_expect(".z.ts .z.p;ticks", "1");
    host_expect("type at", "-12h");
    host_expect("at within .z.p-1D 0D", "1b");
    came_here();
}

QLT(modes, the_timer_is_the_hosts_business)
{
    qlt_dies_with(timer, "came here");
}

static void one_short(void)
{
    void *library = dlopen(getenv("LIBQ_SHORT"), RTLD_NOW | RTLD_LOCAL);
    qlt_check(library != NULL);
    int missing = 0;
#define COUNT(result, name, parameters) missing += !dlsym(library, #name);
    QL_Q_FUNCTIONS(COUNT)
#undef COUNT
    qlt_eq_int(missing, 1);
    qlt_check(!dlsym(library, "sd0x"));
    came_here();
}

QLT(modes, the_short_library_lacks_one_function)
{
    qlt_dies_with(one_short, "came here");
}

/* ---- Objects that lie ---- */

static void lies(void)
{
    static const char *const names[] = {".bad.length", ".bad.beyond", ".bad.ragged", ".bad.deep",
                                        ".bad.type",   ".bad.null",   ".bad.symbol"};
    qlt_eq_int(host_init("-s", "0"), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        K object = q.k(0, names[i], (K)0);
        qlt_check(object && object->t != QL_Q_ERROR);
        q.r0(object);
        qlt_eq_int(host_references(), 0);
    }
    came_here();
}

QLT(modes, objects_that_lie_are_released)
{
    qlt_dies_with(lies, "came here");
}
