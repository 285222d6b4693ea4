/* One caller and a lane of q, in this process: what a call costs beside its parts, and how fast a table leaves. */
#ifndef BENCH_Q_CALLS_H
#define BENCH_Q_CALLS_H

#include "bench/harness/harness.h"

/* Play all rounds of the works that are chosen, and tell. */
void q_calls(const bench_options *options, const char *libq);

#endif
