#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"
#include "tests/support/q_peer.h"

#include <stdio.h>
#include <unistd.h>

static qlt_peer peer;

/* The global h is a connection to the peer. */
static void open_to_peer(void)
{
    char text[64];
    host_begin();
    qlt_peer_start(&peer);
    snprintf(text, sizeof(text), "h:hopen %d", peer.port);
    host_expect(text, "::");
}

static int handle(void)
{
    K value = q.k(0, "h", (K)0);
    int descriptor = value->i;
    q.r0(value);
    return descriptor;
}

QLT(connections, answer_a_synchronous_message)
{
    open_to_peer();
    host_expect("h (1;`a;\"text\")", "(1;`a;\"text\")");
    host_expect("h ([]a:1 2;b:`x`y)", "+`a`b!(1 2;`x`y)");
    K direct = q.k(handle(), "text", (K)0);
    qlt_check(direct && direct->t == QL_Q_CHAR && direct->n == 4);
    q.r0(direct);
    host_expect("hclose h", "::");
    qlt_peer_stop(&peer);
}

QLT(connections, hand_out_an_asynchronous_message_when_asked)
{
    open_to_peer();
    host_expect("(neg h) (`upd;`t;1 2 3)", "::");
    host_expect("h[]", "(`upd;`t;1 2 3)");
    qlt_check(q.k(-handle(), "upd", q.kj(7), (K)0) != NULL);
    K message = q.k(handle(), NULL, (K)0);
    qlt_check(message && message->t == QL_Q_LIST && message->n == 2);
    q.r0(message);
    qlt_eq_int(host_references(), 0);
    host_expect("hclose h", "::");
    qlt_peer_stop(&peer);
}

QLT(connections, evaluate_what_comes_before_the_answer)
{
    open_to_peer();
    host_expect("upd:{[t;x] t set x}", "::");
    host_expect("(neg h) (`upd;`t;1 2 3)", "::");
    host_expect("h `late", "`late");
    host_expect("t", "1 2 3");
    host_expect(".z.ps:{last_message::x}", "::");
    host_expect("(neg h) `first; h `second", "`second");
    host_expect("last_message", "`first");
    host_expect("hclose h", "::");
    qlt_peer_stop(&peer);
}

QLT(connections, tell_a_lost_peer_from_an_error_of_q)
{
    open_to_peer();
    host_expect(".z.pc:{gone::x=h}", "::");
    host_expect("h \"die\"", "'close");
    host_expect("gone", "1b");
    qlt_check(q.k(handle(), "1+1", (K)0) == NULL);
    qlt_eq_int(host_references(), 0);
    qlt_peer_stop(&peer);
}

QLT(connections, refuse_a_port_where_nobody_listens)
{
    host_begin();
    qlt_peer_start(&peer);
    qlt_peer_stop(&peer);
    char text[64];
    snprintf(text, sizeof(text), "@[hopen;%d;{x like \"hop*\"}]", peer.port);
    host_expect(text, "1b");
    host_expect("hopen `type`of`list", "'type");
}

static int reads[2], served;

static K on_readable(int descriptor)
{
    char byte;
    qlt_eq_int(descriptor, reads[0]);
    qlt_eq_int(read(descriptor, &byte, 1), 1);
    served++;
    q.sd0x(descriptor, 0);
    return NULL;
}

QLT(connections, serve_other_descriptors_while_q_waits)
{
    open_to_peer();
    qlt_eq_int(pipe(reads), 0);
    qlt_eq_int(write(reads[1], "x", 1), 1);
    q.r0(q.sd1(reads[0], on_readable));
    host_expect("h 1", "1");
    qlt_eq_int(served, 1);
    close(reads[0]);
    close(reads[1]);
    host_expect("hclose h", "::");
    qlt_peer_stop(&peer);
}
