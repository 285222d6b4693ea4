#ifndef AFFINITY_THREADS_H
#define AFFINITY_THREADS_H

/* Threads as the kernel sees them: who there is, where each may run. */

#include <stdbool.h>

#include "affinity/pu_set.h"

/* How the names of our own threads begin: "ql-w3", "ql-lane-NAME". */
#define QLI_THREAD_PREFIX "ql-"

/* What /proc says of one thread. */
typedef struct qli_thread_stat {
    char name[32];
    char state; /* 'R' running, 'S' sleeping, ... */
    unsigned last_pu_os;
    unsigned long long switches, forced_switches; /* voluntary and involuntary */
    long long migrations;                         /* -1 = this kernel does not count them */
    qli_pu_set allowed;
} qli_thread_stat;

/* Reads name, state and last PU; pid 0 is this process. False when the thread is gone. */
bool qli_thread_stat_read(const char *root, int pid, int tid, qli_thread_stat *stat);
/* Adds switches, migrations and mask. */
void qli_thread_stat_more(const char *root, int pid, int tid, qli_thread_stat *stat);

/* Calls `visit` for each thread of a process as /proc below `root` lists them; pid 0 is this process. Returns how many
 * there were. */
unsigned qli_threads_each(const char *root, int pid, void (*visit)(void *context, int tid), void *context);

/* Affinity masks; tid 0 is the calling thread. 0 or -errno. */
int qli_thread_mask(int tid, qli_pu_set *mask);
int qli_thread_set_mask(int tid, const qli_pu_set *mask);

#endif
