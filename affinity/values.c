#include "affinity/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "affinity/terms.h"

/* One value at a time: from its text to what it means. */

static int expected(const qli_value *value, unsigned column, ql_error *error, const char *what)
{
    return qli_value_refuse(value, column, -EINVAL, error, "expected %s", what);
}

/* A choice of words; `choice` is the index of the one found. */
static int read_choice(const qli_value *value, const char *const *words, const char *what, unsigned *choice,
                       ql_error *error)
{
    for (*choice = 0; words[*choice]; ++*choice)
        if (strcmp(value->text, words[*choice]) == 0)
            return 0;
    return expected(value, 1, error, what);
}

enum { COUNT_MAX = 65536 };

/* A count from 1 to COUNT_MAX; *end is where the digits stop, also when it is none. */
static bool read_count(const char *text, unsigned *count, size_t *end)
{
    unsigned value = 0;
    *end = strspn(text, "0123456789");
    for (size_t at = 0; at < *end && value <= COUNT_MAX; at++)
        value = value * 10 + (unsigned)(text[at] - '0');
    *count = value;
    return *end > 0 && value > 0 && value <= COUNT_MAX;
}

static int check_set(const qli_value *value, size_t from, ql_error *error)
{
    qli_fault fault;
    if (qli_terms_check(value->text + from, &fault))
        return 0;
    return qli_value_refuse(value, fault.column + (unsigned)from, -EINVAL, error, "%s", fault.reason);
}

int qli_lane_value_read(const qli_value *value, qli_lane_how *how, ql_error *error)
{
    static const char *const words[] = {"auto", "isolated", "off"};
    static const qli_lane_how hows[] = {QLI_LANE_AUTO, QLI_LANE_ISOLATED, QLI_LANE_OFF};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(value->text, words[i]) == 0) {
            *how = hows[i];
            return 0;
        }
    *how = QLI_LANE_SET;
    return check_set(value, 0, error);
}

static int read_lanes(const qli_value *value, unsigned *lanes, ql_error *error)
{
    size_t end;
    if (read_count(value->text, lanes, &end) && value->text[end] == '\0')
        return 0;
    return expected(value, 1, error, "how many cores to reserve for lanes, from 1 on; for none say lane=off");
}

static int read_workers(qli_request *request, ql_error *error)
{
    const qli_value *value = &request->values[QLI_WORKERS];
    size_t end = 0;
    static const char ways[] = "auto, a count from 1 to 65536, a SET or N@SET (the single CPU 4 is 1@4)";
    qli_fault fault;
    bool count = read_count(value->text, &request->worker_count, &end);
    request->workers_set_at = 0;
    if (strcmp(value->text, "auto") == 0) {
        request->workers = QLI_WORKERS_AUTO;
        return 0;
    }
    if (value->text[end] == '\0') {
        request->workers = QLI_WORKERS_COUNT;
        return count ? 0 : expected(value, 1, error, ways);
    }
    if (value->text[end] == '@') {
        request->workers = QLI_WORKERS_COUNT_IN_SET;
        request->workers_set_at = end + 1;
        if (!count)
            return expected(value, 1, error, "a count from 1 to 65536 before '@'");
    } else {
        request->workers = QLI_WORKERS_SET;
        /* Not even the beginning is one of a SET: who wrote it may not have meant one. */
        if (!qli_terms_check(value->text, &fault) && fault.column == 1 &&
            strncmp(fault.reason, "expected", 8) == 0)
            return expected(value, 1, error, ways);
    }
    return check_set(value, request->workers_set_at, error);
}

static int read_threads_per_core(const qli_value *value, unsigned *threads, ql_error *error)
{
    size_t end;
    *threads = 0;
    if (strcmp(value->text, "all") == 0)
        return 0;
    if (read_count(value->text, threads, &end) && value->text[end] == '\0' && *threads <= 1024)
        return 0;
    return expected(value, 1, error, "a count from 1 to 1024, or all (one worker per CPU)");
}

static int read_mem(qli_request *request, ql_error *error)
{
    static const char *const words[] = {"local", "strict", "none", NULL};
    const qli_value *value = &request->values[QLI_MEM];
    static const char node[] = "node:";
    size_t at = sizeof node - 1;
    unsigned choice;
    if (strncmp(value->text, node, at) != 0) {
        int code = read_choice(value, words, "local, strict, none or node:N", &choice, error);
        request->mem = (qli_mem)choice;
        return code;
    }
    request->mem = QLI_MEM_NODE;
    request->mem_node_os = 0;
    const char *digits = value->text + at;
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 4 || digits[count] != '\0')
        return expected(value, (unsigned)at + 1, error, "a NUMA node number after 'node:'");
    for (size_t i = 0; i < count; i++)
        request->mem_node_os = request->mem_node_os * 10 + (unsigned)(digits[i] - '0');
    return 0;
}

/* 200us, 1ms, 0ns; at most a second, for longer is no spinning. */
static bool read_duration(const char *text, size_t *at, int64_t *ns)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    int64_t number = 0;
    size_t digits = strspn(text + *at, "0123456789");
    if (digits == 0 || digits > 10)
        return false;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (text[*at + i] - '0');
    *at += digits;
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t length = strlen(units[i].unit);
        if (strncmp(text + *at, units[i].unit, length) == 0 && text[*at + length] == ')') {
            *at += length;
            *ns = number * units[i].ns;
            return number <= 1000000000 / units[i].ns;
        }
    }
    return false;
}

static int read_idle(const qli_value *value, int64_t spin_max_ns, qli_idle *idle, ql_error *error)
{
    static const char adaptive[] = "adaptive(";
    *idle = (qli_idle){.kind = QL_IDLE_ADAPTIVE, .spin_max_ns = spin_max_ns};
    if (strcmp(value->text, "adaptive") == 0)
        return 0;
    if (strcmp(value->text, "spin") == 0) {
        *idle = (qli_idle){.kind = QL_IDLE_SPIN, .spin_max_ns = INT64_MAX};
        return 0;
    }
    if (strcmp(value->text, "block") == 0) {
        *idle = (qli_idle){.kind = QL_IDLE_BLOCK};
        return 0;
    }
    size_t at = sizeof adaptive - 1;
    if (strncmp(value->text, adaptive, at) != 0)
        return expected(value, 1, error, "adaptive, adaptive(200us), spin or block");
    idle->spin_given = true;
    if (!read_duration(value->text, &at, &idle->spin_max_ns))
        return expected(value, (unsigned)sizeof adaptive, error,
                        "a time of at most 1s with its unit (ns, us, ms, s) and ')', as in adaptive(200us)");
    return value->text[at + 1] == '\0' ? 0 : expected(value, (unsigned)at + 2, error, "the end after ')'");
}

/* The built-in spin budgets: what a hand-over costs when the other side sleeps, for a thread that is alone on its core. */
enum { LANE_SPIN_NS = 200000, WORKER_SPIN_NS = 50000 };

static int read_choices(qli_request *request, ql_error *error)
{
    static const char *const callers[] = {"free", "confine", NULL};
    static const char *const smt[] = {"reserve", "lend", NULL};
    static const char *const kinds[] = {"perf", "eff", "all", NULL};
    static const char *const steal[] = {"near", "random", NULL};
    static const char *const quota[] = {"respect", "ignore", NULL};
    static const char *const bind[] = {"warn", "require", "off", NULL};
    static const char *const show[] = {"0", "1", "2", NULL};
    static const struct {
        qli_key key;
        const char *const *words;
        const char *what;
    } choices[] = {
        {QLI_CALLERS, callers, "free or confine"},  {QLI_SMT, smt, "reserve or lend"},
        {QLI_LANE_KIND, kinds, "perf, eff or all"}, {QLI_WORKER_KIND, kinds, "perf, eff or all"},
        {QLI_STEAL, steal, "near or random"},       {QLI_QUOTA, quota, "respect or ignore"},
        {QLI_BIND, bind, "warn, require or off"},   {QLI_SHOW, show, "0, 1 or 2"},
    };
    unsigned found[QLI_KEYS] = {0};
    for (unsigned i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        qli_key key = choices[i].key;
        int code = read_choice(&request->values[key], choices[i].words, choices[i].what, &found[key], error);
        if (code < 0)
            return code;
    }
    request->confine = found[QLI_CALLERS] == 1;
    request->lend = found[QLI_SMT] == 1;
    request->lane_kind = (qli_kinds)found[QLI_LANE_KIND];
    request->worker_kind = (qli_kinds)found[QLI_WORKER_KIND];
    request->steal_random = found[QLI_STEAL] == 1;
    request->quota_ignore = found[QLI_QUOTA] == 1;
    request->bind = (qli_bind)found[QLI_BIND];
    request->show = found[QLI_SHOW];
    return 0;
}

int qli_values_read(qli_request *request, ql_error *error)
{
    const qli_value *values = request->values;
    int code = check_set(&values[QLI_CPUS], 0, error);
    if (code == 0)
        code = qli_lane_value_read(&values[QLI_LANE], &request->lane, error);
    if (code == 0)
        code = read_lanes(&values[QLI_LANES], &request->lanes, error);
    if (code == 0)
        code = read_workers(request, error);
    if (code == 0)
        code = read_threads_per_core(&values[QLI_THREADS_PER_CORE], &request->threads_per_core, error);
    if (code == 0)
        code = read_mem(request, error);
    if (code == 0)
        code = read_idle(&values[QLI_IDLE], LANE_SPIN_NS, &request->idle, error);
    if (code == 0)
        code = read_idle(&values[QLI_WORKER_IDLE], WORKER_SPIN_NS, &request->worker_idle, error);
    return code < 0 ? code : read_choices(request, error);
}
