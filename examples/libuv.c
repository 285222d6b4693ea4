/* examples/epoll.c on libuv: completions come to a uv_poll_t beside a timer. */
#include <qlane/qlane.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { AT_ONCE = 256, TICK_MS = 20 };

typedef struct request {
    ql_task task; /* first: an entry's future leads back here */
    ql_completion done;
    uint64_t number;
} request;

static ql_executor *pool;
static ql_completions *completions;
static request requests[AT_ONCE];
static unsigned long long next = 1, below = 1000000, best, best_steps;
static unsigned under_way;
static int wrong;

static int count_steps(ql_task *task)
{
    uint64_t steps = 0;
    for (uint64_t n = ((request *)task)->number; n > 1; n = n % 2 ? 3 * n + 1 : n / 2)
        steps++;
    return ql_task_return(task, (ql_value){.u64 = steps});
}

/* The next number, in a request that is free. */
static void hand_over(request *sent)
{
    if (next >= below || wrong)
        return;
    sent->number = next++;
    ql_task_init(&sent->task, count_steps, NULL);
    wrong = ql_submit(pool, &sent->task);
    if (!wrong)
        wrong = ql_completions_add(completions, &sent->task.future, &sent->done);
    under_way += !wrong;
}

/* At most so many in one turn of the loop: the descriptor stays readable until there are none. */
static void receive(uv_poll_t *poll, int status, int events)
{
    (void)events;
    wrong = wrong ? wrong : status;
    ql_completion *entry = NULL;
    for (int i = 0; i < AT_ONCE && (entry = ql_completions_next(completions)); i++) {
        request *done = (request *)entry->future;
        uint64_t steps = done->task.future.value.u64;
        under_way--;
        if (steps > best_steps || (steps == best_steps && done->number < best)) {
            best = done->number;
            best_steps = steps;
        }
        hand_over(done);
    }
    if (!under_way || status)
        uv_stop(poll->loop);
}

static void tick(uv_timer_t *timer)
{
    (void)timer;
    fprintf(stderr, "%llu of %llu\n", next, below);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    uv_poll_t poll;
    uv_timer_t timer;
    ql_runtime *runtime;
    ql_error error = {0};
    below = argc > 1 ? strtoull(argv[1], NULL, 10) : below;
    if (ql_runtime_start(NULL, &runtime, &error) || ql_completions_create(&completions) ||
        uv_loop_init(&loop))
        return 1;
    pool = ql_runtime_pool(runtime);
    wrong = uv_poll_init(&loop, &poll, ql_completions_fd(completions)) || uv_timer_init(&loop, &timer) ||
            uv_poll_start(&poll, UV_READABLE, receive) || uv_timer_start(&timer, tick, TICK_MS, TICK_MS);
    for (int i = 0; i < AT_ONCE; i++)
        hand_over(&requests[i]);
    if (under_way)
        uv_run(&loop, UV_RUN_DEFAULT);
    int stopped = ql_runtime_stop(runtime, NULL, &error); /* settles what is still under way */
    while (ql_completions_next(completions))
        ;
    uv_close((uv_handle_t *)&poll, NULL); /* before the descriptor goes */
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    printf("%llu begins the longest chain, of %llu steps\n", best, best_steps);
    return wrong || stopped || uv_loop_close(&loop) || ql_completions_destroy(completions);
}
