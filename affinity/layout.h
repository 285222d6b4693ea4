#ifndef AFFINITY_LAYOUT_H
#define AFFINITY_LAYOUT_H

/* Where each part of the machine lies in a picture: nested boxes, down to cores. Sizes in pixels. */

#include "affinity/plan.h"

enum {
    QLI_GAP = 8,    /* between boxes, and from a box to what it holds */
    QLI_TITLE = 20, /* the line of text on top of a box */
    QLI_PU_W = 40,  /* a PU of a performance core */
    QLI_PU_H = 30,
    QLI_EFF_W = 32, /* of an efficiency core: smaller, as the core is */
    QLI_EFF_H = 26
};

/* A package, node, cache or cluster that is more than its surroundings; a core is a box too. */
typedef struct qli_box {
    int parent; /* -1 = none */
    int core;   /* -1 = not a core */
    unsigned part;
    unsigned first_core, cores;
    int x, y, w, h; /* x and y from the picture's corner */
    char title[96]; /* "Package 0 · NUMA 0 · L3 0 24MB"; empty: drawn without one */
} qli_box;

typedef struct qli_layout {
    qli_box *boxes; /* depth first; boxes[0] is the machine */
    unsigned count;
} qli_layout;

/* 0 or -ENOMEM. The layout's memory is the caller's: qli_layout_fini(). */
int qli_layout_make(const ql_plan *plan, qli_layout *layout);
void qli_layout_fini(qli_layout *layout);

#endif
