#ifndef AFFINITY_TRIAL_H
#define AFFINITY_TRIAL_H

#include <stdbool.h>

/* Runs `body` in a child process first, to see whether it returns: hwloc trusts the files it reads, and one that
 * contradicts itself can make it crash, stop on an assertion or run for ever. False when it did not return. True also where no child
 * can be made. The child is silent, leaves no core file, and runs none of the caller's signal handlers. */
bool qli_trial(void (*body)(void *context), void *context);

#endif
