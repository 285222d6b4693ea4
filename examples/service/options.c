#include "examples/service/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/service/engine.h"

const char options_help[] =
    "usage: service [option value]...\n"
    "\n"
    "A table of texts by key, behind a TCP port. examples/service/README.md has the protocol.\n"
    "\n"
    "  --listen HOST:PORT  where (default: 127.0.0.1:7447); port 0 takes one that is free, and says which\n"
    "  --engine NAME       sqlite or q (default: QLANE_ENGINE, else sqlite)\n"
    "  --db FILE           a database file (default: in memory)\n"
    "  --sync              OK waits for the disk; without it a power failure may take the last replies back\n"
    "  --clients N         at most so many connections (default: 1000); more wait until one is closed\n"
    "  --idle_s N          close a connection that asks nothing for N seconds (default: 60)\n"
    "  --stall_s N         and one that does not take its replies for N seconds (default: 10)\n"
    "  --help              print this\n"
    "\n"
    "Placement, as in affinity/README.md: --cpus --lane --lanes --lane.q --callers --workers --smt\n"
    "  --threads_per_core --lane_kind --worker_kind --mem --steal --quota --bind --idle --worker_idle\n"
    "  --show --affinity\n"
    "\n"
    "SIGTERM and SIGINT: no new connection, no new request; what was taken in is answered. Exit status: 0 "
    "so\n"
    "ended; 1 it failed; 2 an option or the address cannot be used.\n";

/* HOST:PORT, or [HOST]:PORT for an address with colons. */
static int read_address(service_options *options, const char *listen, ql_error *error)
{
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;
    if (!end || *end || port > 65535)
        return refuse(error, -EINVAL, "--listen: '%s' is not HOST:PORT with a port from 0 to 65535", listen);
    size_t length = (size_t)(colon - listen);
    if (length >= 2 && *listen == '[' && colon[-1] == ']') {
        listen++;
        length -= 2;
    }
    if (!length || length >= sizeof(options->host))
        return refuse(error, -EINVAL, "--listen: the host is missing, or too long");
    memcpy(options->host, listen, length);
    snprintf(options->port, sizeof(options->port), "%lu", port);
    return 0;
}

int options_read(service_options *options, int argc, char **argv, ql_error *error)
{
    *options = (service_options){.clients = 1000, .idle_s = 60, .stall_s = 10};
    const char *listen = "127.0.0.1:7447";
    const word_option known[] = {
        {"clients", WORD_UNSIGNED, &options->clients, 1000000},
        {"db", WORD_TEXT, &options->db, 0},
        {"engine", WORD_TEXT, &options->engine, 0},
        {"help", WORD_FLAG, &options->help, 0},
        {"idle_s", WORD_UNSIGNED, &options->idle_s, 1000000},
        {"listen", WORD_TEXT, &listen, 0},
        {"stall_s", WORD_UNSIGNED, &options->stall_s, 1000000},
        {"sync", WORD_FLAG, &options->sync, 0},
    };
    int code = words_read(known, sizeof(known) / sizeof(*known), options->affinity, sizeof(options->affinity),
                          argc, argv, error);
    const char *from = options->engine ? "--engine" : "QLANE_ENGINE", *set = getenv("QLANE_ENGINE");
    if (!options->engine)
        options->engine = set && *set ? set : "sqlite";
    if (!code && !engine_find(options->engine))
        code = refuse(error, -EINVAL, "%s: '%s' is none of: %s", from, options->engine, engine_names);
    return code ? code : read_address(options, listen, error);
}
