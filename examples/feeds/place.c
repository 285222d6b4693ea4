#include "examples/feeds/place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of `key` in /proc/self/task/TID/status. */
static bool read_status(const char *tid, const char *key, char *value, size_t size)
{
    char path[64], line[1024];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", tid);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof(line), file)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0 || line + strlen(key) != colon)
            continue;
        const char *start = colon + 1 + strspn(colon + 1, " \t");
        snprintf(value, size, "%.*s", (int)strcspn(start, "\n"), start);
        found = true;
    }
    if (file)
        fclose(file);
    return found;
}

/* The 39th word of /proc/self/task/TID/stat; the second one is in parentheses and may have blanks. */
static int last_pu(const char *tid)
{
    char path[64], line[1024] = "";
    int pu = -1;
    snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", tid);
    FILE *file = fopen(path, "re");
    const char *at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    for (int word = 2; at && word < 39; word++)
        at = strchr(at + 1, ' ');
    if (at)
        sscanf(at, "%d", &pu);
    if (file)
        fclose(file);
    return pu;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const place_thread *)left)->name, ((const place_thread *)right)->name);
}

place_thread *place_find(size_t *count)
{
    place_thread *threads = NULL;
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    *count = 0;
    while (folder && (entry = readdir(folder))) {
        place_thread thread;
        if (!read_status(entry->d_name, "Name", thread.name, sizeof(thread.name)) ||
            strncmp(thread.name, "ql-", 3) != 0 ||
            !read_status(entry->d_name, "Cpus_allowed_list", thread.allowed, sizeof(thread.allowed)))
            continue;
        thread.pu_os = last_pu(entry->d_name);
        place_thread *more = realloc(threads, (*count + 1) * sizeof(*threads));
        if (!more)
            break;
        threads = more;
        threads[(*count)++] = thread;
    }
    if (folder)
        closedir(folder);
    if (threads)
        qsort(threads, *count, sizeof(*threads), by_name);
    return threads;
}

bool place_is_as_planned(const ql_plan *plan, const ql_lane *lane, const place_thread *threads, size_t count)
{
    ql_bound bound = {0};
    bool planned = ql_lane_slot(lane, &bound) && bound.pinned;
    for (unsigned worker = 0; worker < ql_plan_workers(plan); worker++) {
        char name[16], pu[16];
        bool there = false;
        snprintf(name, sizeof(name), "ql-w%u", worker);
        snprintf(pu, sizeof(pu), "%d", ql_plan_worker(plan, worker)->pu_os);
        for (size_t i = 0; i < count; i++)
            there = there || (strcmp(threads[i].name, name) == 0 && strcmp(threads[i].allowed, pu) == 0);
        planned = planned && there;
    }
    return planned;
}
