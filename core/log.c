/* The library prints nothing: what it has to say goes through the callbacks of the config. */
#include <stdarg.h>

#include "core/future.h"
#include "core/runtime.h"

/* One line, whatever the names in it: of lanes, tasks, files. */
__attribute__((format(printf, 3, 0))) static void print_line(char *line, size_t size, const char *format,
                                                             va_list args)
{
    vsnprintf(line, size, format, args);
    for (; *line; line++)
        if ((unsigned char)*line < ' ' || *line == 0x7f)
            *line = '?';
}

void qli_log(ql_runtime *runtime, ql_level level, const char *format, ...)
{
    char line[512];
    va_list args;
    if (!runtime->config.log)
        return;
    va_start(args, format);
    print_line(line, sizeof(line), format, args);
    va_end(args);
    runtime->config.log(runtime->config.context, level, line);
}

void qli_unobserved(ql_runtime *runtime, const char *what, const ql_task *task)
{
    const ql_future *future = &task->future;
    qli_fetch_add(&runtime->unobserved, 1, __ATOMIC_RELAXED);
    qli_log(runtime, QL_WARNING, "%s task '%s' failed: %d %s", what, qli_task_name(task), future->code,
            future->text ? future->text : "");
    if (runtime->config.on_unobserved)
        runtime->config.on_unobserved(runtime->config.context, qli_task_name(task), future->code,
                                      future->text);
}

int qli_misuse(const ql_runtime *runtime, int code, const char *format, ...)
{
    char sentence[512];
    va_list args;
    if (!runtime->config.on_misuse)
        return code;
    va_start(args, format);
    print_line(sentence, sizeof(sentence), format, args);
    va_end(args);
    runtime->config.on_misuse(runtime->config.context, sentence);
    return code;
}
