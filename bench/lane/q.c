/* An upsert of the library's that stands in for kdb+'s libq ($QLANE_LIBQ): one row, by q's own API, as qlane's adapter makes it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lane/contender.h"
#include "qlane/q_api.h"

enum { COUNT_KEY = 1 << 30 }; /* of the operation that counts the rows, on the thread that may */

const char *lane_sqlite_path;

static ql_q_api q;

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "q: %s\n", what);
    exit(1);
}

static struct k0 *checked(struct k0 *answer)
{
    must(answer && answer->t != QL_Q_ERROR, answer ? answer->s : "no answer");
    return answer;
}

void lane_upsert_open(void)
{
    char *arguments[] = {(char[]){"q"}, (char[]){"-q"}, (char[]){"-s"}, (char[]){"0"}, NULL};
    const char *path = getenv("QLANE_LIBQ");
    void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    must(library != NULL, "QLANE_LIBQ names no library");
    void *function;
#define FIND(result, name, parameters)   \
    function = dlsym(library, #name);    \
    must(function != NULL, "no " #name); \
    memcpy(&q.name, &function, sizeof(q.name));
    QL_Q_FUNCTIONS(FIND)
#undef FIND
    must(!q.qinit(4, arguments, NULL, NULL, NULL), "it did not start");
    q.r0(checked(q.k(0, "stored:([]id:`long$();one:`long$())", (struct k0 *)0)));
}

void lane_upsert_close(void)
{
    q.m9();
}

static struct k0 *column(uint64_t value)
{
    struct k0 *made = q.ktn(QL_Q_LONG, 1);
    *(long long *)ql_q_items(made) = (long long)value;
    return made;
}

uint64_t lane_upsert(uint64_t key)
{
    uint64_t found = 1;
    struct k0 *answer;
    if (key == COUNT_KEY) {
        answer = checked(q.k(0, "count stored", (struct k0 *)0));
        found = (uint64_t)answer->j;
    } else {
        struct k0 *names = q.ktn(QL_Q_SYMBOL, 2), *columns = q.ktn(QL_Q_LIST, 2);
        ((char **)ql_q_items(names))[0] = q.ss((char[]){"id"});
        ((char **)ql_q_items(names))[1] = q.ss((char[]){"one"});
        ((struct k0 **)ql_q_items(columns))[0] = column(key);
        ((struct k0 **)ql_q_items(columns))[1] = column(1);
        answer =
            checked(q.k(0, "upsert", q.ks((char[]){"stored"}), q.xT(q.xD(names, columns)), (struct k0 *)0));
    }
    q.r0(answer);
    return found;
}

uint64_t lane_upsert_stored(void)
{
    void *me = lane_this.open(1);
    uint64_t stored = lane_this.calls(me, 1, COUNT_KEY, NULL);
    lane_this.close(me);
    return stored;
}
