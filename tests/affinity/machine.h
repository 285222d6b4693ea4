#ifndef TESTS_AFFINITY_MACHINE_H
#define TESTS_AFFINITY_MACHINE_H

/* Machines we do not have, as flat tables of the tests' own, written as hwloc's XML; and the placement policy once more, in
 * the plainest words (oracle.c), to compare plans with. Nothing here uses the code under test but to run it. */

#include <stdbool.h>
#include <stdint.h>

#include "affinity/plan.h"

enum { M_CORES = 2100, M_NODES = 64, M_KINDS = 8, M_PUS = 8192, M_THREADS = 8 };

typedef struct m_core {
    int package, node, l3, l2; /* -1 = no such level above it; numbers grow with the core's index */
    int kind;                  /* -1 = in no kind */
    int pus[M_THREADS];        /* OS numbers, lowest first; all online ones */
    int pu_count;
} m_core;

typedef struct m_node {
    long long megabytes;
    const char *subtype; /* "HBM", "NVM", ...; NULL = plain */
    bool disallowed;
    int beside; /* -1, or: CPU-less, and lies where this node does */
} m_node;

typedef struct m_kind {
    const char *type; /* CoreType */
    int capacity, max_mhz, base_mhz;
} m_kind;

typedef struct machine {
    m_core cores[M_CORES];
    int core_count;
    m_node nodes[M_NODES]; /* by OS number; those with CPUs come first */
    int node_count;
    m_kind kinds[M_KINDS];
    int kind_count;
    int l3_kilobytes[M_CORES];
    int distances[M_NODES][M_NODES]; /* 0 = the machine does not say */
    bool disallowed[M_PUS], offline[M_PUS];
    bool no_core_level;
} machine;

/* A machine of packages x nodes x L3 x L2 x cores x threads; numbers of zero leave the level out. Siblings are neighbours
 * (0,1) or, with `far_siblings`, half the machine apart (0,N). Each node has 1 GB. */
typedef struct m_shape {
    int packages, nodes, l3s, l2s, cores, threads;
    bool far_siblings;
} m_shape;

machine *machine_make(m_shape shape);
/* The XML, to free(). */
char *machine_xml(const machine *of);

/* What a plan is asked: NULL members are defaults. */
typedef struct m_ask {
    const char *mask;   /* inherited mask as a cpulist; NULL = all */
    double quota;       /* CPUs; 0 = none */
    const char *config; /* key=value;... */
    const char *isolated;
} m_ask;

/* The plan; fails the test when there is none. */
ql_plan *machine_plan(const machine *of, m_ask ask);
/* Asks for a plan that must be refused with `code`, and with `text` in the sentence. */
void machine_refuses(const machine *of, m_ask ask, int code, const char *text);
/* A plan of a synthetic string. */
ql_plan *synthetic_plan(const char *synthetic, m_ask ask);

/* Compares a plan made without any lane=, workers=, ... with the policy P1 to P8. Fails the test where they differ. */
void oracle_check(const machine *of, m_ask ask, const ql_plan *plan);

#endif
