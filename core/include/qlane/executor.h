/* An executor is anything a task can be handed to: the runtime's worker pool, or a lane. Handing over is ql_submit() of
 * task.h; this header has what can be asked of an executor itself. */
#ifndef QLANE_EXECUTOR_H
#define QLANE_EXECUTOR_H

#include "qlane/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Its name: "pool", or the lane's. Lives as long as the executor. */
const char *ql_executor_name(const ql_executor *executor);

/** The runtime it belongs to. */
ql_runtime *ql_executor_runtime(const ql_executor *executor);

/** Does the calling thread run a task of this executor, so that the task could be called directly? */
bool ql_executor_is_current(const ql_executor *executor);

#ifdef __cplusplus
}
#endif
#endif
