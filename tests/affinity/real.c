#include "tests/affinity/real.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "affinity/threads.h"
#include "tests/support/harness.h"

static bool skip(const char *why)
{
    fprintf(stderr, "skipped: %s (%s)\n", why, strerror(errno));
    return false;
}

void in_child(void (*body)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    qlt_check(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    qlt_eq_int(waitpid(child, &status, 0), child);
    qlt_eq_int(status, 0);
}

static void narrow(void *set, int tid)
{
    qlt_eq_int(qli_thread_set_mask(tid, set), 0);
}

bool with_mask(const char *list)
{
    qli_pu_set set;
    qlt_check(qli_pu_set_parse(&set, list));
    int code = qli_thread_set_mask(0, &set);
    errno = -code;
    if (code < 0)
        return skip("this mask cannot be set here");
    qli_threads_each("", 0, narrow, &set); /* a sanitizer may have a thread of its own */
    return true;
}

bool with_refused_affinity(int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return skip("no seccomp filter can be set here");
    return true;
}

bool has_cpus(int count)
{
    qli_pu_set mask;
    qlt_eq_int(qli_thread_mask(0, &mask), 0);
    if ((int)qli_pu_set_count(&mask) >= count)
        return true;
    fprintf(stderr, "skipped: needs %d CPUs\n", count);
    return false;
}

/* ---- Control groups (v1: where a test runs as root on a hybrid or legacy host) ---- */

static char group[160], home[64];

static bool write_file(const char *folder, const char *file, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int out = open(path, O_WRONLY | O_CLOEXEC);
    if (out < 0)
        return false;
    bool done = write(out, text, strlen(text)) == (ssize_t)strlen(text);
    int error = errno;
    close(out);
    errno = error;
    return done;
}

static bool copy_file(const char *file)
{
    char path[256], text[4096];
    snprintf(path, sizeof path, "%s/%s", home, file);
    FILE *in = fopen(path, "r");
    if (!in)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[length] = '\0';
    return write_file(group, file, text);
}

bool group_enter(const char *controller)
{
    char pid[16];
    snprintf(home, sizeof home, "/sys/fs/cgroup/%s", controller);
    snprintf(group, sizeof group, "%s/qlane-test-%d", home, getpid());
    snprintf(pid, sizeof pid, "%d", getpid());
    if (mkdir(group, 0755) < 0)
        return skip("no control group can be made here");
    bool cpuset = strcmp(controller, "cpuset") == 0;
    if ((cpuset && (!copy_file("cpuset.cpus") || !copy_file("cpuset.mems"))) ||
        !write_file(group, "cgroup.procs", pid)) {
        rmdir(group);
        return skip("no process may enter a control group here");
    }
    return true;
}

void group_write(const char *file, const char *text)
{
    if (!write_file(group, file, text))
        qlt_fail("%s/%s: %s", group, file, strerror(errno));
}

void group_leave(void)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", getpid());
    qlt_check(write_file(home, "cgroup.procs", pid));
    qlt_eq_int(rmdir(group), 0);
}
