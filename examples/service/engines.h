/* The engines there are. */
#ifndef EXAMPLES_SERVICE_ENGINES_H
#define EXAMPLES_SERVICE_ENGINES_H

#include "examples/service/engine.h"

extern const service_engine engine_sqlite, engine_q;

#endif
