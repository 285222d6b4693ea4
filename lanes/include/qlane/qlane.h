/* Every public header of qlane but those of engines, which are libraries of their own. */
#ifndef QLANE_QLANE_H
#define QLANE_QLANE_H

#include "qlane/affinity.h"
#include "qlane/completions.h"
#include "qlane/engine.h"
#include "qlane/error.h"
#include "qlane/executor.h"
#include "qlane/fork.h"
#include "qlane/future.h"
#include "qlane/lane.h"
#include "qlane/loop.h"
#include "qlane/metrics.h"
#include "qlane/runtime.h"
#include "qlane/strand.h"
#include "qlane/task.h"
#include "qlane/trace.h"
#include "qlane/version.h"
#include "qlane/watch.h"

#endif
