/* One user of qlane in a process that has several: a library that is loaded, or the program itself. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <qlane/qlane.h>
#include <stdio.h>
#include <string.h>

static ql_runtime *runtime;

static int answer(ql_task *task)
{
    ql_value value = {.i64 = 42};
    return ql_task_return(task, value);
}

int plugin_start(void);
int plugin_start(void)
{
    ql_error error;
    int code = ql_runtime_start(NULL, &runtime, &error);
    if (code)
        fprintf(stderr, "%s\n", error.text);
    return code;
}

/* Run a task, and name the file that ql_submit() is in. */
const char *plugin_ask(void);
const char *plugin_ask(void)
{
    ql_task task;
    ql_task_init(&task, answer, NULL);
    if (ql_submit(ql_runtime_pool(runtime), &task) || ql_future_wait(&task.future) ||
        task.future.value.i64 != 42)
        return "no answer";
    Dl_info info;
    int (*submit)(ql_executor *, ql_task *) = ql_submit;
    void *address;
    memcpy(&address, &submit, sizeof(address));
    return dladdr(address, &info) && info.dli_fname ? info.dli_fname : "nowhere";
}

int plugin_stop(void);
int plugin_stop(void)
{
    ql_error error;
    return ql_runtime_stop(runtime, NULL, &error);
}
