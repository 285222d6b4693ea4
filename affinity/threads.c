#include "affinity/threads.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

unsigned qli_threads_each(int pid, void (*visit)(void *context, int tid), void *context)
{
    char path[32] = "/proc/self/task";
    if (pid)
        snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        int tid = atoi(entry->d_name);
        if (tid > 0) {
            visit(context, tid);
            count++;
        }
    }
    closedir(folder);
    return count;
}

/* qli_pu_set has the kernel's layout of a mask (an array of words, lowest CPU first), as glibc's cpu_set_t has. */
int qli_thread_mask(int tid, qli_pu_set *mask)
{
    qli_pu_set_clear(mask);
    return sched_getaffinity(tid, sizeof *mask, (cpu_set_t *)(void *)mask) < 0 ? -errno : 0;
}

int qli_thread_set_mask(int tid, const qli_pu_set *mask)
{
    return sched_setaffinity(tid, sizeof *mask, (const cpu_set_t *)(const void *)mask) < 0 ? -errno : 0;
}
