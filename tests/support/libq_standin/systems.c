/* What asks the process: clocks, files, options, the end. */
#include "tests/support/libq_standin/standin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400000000000LL

static J now(bool local)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    J seconds = at.tv_sec;
    if (local) {
        struct tm parts;
        localtime_r(&at.tv_sec, &parts);
        seconds += parts.tm_gmtoff;
    }
    return (seconds - 946684800) * 1000000000 + at.tv_nsec;
}

K si_system_name(const char *name)
{
    if (strncmp(name, ".z.", 3) != 0 || !name[3] || name[4])
        return NULL;
    bool local = strchr("PDTNZ", name[3]) != NULL;
    switch (name[3]) {
    case 'p':
    case 'P':
        return si_atom_long(TP, now(local));
    case 'd':
    case 'D':
        return si_atom_long(TD, now(local) / DAY);
    case 't':
    case 'T':
        return si_atom_long(TT, now(local) % DAY / 1000000);
    case 'n':
    case 'N':
        return si_atom_long(TN, now(local) % DAY);
    case 'z':
    case 'Z':
        return si_atom_float(TZ, (double)now(local) / (double)DAY);
    case 'i':
        return si_atom_long(TI, getpid());
    case 'w':
        return si_atom_long(TI, si_connection_in_hand);
    case 'K':
        return si_atom_float(TF, 4.0);
    case 'o':
        return si_symbol(si_intern("l64", 3));
    default:
        return NULL;
    }
}

static K load(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *from = fopen(path, "r");
    if (!from)
        si_raisef("%s. OS reports: %s", path, strerror(errno));
    ssize_t length = getdelim(&text, &size, 0, from);
    fclose(from);
    K whole = si_text(length > 0 ? text : "", length > 0 ? length : 0);
    free(text);
    return si_eval_text(ql_q_items(whole), (size_t)whole->n);
}

K si_system(const char *command)
{
    const char *argument = command + strcspn(command, " ");
    argument += strspn(argument, " ");
    if (strncmp(command, "l ", 2) == 0)
        return load(argument), si_identity();
    if (command[0] == 't' && (command[1] == ' ' || !command[1])) {
        if (*argument)
            si_state.timer_ms = atoll(argument);
        return *argument ? si_identity() : si_atom_long(TI, si_state.timer_ms);
    }
    if (strcmp(command, "w") == 0) {
        K sizes = si_make(TJ, 6);
        memset(ql_q_items(sizes), 0, 6 * sizeof(J));
        ((J *)ql_q_items(sizes))[0] = si_state.bytes;
        ((J *)ql_q_items(sizes))[3] = si_state.limit;
        return sizes;
    }
    si_raise("nyi");
}

static K system_verb(K x)
{
    if (abs(x->t) != TC)
        si_raise("type");
    return si_system(si_intern(si_data(x), (size_t)si_count(x)));
}

static K show(K x)
{
    K text = si_show(x);
    fwrite(ql_q_items(text), 1, (size_t)text->n, stdout);
    fflush(stdout);
    return si_identity();
}

static K exit_verb(K x)
{
    exit((int)si_long(x, 0));
}

/* ---- What only the stand-in has ---- */

static K nap(K x)
{
    J ms = si_long(x, 0);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) && errno == EINTR)
        si_check_interrupt();
    return si_identity();
}

static K crash(K x)
{
    (void)x;
    raise(SIGSEGV);
    return si_identity();
}

const struct si_primitive si_systems[] = {
    {"system", system_verb, NULL, NULL, false},   {"show", show, NULL, NULL, false},
    {"exit", exit_verb, NULL, NULL, false},       {".standin.sleep", nap, NULL, NULL, false},
    {".standin.crash", crash, NULL, NULL, false}, {0},
};
