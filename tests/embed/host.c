/* host PLUGIN...: load several users of qlane, start them all, then ask those that are left and stop the first of them.
 * host --unload PLUGIN: see unload(). */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { PLUGINS_MAX = 4 };

typedef struct plugin {
    void *library;
    int (*start)(void);
    const char *(*ask)(void);
    int (*stop)(void);
} plugin;

static int load(plugin *p, const char *path)
{
    p->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!p->library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    void *start = dlsym(p->library, "plugin_start"), *ask = dlsym(p->library, "plugin_ask"),
         *stop = dlsym(p->library, "plugin_stop");
    memcpy(&p->start, &start, sizeof(start));
    memcpy(&p->ask, &ask, sizeof(ask));
    memcpy(&p->stop, &stop, sizeof(stop));
    return !start || !ask || !stop;
}

/* Is a library of this name mapped? */
static int mapped(const char *name)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof(line), maps))
        found |= strstr(line, name) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

/* Started, unloaded while its threads run, and loaded again: it knows nothing of its first runtime, which lives on. */
static int unload(const char *path)
{
    plugin p;
    if (load(&p, path) || p.start() || dlclose(p.library))
        return 1;
    printf("plugin %s, library %s\n", mapped(path) ? "stays" : "went",
           mapped("libqlane.so") ? "stays" : "went");
    if (load(&p, path) || p.start())
        return 1;
    printf("0 %s\n", p.ask());
    return p.stop();
}

int main(int argc, char **argv)
{
    plugin plugins[PLUGINS_MAX];
    int count = argc - 1;
    if (argc == 3 && strcmp(argv[1], "--unload") == 0)
        return unload(argv[2]);
    if (count < 1 || count > PLUGINS_MAX)
        return 2;
    for (int i = 0; i < count; i++)
        if (load(&plugins[i], argv[1 + i]) || plugins[i].start())
            return 1;
    for (int stopped = 0; stopped < count; stopped++) {
        for (int i = stopped; i < count; i++)
            printf("%d %s\n", i, plugins[i].ask());
        if (plugins[stopped].stop())
            return 1;
    }
    return 0;
}
