/* A pair of eventfds: requests go into a list under a mutex, and one number is written for the lane to wake; each caller has an
 * eventfd of its own, which the lane writes as often as there are answers. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench/lane/contender.h"

typedef struct request {
    struct request *next;
    int answer_fd; /* -1: the lane is to end */
    uint64_t key, value;
} request;

typedef struct caller {
    int answered_fd;
    uint64_t answers; /* read from it, and not reaped */
    request requests[];
} caller;

static _Alignas(128) pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static request *first, **last = &first;
static int arrived_fd;
static pthread_t thread;

static void tell(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) != sizeof(one))
        abort();
}

static uint64_t hear(int fd)
{
    uint64_t told;
    if (read(fd, &told, sizeof(told)) != sizeof(told))
        abort();
    return told;
}

static void *live(void *arg)
{
    lane_here();
    for (;;) {
        hear(arrived_fd);
        pthread_mutex_lock(&lock);
        request *taken = first;
        first = NULL;
        last = &first;
        pthread_mutex_unlock(&lock);
        for (request *next; taken; taken = next) {
            next = taken->next;
            if (taken->answer_fd < 0)
                return arg;
            taken->value = lane_operate(taken->key);
            tell(taken->answer_fd);
        }
    }
}

static void enqueue(request *one)
{
    one->next = NULL;
    pthread_mutex_lock(&lock);
    *last = one;
    last = &one->next;
    pthread_mutex_unlock(&lock);
    tell(arrived_fd);
}

static void start(bool blocking)
{
    (void)blocking;
    arrived_fd = eventfd(0, EFD_CLOEXEC);
    if (pthread_create(&thread, NULL, live, NULL))
        abort();
}

static void stop(void)
{
    request end = {.answer_fd = -1};
    enqueue(&end);
    pthread_join(thread, NULL);
    close(arrived_fd);
}

static inline void submit(void *me, size_t slot, uint64_t key)
{
    caller *self = me;
    self->requests[slot].key = key;
    enqueue(&self->requests[slot]);
}

static inline uint64_t reap(void *me, size_t slot)
{
    caller *self = me;
    if (!self->answers)
        self->answers = hear(self->answered_fd);
    self->answers--;
    return self->requests[slot].value;
}

static inline uint64_t call(void *me, uint64_t key)
{
    submit(me, 0, key);
    return reap(me, 0);
}

LANE_LOOPS(call, submit, reap)

static void *open_caller(size_t slots)
{
    caller *self = malloc(sizeof(*self) + slots * sizeof(*self->requests));
    if (!self)
        abort();
    self->answered_fd = eventfd(0, EFD_CLOEXEC);
    self->answers = 0;
    for (size_t i = 0; i < slots; i++)
        self->requests[i] = (request){.answer_fd = self->answered_fd};
    return self;
}

static void close_caller(void *me)
{
    close(((caller *)me)->answered_fd);
    free(me);
}

const lane_contender lane_this = {
    .name = "eventfd",
    .version = "1",
    .works = LANE_ALL_WORKS "call_park,idle",
    .start = start,
    .stop = stop,
    .open = open_caller,
    .close = close_caller,
    .calls = calls,
    .stream = stream,
    .submit = submit,
    .reap = reap,
};
