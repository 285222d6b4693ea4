/* How often this process has asked the kernel to wake a thread. qlane's only door to the futex is syscall(); the linker sends
 * it through wakes.c (--wrap=syscall). */
#ifndef BENCH_WAKES_H
#define BENCH_WAKES_H

#include <stdint.h>

uint64_t bench_wakes(void);

#endif
