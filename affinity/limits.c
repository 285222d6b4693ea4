#include "affinity/limits.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/threads.h"

bool qli_file_read(char *text, size_t text_size, const char *root, const char *path_format, ...)
{
    char path[4096 + 256];
    size_t start = strlen(root);
    if (start >= sizeof path)
        return false;
    memcpy(path, root, start + 1);
    va_list args;
    va_start(args, path_format);
    int length = vsnprintf(path + start, sizeof path - start, path_format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof path - start)
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    size_t at = 0;
    ssize_t got = 1;
    while (at + 1 < text_size && (got = read(file, text + at, text_size - 1 - at)) > 0)
        at += (size_t)got;
    close(file);
    text[at] = '\0';
    return got >= 0;
}

/* ---- Quota ---- */

static void quota_seen(qli_limits *limits, long long quota_us, long long period_us, const char *file)
{
    if (quota_us <= 0 || period_us <= 0 || quota_us > INT64_MAX / 1000)
        return;
    uint64_t milli = (uint64_t)quota_us * 1000 / (uint64_t)period_us;
    milli = milli ? milli : 1;
    if (limits->quota_milli && limits->quota_milli <= milli)
        return;
    limits->quota_milli = milli;
    snprintf(limits->quota_file, sizeof limits->quota_file, "%s", file);
}

/* One folder of a cgroup hierarchy. */
static void quota_of(qli_limits *limits, const char *root, const char *folder, bool v2)
{
    char text[64], period[64], file[256];
    if (v2) {
        long long quota_us, period_us;
        if (qli_file_read(text, sizeof text, root, "%s/cpu.max", folder) &&
            sscanf(text, "%lld %lld", &quota_us, &period_us) == 2) {
            snprintf(file, sizeof file, "%.240s/cpu.max", folder);
            quota_seen(limits, quota_us, period_us, file);
        }
        return;
    }
    if (qli_file_read(text, sizeof text, root, "%s/cpu.cfs_quota_us", folder) &&
        qli_file_read(period, sizeof period, root, "%s/cpu.cfs_period_us", folder)) {
        snprintf(file, sizeof file, "%.230s/cpu.cfs_quota_us", folder);
        quota_seen(limits, atoll(text), atoll(period), file);
    }
}

/* A cpuset partition of type isolated behaves like isolcpus for those inside. */
static void partition_of(qli_limits *limits, const char *root, const char *folder)
{
    char text[16384];
    qli_pu_set set;
    if (qli_file_read(text, sizeof text, root, "%s/cpuset.cpus.isolated", folder) &&
        qli_pu_set_parse(&set, text))
        qli_pu_set_or(&limits->isolated, &set);
    if (qli_file_read(text, sizeof text, root, "%s/cpuset.cpus.partition", folder) &&
        strcmp(text, "isolated\n") == 0 &&
        qli_file_read(text, sizeof text, root, "%s/cpuset.cpus.effective", folder) &&
        qli_pu_set_parse(&set, text))
        qli_pu_set_or(&limits->isolated, &set);
}

/* A limit holds for everything below it, so every folder from the leaf up to the mount is asked. */
static void walk_up(qli_limits *limits, const char *root, const char *mount, const char *below, bool v2)
{
    char folder[4096 + 256];
    size_t top = strlen(mount);
    int printed = snprintf(folder, sizeof folder, "%s%s", mount, below);
    if (printed < 0 || (size_t)printed >= sizeof folder)
        return;
    for (size_t length = (size_t)printed;;) {
        while (length > top && folder[length - 1] == '/')
            length--;
        folder[length] = '\0';
        quota_of(limits, root, folder, v2);
        if (v2)
            partition_of(limits, root, folder);
        if (length <= top)
            return;
        while (length > top && folder[length - 1] != '/')
            length--;
    }
}

/* mountinfo writes blanks and backslashes as three octal digits. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && from[1] && from[2] && from[3]) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static bool in_list(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

/* Finds our own path in the hierarchy: v2 has no controller names ("0::/path"), v1 has ("4:cpu,cpuacct:/path"). */
static bool own_path(const char *cgroup, bool v2, char *path, size_t path_size)
{
    char line[4096 + 64];
    for (const char *at = cgroup; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        int length = (int)strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", length, at);
        char *controllers = strchr(line, ':');
        char *own = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!own)
            continue;
        *own++ = '\0';
        controllers++;
        if (v2 ? *controllers == '\0' : in_list(controllers, "cpu")) {
            snprintf(path, path_size, "%s", own);
            return true;
        }
    }
    return false;
}

/* One line of mountinfo: "36 35 98:0 /root /mount opts ... - type source super-opts". */
static void read_mount(qli_limits *limits, const char *root, const char *cgroup, char *line)
{
    char mount_root[4096], mount[4096], type[32], super[1024], own[4096];
    char *dash = strstr(line, " - ");
    if (!dash || sscanf(line, "%*s %*s %*s %4095s %4095s", mount_root, mount) != 2 ||
        sscanf(dash, " - %31s %*s %1023s", type, super) != 2)
        return;
    bool v2 = strcmp(type, "cgroup2") == 0;
    if (!v2 && !(strcmp(type, "cgroup") == 0 && in_list(super, "cpu")))
        return;
    if (!own_path(cgroup, v2, own, sizeof own))
        return;
    unescape(mount_root);
    unescape(mount);
    /* A container sees its own group as the mount's root. What is not below it cannot be seen from here. */
    const char *below = own;
    size_t root_length = strlen(mount_root);
    if (root_length > 1)
        below = strncmp(own, mount_root, root_length) == 0 ? own + root_length : "";
    if (strstr(below, "/.."))
        below = "";
    walk_up(limits, root, strcmp(mount, "/") == 0 ? "" : mount, below, v2);
}

static void read_cgroups(qli_limits *limits, const char *root, const char *process)
{
    enum { CGROUP = 16384, MOUNTS = 262144 };
    char *cgroup = malloc(CGROUP + MOUNTS);
    if (!cgroup)
        return;
    char *mounts = cgroup + CGROUP;
    if (qli_file_read(cgroup, CGROUP, root, "/proc/%s/cgroup", process) &&
        qli_file_read(mounts, MOUNTS, root, "/proc/%s/mountinfo", process))
        for (char *line = mounts, *next; *line; line = next) {
            next = line + strcspn(line, "\n");
            if (*next)
                *next++ = '\0';
            read_mount(limits, root, cgroup, line);
        }
    free(cgroup);
}

/* ---- sysfs ---- */

static void read_list(const char *root, const char *path, qli_pu_set *set)
{
    char text[16384];
    if (!qli_file_read(text, sizeof text, root, "%s", path) || !qli_pu_set_parse(set, text))
        qli_pu_set_clear(set);
}

void qli_limits_read(const char *root, int pid, qli_limits *limits)
{
    char process[16] = "self";
    if (pid)
        snprintf(process, sizeof process, "%d", pid);
    limits->quota_milli = 0;
    limits->quota_file[0] = '\0';
    read_list(root, "/sys/devices/system/cpu/isolated", &limits->isolated);
    read_list(root, "/sys/devices/system/cpu/nohz_full", &limits->nohz_full);
    read_list(root, "/sys/devices/cpu_core/cpus", &limits->type_pus[0]);
    read_list(root, "/sys/devices/cpu_atom/cpus", &limits->type_pus[1]);
    read_list(root, "/sys/devices/cpu_lowpower/cpus", &limits->type_pus[2]);
    read_cgroups(limits, root, process);
}

struct mask {
    qli_pu_set *all;
    bool own; /* of this process */
};

/* A thread that another runtime of this process has pinned says nothing about what we may use. */
static bool is_pinned_by_us(int tid, const qli_pu_set *mask)
{
    qli_thread_stat stat;
    return qli_pu_set_count(mask) == 1 && tid != gettid() && qli_thread_stat_read("", 0, tid, &stat) &&
           strncmp(stat.name, QLI_THREAD_PREFIX, sizeof QLI_THREAD_PREFIX - 1) == 0;
}

static void add_mask(void *context, int tid)
{
    const struct mask *mask = context;
    qli_pu_set one;
    if (qli_thread_mask(tid, &one) == 0 && !(mask->own && is_pinned_by_us(tid, &one)))
        qli_pu_set_or(mask->all, &one);
}

bool qli_limits_mask(int pid, qli_pu_set *mask)
{
    struct mask all = {mask, pid == 0};
    qli_pu_set_clear(mask);
    qli_threads_each("", pid, add_mask, &all);
    if (qli_pu_set_empty(mask) && pid == 0)
        add_mask(&all, 0); /* no /proc here: the calling thread speaks for all */
    return !qli_pu_set_empty(mask);
}

void qli_limits_of(const qli_machine *machine, const char *root, int pid, qli_limits *limits)
{
    memset(limits, 0, sizeof *limits);
    if (machine->simulated) {
        limits->inherited = machine->allowed;
        return;
    }
    qli_limits_read(root, pid, limits);
    limits->omp_binds = getenv("OMP_PROC_BIND") != NULL;
    if (!qli_limits_mask(pid, &limits->inherited))
        limits->inherited = machine->allowed;
}
