/* An epoll loop that hands work to the pool and gets what becomes of it as events beside its own, here a timer's: the longest
 * Collatz chain that begins below a number. The loop never waits for a task, and no task waits for the loop. */
#include <qlane/qlane.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { AT_ONCE = 256, TICK_NS = 20000000 };

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

static int count_steps(ql_task *task)
{
    uint64_t steps = 0;
    for (uint64_t n = ((request *)task)->number; n > 1; n = n % 2 ? 3 * n + 1 : n / 2)
        steps++;
    return ql_task_return(task, (ql_value){.u64 = steps});
}

/* The next number, in a request that is free. */
static int send(request *sent)
{
    if (next >= below)
        return 0;
    sent->number = next++;
    ql_task_init(&sent->task, count_steps, NULL);
    int code = ql_submit(pool, &sent->task);
    if (!code)
        code = ql_completions_add(completions, &sent->task.future, &sent->done);
    under_way += !code;
    return code;
}

/* All that has settled since the last time. */
static int receive(void)
{
    int code = 0;
    for (ql_completion *entry; !code && (entry = ql_completions_next(completions));) {
        request *done = (request *)entry->future;
        uint64_t steps = done->task.future.value.u64;
        under_way--;
        if (steps > best_steps || (steps == best_steps && done->number < best)) {
            best = done->number;
            best_steps = steps;
        }
        code = done->task.future.code ? done->task.future.code : send(done);
    }
    return code;
}

static int run(int poll_fd, int timer_fd)
{
    int code = 0;
    for (unsigned i = 0; i < AT_ONCE && !code; i++)
        code = send(&requests[i]);
    while (!code && under_way) {
        uint64_t ticks;
        struct epoll_event event;
        if (epoll_wait(poll_fd, &event, 1, -1) == 1 && event.data.fd != timer_fd)
            code = receive();
        else if (read(timer_fd, &ticks, sizeof(ticks)) > 0)
            fprintf(stderr, "%llu of %llu\n", next, below);
    }
    return code;
}

int main(int argc, char **argv)
{
    ql_runtime *runtime;
    ql_error error = {0};
    below = argc > 1 ? strtoull(argv[1], NULL, 10) : below;
    if (ql_runtime_start(NULL, &runtime, &error) || ql_completions_create(&completions))
        return 1;
    pool = ql_runtime_pool(runtime);
    int poll_fd = epoll_create1(0), timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec tick = {{0, TICK_NS}, {0, TICK_NS}};
    struct epoll_event on_timer = {EPOLLIN, {.fd = timer_fd}},
                       on_done = {EPOLLIN, {.fd = ql_completions_fd(completions)}};
    int code = timerfd_settime(timer_fd, 0, &tick, NULL) ||
               epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer_fd, &on_timer) ||
               epoll_ctl(poll_fd, EPOLL_CTL_ADD, on_done.data.fd, &on_done) || run(poll_fd, timer_fd);
    int stopped = ql_runtime_stop(runtime, NULL, &error); /* settles what is still under way */
    while (ql_completions_next(completions))
        ;
    printf("%llu begins the longest chain, of %llu steps\n", best, best_steps);
    return code || stopped || ql_completions_destroy(completions) || close(timer_fd) || close(poll_fd);
}
