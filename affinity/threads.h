#ifndef AFFINITY_THREADS_H
#define AFFINITY_THREADS_H

/* Threads as the kernel sees them: who there is, where each may run. */

#include "affinity/pu_set.h"

/* Calls `visit` for each thread of a process; pid 0 is this process. Returns how many there were. */
unsigned qli_threads_each(int pid, void (*visit)(void *context, int tid), void *context);

/* Affinity masks; tid 0 is the calling thread. 0 or -errno. */
int qli_thread_mask(int tid, qli_pu_set *mask);
int qli_thread_set_mask(int tid, const qli_pu_set *mask);

#endif
