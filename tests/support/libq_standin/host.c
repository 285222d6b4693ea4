#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

ql_q_api q;
long long (*host_references)(void);
long long (*host_objects)(void);
int (*host_threads_cpus)(void);

static void find(void *library, const char *name, void *to)
{
    void *symbol = dlsym(library, name);
    if (!symbol)
        qlt_fail("%s", dlerror());
    memcpy(to, &symbol, sizeof(symbol));
}

void host_load(void)
{
    const char *path = getenv("QLANE_LIBQ");
    qlt_check(path != NULL);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        qlt_fail("%s", dlerror());
#define FIND(result, name, parameters) find(library, #name, &q.name);
    QL_Q_FUNCTIONS(FIND)
#undef FIND
    find(library, "libq_standin_references", &host_references);
    find(library, "libq_standin_objects", &host_objects);
    find(library, "libq_standin_threads_cpus", &host_threads_cpus);
}

int host_init(const char *option, const char *value)
{
    char q_word[] = "q", quiet[] = "-q", name[8], text[16];
    char *argv[] = {q_word, quiet, name, text, NULL};
    snprintf(name, sizeof(name), "%s", option);
    snprintf(text, sizeof(text), "%s", value);
    host_load();
    return q.qinit(4, argv, NULL, NULL, NULL);
}

void host_begin(void)
{
    static int begun;
    if (!begun++)
        qlt_eq_int(host_init("-s", "0"), 0);
}

static void shown(K value, char *to, size_t size)
{
    if (!value || value->t == QL_Q_ERROR) {
        snprintf(to, size, "'%s", value && value->s ? value->s : "(null)");
        if (value)
            q.r0(value);
        return;
    }
    K text = q.k(0, ".Q.s1", value, (K)0);
    qlt_check(text != NULL);
    if (text->t == QL_Q_CHAR)
        snprintf(to, size, "%.*s", (int)text->n, (const char *)ql_q_items(text));
    else
        snprintf(to, size, "%c", text->g);
    q.r0(text);
}

void host_expect(const char *text, const char *expected)
{
    char found[1024];
    shown(q.k(0, text, (K)0), found, sizeof(found));
    if (strcmp(found, expected) != 0)
        qlt_fail("%s\n  is       %s\n  expected %s", text, found, expected);
    if (host_references() != 0)
        qlt_fail("%s: %lld references are lost", text, host_references());
}
