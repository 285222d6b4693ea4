/* Somebody reads a lane's counters while it runs its tasks: never has more settled than was accepted. */
#include <assert.h>
#include <pthread.h>

#include "lanes/lane.h"
#include "tests/models/stubs/no_pool.h"

enum { TASKS = 2, LOOKS = 3 };

static ql_lane *lane;

static int nothing(ql_task *task)
{
    return ((void)task, 0);
}

static void *look(void *unused)
{
    for (int i = 0; i < LOOKS; i++) {
        ql_lane_stats stats = {.size = sizeof(stats)};
        ql_lane_stats_get(lane, &stats);
        /* One more while a pop has counted what another one lists. */
        assert(stats.queued <= TASKS + 1 && stats.settled <= TASKS);
    }
    return unused;
}

int main(void)
{
    ql_runtime *runtime = no_pool_start();
    ql_lane_config config = {.size = sizeof(config)};
    ql_task tasks[TASKS];
    pthread_t looker;
    assert(!ql_lane_open(runtime, &config, &lane, NULL));
    pthread_create(&looker, NULL, look, NULL);
    for (int i = 0; i < TASKS; i++) {
        ql_task_init(&tasks[i], nothing, NULL);
        assert(!ql_lane_submit(lane, &tasks[i]));
        assert(!ql_future_wait(&tasks[i].future));
    }
    pthread_join(looker, NULL);
    assert(!ql_lane_close(lane, NULL, NULL, NULL));
    assert(!ql_lane_free(lane));
    no_pool_stop(runtime);
    return 0;
}
