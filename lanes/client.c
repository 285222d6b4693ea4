/* A client's door to a lane. Its lock guards its count and those who wait; a place is given back when a task settles, and
 * goes straight to the one who has waited longest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/atfork.h"
#include "lanes/lane.h"

struct ql_client {
    ql_executor executor; /* first */
    ql_lane *lane;
    size_t capacity;
    ql_full full;
    char name[48];
    ql_client *next, *prev; /* the lane's list, with the lock of its places */

    qli_places places; /* its lock also guards what follows */
    size_t unsettled;  /* places that are taken */
    bool closed;
};

static ql_client *client_of(ql_executor *executor)
{
    return (ql_client *)(void *)executor;
}

/* ---- Places ---------------------------------------------------------------------------------------------------- */

static int take_places(ql_client *client, size_t n)
{
    pthread_mutex_lock(&client->places.lock);
    bool room = n <= client->capacity - client->unsettled;
    if (room)
        client->unsettled += n;
    pthread_mutex_unlock(&client->places.lock);
    return room ? 0 : -EAGAIN;
}

static void give_places(ql_client *client, size_t n)
{
    pthread_mutex_lock(&client->places.lock);
    for (; n && client->places.first; n--)
        qli_places_grant(&client->places, true);
    client->unsettled -= n;
    pthread_mutex_unlock(&client->places.lock);
}

void qli_client_settles(ql_executor *executor)
{
    give_places(client_of(executor), 1);
}

static int await_place(ql_client *client, int64_t deadline_ns)
{
    qli_place_waiter waiter = {.granted = false};
    qli_lane_pending(client->lane, &waiter.task);
    pthread_mutex_lock(&client->places.lock);
    bool room = client->unsettled < client->capacity, closed = client->closed;
    if (room)
        client->unsettled++;
    else if (!closed)
        qli_places_enlist(&client->places, &waiter);
    pthread_mutex_unlock(&client->places.lock);
    if (room || closed)
        return room ? 0 : -ESHUTDOWN;
    return qli_places_await(&client->places, &waiter, deadline_ns);
}

void qli_clients_shut(ql_lane *lane)
{
    pthread_mutex_lock(&lane->places.lock);
    for (ql_client *client = lane->clients; client; client = client->next) {
        pthread_mutex_lock(&client->places.lock);
        client->closed = true;
        while (client->places.first)
            qli_places_grant(&client->places, false);
        pthread_mutex_unlock(&client->places.lock);
    }
    pthread_mutex_unlock(&lane->places.lock);
}

/* ---- As an executor -------------------------------------------------------------------------------------------- */

/* Its own, not the lane's. What queues before it is looked through. */
static bool drop_oldest(ql_client *client, const ql_task *newcomer)
{
    ql_lane *lane = client->lane;
    ql_task *oldest = client->full == QL_FULL_DROPS_OLDEST
                          ? qli_inbox_drop(&lane->inbox, newcomer->klass, &client->executor)
                          : NULL;
    if (!oldest)
        return false;
    qli_inbox_unreserve(&lane->inbox, 1);
    qli_lane_places(lane);
    qli_lane_settle(lane, oldest, -ENOBUFS, "dropped, its client was full", NULL);
    return true;
}

static int client_submit(ql_executor *executor, ql_task *task, qli_context *context, bool reserved)
{
    ql_client *client = client_of(executor);
    ql_executor *lane = &client->lane->executor;
    int code = reserved ? 0 : take_places(client, 1);
    while (code && drop_oldest(client, task))
        code = take_places(client, 1);
    if (code)
        return qli_inbox_is_closed(&client->lane->inbox) ? -ESHUTDOWN : code;
    code = lane->ops->submit(lane, task, context, reserved);
    if (code)
        give_places(client, 1);
    return code;
}

static int client_submit_many(ql_executor *executor, ql_task *newest, ql_task *oldest, size_t n,
                              qli_context *context)
{
    ql_client *client = client_of(executor);
    ql_executor *lane = &client->lane->executor;
    int code = take_places(client, n);
    if (code)
        return code;
    code = lane->ops->submit_many(lane, newest, oldest, n, context);
    if (code)
        give_places(client, n);
    return code;
}

static int client_reserve(ql_executor *executor)
{
    ql_client *client = client_of(executor);
    ql_executor *lane = &client->lane->executor;
    int code = take_places(client, 1);
    if (code)
        return code;
    code = lane->ops->reserve(lane);
    if (code)
        give_places(client, 1);
    return code;
}

static void client_unreserve(ql_executor *executor)
{
    ql_client *client = client_of(executor);
    ql_executor *lane = &client->lane->executor;
    lane->ops->unreserve(lane);
    give_places(client, 1);
}

static int client_cancel(ql_executor *executor, ql_task *task, int reason)
{
    return qli_lane_cancel(&client_of(executor)->lane->executor, task, reason);
}

/* The rest is the lane's. */
static const qli_executor_ops client_ops = {
    .submit = client_submit,
    .submit_many = client_submit_many,
    .reserve = client_reserve,
    .unreserve = client_unreserve,
    .cancel = client_cancel,
};

/* ---- What others call ------------------------------------------------------------------------------------------ */

int ql_client_open(ql_lane *lane, const char *name, size_t capacity_tasks, ql_full full, ql_client **out)
{
    if (out)
        *out = NULL;
    if (!lane || !out || !capacity_tasks || full > QL_FULL_DROPS_OLDEST)
        return -EINVAL;
    if (qli_is_orphan(lane->executor.runtime))
        return -ECHILD;
    ql_client *client = malloc(sizeof(*client));
    if (!client)
        return -ENOMEM;
    *client = (ql_client){.lane = lane, .capacity = capacity_tasks, .full = full};
    snprintf(client->name, sizeof(client->name), "%s", name ? name : "client");
    client->executor = (ql_executor){.ops = &client_ops,
                                     .runtime = lane->executor.runtime,
                                     .name = client->name,
                                     .context = &lane->context};
    pthread_mutex_init(&client->places.lock, NULL);
    pthread_mutex_lock(&lane->places.lock);
    client->closed = qli_inbox_is_closed(&lane->inbox);
    client->next = lane->clients;
    if (client->next)
        client->next->prev = client;
    lane->clients = client;
    pthread_mutex_unlock(&lane->places.lock);
    *out = client;
    return 0;
}

ql_executor *ql_client_executor(ql_client *client)
{
    return client ? &client->executor : NULL;
}

int ql_client_submit_until(ql_client *client, ql_task *task, int64_t deadline_ns)
{
    if (!client)
        return -EINVAL;
    ql_lane *lane = client->lane;
    int code = ql_submit(&client->executor, task);
    while (code == -EAGAIN) {
        code = qli_lane_may_wait(lane, "ql_client_submit_until");
        if (code)
            return code;
        code = await_place(client, deadline_ns);
        if (code)
            return code;
        code = qli_lane_await_place(lane, deadline_ns);
        if (code)
            give_places(client, 1);
        else
            code = qli_submit_reserved(&client->executor, task);
    }
    return code;
}

static void free_client(ql_client *client)
{
    pthread_mutex_destroy(&client->places.lock);
    free(client);
}

int ql_client_close(ql_client *client)
{
    if (!client)
        return 0;
    ql_lane *lane = client->lane;
    if (qli_is_orphan(lane->executor.runtime))
        return -ECHILD;
    pthread_mutex_lock(&lane->places.lock);
    pthread_mutex_lock(&client->places.lock);
    bool busy = client->unsettled || client->places.first;
    pthread_mutex_unlock(&client->places.lock);
    if (!busy && client->prev)
        client->prev->next = client->next;
    else if (!busy)
        lane->clients = client->next;
    if (!busy && client->next)
        client->next->prev = client->prev;
    pthread_mutex_unlock(&lane->places.lock);
    if (busy)
        return qli_misuse(lane->executor.runtime, -EBUSY,
                          "ql_client_close: expected all tasks of client '%s' settled", client->name);
    free_client(client);
    return 0;
}

void qli_clients_free(ql_lane *lane)
{
    for (ql_client *client = lane->clients, *next; client; client = next) {
        next = client->next;
        free_client(client);
    }
}
