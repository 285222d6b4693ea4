#include "examples/service/engine.h"

#include <string.h>

#include "examples/service/engines.h"

static const service_engine *const engines[] = {&engine_sqlite, &engine_q};

const char engine_names[] = "sqlite or q";

const service_engine *engine_find(const char *name)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    return NULL;
}
