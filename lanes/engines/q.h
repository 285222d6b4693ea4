/* The inside of the q engine. q.c: the engine; q_load.c: libq and its start; q_call.c: calls; q_peer.c: connections;
 * q_function.c: what q calls back; q_use.c and q_door.c: q's own API; q_crash.c: who ran when libq crashed. Values: q_convert.h. */
#ifndef QLANE_LANES_ENGINES_Q_H
#define QLANE_LANES_ENGINES_Q_H

#include <signal.h>

#include "lanes/engines/q_convert.h"
#include "qlane/q.h"
#include "qlane/watch.h"

struct qli_q_peer;

struct ql_q {
    /* Set before the lane starts. */
    ql_q_config config; /* its texts are copies */

    /* The lane's. */
    ql_q_api api;
    ql_q_api door; /* what a ql_q_use has: the same, while one runs */
    unsigned door_depth;
    long long door_held;    /* objects that the innermost ql_q_use has: counted in a debug build */
    ql_q_value *use_result; /* what it has made of its result so far */
    bool started;           /* qinit() has succeeded: q is this process's */
    bool forked;            /* this is a child of that process */
    qli_q_reader reader;
    ql_q_call *call;       /* the innermost that runs */
    const char *task_name; /* of the innermost task that runs; also read by a signal handler on the lane */
    ql_timer timer;
    bool timer_failed; /* the last time; it is said once */
    struct qli_q_peer **peers;
    unsigned peers_room;
    uint64_t peers_made;
};

/* ---- q.c: the engine that the calling thread is the lane of; NULL */
ql_q *qli_q_here(void);

/* ---- q_load.c */

/* Load libq and look all functions up. */
int qli_q_load(ql_q *at, ql_error *error);
/* Once for a process. */
int qli_q_start(ql_q *at, ql_error *error);

/* ---- q_call.c */

void qli_q_call_init(ql_q_call *call, ql_task_fn *fn, const char *text);
/* The engine for a task that was submitted to the lane of one; else NULL, and the call's error is set. */
ql_q *qli_q_begin(ql_q_call *call);
/* Evaluate on the lane's own q, outside of any call; the answer is dropped. */
int qli_q_evaluate(ql_q *at, const char *text, ql_error *error);
/* Is it an error, as NULL from the lane's own q or an object of type -128? Then its words go to *error, and it is freed. */
int qli_q_check(ql_q *at, struct k0 *answer, ql_error *error);
/* The call's error: `words`, its text, its name. Returns the code. */
int qli_q_fail(ql_q_call *call, int code, const char *words);

/* ---- q_door.c */

/* at->door works; returns the count of objects of the use around this one. Closing it answers how many objects are held still. */
long long qli_q_door_open(ql_q *at);
long long qli_q_door_close(ql_q *at, long long outer);
/* An object of the use that runs was freed for it; NULL: none. */
void qli_q_door_taken(ql_q *at, const struct k0 *object);

/* ---- q_peer.c */

/* The connection of a call to a peer. */
int qli_q_peer_handle(ql_q *at, ql_q_peer peer, bool asks, int *handle, ql_error *error);
/* A network error. */
void qli_q_peer_lost(ql_q *at, ql_q_peer peer);
void qli_q_peers_close(ql_q *at);

/* ---- q_function.c: q is gone, and with it all that could call */
void qli_q_functions_forget(const ql_q *at);

/* ---- q_crash.c */
void qli_q_crash_watch(ql_q *at);
void qli_q_crash_unwatch(const ql_q *at);

#endif
