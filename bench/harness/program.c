#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness/harness.h"

enum { LIMIT_MS = 120000 }; /* no sample takes that long */

extern char **environ;

typedef struct running {
    pid_t pid;
    int in, out;
} running;

static bool start(running *child, char *const *words)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return false;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    int code = posix_spawn(&child->pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    child->in = in[1];
    child->out = out[0];
    if (code) {
        close(child->in);
        close(child->out);
    }
    return !code;
}

/* Read until the line or the output ends; the line is `text` then. */
static bool read_line(const running *child, char *text, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        struct pollfd ready = {.fd = child->out, .events = POLLIN};
        ssize_t n = poll(&ready, 1, LIMIT_MS) == 1 ? read(child->out, text + length, size - 1 - length) : -1;
        if (n <= 0)
            break;
        length += (size_t)n;
        if (text[length - 1] == '\n')
            break;
    }
    text[length] = 0;
    return length;
}

/* True: it ended by itself and well. */
static bool finish(const running *child, bool well)
{
    int status;
    close(child->in);
    close(child->out);
    if (!well)
        kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return well && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The words after PROGRAM, and the line it answers. */
static bool ask(const char *path, const char *const *words, char *answer, size_t size)
{
    char *all[6] = {(char *)(uintptr_t)path};
    for (int i = 0; i < 4 && words[i]; i++)
        all[i + 1] = (char *)(uintptr_t)words[i];
    running child;
    return start(&child, all) && finish(&child, read_line(&child, answer, size));
}

/* The value of KEY in a line of KEY=VALUE words; NULL: it is not there. */
static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);
    for (const char *at = line; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (!strncmp(at, key, length) && at[length] == '=')
            return at + length + 1;
    }
    return NULL;
}

static void copy_word(char *to, size_t size, const char *from)
{
    size_t length = from ? strcspn(from, " \n") : 0;
    if (length >= size) {
        fprintf(stderr, "a word of a contender's answer is longer than %zu bytes: %s\n", size - 1, from);
        exit(1);
    }
    snprintf(to, size, "%.*s", (int)length, from ? from : "");
}

static double number_of(const char *line, const char *key)
{
    const char *value = value_of(line, key);
    return value ? strtod(value, NULL) : 0;
}

bool bench_own_folder(char *folder, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    if (length <= 0)
        return false;
    folder[length] = 0;
    *strrchr(folder, '/') = 0;
    return true;
}

bool bench_program_ask(bench_program *program, const char *folder, const char *file)
{
    char answer[512];
    const char *const words[] = {"about", NULL};
    snprintf(program->path, sizeof(program->path), "%s/%s", folder, file);
    if (access(program->path, X_OK) || !ask(program->path, words, answer, sizeof(answer)))
        return false;
    copy_word(program->name, sizeof(program->name), value_of(answer, "name"));
    copy_word(program->version, sizeof(program->version), value_of(answer, "version"));
    copy_word(program->works, sizeof(program->works), value_of(answer, "works"));
    return *program->name && *program->works;
}

bool bench_program_does(const bench_program *program, const char *work)
{
    return bench_chosen(program->works, work);
}

bool bench_program_run(const bench_program *program, const char *work, unsigned workers, long size,
                       bench_sample *sample)
{
    char answer[512], workers_text[16], size_text[24];
    snprintf(workers_text, sizeof(workers_text), "%u", workers);
    snprintf(size_text, sizeof(size_text), "%ld", size);
    const char *const words[] = {work, workers_text, size_text, NULL};
    if (!ask(program->path, words, answer, sizeof(answer)) || !value_of(answer, "ns"))
        return false;
    const char *check = value_of(answer, "check");
    *sample = (bench_sample){
        .ns = number_of(answer, "ns"),
        .cpu_ns = number_of(answer, "cpu_ns"),
        .p50_ns = number_of(answer, "p50_ns"),
        .p90_ns = number_of(answer, "p90_ns"),
        .p99_ns = number_of(answer, "p99_ns"),
        .p999_ns = number_of(answer, "p999_ns"),
        .wakes = number_of(answer, "wakes"),
        .rows_a_commit = number_of(answer, "rows_a_commit"),
        .check = check ? strtoull(check, NULL, 10) : 0,
    };
    return true;
}

/* ---- idle */

static double first_number(const char *path)
{
    double number = 0;
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%lf", &number) != 1)
        number = 0;
    if (file)
        fclose(file);
    return number;
}

static double switches(const char *path)
{
    double sum = 0;
    char line[256];
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        const char *colon = strchr(line, ':');
        if (colon && strstr(line, "ctxt_switches"))
            sum += strtod(colon + 1, NULL);
    }
    if (file)
        fclose(file);
    return sum;
}

/* The threads' own counters: CPU time, and how often each was switched to. */
static bool read_threads(pid_t pid, double *cpu_ns, double *wakeups)
{
    char path[600];
    *cpu_ns = *wakeups = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return false;
    for (struct dirent *thread; (thread = readdir(threads));) {
        if (*thread->d_name == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, thread->d_name);
        *cpu_ns += first_number(path);
        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, thread->d_name);
        *wakeups += switches(path);
    }
    closedir(threads);
    return true;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

bool bench_program_idle(const bench_program *program, unsigned workers, double *cpu_ns, double *wakeups)
{
    char answer[64], workers_text[16], path[512];
    double cpu_before_ns, wakeups_before;
    snprintf(workers_text, sizeof(workers_text), "%u", workers);
    snprintf(path, sizeof(path), "%s", program->path);
    running child;
    if (!start(&child, (char *[]){path, (char[]){"idle"}, workers_text, (char[]){"0"}, NULL}))
        return false;
    bool well = read_line(&child, answer, sizeof(answer));
    sleep_ms(100);
    well = well && read_threads(child.pid, &cpu_before_ns, &wakeups_before);
    sleep_ms(2000);
    well = well && read_threads(child.pid, cpu_ns, wakeups);
    if (well) {
        *cpu_ns -= cpu_before_ns;
        *wakeups -= wakeups_before;
    }
    return finish(&child, well);
}
