/* What an engine implements to live on a lane: something that one thread may touch. The lane's thread makes every call but
 * `interrupt`, which comes from whoever cancels, and `fork_child`.
 *
 *   prepare, open, { [batch_begin], run ..., [batch_end] } ..., close, thread_exit
 *
 * Every hook gets `self`, the object that was given with the ops (ql_lane_config.engine_arg), and may be NULL, which means
 * that there is nothing to do. Hooks answer 0 or -errno, with a sentence in `error`. Nothing is held while one runs. An engine
 * with clocks or connections of its own has its lane call it for them: qlane/watch.h. */
#ifndef QLANE_ENGINE_H
#define QLANE_ENGINE_H

#include <stddef.h>

#include "qlane/task.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    QL_ENGINE_ONE_PER_PROCESS =
        1 << 0,                    /* a second one is refused with -EBUSY, whatever the runtime; for good */
    QL_ENGINE_NEEDS_MAIN = 1 << 1, /* only on the thread of main(): see QL_LANE_ON_CALLER */
    QL_ENGINE_PIN_FIRST = 1 << 2,  /* prepare under the lane's own core, not under the engine's cpuset */
};

typedef struct ql_engine_ops {
    size_t size;      /* sizeof(ql_engine_ops) */
    const char *name; /* "sqlite"; static */
    unsigned caps;

    /** On the lane's thread, allowed on every PU that the plan may use, before it is pinned: for an engine that counts
     *  CPUs or starts threads of its own. */
    int (*prepare)(void *self, ql_error *error);

    /** On the lane's thread, on its core. Tasks may queue already; if it fails they all settle with its code. An -EINVAL
     *  of its, or of prepare's, becomes -EPROTO, for -EINVAL stands for a config that was refused. */
    int (*open)(void *self, ql_error *error);

    /** Run a task and return its code. NULL: task->fn(task). A task that fails undoes what it did, and only that. */
    int (*run)(void *self, ql_task *task);

    /** Results are held from batch_begin to batch_end and settle when that returns; if it fails, every task of the batch that
     *  had not failed by itself settles with its code and text. A batch ends after `tasks_max` tasks at the latest: with 1 the task is alone. If
     *  batch_begin fails its tasks do not run, and batch_end is not called. */
    int (*batch_begin)(void *self, unsigned tasks_max, ql_error *error);
    int (*batch_end)(void *self, ql_error *error);

    /** Make the task that runs now return soon. From any thread; while it is called, that task cannot end and no other can
     *  begin, so the next task is never hit; it must therefore return at once. -ENOTSUP: not now. */
    int (*interrupt)(void *self);

    /** Nothing runs any more and nothing will. */
    void (*close)(void *self);

    /** The last call of the lane's thread, also after a prepare or open that failed: free what is the thread's, or `self`.
     *  It comes exactly once for each ql_lane_open() but those that answer -EINVAL or -ECHILD; where no thread could be had, from the
     *  opener's. */
    void (*thread_exit)(void *self);

    /** In a fork's child, which has no engine: forget it, without touching it. */
    void (*fork_child)(void *self);
} ql_engine_ops;

/** The `self` of the lane that the calling thread is, if it was opened with these very ops; NULL anywhere else. */
void *ql_engine_here(const ql_engine_ops *ops);

/** Inside a hook or a task: end the batch after this task, because it cannot be saved or should not wait. */
void ql_batch_end_soon(void);

#ifdef __cplusplus
}
#endif
#endif
