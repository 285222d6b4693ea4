/* One request on its way: read by a worker, answered on the lane, replied to by the loop. */
#ifndef EXAMPLES_SERVICE_JOB_H
#define EXAMPLES_SERVICE_JOB_H

#include "examples/service/engine.h"
#include "qlane/completions.h"

typedef struct job {
    ql_task task; /* first; its arg is the connection */
    ql_completion done;
    const service_engine *engine;
    request request;
    reply reply;
    bool settled; /* the loop's: its reply can be sent */
    char text[VALUE_MAX];
} job;

/* True: it is for the lane, its task is ready to be submitted. False: its reply is known. */
bool job_make(job *made, const service_engine *engine, request asked, void *owner);
/* The lane could not take it. */
void job_refuse(job *refused, int code);
/* What became of it, once its task has settled. */
void job_settled(job *settled);

#endif
