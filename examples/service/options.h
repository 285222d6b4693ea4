/* What the command line asks for. */
#ifndef EXAMPLES_SERVICE_OPTIONS_H
#define EXAMPLES_SERVICE_OPTIONS_H

#include "examples/words.h"

typedef struct service_options {
    char host[64]; /* of the address to listen on */
    char port[8];
    const char *engine;
    const char *db; /* NULL: in memory */
    unsigned clients;
    unsigned idle_s;
    unsigned stall_s;
    bool sync;
    bool help;
    char affinity[1024]; /* "key=value;key=value" */
} service_options;

/* Errors: -EINVAL, with the option, its value and what it may be. */
int options_read(service_options *options, int argc, char **argv, ql_error *error);

extern const char options_help[];

#endif
