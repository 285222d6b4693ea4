/* libq: where it is, what it must have, how it starts. It is never unloaded: it leaves threads and handlers behind. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/error.h"
#include "core/atomics.h"
#include "lanes/engines/q.h"

/* A process has one q, ever. */
static uint32_t claimed;

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

static const char *setting(const char *given, const char *name)
{
    const char *found = given ? given : getenv(name);
    return found && *found ? found : NULL;
}

/* The file to load. `named`: somebody named it, so it must be that one. */
static void find(const ql_q *at, char path[4096], bool *named)
{
    static const char *const platforms[] = {"l64", "l64arm", "m64", "m64arm"};
    const char *file = setting(at->config.libq, "QLANE_LIBQ"), *home = setting(at->config.qhome, "QHOME");
    *named = file;
    if (file) {
        snprintf(path, 4096, "%s", file);
        return;
    }
    for (size_t i = 0; home && i < sizeof(platforms) / sizeof(*platforms); i++) {
        snprintf(path, 4096, "%s/%s/libq.so", home, platforms[i]);
        if (access(path, F_OK) == 0)
            return;
    }
    snprintf(path, 4096, "libq.so");
}

static int open_library(const ql_q *at, const char *path, bool named, void **library, ql_error *error)
{
    bool global = at->config.flags & QL_Q_GLOBAL;
    if (strchr(path, '/') && access(path, F_OK) != 0)
        return qli_error_set(error, -ENOENT, "there is no libq at '%s': is %s right?", path,
                             at->config.libq ? "ql_q_config.libq" : "QLANE_LIBQ");
    *library = dlopen(path, RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL));
    if (*library)
        return 0;
    const char *why = dlerror();
    if (!named && !strchr(path, '/') && why && strstr(why, "cannot open shared object file"))
        return qli_error_set(error, -ENOENT,
                             "no libq was found: set QLANE_LIBQ to the file, or QHOME to the folder with "
                             "l64/libq.so");
    return qli_error_set(error, -ENOEXEC, "'%s' cannot be loaded as libq: %s", path, why ? why : "");
}

int qli_q_load(ql_q *at, ql_error *error)
{
    static const char *const names[] = {
#define NAME(result, name, parameters) #name,
        QL_Q_FUNCTIONS(NAME)
#undef NAME
    };
    char path[4096];
    bool named;
    void *library = NULL;
    find(at, path, &named);
    int code = open_library(at, path, named, &library, error);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !code; i++) {
        void *function = dlsym(library, names[i]);
        if (!function)
            code = qli_error_set(error, -ENOSYS,
                                 "'%s' has no function '%s': it is no libq, or of another version", path,
                                 names[i]);
        memcpy((char *)&at->api + i * sizeof(function), &function, sizeof(function));
    }
    return code;
}

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym() gives functions as pointers to data");

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

typedef struct handlers {
    struct sigaction actions[NSIG];
    sigset_t blocked;
} handlers;

static void save(handlers *saved)
{
    for (int i = 1; i < NSIG; i++)
        sigaction(i, NULL, &saved->actions[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &saved->blocked);
}

/* Only what was changed, so that a handler that the host sets meanwhile is its own business wherever possible. */
static void restore(const handlers *saved)
{
    for (int i = 1; i < NSIG; i++) {
        struct sigaction now;
        if (sigaction(i, NULL, &now) == 0 && now.sa_sigaction != saved->actions[i].sa_sigaction)
            sigaction(i, &saved->actions[i], NULL);
    }
    pthread_sigmask(SIG_SETMASK, &saved->blocked, NULL);
}

static int init(ql_q *at)
{
    char threads[16], memory[16];
    char *arguments[] = {"q", "-q", "-s", threads, "-w", memory, NULL};
    handlers saved;
    snprintf(threads, sizeof(threads), "%u", at->config.threads);
    snprintf(memory, sizeof(memory), "%u", at->config.memory_mb);
    if (!at->config.memory_mb)
        arguments[4] = NULL;
    save(&saved);
    int result = at->api.qinit(at->config.memory_mb ? 6 : 4, arguments,
                               (char *)(uintptr_t)setting(at->config.qhome, "QHOME"),
                               (char *)(uintptr_t)setting(at->config.qlic, "QLIC"), NULL);
    restore(&saved);
    return result;
}

int qli_q_start(ql_q *at, ql_error *error)
{
    if (qli_exchange(&claimed, 1, __ATOMIC_RELAXED))
        return qli_error_set(error, -EBUSY, "this process has its q already, or had it: there can be one");
    int result = init(at);
    at->started = !result;
    if (result == 1)
        return qli_error_set(error, -ENOKEY,
                             "libq found no licence for embedding: is there one in QLIC, or in QHOME?");
    if (result)
        return qli_error_set(error, -ENOTRECOVERABLE, "q did not start: qinit() answered %d", result);
    return 0;
}
