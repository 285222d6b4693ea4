#include "affinity/threads.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/limits.h"

unsigned qli_threads_each(const char *root, int pid, void (*visit)(void *context, int tid), void *context)
{
    char path[512], process[16] = "self";
    if (pid)
        snprintf(process, sizeof process, "%d", pid);
    snprintf(path, sizeof path, "%.400s/proc/%s/task", root, process);
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

static void folder_of(int pid, int tid, char folder[64])
{
    if (pid)
        snprintf(folder, 64, "/proc/%d/task/%d", pid, tid);
    else
        snprintf(folder, 64, "/proc/self/task/%d", tid);
}

/* "TID (NAME) STATE 4 5 ... 39:PROCESSOR ...": the name may hold anything, so the last ')' ends it. */
bool qli_thread_stat_read(const char *root, int pid, int tid, qli_thread_stat *stat)
{
    char folder[64], text[1024];
    folder_of(pid, tid, folder);
    memset(stat, 0, sizeof *stat);
    stat->migrations = -1;
    if (!qli_file_read(text, sizeof text, root, "%s/stat", folder))
        return false;
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!name || !end || end < name)
        return false;
    snprintf(stat->name, sizeof stat->name, "%.*s", (int)(end - name - 1), name + 1);
    const char *at = end;
    for (unsigned field = 2; field < 39; field++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
        if (field == 2)
            stat->state = *at;
    }
    stat->last_pu_os = (unsigned)strtoul(at, NULL, 10);
    return true;
}

static char *line_of(char *text, const char *name)
{
    char *at = strstr(text, name);
    return at ? at + strlen(name) : NULL;
}

void qli_thread_stat_more(const char *root, int pid, int tid, qli_thread_stat *stat)
{
    char folder[64], text[16384];
    folder_of(pid, tid, folder);
    if (qli_file_read(text, sizeof text, root, "%s/status", folder)) {
        const char *forced = line_of(text, "nonvoluntary_ctxt_switches:\t"),
                   *own = line_of(text, "\nvoluntary_ctxt_switches:\t");
        char *allowed = line_of(text, "Cpus_allowed_list:\t");
        stat->switches = own ? strtoull(own, NULL, 10) : 0;
        stat->forced_switches = forced ? strtoull(forced, NULL, 10) : 0;
        if (allowed) {
            allowed[strcspn(allowed, "\n")] = '\0';
            if (!qli_pu_set_parse(&stat->allowed, allowed))
                qli_pu_set_clear(&stat->allowed);
        }
    }
    if (qli_file_read(text, sizeof text, root, "%s/sched", folder)) {
        const char *migrations = line_of(text, "nr_migrations");
        const char *colon = migrations ? strchr(migrations, ':') : NULL;
        stat->migrations = colon ? strtoll(colon + 1, NULL, 10) : -1;
    }
}
