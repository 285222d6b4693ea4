#include "examples/words.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int refuse(ql_error *error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->code = code;
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return code;
}

/* ---- Placement -------------------------------------------------------------------------------------------------- */

/* `affinity` is a whole text of them, or a preset. */
static const char *const placement_keys[] = {
    "affinity",    "bind",        "callers", "cpus", "idle", "lane",  "lane_kind",
    "lanes",       "mem",         "quota",   "show", "smt",  "steal", "threads_per_core",
    "worker_idle", "worker_kind", "workers",
};

static bool is_placement(const char *name)
{
    if (strncmp(name, "lane.", 5) == 0 && name[5])
        return true;
    for (size_t i = 0; i < sizeof(placement_keys) / sizeof(*placement_keys); i++)
        if (strcmp(name, placement_keys[i]) == 0)
            return true;
    return false;
}

static int add_placement(char *placement, size_t size, const char *name, const char *value, ql_error *error)
{
    size_t used = strlen(placement), room = size - used;
    bool whole = strcmp(name, "affinity") == 0;
    if (!whole && strchr(value, ';'))
        return refuse(error, -EINVAL, "--%s: '%s': one value, without ';'", name, value);
    int length = snprintf(placement + used, room, "%s%s%s%s", used ? ";" : "", whole ? "" : name,
                          whole ? "" : "=", value);
    return length < 0 || (size_t)length >= room
               ? refuse(error, -EINVAL, "--%s: all placement options together are too long", name)
               : 0;
}

/* ---- Words ------------------------------------------------------------------------------------------------------ */

static int read_count(const word_option *known, const char *value, ql_error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long read = isdigit((unsigned char)*value) ? strtoull(value, &end, 10) : 0;
    if (!end || *end || errno || read < 1 || read > known->max)
        return refuse(error, -EINVAL, "--%s: '%s' is not a number from 1 to %" PRIu64, known->name, value,
                      known->max);
    if (known->kind == WORD_UNSIGNED)
        *(unsigned *)known->to = (unsigned)read;
    else
        *(uint64_t *)known->to = read;
    return 0;
}

static int read_value(const word_option *known, const char *value, ql_error *error)
{
    if (known->kind != WORD_TEXT)
        return read_count(known, value, error);
    *(const char **)known->to = value;
    return *value ? 0 : refuse(error, -EINVAL, "--%s: an empty value", known->name);
}

static const word_option *find(const word_option *known, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

/* The name in --name or --name=value. */
static int read_name(const char *said, char *name, size_t size, ql_error *error)
{
    size_t length = strcspn(said, "=");
    if (strncmp(said, "--", 2) != 0 || length - 2 >= size)
        return refuse(error, -EINVAL, "'%s': not an option; see --help", said);
    memcpy(name, said + 2, length - 2);
    name[length - 2] = 0;
    return 0;
}

int words_read(const word_option *known, size_t count, char *placement, size_t placement_size, int argc,
               char **argv, ql_error *error)
{
    *placement = 0;
    for (int i = 1; i < argc; i++) {
        char name[64] = "";
        const char *value = strchr(argv[i], '=');
        int code = read_name(argv[i], name, sizeof(name), error);
        if (code)
            return code;
        const word_option *found = find(known, count, name);
        if (found ? found->kind == WORD_FLAG && value : !is_placement(name))
            return refuse(error, -EINVAL, "--%s: %s; see --help", name,
                          found ? "takes no value" : "no such option");
        if (found && found->kind == WORD_FLAG) {
            *(bool *)found->to = true;
            continue;
        }
        value = value ? value + 1 : argv[++i];
        if (!value)
            return refuse(error, -EINVAL, "--%s: its value is missing", name);
        code = found ? read_value(found, value, error)
                     : add_placement(placement, placement_size, name, value, error);
        if (code)
            return code;
    }
    return 0;
}
