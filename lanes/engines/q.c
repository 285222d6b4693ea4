/* kdb+ on a lane: the engine's hooks, and opening. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "affinity/error.h"
#include "core/runtime.h"
#include "lanes/engines/q.h"

/* ---- While it serves --------------------------------------------------------------------------------------------- */

static int run(void *self, ql_task *task)
{
    ql_q *at = self;
    const char *outer_name = at->task_name;
    ql_q_call *outer = at->call;
    at->task_name = task->name ? task->name : "task";
    int code = task->fn(task);
    at->call = outer;
    at->task_name = outer_name;
    return code;
}

static void tick(ql_timer *timer)
{
    ql_q *at = timer->arg;
    ql_error error;
    at->task_name = ".z.ts";
    bool failed = qli_q_evaluate(at, ".z.ts .z.p", &error);
    at->task_name = NULL;
    if (failed && !at->timer_failed)
        qli_log(qli_context_current()->runtime, QL_WARNING, "q's .z.ts failed: %s", error.text);
    at->timer_failed = failed;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static int prepare(void *self, ql_error *error)
{
    ql_q *at = self;
    int code = qli_q_load(at, error);
    return code ? code : qli_q_start(at, error);
}

static int load_script(ql_q *at, ql_error *error)
{
    char *text = NULL;
    if (access(at->config.script, R_OK) != 0)
        return qli_error_set(error, -errno, "the script '%s' cannot be read: %s", at->config.script,
                             strerrordesc_np(errno));
    if (asprintf(&text, "\\l %s", at->config.script) < 0)
        return qli_error_set(error, -ENOMEM, "no memory");
    int code = qli_q_evaluate(at, text, error);
    free(text);
    return code;
}

static int open_it(void *self, ql_error *error)
{
    ql_q *at = self;
    int64_t every_ns = at->config.timer_ms * INT64_C(1000000);
    at->reader.api = &at->api;
    at->task_name = "the start-up script";
    qli_q_crash_watch(at);
    int code = at->config.script ? load_script(at, error) : 0;
    if (!code && at->config.text)
        code = qli_q_evaluate(at, at->config.text, error);
    at->task_name = NULL;
    at->timer = (ql_timer){.fn = tick, .arg = at};
    if (!code && every_ns)
        code = ql_timer_start(&at->timer, ql_after_ns(every_ns), every_ns);
    return code;
}

static void close_it(void *self)
{
    ql_q *at = self;
    ql_timer_stop(&at->timer);
    qli_q_peers_close(at);
}

static void discard(ql_q *at)
{
    const char *const texts[] = {at->config.libq, at->config.qhome, at->config.qlic, at->config.script,
                                 at->config.text};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free((void *)(uintptr_t)texts[i]);
    qli_q_reader_fini(&at->reader);
    free(at->peers);
    free(at);
}

static void thread_exit(void *self)
{
    ql_q *at = self;
    qli_q_crash_unwatch(at);
    qli_q_functions_forget(at);
    if (at->started)
        at->api.m9();
    discard(at);
}

static void fork_child(void *self)
{
    ql_q *at = self;
    at->forked = true;
    qli_q_crash_unwatch(at);
}

#define HOOKS                                                                                    \
    .size = sizeof(ql_engine_ops), .name = "q", .prepare = prepare, .open = open_it, .run = run, \
    .close = close_it, .thread_exit = thread_exit, .fork_child = fork_child

static const ql_engine_ops ops = {HOOKS};
static const ql_engine_ops ops_pin_first = {HOOKS, .caps = QL_ENGINE_PIN_FIRST};

ql_q *qli_q_here(void)
{
    ql_q *at = ql_engine_here(&ops);
    return at ? at : ql_engine_here(&ops_pin_first);
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static int check(const ql_lane_config *lane_config, const ql_q_config *config, ql_error *error)
{
    const char *wrong = NULL;
    if (lane_config && lane_config->size != sizeof(*lane_config))
        return qli_error_size(error, "ql_q_open: lane_config.size", lane_config->size, "ql_lane_config",
                              sizeof(*lane_config));
    if (lane_config && lane_config->engine)
        wrong = "lane_config has an engine already";
    else if (!config)
        wrong = "the config is NULL";
    else if (config->size != sizeof(*config))
        return qli_error_size(error, "ql_q_open: config.size", config->size, "ql_q_config", sizeof(*config));
    else if (config->flags & ~(unsigned)(QL_Q_GLOBAL | QL_Q_PIN_FIRST))
        wrong = "config.flags has an unknown value";
    else if (config->threads > 1024)
        wrong = "config.threads is above 1,024";
    return wrong ? qli_error_set(error, -EINVAL, "ql_q_open: %s", wrong) : 0;
}

/* Into *copy, which may be *text. False: no memory. */
static bool keep(const char **text)
{
    const char *from = *text;
    *text = from ? strdup(from) : NULL;
    return !from || *text;
}

static ql_q *make(const ql_q_config *config)
{
    ql_q *at = calloc(1, sizeof(*at));
    if (!at)
        return NULL;
    at->config = *config;
    at->reader.bytes_max = config->result_bytes_max;
    long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGESIZE);
    if (!at->reader.bytes_max)
        at->reader.bytes_max =
            pages > 0 && page_size > 0 ? (size_t)pages * (size_t)page_size / 2 : SIZE_MAX / 2;
    bool kept = keep(&at->config.libq);
    kept &= keep(&at->config.qhome);
    kept &= keep(&at->config.qlic);
    kept &= keep(&at->config.script);
    kept &= keep(&at->config.text);
    if (kept)
        return at;
    discard(at);
    return NULL;
}

typedef int opener(ql_runtime *runtime, const ql_lane_config *config, ql_lane **lane, ql_error *error);

static int open_with(opener *open_lane, ql_runtime *runtime, const ql_lane_config *lane_config,
                     const ql_q_config *config, ql_lane **lane, ql_error *error)
{
    if (lane)
        *lane = NULL;
    int code = check(lane_config, config, error);
    if (code)
        return code;
    ql_q *at = make(config);
    if (!at)
        return qli_error_set(error, -ENOMEM, "ql_q_open: no memory");
    ql_lane_config filled = {.size = sizeof(filled), .name = "q"};
    if (lane_config)
        filled = *lane_config;
    filled.engine = config->flags & QL_Q_PIN_FIRST ? &ops_pin_first : &ops;
    filled.engine_arg = at;
    code = open_lane(runtime, &filled, lane, error);
    if (code == -EINVAL || code == -ECHILD)
        discard(at); /* otherwise it was the lane's, to its end */
    return code;
}

int ql_q_open(ql_runtime *runtime, const ql_lane_config *lane_config, const ql_q_config *config,
              ql_lane **lane, ql_error *error)
{
    return open_with(ql_lane_open, runtime, lane_config, config, lane, error);
}

int ql_q_open_begin(ql_runtime *runtime, const ql_lane_config *lane_config, const ql_q_config *config,
                    ql_lane **lane, ql_error *error)
{
    return open_with(ql_lane_open_begin, runtime, lane_config, config, lane, error);
}
