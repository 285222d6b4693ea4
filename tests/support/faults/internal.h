/* internal.h: between the wrappers and the sweep. */
#ifndef TESTS_SUPPORT_FAULTS_INTERNAL_H
#define TESTS_SUPPORT_FAULTS_INTERNAL_H

#include <stdbool.h>

enum faults_group { ALLOC, MAP, THREAD, PLACE, FILES, HWLOC, SQLITE, SYSTEM };

enum faults_function {
#define X(group, type, name, parameters, arguments, error, result) FAULTS_##name,
#include "tests/support/faults/functions.inc"
#undef X
    FAULTS_syscall,
    FAULTS_FUNCTIONS
};

/* Shared by the parent with the child that runs the story. */
typedef struct {
    long calls[FAULTS_FUNCTIONS];
    long failed;                 /* calls that were made to fail */
    enum faults_function target; /* FAULTS_FUNCTIONS: none fails */
    long nth;
    bool for_ever;
    bool telling; /* calls outside of the story are the sweep's own */
} faults_run;

extern faults_run *faults_now;

const char *faults_name(enum faults_function function);

/* Every wrapper asks here. Keeps the caller's errno. */
bool faults_must_fail(enum faults_function function);

#endif
