/* A task is pushed again as soon as it was popped, while somebody who only looks moves the front into the lists: what looks like the
 * front that it has read may be the same task, pushed anew. */
#include <assert.h>
#include <pthread.h>

#include "core/inbox.h"
#include "core/park.h"
#include "qlane/future.h"

enum { PUSHES = 3, LOOKS = 2 };

static qli_inbox inbox;
static qli_parker consumer, producer;
static struct {
    ql_task task; /* first */
    int number;   /* plain: written before each push, read after each take */
} job;

static void *push(void *unused)
{
    for (int i = 1; i <= PUSHES; i++) {
        job.number = i;
        if (qli_inbox_push(&inbox, &job.task, false, false))
            qli_unpark(&consumer);
        qli_park(&producer, QL_FOREVER);
    }
    return unused;
}

static void *look(void *unused)
{
    for (int i = 0; i < LOOKS; i++)
        (void)qli_inbox_empty(&inbox);
    return unused;
}

static void sleep_if_empty(void)
{
    if (qli_inbox_sleep(&inbox)) {
        qli_park(&consumer, QL_FOREVER);
        qli_inbox_awake(&inbox);
    }
}

int main(void)
{
    pthread_t pusher, looker;
    qli_inbox_init(&inbox, 0);
    pthread_create(&pusher, NULL, push, NULL);
    pthread_create(&looker, NULL, look, NULL);
    for (int taken = 0; taken < PUSHES;) {
        ql_task *task = qli_inbox_pop(&inbox);
        if (!task && !qli_inbox_take(&inbox, &task, 1)) {
            sleep_if_empty();
            continue;
        }
        assert(job.number == ++taken);
        qli_unpark(&producer);
    }
    pthread_join(pusher, NULL);
    pthread_join(looker, NULL);
    qli_inbox_fini(&inbox);
    return 0;
}
