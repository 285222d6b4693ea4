#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness/harness.h"

static const char help[] =
    "  --work A,B      only these works\n"
    "  --peer A,B      only these contenders; the references run all the same\n"
    "  --workers 1,2   only with so many workers\n"
    "  --rounds N      rounds that count (7)\n"
    "  --others SHARE  how much of the machine other processes may use in a round that counts (0.06)\n"
    "  --seed N        the order of the contenders\n"
    "  --peers FOLDER  where the peers are (build/peers/bin)\n"
    "  --json          one object a line\n";

static void usage(const char *what, int status)
{
    fprintf(status ? stderr : stdout, "%s\n%s", what, help);
    exit(status);
}

static bool take(bench_options *options, const char *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    if (!strcmp(option, "--work"))
        options->works = value;
    else if (!strcmp(option, "--peer"))
        options->peers = value;
    else if (!strcmp(option, "--workers"))
        options->workers = value;
    else if (!strcmp(option, "--peers"))
        options->folder = value;
    else if (!strcmp(option, "--rounds"))
        options->rounds = (unsigned)strtoul(value, &end, 10);
    else if (!strcmp(option, "--seed"))
        options->seed = strtoull(value, &end, 10);
    else if (!strcmp(option, "--others"))
        options->others_max = strtod(value, &end);
    else
        return false;
    return !errno && (!end || (end != value && !*end)) && options->rounds > 0 && options->rounds < 1000;
}

/* Peers are built into the tree; bazel run starts elsewhere and says where the tree is. */
static const char *default_folder(void)
{
    static char folder[512];
    const char *tree = getenv("BUILD_WORKSPACE_DIRECTORY");
    snprintf(folder, sizeof(folder), "%s/build/peers/bin", tree ? tree : ".");
    return folder;
}

void bench_options_read(bench_options *options, int argc, char **argv, const char *what)
{
    *options = (bench_options){.rounds = 7, .others_max = 0.06, .folder = default_folder()};
    options->seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            usage(what, 0);
        if (!strcmp(argv[i], "--json")) {
            options->json = true;
        } else if (i + 1 == argc || !take(options, argv[i], argv[i + 1])) {
            fprintf(stderr, "wrong: %s %s\n", argv[i], i + 1 < argc ? argv[i + 1] : "");
            usage(what, 2);
        } else {
            i++;
        }
    }
}

bool bench_chosen(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (!strncmp(at, name, length) && (at[length] == ',' || !at[length]))
            return true;
    }
    return !list;
}
