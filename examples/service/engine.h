/* What the service asks of an engine: a table of texts by key. All that knows one engine is in the file named after it, and
 * the choice is in engine.c. To add one: implement these, and name it there. */
#ifndef EXAMPLES_SERVICE_ENGINE_H
#define EXAMPLES_SERVICE_ENGINE_H

#include "examples/service/options.h"
#include "examples/service/protocol.h"
#include "qlane/lane.h"

typedef struct engine_value {
    bool found;
    size_t length;
    char bytes[VALUE_MAX];
} engine_value;

typedef struct service_engine {
    const char *name;

    /* Open a lane with the engine, and the table in it. `lane` says what the lane is called. */
    int (*open)(ql_runtime *runtime, const ql_lane_config *lane, const service_options *options,
                ql_lane **out, ql_error *error);

    /* On the lane, in a task. 0, or -errno and the engine's words: the task then returns that code, and all that it did is
     * undone. Keys and values are UTF-8 without zero bytes. */
    int (*get)(request_text key, engine_value *value, ql_error *error);
    int (*put)(request_text key, request_text value, ql_error *error);
    int (*erase)(request_text key, int64_t *erased, ql_error *error); /* 0 or 1 */
    int (*count)(int64_t *count, ql_error *error);
} service_engine;

/* NULL: there is none of this name. */
const service_engine *engine_find(const char *name);
/* The names of all, for a sentence. */
extern const char engine_names[];

#endif
