/* Linked into every program under --config=coverage (tools/coverage). What a process has reached is written when it exits; one that
 * leaves by _exit() or abort(), as children of tests do, writes it here. */
#include <stdlib.h>

void __gcov_dump(void);

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
