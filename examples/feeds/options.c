#include "examples/feeds/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/input.h"

const char options_help[] =
    "usage: feeds [option value]...\n"
    "\n"
    "Many feeds, each a thread of its own, stream the rows of a CSV file. Workers parse them, and one lane, "
    "which owns a\n"
    "SQLite connection, upserts them into the table `rows`, by line number.\n"
    "\n"
    "  --csv FILE      a CSV file with a header (default: the flights that tools/setup fetched)\n"
    "  --feeds N       how many feeds (default 20)\n"
    "  --rows N        only the first N rows\n"
    "  --rate N        N rows a second, all feeds together\n"
    "  --repeat N      stream the file N times; a row that is in the table already stays as it is\n"
    "  --db FILE       a database file (default: in memory)\n"
    "  --key COL[,COL] also the table `keys`: for each value of these columns the number of rows and the sum "
    "of\n"
    "  --sum COL       this column (default: the first numeric column that is not in the key)\n"
    "  --query SQL     ask this while the rows come in, and at the end\n"
    "  --json          print one JSON object\n"
    "  --help          print this\n"
    "\n"
    "Placement, as in affinity/README.md: --cpus --lane --lanes --lane.q --callers --workers --smt "
    "--threads_per_core\n"
    "  --lane_kind --worker_kind --mem --steal --quota --bind --idle --worker_idle --show --affinity\n"
    "\n"
    "Exit status: 0 all rows are accounted for; 1 they are not, or the engine failed; 2 an input or option "
    "cannot be\n"
    "used; 130 interrupted, and all rows read are accounted for.\n";

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

/* A later key beats an earlier one. */
static int add_placement(feed_options *options, const char *name, const char *value, ql_error *error)
{
    size_t used = strlen(options->affinity), room = sizeof(options->affinity) - used;
    bool whole = strcmp(name, "affinity") == 0;
    if (!whole && strchr(value, ';'))
        return refuse(error, -EINVAL, "--%s: '%s': one value, without ';'", name, value);
    int length = snprintf(options->affinity + used, room, "%s%s%s%s", used ? ";" : "", whole ? "" : name,
                          whole ? "" : "=", value);
    return length < 0 || (size_t)length >= room
               ? refuse(error, -EINVAL, "--%s: all placement options together are too long", name)
               : 0;
}

static int read_count(const char *name, const char *value, uint64_t max, uint64_t *count, ql_error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long read = isdigit((unsigned char)*value) ? strtoull(value, &end, 10) : 0;
    if (!end || *end || errno || read < 1 || read > max)
        return refuse(error, -EINVAL, "--%s: '%s' is not a number from 1 to %" PRIu64, name, value, max);
    *count = read;
    return 0;
}

static int read_unsigned(const char *name, const char *value, unsigned max, unsigned *count, ql_error *error)
{
    uint64_t read = 0;
    int code = read_count(name, value, max, &read, error);
    *count = code ? *count : (unsigned)read;
    return code;
}

static int read_option(feed_options *options, const char *name, const char *value, ql_error *error)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"csv", &options->csv},
                 {"db", &options->db},
                 {"query", &options->query},
                 {"key", &options->key},
                 {"sum", &options->sum}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return *value ? 0 : refuse(error, -EINVAL, "--%s: an empty value", name);
        }
    if (strcmp(name, "feeds") == 0)
        return read_unsigned(name, value, 4096, &options->feeds, error);
    if (strcmp(name, "repeat") == 0)
        return read_unsigned(name, value, 1000000, &options->repeat, error);
    if (strcmp(name, "rows") == 0)
        return read_count(name, value, UINT64_C(1) << 48, &options->rows, error);
    if (strcmp(name, "rate") == 0)
        return read_count(name, value, 1000000000, &options->rate, error);
    return add_placement(options, name, value, error);
}

static bool takes_value(const char *name)
{
    static const char *const own[] = {"csv", "db", "feeds", "key", "query", "rate", "repeat", "rows", "sum"};
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    return is_placement(name);
}

/* One option; *used becomes how many words it is. */
static int read_words(feed_options *options, char **words, int left, int *used, ql_error *error)
{
    char name[64];
    const char *word = words[0], *value = strchr(word, '=');
    size_t length = value ? (size_t)(value - word) : strlen(word);
    *used = 1;
    if (strncmp(word, "--", 2) != 0 || length >= sizeof(name))
        return refuse(error, -EINVAL, "'%s': not an option; see --help", word);
    memcpy(name, word + 2, length - 2);
    name[length - 2] = 0;
    if (strcmp(word, "--json") == 0 || strcmp(word, "--help") == 0) {
        *(word[2] == 'j' ? &options->json : &options->help) = true;
        return 0;
    }
    if (!takes_value(name))
        return refuse(error, -EINVAL, "--%s: no such option; see --help", name);
    if (!value && left < 2)
        return refuse(error, -EINVAL, "--%s: its value is missing", name);
    *used = value ? 1 : 2;
    return read_option(options, name, value ? value + 1 : words[1], error);
}

int options_read(feed_options *options, int argc, char **argv, ql_error *error)
{
    *options = (feed_options){.feeds = 20, .repeat = 1};
    int used, code = 0;
    for (int i = 1; i < argc && !code; i += used)
        code = read_words(options, argv + i, argc - i, &used, error);
    if (!code && options->sum && !options->key)
        code = refuse(error, -EINVAL, "--sum: needs --key");
    return code;
}
