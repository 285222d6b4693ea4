/* Connections to other q's: opened, used, listened to and closed on the lane; others know them by their number. */
#include <errno.h>
#include <stdlib.h>

#include "affinity/error.h"
#include "core/runtime.h"
#include "lanes/engines/q.h"
#include "lanes/engines/q_mail.h"

enum { PEERS_MAX = 1 << 16 }; /* the lower bits of an id: where it stands */

typedef struct qli_q_peer {
    ql_q *at;
    uint64_t id;
    int handle; /* q's, which is the descriptor */
    ql_watch watch;
    qli_q_mail *mail; /* NULL: nobody listens */
} qli_q_peer;

static qli_q_peer *find(const ql_q *at, ql_q_peer peer)
{
    uint64_t place = peer.id % PEERS_MAX;
    qli_q_peer *found = place < at->peers_room ? at->peers[place] : NULL;
    return found && found->id == peer.id ? found : NULL;
}

/* An empty place; -1: none. */
static long find_place(ql_q *at)
{
    for (unsigned i = 0; i < at->peers_room; i++)
        if (!at->peers[i])
            return (long)i;
    unsigned room = at->peers_room ? at->peers_room * 2 : 8;
    qli_q_peer **bigger = room <= PEERS_MAX ? realloc(at->peers, room * sizeof(qli_q_peer *)) : NULL;
    if (!bigger)
        return -1;
    for (unsigned i = at->peers_room; i < room; i++)
        bigger[i] = NULL;
    long place = (long)at->peers_room;
    at->peers = bigger;
    at->peers_room = room;
    return place;
}

static qli_q_peer *add(ql_q *at, int handle)
{
    long place = find_place(at);
    qli_q_peer *peer = place < 0 ? NULL : calloc(1, sizeof(*peer));
    if (!peer)
        return NULL;
    *peer = (qli_q_peer){.at = at, .id = ++at->peers_made * PEERS_MAX + (uint64_t)place, .handle = handle};
    at->peers[place] = peer;
    return peer;
}

/* q closes its end; what it says to that no longer matters. */
static void close_handle(ql_q *at, int handle)
{
    ql_error ignored;
    struct k0 *answer = at->api.k(0, "hclose", at->api.ki(handle), NULL);
    if (!qli_q_check(at, answer, &ignored))
        at->api.r0(answer);
}

static void drop(ql_q *at, qli_q_peer *peer)
{
    ql_watch_stop(&peer->watch);
    close_handle(at, peer->handle);
    if (peer->mail)
        qli_q_mail_end(peer->mail);
    at->peers[peer->id % PEERS_MAX] = NULL;
    free(peer);
}

int qli_q_peer_handle(ql_q *at, ql_q_peer peer, bool asks, int *handle, ql_error *error)
{
    *handle = 0;
    if (!peer.id)
        return 0;
    const qli_q_peer *found = find(at, peer);
    if (!found)
        return qli_error_set(error, -ENOTCONN, "the peer is not connected: it was lost, or closed");
    if (asks && found->mail)
        return qli_error_set(
            error, -EBUSY,
            "the peer is listened to, so an answer could be taken for a message: connect once more "
            "to ask it");
    *handle = found->handle;
    return 0;
}

void qli_q_peer_lost(ql_q *at, ql_q_peer peer)
{
    qli_q_peer *found = find(at, peer);
    if (found)
        drop(at, found);
}

void qli_q_peers_close(ql_q *at)
{
    for (unsigned i = 0; i < at->peers_room; i++)
        if (at->peers[i])
            drop(at, at->peers[i]);
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static void readable(ql_watch *watch, unsigned ready)
{
    qli_q_peer *peer = watch->arg;
    ql_q *at = peer->at;
    ql_error error;
    ql_q_value *message;
    (void)ready;
    at->task_name = "a peer's message";
    struct k0 *object = at->api.k(0, "{x[]}", at->api.ki(peer->handle), NULL);
    at->task_name = NULL;
    int code = qli_q_check(at, object, &error);
    if (code) {
        drop(at, peer);
        return;
    }
    code = qli_q_read(&at->reader, object, &message, &error);
    at->api.r0(object);
    if (code)
        qli_log(qli_context_current()->runtime, QL_WARNING, "a message of a peer of q was dropped: %s",
                error.text);
    else if (!qli_q_mail_post(peer->mail, message))
        qli_log(qli_context_current()->runtime, QL_ERROR, "a message of a peer of q was dropped: no memory");
}

static int listen_to(qli_q_peer *peer, const ql_q_call *call, ql_error *error)
{
    if (peer->mail)
        return qli_error_set(error, -EBUSY, "somebody listens to this peer already");
    peer->mail = qli_q_mail_create(call->qli_on, (ql_q_message_fn *)call->qli_fn, call->qli_context,
                                   (ql_q_peer){peer->id});
    if (!peer->mail)
        return qli_error_set(error, -ENOMEM, "no memory to listen");
    peer->watch = (ql_watch){.fn = readable, .arg = peer};
    int code = ql_watch_start(&peer->watch, peer->handle, QL_READABLE);
    if (!code)
        return 0;
    qli_q_mail_discard(peer->mail);
    peer->mail = NULL;
    return qli_error_set(error, code, "the connection cannot be watched");
}

/* ---- As tasks ---------------------------------------------------------------------------------------------------- */

static int connected(ql_q *at, ql_q_call *call, struct k0 *answer)
{
    ql_error error;
    if (qli_q_check(at, answer, &error))
        return qli_q_fail(call, -ENOTCONN, error.text);
    int handle = answer->t == -QL_Q_INT ? answer->i : answer->t == -QL_Q_LONG ? (int)answer->j : 0;
    at->api.r0(answer);
    if (handle <= 0)
        return qli_q_fail(call, -EBADMSG, "hopen gave no handle");
    const qli_q_peer *peer = add(at, handle);
    if (!peer) {
        close_handle(at, handle);
        return qli_q_fail(call, -ENOMEM, "too many peers, or no memory for one more");
    }
    call->peer = (ql_q_peer){peer->id};
    return 0;
}

static int run_connect(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    struct k0 *address = NULL;
    ql_error error;
    if (!at)
        return -EPERM;
    ql_q_value parts[] = {ql_q_symbol(call->text), ql_q_int(QL_Q_INT, (int32_t)call->qli_width)};
    ql_q_value both = ql_q_vector(QL_Q_LIST, parts, 2);
    int code = qli_q_write(&at->api, call->qli_width ? &both : parts, &address, &error);
    if (code)
        return qli_q_fail(call, code, error.text);
    return connected(at, call, at->api.k(0, "hopen", address, NULL));
}

void ql_q_connect_init(ql_q_call *call, const char *address, unsigned timeout_ms)
{
    qli_q_call_init(call, run_connect, address);
    call->qli_width = timeout_ms < INT32_MAX ? timeout_ms : INT32_MAX;
}

/* The peer of a call that is about one; else NULL, and the call's error is set. */
static qli_q_peer *peer_of(const ql_q *at, ql_q_call *call)
{
    qli_q_peer *peer = call->peer.id ? find(at, call->peer) : NULL;
    if (!peer)
        qli_q_fail(call, -ENOTCONN, "the peer is not connected: it was lost, or closed");
    return peer;
}

static int run_disconnect(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    qli_q_peer *peer = at ? peer_of(at, call) : NULL;
    if (!peer)
        return at ? -ENOTCONN : -EPERM;
    drop(at, peer);
    return 0;
}

void ql_q_disconnect_init(ql_q_call *call, ql_q_peer peer)
{
    qli_q_call_init(call, run_disconnect, "hclose");
    call->peer = peer;
}

static int run_listen(ql_task *task)
{
    ql_q_call *call = (ql_q_call *)(void *)task;
    ql_q *at = qli_q_begin(call);
    qli_q_peer *peer = at ? peer_of(at, call) : NULL;
    ql_error error;
    if (!peer)
        return at ? -ENOTCONN : -EPERM;
    if (!call->qli_on || !call->qli_fn)
        return qli_q_fail(call, -EINVAL, "an executor and a function are needed to listen");
    int code = listen_to(peer, call, &error);
    return code ? qli_q_fail(call, code, error.text) : 0;
}

void ql_q_listen_init(ql_q_call *call, ql_q_peer peer, ql_executor *on, ql_q_message_fn *fn, void *context)
{
    qli_q_call_init(call, run_listen, "listen");
    call->peer = peer;
    call->qli_on = on;
    call->qli_fn = (void (*)(void))fn;
    call->qli_context = context;
}
