/* report.c: the trace of the latest events, and the one way in which a run fails. */
#include "wmm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *what;
    uintptr_t address, pc;
    uint64_t value;
    int thread, order, age;
} event;

enum { TRACE = 256, SHOWN = 48 };
static event trace[TRACE];
static unsigned event_count;

void wmm_note(const char *what, uintptr_t address, uint64_t value, int order, int age)
{
    trace[event_count++ % TRACE] = (event){what, address, wmm_me()->pc, value, wmm_self, order, age};
}

static void show_thread(int i)
{
    static const char *const states[] = {"unused", "runnable", "waits", "in a system call", "finished"};
    static const char *const kinds[] = {"", "mutex", "condvar", "futex", "join", "semaphore", "barrier"};
    const wmm_thread *t = &wmm_threads[i];
    dprintf(wmm_error_fd, "    thread %d: %s", i, states[t->state]);
    if (t->state == WMM_WAITING)
        dprintf(wmm_error_fd, " for %s %p%s", kinds[t->wait_kind], t->wait_object,
                t->wait_deadline_ns == WMM_NEVER ? "" : " (timed)");
    dprintf(wmm_error_fd, " at pc 0x%lx\n", wmm_pc(t->pc));
}

static void show_event(const event *e)
{
    static const char *const orders[] = {"rlx", "con", "acq", "rel", "ar", "sc"};
    const char *order = e->order >= 0 && e->order <= __ATOMIC_SEQ_CST ? orders[e->order] : "-";
    dprintf(wmm_error_fd, "    t%d %-10s %-3s 0x%lx = 0x%lx", e->thread, e->what, order,
            (unsigned long)e->address, (unsigned long)e->value);
    if (e->age)
        dprintf(wmm_error_fd, " -%d", e->age);
    dprintf(wmm_error_fd, "  pc 0x%lx\n", wmm_pc(e->pc));
}

void wmm_fail(const char *format, ...)
{
    static bool failing;
    if (failing)
        _exit(66);
    failing = true;
    wmm_stop_checking();
    dprintf(wmm_error_fd, "\n=== wmm: seed %d, step %ld: ", wmm_seed, wmm_steps());
    va_list arguments;
    va_start(arguments, format);
    vdprintf(wmm_error_fd, format, arguments);
    va_end(arguments);
    dprintf(wmm_error_fd, "\n    in thread %d at pc 0x%lx\n", wmm_self,
            wmm_self >= 0 ? wmm_pc(wmm_me()->pc) : 0);
    for (int i = 0; i < wmm_thread_count; i++)
        show_thread(i);
    unsigned most = wmm_options.replay ? TRACE : SHOWN;
    unsigned shown = event_count < most ? event_count : most;
    dprintf(wmm_error_fd, "    last %u events (-K: the load returned, the store became, the K-th newest):\n",
            shown);
    for (unsigned i = event_count - shown; i < event_count; i++)
        show_event(&trace[i % TRACE]);
    _exit(66);
}
