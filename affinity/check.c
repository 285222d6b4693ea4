#include "affinity/check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/limits.h"
#include "affinity/threads.h"

/* Threads of the runtime are known by their names: "ql-w3", "ql-lane-NAME" (which the kernel cuts to 15 characters). */
static const char WORKER[] = QLI_THREAD_PREFIX "w", LANE[] = QLI_THREAD_PREFIX "lane-";

struct check {
    const ql_plan *plan;
    const char *root;
    qli_out *out;
    int pid;
    qli_pu_set lane_pus;
    unsigned char *lane_found, *worker_found;
    unsigned ours, wrong, foreign;
};

/* The slot a lane's thread has: the one that its name reserved, else the first free one that is for any lane. */
static const ql_slot *lane_slot(struct check *check, const char *thread)
{
    const ql_plan *plan = check->plan;
    char name[QLI_NAME_MAX];
    qli_lane_name(thread + sizeof LANE - 1, name);
    size_t kernel_length = 15 - (sizeof LANE - 1);
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < plan->lane_count; i++) {
            const char *reserved = plan->places[i].name;
            bool fits = pass == 0 ? reserved && strncmp(reserved, name, kernel_length) == 0 : !reserved;
            if (fits && !check->lane_found[i]) {
                check->lane_found[i] = 1;
                return &plan->lanes[i];
            }
        }
    return NULL;
}

static const ql_slot *worker_slot(struct check *check, const char *thread)
{
    char *end;
    unsigned long worker = strtoul(thread + sizeof WORKER - 1, &end, 10);
    if (*end || end == thread + sizeof WORKER - 1 || worker >= check->plan->worker_count)
        return NULL;
    check->worker_found[worker] = 1;
    return &check->plan->workers[worker];
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static const char *verdict(struct check *check, const ql_slot *slot, const qli_thread_stat *stat)
{
    if (!slot)
        return check->wrong++, "has no slot in this plan";
    if (slot->pin_pu_os < 0)
        return "ok, not pinned by plan";
    if (qli_pu_set_count(&stat->allowed) != 1 || !qli_pu_set_has(&stat->allowed, (unsigned)slot->pin_pu_os))
        return check->wrong++, "NOT pinned as planned";
    if ((int)stat->last_pu_os != slot->pin_pu_os)
        return check->wrong++, "NOT where it is pinned";
    return "ok";
}

static void check_thread(void *context, int tid)
{
    struct check *check = context;
    qli_thread_stat stat;
    char allowed[64], planned[16] = "-", migrations[24] = "-";
    if (!qli_thread_stat_read(check->root, check->pid, tid, &stat))
        return;
    if (!starts_with(stat.name, WORKER) && !starts_with(stat.name, LANE))
        return;
    check->ours++;
    qli_thread_stat_more(check->root, check->pid, tid, &stat);
    const ql_slot *slot =
        starts_with(stat.name, LANE) ? lane_slot(check, stat.name) : worker_slot(check, stat.name);
    if (slot)
        snprintf(planned, sizeof planned, "%d", slot->pu_os);
    if (stat.migrations >= 0)
        snprintf(migrations, sizeof migrations, "%lld", stat.migrations);
    qli_pu_set_print(&stat.allowed, allowed, sizeof allowed);
    qli_out_add(check->out, "%-16s %8d %8s %-16s %5u %11s %10llu %10llu  %s\n", stat.name, tid, planned,
                allowed, stat.last_pu_os, migrations, stat.switches, stat.forced_switches,
                verdict(check, slot, &stat));
}

static void check_missing(struct check *check)
{
    const ql_plan *plan = check->plan;
    unsigned lanes = 0, workers = 0;
    if (!check->ours) {
        qli_out_add(check->out, "threads   none of this process is a runtime's (ql-w0, ql-lane-NAME)\n");
        check->wrong++;
        return;
    }
    for (unsigned i = 0; i < plan->lane_count; i++)
        lanes += !check->lane_found[i];
    for (unsigned i = 0; i < plan->worker_count; i++)
        workers += !check->worker_found[i];
    if (lanes)
        qli_out_add(check->out,
                    "lanes     %u of %u planned ones have no thread (opened later, or none is needed)\n",
                    lanes, plan->lane_count);
    if (workers)
        qli_out_add(check->out,
                    "workers   %u of %u planned ones have no thread: is this its configuration? (--config)\n",
                    workers, plan->worker_count);
    check->wrong += workers;
}

/* ---- Pages ---- */

/* Sums "N0=12 N1=3" over all mappings. */
static void check_pages(struct check *check)
{
    enum { NODES = 1024 };
    char path[512], *line = NULL;
    size_t line_size = 0;
    unsigned long long *pages = calloc(NODES, sizeof *pages);
    snprintf(path, sizeof path, "%.400s/proc/%d/numa_maps", check->root, check->pid);
    FILE *file = fopen(path, "re");
    qli_out_add(check->out, "pages    ");
    while (file && pages && getline(&line, &line_size, file) > 0)
        for (const char *at = line; (at = strstr(at, " N"));) {
            char *end;
            unsigned long node = strtoul(at + 2, &end, 10);
            at += 2;
            if (*end == '=' && end > at && node < NODES)
                pages[node] += strtoull(end + 1, NULL, 10);
        }
    for (unsigned node = 0; file && pages && node < NODES; node++)
        if (pages[node])
            qli_out_add(check->out, " numa %u: %llu", node, pages[node]);
    qli_out_add(check->out, file ? "\n" : " not readable (%s)\n", strerror(errno));
    if (file)
        fclose(file);
    free(line);
    free(pages);
}

/* ---- Who else is on a lane's core ---- */

static void name_foreign(struct check *check, int pid, int tid, const qli_thread_stat *stat)
{
    qli_out_add(check->out, check->foreign++ ? "          " : "foreign   ");
    qli_out_add(check->out, "%s (pid %d, tid %d) %s on CPU %u, a lane's core\n", stat->name, pid, tid,
                stat->state == 'R' ? "runs" : "was last", stat->last_pu_os);
}

/* Another process's thread counts when it is running there now: where it once slept says nothing. */
static void look_at_foreign(void *context, int tid)
{
    struct check *check = context;
    qli_thread_stat stat;
    if (qli_thread_stat_read(check->root, check->pid, tid, &stat) &&
        qli_pu_set_has(&check->lane_pus, stat.last_pu_os) && stat.state == 'R')
        name_foreign(check, check->pid, tid, &stat);
}

static void look_at_own(void *context, int tid)
{
    struct check *check = context;
    qli_thread_stat stat;
    if (!qli_thread_stat_read(check->root, check->pid, tid, &stat) ||
        starts_with(stat.name, QLI_THREAD_PREFIX) || !qli_pu_set_has(&check->lane_pus, stat.last_pu_os))
        return;
    qli_thread_stat_more(check->root, check->pid, tid, &stat);
    if (qli_pu_set_meets(&stat.allowed, &check->lane_pus))
        name_foreign(check, check->pid, tid, &stat);
}

static void check_foreign(struct check *check)
{
    char path[512];
    int own = check->pid;
    qli_threads_each(check->root, own, look_at_own, check);
    snprintf(path, sizeof path, "%.400s/proc", check->root);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        check->pid = atoi(entry->d_name);
        if (check->pid > 0 && check->pid != own)
            qli_threads_each(check->root, check->pid, look_at_foreign, check);
    }
    check->pid = own;
    if (folder)
        closedir(folder);
    if (!check->foreign)
        qli_out_add(check->out, "foreign   nobody is on a lane's core\n");
}

int qli_check(const ql_plan *plan, const char *root, int pid, qli_out *out)
{
    struct check check = {.plan = plan, .root = root, .out = out, .pid = pid};
    char name[64];
    if (!qli_file_read(name, sizeof name, root, "/proc/%d/comm", pid))
        return -ESRCH;
    name[strcspn(name, "\n")] = '\0';
    check.lane_found = calloc(plan->lane_count + 1, 1);
    check.worker_found = calloc(plan->worker_count + 1, 1);
    if (!check.lane_found || !check.worker_found) {
        free(check.lane_found);
        free(check.worker_found);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < plan->lane_count; i++)
        qli_pu_set_or(&check.lane_pus, &plan->places[i].pus);
    qli_out_add(out, "process   %s (pid %d)\n", name, pid);
    qli_out_add(out, "%-16s %8s %8s %-16s %5s %11s %10s %10s\n", "thread", "tid", "planned", "allowed",
                "last", "migrations", "switches", "forced");
    qli_threads_each(root, pid, check_thread, &check);
    check_missing(&check);
    check_pages(&check);
    if (plan->lane_count)
        check_foreign(&check);
    qli_out_add(out, "verdict   %s\n", check.wrong ? "NOT as planned" : "as planned");
    free(check.lane_found);
    free(check.worker_found);
    return (int)check.wrong;
}
