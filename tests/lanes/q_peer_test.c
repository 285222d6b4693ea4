/* Connections of q, and its timer; on the library that stands in for libq, with a peer that sends everything back. */
#include <errno.h>
#include <stdio.h>

#include "qlane/strand.h"
#include "tests/lanes/q_lane.h"
#include "tests/support/q_peer.h"

static ql_q_peer connect_to(const q_lane *at, const qlt_peer *peer)
{
    char address[32];
    ql_q_call call;
    snprintf(address, sizeof(address), ":127.0.0.1:%d", peer->port);
    ql_q_connect_init(&call, address, 5000);
    q_lane_call(at, &call, 0);
    qlt_check(call.peer.id);
    return call.peer;
}

/* A call to the peer with one argument, or none. */
static void ask(const q_lane *at, ql_q_peer peer, const char *text, const ql_q_value *argument,
                ql_q_call *call, int code)
{
    ql_q_call_init(call, text);
    call->peer = peer;
    call->arguments = argument;
    call->arguments_count = argument != NULL;
    q_lane_call(at, call, code);
}

static void tell(const q_lane *at, ql_q_peer peer, const char *text, const ql_q_value *argument)
{
    ql_q_call call;
    ql_q_call_init(&call, text);
    call.peer = peer;
    call.one_way = true;
    call.arguments = argument;
    call.arguments_count = argument != NULL;
    q_lane_call(at, &call, 0);
    qlt_check(!call.result);
}

Q_TEST(q_peer, is_asked_and_told_by_a_number_that_any_thread_may_hold)
{
    qlt_peer peer;
    qlt_peer_start(&peer);
    q_lane at = q_lane_open(NULL);
    ql_q_peer to = connect_to(&at, &peer);
    ql_q_call call;
    ask(&at, to, "1+1", NULL, &call, 0);
    qlt_check(call.result->type == QL_Q_CHAR);
    qlt_eq_str(call.result->text, "1+1");
    ql_q_free(call.result);
    ql_q_value number = ql_q_long(QL_Q_LONG, 42);
    ask(&at, to, "f", &number, &call, 0);
    qlt_check(call.result->type == QL_Q_LIST && call.result->count == 2 && call.result->items[1].i64 == 42);
    ql_q_free(call.result);
    ql_q_disconnect_init(&call, to);
    q_lane_call(&at, &call, 0);
    ask(&at, to, "1+1", NULL, &call, -ENOTCONN);
    ql_q_peer again = connect_to(&at, &peer);
    qlt_check(again.id != to.id);
    ask(&at, to, "1+1", NULL, &call, -ENOTCONN);
    ask(&at, again, "1+1", NULL, &call, 0);
    ql_q_free(call.result);
    q_lane_close(&at);
    qlt_peer_stop(&peer);
}

Q_TEST(q_peer, that_is_not_there_is_a_network_error)
{
    q_lane at = q_lane_open(NULL);
    ql_q_call call;
    ql_q_connect_init(&call, ":localhost:1", 500);
    q_lane_call(&at, &call, -ENOTCONN);
    qlt_has_str(call.task.future.text, ":localhost:1");
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

enum { MESSAGES = 200 };

typedef struct heard {
    int64_t next;
    int inside; /* never more than one at a time */
    qlt_gate gate, over;
} heard;

static void hear(void *context, ql_q_peer peer, ql_q_value *message)
{
    heard *at = context;
    qlt_check(peer.id);
    qlt_eq_int(__atomic_fetch_add(&at->inside, 1, __ATOMIC_SEQ_CST), 0);
    if (message) {
        qlt_check(message->type == QL_Q_LIST && message->count == 2);
        qlt_eq_int(message->items[1].i64, at->next);
        at->next++;
        ql_q_free(message);
    }
    __atomic_fetch_sub(&at->inside, 1, __ATOMIC_SEQ_CST);
    if (message)
        qlt_gate_arrive(&at->gate);
    else
        qlt_gate_open(&at->over, 1);
}

static void listen_to(const q_lane *at, ql_q_peer peer, ql_executor *on, heard *with, int code)
{
    ql_q_call call;
    ql_q_listen_init(&call, peer, on, hear, with);
    q_lane_call(at, &call, code);
}

static void messages_arrive_in_order(const q_lane *at, const qlt_peer *peer, ql_executor *on)
{
    static heard with;
    with = (heard){.gate = QLT_GATE_INIT, .over = QLT_GATE_INIT};
    ql_q_peer to = connect_to(at, peer);
    listen_to(at, to, on, &with, 0);
    listen_to(at, to, on, &with, -EBUSY);
    for (int i = 0; i < MESSAGES; i++) {
        ql_q_value number = ql_q_long(QL_Q_LONG, i);
        tell(at, to, "upd", &number);
    }
    qlt_gate_wait(&with.gate, MESSAGES);
    ql_q_call call;
    ask(at, to, "1+1", NULL, &call, -EBUSY);
    qlt_has_str(call.task.future.text, "listened to");
    ql_q_disconnect_init(&call, to);
    q_lane_call(at, &call, 0);
    qlt_gate_wait(&with.over, 1);
    qlt_eq_int(with.next, MESSAGES);
}

Q_TEST(q_peer, messages_arrive_as_tasks_in_order_on_any_executor)
{
    qlt_peer peer;
    ql_strand *strand;
    qlt_peer_start(&peer);
    q_lane at = q_lane_open(NULL);
    qlt_eq_int(ql_strand_create(at.runtime, &strand), 0);
    messages_arrive_in_order(&at, &peer, ql_runtime_pool(at.runtime));
    messages_arrive_in_order(&at, &peer, ql_strand_executor(strand));
    messages_arrive_in_order(&at, &peer, ql_lane_executor(at.lane));
    ql_strand_release(strand);
    q_lane_close(&at);
    qlt_peer_stop(&peer);
}

Q_TEST(q_peer, a_lost_one_settles_what_waits_and_tells_the_listener_once)
{
    qlt_peer peer, second;
    static heard with;
    qlt_peer_start(&peer);
    qlt_peer_start(&second);
    q_lane at = q_lane_open(NULL);
    ql_q_peer asked = connect_to(&at, &peer), heard_of = connect_to(&at, &second);
    ql_q_call waiting[2];
    ql_q_call_init(&waiting[0], "die");
    ql_q_call_init(&waiting[1], "1+1");
    for (int i = 0; i < 2; i++) {
        waiting[i].peer = asked;
        qlt_eq_int(ql_lane_submit(at.lane, &waiting[i].task), 0);
    }
    for (int i = 0; i < 2; i++) {
        qlt_eq_int(ql_future_wait(&waiting[i].task.future), 0);
        qlt_eq_int(waiting[i].task.future.code, -ENOTCONN);
    }
    listen_to(&at, heard_of, ql_runtime_pool(at.runtime), &with, 0);
    qlt_peer_stop(&second);
    qlt_gate_wait(&with.over, 1);
    ql_q_call call;
    ask(&at, heard_of, "1+1", NULL, &call, -ENOTCONN);
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
    qlt_peer_stop(&peer);
}

Q_TEST(q_peer, a_close_tells_the_listener_too)
{
    qlt_peer peer;
    static heard with;
    ql_error error;
    qlt_peer_start(&peer);
    q_lane at = q_lane_open(NULL);
    listen_to(&at, connect_to(&at, &peer), ql_runtime_pool(at.runtime), &with, 0);
    qlt_eq_int(ql_lane_close(at.lane, NULL, NULL, &error), 0);
    qlt_gate_wait(&with.over, 1);
    qlt_runtime_stop(at.runtime);
    qlt_peer_stop(&peer);
}

/* ---- The timer --------------------------------------------------------------------------------------------------- */

static int count_tick(void *context, const ql_q_value *arguments, unsigned count, ql_q_reply *reply)
{
    (void)reply;
    qlt_check(count == 1 && arguments[0].type == -QL_Q_TIMESTAMP);
    qlt_gate_arrive(context);
    return 0;
}

Q_TEST(q_peer, the_lanes_timer_calls_z_ts)
{
    static qlt_gate ticks;
    q_lane at = q_lane_open(&(ql_q_config){.size = sizeof(ql_q_config), .timer_ms = 1});
    ql_q_call call;
    ql_q_function_init(&call, "tick", 1, count_tick, &ticks);
    q_lane_call(&at, &call, 0);
    ql_q_free(call.result);
    ql_q_free(q_lane_eval(&at, ".z.ts:{tick x}"));
    qlt_gate_wait(&ticks, 3);
    q_lane_gives(&at, "6*7", 42);
    q_lane_close(&at);
}
