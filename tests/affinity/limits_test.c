#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "affinity/limits.h"
#include "affinity/threads.h"
#include "tests/support/harness.h"

/* Trees of /proc and /sys that we write. */

static char root[64];

static void tree_begin(void)
{
    snprintf(root, sizeof root, "/tmp/qlane-limits-XXXXXX");
    qlt_check(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void tree_end(void)
{
    qlt_eq_int(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0755);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    qlt_check(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static uint64_t quota(const char *file)
{
    static qli_limits limits;
    qli_limits_read(root, 0, &limits);
    if (file)
        qlt_eq_str(limits.quota_file, file);
    return limits.quota_milli;
}

static void v2(const char *own, const char *mount_root, const char *mount)
{
    char text[1024];
    snprintf(text, sizeof text, "0::%s\n", own);
    put("/proc/self/cgroup", text);
    snprintf(text, sizeof text,
             "21 1 0:19 / /proc rw - proc proc rw\n"
             "30 1 0:26 %s %s rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
             mount_root, mount);
    put("/proc/self/mountinfo", text);
}

QLT(limits, take_the_least_quota_of_leaf_and_ancestors)
{
    tree_begin();
    v2("/a/b/c", "/", "/sys/fs/cgroup");
    qlt_eq_uint(quota(""), 0);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    qlt_eq_uint(quota(""), 0);
    put("/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/a/cpu.max"), 2500);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/a/cpu.max"), 2500);
    put("/sys/fs/cgroup/a/b/cpu.max", "30000 20000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/a/b/cpu.max"), 1500);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "199999 100000\n"); /* rounded down, never up */
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/a/b/c/cpu.max"), 1999);
    put("/sys/fs/cgroup/a/b/c/cpu.max", "1 100000\n");
    qlt_eq_uint(quota(NULL), 1);
    tree_end();
}

QLT(limits, find_the_own_group_inside_a_container)
{
    tree_begin();
    v2("/docker/abc/sub", "/docker/abc", "/sys/fs/cgroup");
    put("/sys/fs/cgroup/sub/cpu.max", "150000 100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/sub/cpu.max"), 1500);
    v2("/../../elsewhere", "/", "/sys/fs/cgroup"); /* a namespace shows no path to what is outside */
    put("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/cpu.max"), 3000);
    v2("/other/group", "/docker/abc", "/sys/fs/cgroup");
    qlt_eq_uint(quota("/sys/fs/cgroup/cpu.max"), 3000);
    v2("/x", "/", "/odd\\040place");
    put("/odd place/x/cpu.max", "400000 100000\n");
    qlt_eq_uint(quota("/odd place/x/cpu.max"), 4000);
    tree_end();
}

QLT(limits, read_v1_and_hybrid_hierarchies)
{
    tree_begin();
    put("/proc/self/cgroup", "9:name=systemd:/s\n4:cpu,cpuacct:/job/x\n3:cpuset:/set\n0::/v2\n");
    put("/proc/self/mountinfo",
        "25 1 0:22 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "26 1 0:23 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "27 1 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/cpuset/set/cpu.cfs_quota_us", "1\n"); /* not a file of this hierarchy */
    put("/sys/fs/cgroup/cpuset/set/cpu.cfs_period_us", "100000\n");
    qlt_eq_uint(quota(""), 0);
    put("/sys/fs/cgroup/cpu,cpuacct/job/x/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/job/x/cpu.cfs_period_us", "100000\n");
    qlt_eq_uint(quota(""), 0);
    put("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "550000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us"), 5500);
    put("/sys/fs/cgroup/unified/v2/cpu.max", "200000 100000\n");
    qlt_eq_uint(quota("/sys/fs/cgroup/unified/v2/cpu.max"), 2000);
    tree_end();
}

QLT(limits, survive_odd_and_broken_files)
{
    static const char *const odd[] = {
        "", "\n", "max", "-5 100000", "5 0", "5", "a b", "999999999999999999999 1", "\xff\xfe"};
    tree_begin();
    qlt_eq_uint(quota(""), 0); /* nothing at all */
    v2("/a", "/", "/sys/fs/cgroup");
    for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        put("/sys/fs/cgroup/a/cpu.max", odd[i]);
        quota(NULL);
        put("/proc/self/cgroup", odd[i]);
        quota(NULL);
        put("/proc/self/mountinfo", odd[i]);
        quota(NULL);
        v2("/a", "/", "/sys/fs/cgroup");
    }
    char *path = malloc(20000);
    qlt_check(path);
    memset(path, '/', 20000);
    path[19999] = '\0';
    put("/proc/self/mountinfo", path);
    qlt_eq_uint(quota(""), 0);
    memcpy(path, "0::/", 4);
    put("/proc/self/cgroup", path);
    v2("/b", "/", "/sys/fs/cgroup");
    put("/proc/self/cgroup", path);
    quota(NULL);
    free(path);
    tree_end();
}

QLT(limits, read_isolation_and_types_of_core)
{
    static qli_limits limits;
    char list[64];
    tree_begin();
    put("/sys/devices/system/cpu/isolated", "2-3,7\n");
    put("/sys/devices/system/cpu/nohz_full", "\n");
    put("/sys/devices/cpu_core/cpus", "0-11\n");
    put("/sys/devices/cpu_atom/cpus", "12-19\n");
    put("/sys/devices/cpu_lowpower/cpus", "nonsense\n");
    qli_limits_read(root, 0, &limits);
    qli_pu_set_print(&limits.isolated, list, sizeof list);
    qlt_eq_str(list, "2-3,7");
    qlt_check(qli_pu_set_empty(&limits.nohz_full));
    qli_pu_set_print(&limits.type_pus[0], list, sizeof list);
    qlt_eq_str(list, "0-11");
    qli_pu_set_print(&limits.type_pus[1], list, sizeof list);
    qlt_eq_str(list, "12-19");
    qlt_check(qli_pu_set_empty(&limits.type_pus[2]));
    /* A partition of type isolated is as good as isolcpus, whether ours or seen from the top. */
    v2("/p/q", "/", "/sys/fs/cgroup");
    put("/sys/fs/cgroup/p/cpuset.cpus.partition", "isolated\n");
    put("/sys/fs/cgroup/p/cpuset.cpus.effective", "12-13\n");
    put("/sys/fs/cgroup/p/q/cpuset.cpus.partition", "member\n");
    put("/sys/fs/cgroup/p/q/cpuset.cpus.effective", "12\n");
    put("/sys/fs/cgroup/cpuset.cpus.isolated", "15\n");
    qli_limits_read(root, 0, &limits);
    qli_pu_set_print(&limits.isolated, list, sizeof list);
    qlt_eq_str(list, "2-3,7,12-13,15");
    tree_end();
}

QLT(limits, read_other_processes)
{
    static qli_limits limits;
    tree_begin();
    put("/proc/77/cgroup", "0::/g\n");
    put("/proc/77/mountinfo", "30 1 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    put("/cg/g/cpu.max", "350000 100000\n");
    qli_limits_read(root, 77, &limits);
    qlt_eq_uint(limits.quota_milli, 3500);
    qli_limits_read(root, 0, &limits);
    qlt_eq_uint(limits.quota_milli, 0);
    tree_end();
}

QLT(limits, know_the_mask_of_all_threads)
{
    qli_pu_set mask, own;
    qlt_check(qli_limits_mask(0, &mask));
    qlt_eq_int(qli_thread_mask(0, &own), 0);
    qlt_check(qli_pu_set_within(&own, &mask));
    qlt_check(!qli_limits_mask(0x7ffffff0, &mask));
}

QLT(limits, read_threads_with_odd_names)
{
    qli_thread_stat stat;
    tree_begin();
    put("/proc/5/task/6/stat", "6 (a) b (c) R 1 6 5 0 -1 64 1 0 0 0 1 2 0 0 20 0 1 0 3 4 5 6 7 8 9 10 11 12 "
                               "0 0 0 0 0 0 17 12 0 0\n");
    qlt_check(qli_thread_stat_read(root, 5, 6, &stat));
    qlt_eq_str(stat.name, "a) b (c");
    qlt_eq_int(stat.state, 'R');
    qlt_eq_uint(stat.last_pu_os, 12);
    put("/proc/5/task/6/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t1,3-4\n"
                                 "voluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t7\n");
    put("/proc/5/task/6/sched", "x (6, #threads: 1)\nse.nr_migrations    :     9\n");
    qli_thread_stat_more(root, 5, 6, &stat);
    qlt_eq_uint(stat.switches, 41);
    qlt_eq_uint(stat.forced_switches, 7);
    qlt_eq_int(stat.migrations, 9);
    qlt_eq_uint(qli_pu_set_count(&stat.allowed), 3);
    put("/proc/5/task/7/stat", "7 (short) S 1\n");
    qlt_check(!qli_thread_stat_read(root, 5, 7, &stat));
    put("/proc/5/task/8/stat", "nonsense");
    qlt_check(!qli_thread_stat_read(root, 5, 8, &stat));
    qlt_check(!qli_thread_stat_read(root, 5, 9, &stat));
    tree_end();
}
