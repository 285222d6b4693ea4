/* The trace: a ring of events for each thread of a runtime, and one for all threads of the host; NULL where nothing is kept. A ring
 * has a lock, which its thread takes for each event, so that a dump reads whole events; without a trace nobody comes there.
 *
 * Beside it stand USDT probes, a nop each, for bpftrace, perf and SystemTap: in the same places, with or without a trace. */
#ifndef QLANE_CORE_TRACE_H
#define QLANE_CORE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "qlane/trace.h"

/* Debian's systemtap-sdt-dev; without it there are no probes, and nothing else is missing. */
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
/* clang calls an empty `...`, of which its macros have many, an extension. */
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#define QLI_PROBE(name, a, b) DTRACE_PROBE2(qlane, name, a, b)
#else
#define QLI_PROBE(name, a, b) ((void)(a), (void)(b))
#endif

/* In the order in which a task meets them. */
typedef enum qli_event_kind {
    QLI_EVENT_SUBMIT,
    QLI_EVENT_START,
    QLI_EVENT_END, /* its function has returned */
    QLI_EVENT_SETTLE,
    QLI_EVENT_PARK,
    QLI_EVENT_STEAL,
    QLI_EVENT_COMMIT
} qli_event_kind;

typedef struct qli_ring qli_ring;

/* NULL: no memory, or `events` is 0. `thread` is copied; NULL: the host's threads. */
qli_ring *qli_ring_create(unsigned events, const char *thread);
void qli_ring_free(qli_ring *ring);

/* `task` is only compared; `name` is static; `number` is a settle's code, a commit's tasks. It began at `at_ns` and lasted till now. */
void qli_ring_add(qli_ring *ring, qli_event_kind kind, int64_t at_ns, const void *task, const char *name,
                  int64_t number);

#endif
