#include "core/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/atfork.h"
#include "core/future.h"
#include "core/runtime.h"

typedef struct event {
    int64_t at_ns, took_ns, number;
    const void *task;
    const char *name;
    uint64_t flow; /* when it is written: which submit it belongs to; 0: that one is not in the trace */
    qli_event_kind kind;
    pid_t thread;
} event;

struct qli_ring {
    pthread_mutex_t lock;
    char thread[16];
    pid_t tid; /* 0: many */
    unsigned size;
    uint64_t count; /* ever */
    event events[];
};

/* ---- Keeping ---------------------------------------------------------------------------------------------------- */

qli_ring *qli_ring_create(unsigned events, const char *thread)
{
    qli_ring *ring = events ? calloc(1, sizeof(*ring) + events * sizeof(event)) : NULL;
    if (!ring)
        return NULL;
    pthread_mutex_init(&ring->lock, NULL);
    snprintf(ring->thread, sizeof(ring->thread), "%s", thread ? thread : "");
    ring->size = events;
    return ring;
}

void qli_ring_free(qli_ring *ring)
{
    if (ring)
        pthread_mutex_destroy(&ring->lock);
    free(ring);
}

void qli_ring_add(qli_ring *ring, qli_event_kind kind, int64_t at_ns, const void *task, const char *name,
                  int64_t number)
{
    int64_t now_ns = ql_now_ns();
    pid_t thread = ring->thread[0] && ring->tid ? ring->tid : gettid();
    pthread_mutex_lock(&ring->lock);
    ring->tid = thread;
    ring->events[ring->count++ % ring->size] = (event){.at_ns = at_ns,
                                                       .took_ns = now_ns - at_ns,
                                                       .number = number,
                                                       .task = task,
                                                       .name = name,
                                                       .kind = kind,
                                                       .thread = thread};
    pthread_mutex_unlock(&ring->lock);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

typedef struct copy {
    event *events;
    size_t count;
    FILE *out; /* names of threads are written at once, to memory */
    bool failed;
} copy;

static void copy_ring(copy *to, qli_ring *ring)
{
    event *events = realloc(to->events, (to->count + ring->size + 1) * sizeof(*events));
    if (!events) {
        to->failed = true;
        return;
    }
    to->events = events;
    pthread_mutex_lock(&ring->lock);
    size_t kept = ring->count < ring->size ? (size_t)ring->count : ring->size;
    memcpy(&events[to->count], ring->events, kept * sizeof(*events));
    pid_t tid = ring->tid;
    pthread_mutex_unlock(&ring->lock);
    to->count += kept;
    if (kept && ring->thread[0])
        fprintf(to->out,
                "{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":\"%s\"}},\n",
                tid, ring->thread);
}

static void copy_thread(const qli_look *look, void *arg)
{
    if (look->context->ring)
        copy_ring(arg, look->context->ring);
}

/* A task's events stand together, as they happened. */
static int by_task(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->task != y->task)
        return (uintptr_t)x->task < (uintptr_t)y->task ? -1 : 1;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return x->took_ns == y->took_ns  ? 0
           : x->took_ns > y->took_ns ? -1
                                     : 1; /* what contains the other first */
}

/* The memory of a task is used again: what follows a submit, up to its settle, is of that one. */
static void find_flows(copy *of)
{
    uint64_t flows = 0, flow = 0;
    const void *task = NULL;
    qsort(of->events, of->count, sizeof(event), by_task);
    for (size_t i = 0; i < of->count; i++) {
        event *e = &of->events[i];
        if (e->task != task)
            flow = 0;
        task = e->task;
        if (e->kind == QLI_EVENT_SUBMIT)
            flow = ++flows;
        e->flow = task ? flow : 0;
        if (e->kind == QLI_EVENT_SETTLE)
            flow = 0;
    }
    qsort(of->events, of->count, sizeof(event), by_time);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ')
            fprintf(out, "\\u%04x", c);
        else
            fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
}

static void put_us(FILE *out, const char *key, int64_t ns)
{
    fprintf(out, ",\"%s\":%lld.%03d", key, (long long)(ns / 1000), (int)(ns % 1000));
}

/* Some viewers bind an arrow only to a slice of its own category. */
static void begin(FILE *out, const event *e, const char *phase, int64_t from_ns)
{
    fprintf(out, "{\"ph\":\"%s\",\"cat\":\"task\",\"pid\":1,\"tid\":%d", phase, e->thread);
    put_us(out, "ts", e->at_ns - from_ns);
}

static void write_flow(FILE *out, const event *e, int64_t from_ns)
{
    const char *phase = e->kind == QLI_EVENT_SUBMIT ? "s" : e->kind == QLI_EVENT_START ? "t" : "f";
    begin(out, e, phase, from_ns);
    fprintf(out, ",\"bp\":\"e\",\"name\":\"task\",\"id\":%llu},\n", (unsigned long long)e->flow);
}

static void write_event(FILE *out, const event *e, int64_t from_ns)
{
    static const char *const words[] = {"submit ", "", "", "settle ", "asleep", "steal", "commit"};
    bool runs = e->kind == QLI_EVENT_START || e->kind == QLI_EVENT_END;
    bool instant = e->kind == QLI_EVENT_STEAL;
    begin(out, e,
          e->kind == QLI_EVENT_START ? "B"
          : e->kind == QLI_EVENT_END ? "E"
          : instant                  ? "i"
                                     : "X",
          from_ns);
    if (!runs && !instant)
        put_us(out, "dur", e->took_ns);
    if (instant)
        fputs(",\"s\":\"t\"", out);
    fprintf(out, ",\"name\":\"%s", words[e->kind]);
    if (e->name)
        put_text(out, e->name);
    fprintf(out, "\",\"args\":{\"task\":%llu,\"%s\":%lld}},\n", (unsigned long long)e->flow,
            e->kind == QLI_EVENT_COMMIT ? "tasks" : "code", (long long)e->number);
    if (e->flow && e->kind != QLI_EVENT_END)
        write_flow(out, e, from_ns);
}

int ql_trace_write(ql_runtime *runtime, FILE *out)
{
    char *threads = NULL;
    size_t length = 0;
    if (!runtime || !out)
        return -EINVAL;
    if (qli_is_orphan(runtime))
        return -ECHILD;
    if (!runtime->host_ring)
        return -ENOTSUP;
    copy all = {.out = open_memstream(&threads, &length)};
    if (!all.out)
        return -ENOMEM;
    copy_ring(&all, runtime->host_ring);
    qli_runtime_look(runtime, copy_thread, &all);
    fclose(all.out);
    if (!all.failed) {
        find_flows(&all);
        fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n%s", threads);
        for (size_t i = 0; i < all.count; i++)
            write_event(out, &all.events[i], runtime->started_ns);
        fputs("{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"qlane\"}}\n]}\n", out);
    }
    free(threads);
    free(all.events);
    if (all.failed)
        return -ENOMEM;
    return fflush(out) || ferror(out) ? -EIO : 0;
}
