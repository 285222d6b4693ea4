/* faults.c: counts calls, and decides which of them fails. */
#include "tests/support/faults/faults.h"

#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/faults/internal.h"

static const struct {
    const char *name;
    enum faults_group group;
} functions[FAULTS_FUNCTIONS] = {
#define X(group_, type, name_, parameters, arguments, error, result) \
    [FAULTS_##name_] = {.name = #name_, .group = group_},
#include "tests/support/faults/functions.inc"
#undef X
    [FAULTS_syscall] = {.name = "syscall", .group = SYSTEM},
};

static faults_run nothing = {.target = FAULTS_FUNCTIONS};
faults_run *faults_now = &nothing;

static _Atomic(const char *) forbidden;
static _Thread_local bool forbidden_here;
static _Thread_local bool inside; /* of this file: its own calls are nobody's */

const char *faults_name(enum faults_function function)
{
    return functions[function].name;
}

bool faults_happened(void)
{
    return __atomic_load_n(&faults_now->failed, __ATOMIC_RELAXED) > 0;
}

const char *faults_which(void)
{
    return faults_happened() ? faults_name(faults_now->target) : "nothing";
}

void faults_pause(void)
{
    __atomic_store_n(&faults_now->telling, false, __ATOMIC_RELAXED);
}

void faults_resume(void)
{
    __atomic_store_n(&faults_now->telling, true, __ATOMIC_RELAXED);
}

void faults_forbid_here(bool now)
{
    forbidden_here = now;
}

void faults_forbid(const char *function)
{
    atomic_store(&forbidden, function);
}

static void print_stack(const char *what, enum faults_function function)
{
    void *frames[24];
    int count = backtrace(frames, 24);
    dprintf(STDERR_FILENO, "faults: %s %s here:\n", faults_name(function), what);
    /* the first two are this file's */
    backtrace_symbols_fd(frames + 2, count > 2 ? count - 2 : 0, STDERR_FILENO);
}

static void refuse_forbidden(enum faults_function function)
{
    const char *name = atomic_load(&forbidden);
    bool named = name && !strcmp(name, faults_name(function));
    bool allocates = name && !strcmp(name, "alloc") && functions[function].group == ALLOC;
    if (!named && !allocates && !forbidden_here)
        return;
    print_stack("was promised not to be called, but is, from", function);
    abort();
}

bool faults_must_fail(enum faults_function function)
{
    if (inside || !__atomic_load_n(&faults_now->telling, __ATOMIC_RELAXED))
        return false;
    int saved = errno;
    inside = true;
    refuse_forbidden(function);
    long call = __atomic_add_fetch(&faults_now->calls[function], 1, __ATOMIC_RELAXED);
    bool fails = function == faults_now->target &&
                 (call == faults_now->nth || (faults_now->for_ever && call > faults_now->nth));
    if (fails && !__atomic_fetch_add(&faults_now->failed, 1, __ATOMIC_RELAXED))
        print_stack("fails", function);
    inside = false;
    errno = saved;
    return fails;
}
