#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/check.h"
#include "affinity/error.h"
#include "affinity/limits.h"
#include "affinity/show.h"
#include "affinity/show_xml.h"
#include "affinity/threads.h"
#include "affinity/words.h"

/* topo: the plan for this machine or any other, before anything starts; and beside a process that runs. */

enum { DIFFERS = 1, REFUSED = 2, KEYS_MAX = 64 };

struct options {
    const char *input, *config, *mask, *quota, *svg, *xml, *check;
    char *keys[KEYS_MAX + 1]; /* "lane=core:3", NULL-ended */
    unsigned key_count;
    bool json, steal, help;
};

/* Options with a value of their own; the flags; all else with two dashes is a key of the configuration. */
static const struct {
    const char *name;
    size_t member;
} VALUES[] = {{"-i", offsetof(struct options, input)},     {"--config", offsetof(struct options, config)},
              {"--mask", offsetof(struct options, mask)},  {"--quota", offsetof(struct options, quota)},
              {"--svg", offsetof(struct options, svg)},    {"--xml", offsetof(struct options, xml)},
              {"--check", offsetof(struct options, check)}};
static const struct {
    const char *name;
    size_t member;
} FLAGS[] = {{"--json", offsetof(struct options, json)},
             {"--steal", offsetof(struct options, steal)},
             {"--help", offsetof(struct options, help)},
             {"-h", offsetof(struct options, help)}};
enum { VALUE_COUNT = sizeof VALUES / sizeof VALUES[0], FLAG_COUNT = sizeof FLAGS / sizeof FLAGS[0] };

static const char USAGE[] =
    "Usage: topo [OPTION]...\n"
    "Shows which thread runs on which core, before anything starts.\n"
    "\n"
    "  --json           the plan as one JSON object\n"
    "  --svg FILE       the plan as a picture; with --steal also whom worker 0 steals from\n"
    "  --xml FILE       the machine with the plan in it, for lstopo -i FILE\n"
    "  --steal          the steal order of every worker\n"
    "  --check PID      compare with a running process; exits 1 when it is not as planned\n"
    "  -i FILE|STRING   another machine: lstopo's XML, or a synthetic string such as 'package:2 core:4 "
    "pu:2'\n"
    "  --mask LIST      plan as if this were the inherited affinity mask, as in 0-3,8\n"
    "  --quota CPUS     plan as if this were the control group's quota, as in 1.5, or none\n"
    "  --config TEXT    'key=value;key=value', as a program passes it\n"
    "  --KEY=VALUE      one key of the configuration; beats the environment\n"
    "\n"
    "Keys:";

static int usage(void)
{
    fputs(USAGE, stdout);
    for (unsigned key = 0; key < QLI_KEYS; key++)
        printf(" %s", qli_key_word((qli_key)key));
    puts(" lane.NAME\n"
         "In the environment: QLANE_CPUS, QLANE_LANE and so on, QLANE_LANE_NAME, and QLANE_AFFINITY for a "
         "whole TEXT.\n"
         "A TEXT may begin with a preset: dedicated, laptop (no pins, no spinning), off.");
    return 0;
}

static int refuse(const ql_error *error)
{
    fprintf(stderr, "qlane: %s\n", error->text);
    return REFUSED;
}

/* ---- Options ---- */

static bool add_key(struct options *options, const char *name, size_t name_length, const char *value,
                    ql_error *error)
{
    char *pair = NULL;
    if (options->key_count == KEYS_MAX || asprintf(&pair, "%.*s=%s", (int)name_length, name, value) < 0) {
        qli_error_set(error, -EINVAL, "too many options");
        return false;
    }
    for (char *c = pair; *c && *c != '='; c++)
        *c = *c == '-' ? '_' : *c;
    options->keys[options->key_count++] = pair;
    return true;
}

static bool is_key(const char *name, size_t length)
{
    for (unsigned key = 0; key < QLI_KEYS; key++) {
        const char *word = qli_key_word((qli_key)key);
        size_t at = 0;
        while (at < length && (word[at] == name[at] || (word[at] == '_' && name[at] == '-')))
            at++;
        if (at == length && word[at] == '\0')
            return true;
    }
    return length > 5 && strncmp(name, "lane.", 5) == 0;
}

static bool refuse_option(const char *option, ql_error *error)
{
    const char *known[VALUE_COUNT + FLAG_COUNT + QLI_KEYS];
    unsigned count = 0;
    for (unsigned i = 0; i < VALUE_COUNT; i++)
        known[count++] = VALUES[i].name;
    for (unsigned i = 0; i < FLAG_COUNT; i++)
        known[count++] = FLAGS[i].name;
    const char *near = qli_word_nearest(option, strcspn(option, "="), known, count);
    qli_error_set(error, -EINVAL, "topo: unknown option '%.100s'%s%s%s", option,
                  near ? "; did you mean '" : "; see topo --help", near ? near : "", near ? "'?" : "");
    return false;
}

/* --NAME VALUE or --NAME=VALUE; *i moves behind it. */
static bool read_option(struct options *options, char **argv, int argc, int *i, ql_error *error)
{
    const char *option = argv[*i], *equals = strchr(option, '=');
    size_t length = equals ? (size_t)(equals - option) : strlen(option);
    /* `quota` and `steal` are keys too: told apart by what follows. */
    bool word = equals && (strcmp(equals, "=respect") == 0 || strcmp(equals, "=ignore") == 0);
    for (unsigned f = 0; f < FLAG_COUNT && !equals; f++)
        if (strcmp(FLAGS[f].name, option) == 0) {
            *(bool *)((char *)options + FLAGS[f].member) = true;
            return true;
        }
    bool own = false;
    size_t member = 0;
    for (unsigned v = 0; v < VALUE_COUNT && !word; v++)
        if (strlen(VALUES[v].name) == length && strncmp(VALUES[v].name, option, length) == 0) {
            own = true;
            member = VALUES[v].member;
        }
    bool key = !own && strncmp(option, "--", 2) == 0 && is_key(option + 2, length - 2);
    if (!own && !key)
        return refuse_option(option, error);
    const char *value = equals ? equals + 1 : ++*i < argc ? argv[*i] : NULL;
    if (!value) {
        qli_error_set(error, -EINVAL, "topo: %s needs a value", option);
        return false;
    }
    if (key)
        return add_key(options, option + 2, length - 2, value, error);
    *(const char **)((char *)options + member) = value;
    return true;
}

/* ---- What to plan for ---- */

struct source {
    qli_machine_from from;
    const char *what;
    int pid;
};

static int find_source(const struct options *options, struct source *source, ql_error *error)
{
    *source = (struct source){.from = QLI_FROM_THIS_SYSTEM, .what = ""};
    if (options->check) {
        char *end;
        long pid = strtol(options->check, &end, 10);
        if (*end || pid <= 0 || pid > INT32_MAX)
            return qli_error_set(error, -EINVAL, "--check '%.60s': expected a process number",
                                 options->check);
        if (options->input)
            return qli_error_set(error, -EINVAL, "--check looks at this system; leave out -i");
        source->pid = (int)pid;
    }
    if (!options->input)
        return 0;
    source->what = options->input;
    if (access(options->input, F_OK) == 0)
        source->from = QLI_FROM_XML_FILE;
    else if (strchr(options->input, ':'))
        source->from = QLI_FROM_SYNTHETIC;
    else
        return qli_error_set(error, -ENOENT,
                             "-i '%.200s': no such file, and not a synthetic string such as 'core:4 pu:2'",
                             options->input);
    return 0;
}

static int read_limits(const struct options *options, const qli_machine *machine, const struct source *source,
                       qli_limits *limits, ql_error *error)
{
    qli_limits_of(machine, "", source->pid, limits);
    if (options->mask &&
        (!qli_pu_set_parse(&limits->inherited, options->mask) || qli_pu_set_empty(&limits->inherited)))
        return qli_error_set(error, -EINVAL, "--mask '%.100s': expected a list of CPU numbers such as 0-3,8",
                             options->mask);
    if (!options->quota)
        return 0;
    char *end;
    double cpus = strtod(options->quota, &end);
    bool none = strcmp(options->quota, "none") == 0;
    if (!none && (*end || end == options->quota || !(cpus > 0) || cpus > 1e6))
        return qli_error_set(error, -EINVAL,
                             "--quota '%.100s': expected a number of CPUs such as 1.5, or none",
                             options->quota);
    limits->quota_milli = none ? 0 : cpus < 0.001 ? 1 : (uint64_t)(cpus * 1000 + 1e-6);
    snprintf(limits->quota_file, sizeof limits->quota_file, "--quota");
    return 0;
}

/* The environment of the process to check, as a list like `environ`; NULL when it may not be read. */
static char **environment_of(int pid, char **text)
{
    enum { BYTES = 1 << 20 };
    *text = malloc(BYTES);
    if (!*text || !qli_file_read(*text, BYTES, "", "/proc/%d/environ", pid))
        return NULL;
    char **list = calloc(BYTES / 2, sizeof *list);
    unsigned count = 0;
    for (char *at = *text; list && *at; at += strlen(at) + 1)
        list[count++] = at;
    return list;
}

static int make_plan(const struct options *options, const struct source *source, ql_plan **plan,
                     ql_error *error)
{
    qli_request request;
    qli_machine *machine;
    qli_limits limits;
    char *text = NULL, **theirs = source->pid ? environment_of(source->pid, &text) : NULL;
    const ql_affinity_config config = {.size = sizeof config, .text = options->config};
    int code = qli_request_read(&config, theirs ? theirs : environ, (const char *const *)options->keys,
                                &request, error);
    free(theirs);
    free(text);
    if (code < 0)
        return code;
    code = qli_machine_load(source->from, source->what, &machine, error);
    if (code == 0 && (code = read_limits(options, machine, source, &limits, error)) < 0)
        qli_machine_free(machine);
    if (code < 0) {
        qli_request_fini(&request);
        return code;
    }
    return qli_plan_make(machine, &limits, &request, plan, error);
}

/* ---- What to show ---- */

/* Does every slot take a thread? Tried with this one, which goes back to where it was. */
static bool try_binding(const ql_plan *plan)
{
    qli_pu_set before;
    bool all =
        !plan->machine->simulated && plan->request.bind != QLI_BIND_OFF && qli_thread_mask(0, &before) == 0;
    if (!all)
        return false;
    for (unsigned i = 0; i < plan->lane_count + plan->worker_count && all; i++) {
        ql_bound bound = {0};
        const ql_slot *slot = i < plan->lane_count ? &plan->lanes[i] : &plan->workers[i - plan->lane_count];
        (void)ql_slot_bind(plan, slot, &bound);
        all = bound.pinned;
    }
    (void)qli_thread_set_mask(0, &before);
    return all;
}

static int write_file(const char *path, const char *text, ql_error *error)
{
    FILE *file = fopen(path, "we");
    bool done = file && fputs(text, file) >= 0;
    done = file && fclose(file) == 0 && done;
    return done ? 0 : qli_error_set(error, -errno, "%s: cannot be written: %s", path, strerror(errno));
}

static int show(const struct options *options, const struct source *source, const ql_plan *plan, bool bound,
                ql_error *error)
{
    qli_out out = {0};
    int code = 0;
    if (options->svg) {
        qli_show_svg(plan, bound, options->steal, &out);
        char *text = qli_out_take(&out);
        code = text ? write_file(options->svg, text, error)
                    : qli_error_set(error, -ENOMEM, "no memory for the picture");
        free(text);
        out = (qli_out){0};
    }
    if (code == 0 && options->xml)
        code = qli_show_xml(plan, source->from, source->what, options->xml, error);
    if (code < 0)
        return refuse(error);
    int status = 0;
    if (options->check) {
        int wrong = qli_check(plan, "", source->pid, &out);
        if (wrong == -ESRCH)
            qli_error_set(error, wrong, "--check %d: no such process", source->pid);
        status = wrong < 0 ? refuse(error) : wrong ? DIFFERS : 0;
    } else if (options->json) {
        qli_show_json(plan, bound, options->steal, &out);
    } else if (!options->svg && !options->xml) {
        qli_show_text(plan, bound, options->steal, &out);
    }
    char *text = qli_out_take(&out);
    if (text)
        fputs(text, stdout);
    free(text);
    return fflush(stdout) == 0 ? status : REFUSED;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct source source;
    ql_error error = {0};
    ql_plan *plan = NULL;
    int status = REFUSED;
    /* `bazel run` starts programs elsewhere; files are meant from where it was typed. */
    const char *typed_in = getenv("BUILD_WORKING_DIRECTORY");
    if (typed_in && chdir(typed_in) < 0)
        return REFUSED;
    bool good = true;
    for (int i = 1; i < argc && good; i++)
        good = read_option(&options, argv, argc, &i, &error);
    if (good && options.help)
        status = usage();
    else if (good && find_source(&options, &source, &error) == 0 &&
             make_plan(&options, &source, &plan, &error) == 0)
        status = show(&options, &source, plan, try_binding(plan), &error);
    else
        refuse(&error);
    ql_plan_destroy(plan);
    for (unsigned i = 0; i < options.key_count; i++)
        free(options.keys[i]);
    return status;
}
