/* qinit(): options, licence, signal handlers, modes. */
#include "tests/support/libq_standin/api.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_interrupt(int number)
{
    (void)number;
    si_state.interrupted = 1;
}

static void on_terminate(int number)
{
    (void)number;
    static const char text[] = "libq_standin: its own SIGTERM handler runs\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    _exit(15);
}

void si_check_interrupt(void)
{
    if (!si_state.interrupted)
        return;
    si_state.interrupted = 0;
    si_raise("stop");
}

/* Rule 9: libq takes both signals for itself. */
static void take_signals(void)
{
    struct sigaction interrupt = {.sa_handler = on_interrupt}, terminate = {.sa_handler = on_terminate};
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &terminate, NULL);
}

static enum si_mode mode_named(const char *name)
{
    static const char *const names[] = {"plain", "no_licence", "init_fails", "slow",
                                        "error", "crash",      "callbacks"};
    for (int i = 0; name && i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(names[i], name) == 0)
            return (enum si_mode)i;
    }
    if (name && *name)
        si_abort("LIBQ_STANDIN_MODE=%s: there is no such mode", name);
    return SI_PLAIN;
}

static long long number_of(const char *name, long long otherwise)
{
    const char *text = getenv(name);
    return text ? atoll(text) : otherwise;
}

static int cpus_here(void)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    return sched_getaffinity(0, sizeof(mask), &mask) ? 0 : CPU_COUNT(&mask);
}

static void *count_cpus(void *arg)
{
    *(int *)arg = cpus_here();
    return NULL;
}

/* Rule 10: a thread of -s has the mask of the thread that starts it. */
static void look_from_a_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, count_cpus, &si_state.threads_cpus))
        si_abort("no thread for -s");
    pthread_join(thread, NULL);
}

int libq_standin_threads_cpus(void)
{
    return si_state.threads_cpus;
}

static void read_options(int argc, char **argv)
{
    if (argc < 1 || !argv || argv[argc])
        si_abort("qinit(): argv has no NULL at its end");
    for (int i = 0; i + 1 < argc; i++) {
        long long value = atoll(argv[i + 1]);
        if (strcmp(argv[i], "-w") == 0)
            si_state.limit = value * 1024 * 1024;
        if (strcmp(argv[i], "-t") == 0)
            si_state.timer_ms = value;
        if (strcmp(argv[i], "-s") == 0 && value > 0)
            look_from_a_thread();
    }
}

int qinit(int argc, char **argv, char *qhome, char *qlic, char *qqq)
{
    (void)qhome, (void)qlic, (void)qqq;
    if (si_state.ready)
        si_abort("qinit() a second time in one process");
    take_signals();
    si_state.mode = mode_named(getenv("LIBQ_STANDIN_MODE"));
    si_state.slow_ms = number_of("LIBQ_STANDIN_SLOW_MS", 20);
    if (si_state.mode == SI_NO_LICENCE) {
        fputs("licence error: k4.lic\n", stderr);
        return 1;
    }
    if (si_state.mode == SI_INIT_FAILS)
        return 2;
    read_options(argc, argv);
    long long licensed = number_of("LIBQ_STANDIN_CORES", 0);
    if (licensed && cpus_here() > licensed) {
        fputs("'cores\n", stderr);
        return 3;
    }
    si_own();
    si_watch_thread();
    return 0;
}

/* ---- References that only the host can hold ---- */

static long long held;

static void count_edges(K object, bool root);

static void count_child(K child)
{
    if (child)
        count_edges(child, true);
}

static void count_edges(K object, bool root)
{
    held += root;
    if (!si_first_visit(object))
        return;
    if (object->t == TTABLE) {
        count_child(object->k);
    } else if (object->t == TPROGRAM) {
        si_program_each(object, count_child);
    } else if (object->t == TLAMBDA) {
        count_child(si_items(object)[0]);
    } else if (si_holds_objects(object->t)) {
        for (J i = 0; i < object->n; i++)
            count_child(si_items(object)[i]);
    }
}

static void count_global(const char *name, K value, void *arg)
{
    (void)name, (void)arg;
    count_edges(value, true);
}

long long libq_standin_objects(void)
{
    return si_state.objects;
}

long long libq_standin_references(void)
{
    si_enter("libq_standin_references");
    held = 0;
    si_new_visit();
    si_globals_each(count_global, NULL);
    return si_state.references - held;
}
