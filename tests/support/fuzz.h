#ifndef TESTS_SUPPORT_FUZZ_H
#define TESTS_SUPPORT_FUZZ_H

/* A fuzz target is one function, under a name that libFuzzer knows too. It returns 0, and aborts when what it tries
 * breaks a promise. qlane_fuzz() in tools/defs.bzl makes a test of it (the seeds and mutations of them, any compiler)
 * and a libFuzzer program (clang, tools/check.d/fuzz). */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
