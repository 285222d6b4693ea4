/* Linked into every program under --config=coverage (tools/coverage). What a process has reached is written when it exits; one that
 * leaves by _exit() or abort(), as children of tests do, writes it here. Each test has a folder of its own: one that is killed while it writes spoils no other's. */
#include <stdio.h>
#include <stdlib.h>

void __gcov_dump(void);

__attribute__((constructor)) static void choose_folder(void)
{
    const char *all = getenv("COVERAGE_FOLDER"), *test = getenv("TEST_TARGET");
    char folder[4096];
    if (all && test && snprintf(folder, sizeof(folder), "%s/%s", all, test) < (int)sizeof(folder))
        setenv("GCOV_PREFIX", folder, 1);
}

__attribute__((noreturn)) void __real__exit(int status);
__attribute__((noreturn)) void __wrap__exit(int status);
__attribute__((noreturn)) void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

__attribute__((noreturn)) void __real_abort(void);
__attribute__((noreturn)) void __wrap_abort(void);
__attribute__((noreturn)) void __wrap_abort(void)
{
    __gcov_dump();
    __real_abort();
}
