/* Where the runtime's threads are, as the kernel says. */
#ifndef EXAMPLES_FEEDS_PLACE_H
#define EXAMPLES_FEEDS_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "qlane/lane.h"

typedef struct place_thread {
    char name[16];
    char allowed[256]; /* the PUs it may run on, as a list */
    int pu_os;         /* the one it ran on last */
} place_thread;

/* All threads whose name starts with "ql-"; free() them. NULL: none can be found. */
place_thread *place_find(size_t *count);
/* Is every worker and the lane on the PU that the plan has for it, and on no other? */
bool place_is_as_planned(const ql_plan *plan, const ql_lane *lane, const place_thread *threads, size_t count);

#endif
