#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/harness.h"

static void add(bench_field *all, const char *folder, const char *file)
{
    if (all->count < BENCH_FIELD_MAX && bench_program_ask(&all->programs[all->count], folder, file))
        all->count++;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool bench_field_find(bench_field *all, const char *const *ours, unsigned count, const char *peers)
{
    char folder[512];
    struct dirent **files;
    if (!bench_own_folder(folder, sizeof(folder)))
        return false;
    for (unsigned i = 0; i < count; i++) {
        add(all, folder, ours[i]);
        if (all->count != i + 1) {
            fprintf(stderr, "%s is not in %s: build //bench/...\n", ours[i], folder);
            return false;
        }
    }
    int n = scandir(peers, &files, NULL, by_name);
    for (int i = 0; i < n; i++) {
        if (*files[i]->d_name != '.')
            add(all, peers, files[i]->d_name);
        free(files[i]);
    }
    if (n >= 0)
        free(files);
    if (all->count == count)
        fprintf(stderr, "no peers in %s: bench/peers/setup builds them\n", peers);
    return true;
}
