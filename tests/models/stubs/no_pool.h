#ifndef TESTS_MODELS_STUBS_NO_POOL_H
#define TESTS_MODELS_STUBS_NO_POOL_H

#include "core/runtime.h"

ql_runtime *no_pool_start(void);
void no_pool_stop(ql_runtime *runtime);

#endif
