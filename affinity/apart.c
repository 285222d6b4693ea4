#include "affinity/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "affinity/error.h"

enum { PATIENCE_S = 10, TABLES = 7 };

/* The arrays of a machine: where each is, how many elements it has, how large they are. */
struct table {
    void **at;
    size_t count, size;
};

static void tables_of(qli_machine *machine, struct table tables[TABLES])
{
    size_t nodes = machine->node_count;
    tables[0] = (struct table){(void **)&machine->pus, machine->pu_count, sizeof *machine->pus};
    tables[1] = (struct table){(void **)&machine->cores, machine->core_count, sizeof *machine->cores};
    tables[2] = (struct table){(void **)&machine->parts, machine->part_count, sizeof *machine->parts};
    tables[3] = (struct table){(void **)&machine->nodes, nodes, sizeof *machine->nodes};
    tables[4] = (struct table){(void **)&machine->runs, machine->run_count, sizeof *machine->runs};
    tables[5] = (struct table){(void **)&machine->kinds, machine->kind_count, sizeof *machine->kinds};
    tables[6] = (struct table){(void **)&machine->distances, machine->distances ? nodes * nodes : 0,
                               sizeof *machine->distances};
}

static bool send_all(int to, const void *bytes, size_t count)
{
    for (size_t sent = 0; sent < count;) {
        ssize_t some = write(to, (const char *)bytes + sent, count - sent);
        if (some < 0 && errno != EINTR)
            return false;
        sent += some > 0 ? (size_t)some : 0;
    }
    return true;
}

static bool receive_all(int from, void *bytes, size_t count)
{
    for (size_t got = 0; got < count;) {
        ssize_t some = read(from, (char *)bytes + got, count - got);
        if (some == 0 || (some < 0 && errno != EINTR))
            return false;
        got += some > 0 ? (size_t)some : 0;
    }
    return true;
}

/* ---- The child ---- */

static void become_quiet(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGALRM};
    sigset_t ours;
    sigemptyset(&ours);
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        signal(signals[i], SIG_DFL);
        sigaddset(&ours, signals[i]);
    }
    sigprocmask(SIG_UNBLOCK, &ours, NULL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    alarm(PATIENCE_S);
}

/* First the verdict, then the machine, then its tables; what it points to comes in the order of tables_of(). */
static void read_and_send(qli_machine_from from, const char *what, int to)
{
    struct table tables[TABLES];
    qli_machine *machine;
    ql_error error = {0};
    error.code = qli_machine_read(from, what, &machine, &error);
    if (!send_all(to, &error, sizeof error) || error.code < 0 || !send_all(to, machine, sizeof *machine))
        return;
    tables_of(machine, tables);
    for (unsigned i = 0; i < TABLES; i++)
        if (!send_all(to, *tables[i].at, tables[i].count * tables[i].size))
            return;
}

/* ---- The parent ---- */

static int refuse_crash(qli_machine_from from, const char *what, ql_error *error)
{
    const char *variable = getenv("HWLOC_XMLFILE");
    return qli_error_set(error, -EIO, "'%s' makes hwloc crash: the topology contradicts itself",
                         from == QLI_FROM_THIS_SYSTEM && variable ? variable : what);
}

/* The counts come from the child, the pointers do not. */
static bool receive_machine(int from, qli_machine *machine)
{
    struct table tables[TABLES];
    if (!receive_all(from, machine, sizeof *machine)) {
        memset(machine, 0, sizeof *machine);
        return false;
    }
    tables_of(machine, tables);
    for (unsigned i = 0; i < TABLES; i++)
        *tables[i].at = NULL;
    for (unsigned i = 0; i < TABLES; i++) {
        bool needed = tables[i].count || i < TABLES - 1; /* no distances: NULL */
        *tables[i].at = needed ? calloc(tables[i].count ? tables[i].count : 1, tables[i].size) : NULL;
        if ((needed && !*tables[i].at) || !receive_all(from, *tables[i].at, tables[i].count * tables[i].size))
            return false;
    }
    return true;
}

static int receive(qli_machine_from source, const char *what, int from, qli_machine **machine,
                   ql_error *error)
{
    ql_error verdict;
    if (!receive_all(from, &verdict, sizeof verdict))
        return refuse_crash(source, what, error);
    if (verdict.code < 0)
        return qli_error_set(error, verdict.code, "%s", verdict.text);
    qli_machine *made = calloc(1, sizeof *made);
    if (!made)
        return qli_error_set(error, -ENOMEM, "no memory for the machine's table");
    if (!receive_machine(from, made)) {
        qli_machine_free(made);
        return refuse_crash(source, what, error);
    }
    *machine = made;
    return 0;
}

int qli_machine_read_apart(qli_machine_from from, const char *what, qli_machine **machine, ql_error *error)
{
    int ends[2];
    *machine = NULL;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return qli_machine_read(from, what, machine, error);
    pid_t child = fork();
    if (child == 0) {
        become_quiet();
        read_and_send(from, what, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    int code = child < 0 ? qli_machine_read(from, what, machine, error)
                         : receive(from, what, ends[0], machine, error);
    close(ends[0]);
    /* The host may have reaped the child with a wait() of its own. */
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return code;
}
