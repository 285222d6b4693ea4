/* Waiting for several futures at once. The group is on the waiter's stack, so the wait may only return when every member
 * has arrived or was taken out. `pending` counts the members that are registered, and the waiter itself while it has reason
 * to stay; whoever brings it to zero is the last to touch the group, and gives the token if that is not the waiter.
 *
 *   all: the waiter lets go at once; the last arrival wakes it. Who refuses the wait takes the others out, as if they arrived
 *   any: the first arrival wakes it; it takes the others out, then lets go and waits for those that were on their way
 *
 * Model: tests/models/group_model */
#include <errno.h>

#include "core/future.h"
#include "core/runtime.h"

typedef struct group {
    size_t pending;
    ql_member *first; /* any: who arrived first */
    qli_parker *parker;
    bool any;
    ql_member *members;
    size_t count;
    ql_member gave_up; /* any: stands for the waiter in `first` */
} group;

static bool be_first(group *of, ql_member *member)
{
    ql_member *none = NULL;
    return qli_cas(&of->first, &none, member, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* True: nobody is left. */
static bool let_go(group *of, size_t n)
{
    /* ORDER group:leave (release: what was done with the group; acquire, for the one who is last). */
    return qli_fetch_sub(&of->pending, n, __ATOMIC_ACQ_REL) == n;
}

void qli_group_arrive(ql_member *member)
{
    group *of = member->qli_group;
    qli_parker *parker = of->parker;
    if (of->any && be_first(of, member))
        qli_unpark(parker);
    if (let_go(of, 1))
        qli_unpark(parker);
}

/* Those still registered; the rest has arrived or is just arriving. */
static size_t take_out(group *of)
{
    size_t n = 0;
    for (size_t i = 0; i < of->count; i++)
        n += qli_future_unregister(of->members[i].future, &of->members[i], QLI_GROUP);
    return n;
}

/* All: the waiter has let go, and gives up. False: all have settled, the last arrival's token is on its way. If only some
 * could be taken out, those on their way must have left the group before it goes. */
static bool withdraw_all(void *arg)
{
    group *of = arg;
    size_t n = take_out(of);
    if (n && !let_go(of, n))
        qli_park(of->parker, QL_FOREVER);
    return n;
}

/* Any: the waiter gives up. False: somebody is first, and its token is on its way. */
static bool withdraw_any(void *arg)
{
    group *of = arg;
    return be_first(of, &of->gave_up);
}

/* Register every member; one that has settled arrives here and now, without a token. Sets *first when one of those is first.
 * On an error `count` is cut to the members before it. */
static int register_members(group *of, bool *first)
{
    for (size_t i = 0; i < of->count; i++) {
        ql_member *member = &of->members[i];
        member->qli_group = of;
        int code = member->future ? qli_future_register(member->future, member, QLI_GROUP) : -EINVAL;
        if (code < 0) {
            (void)let_go(of, of->count - i);
            of->count = i;
            return code;
        }
        if (code) {
            *first |= of->any && be_first(of, member);
            (void)let_go(of, 1);
        }
    }
    return 0;
}

bool qli_group_refuse(const ql_member *member)
{
    group *of = member->qli_group;
    qli_parker *parker = of->parker;
    size_t n = take_out(of);
    if (n && let_go(of, n))
        qli_unpark(parker);
    return n;
}

/* Take out who is left, and stay until those who could not be taken out have left the group. */
static void dissolve(group *of)
{
    if (!let_go(of, take_out(of) + 1))
        qli_park(of->parker, QL_FOREVER);
}

static group make_group(ql_member *members, size_t count, bool any)
{
    return (group){.pending = count + 1,
                   .parker = qli_own_parker(qli_context_current()),
                   .any = any,
                   .members = members,
                   .count = count};
}

int ql_wait_all(ql_member *members, size_t count, int64_t deadline_ns)
{
    if (!members && count)
        return -EINVAL;
    group of = make_group(members, count, false);
    bool first = false;
    int code = register_members(&of, &first);
    if (code)
        dissolve(&of);
    else if (!let_go(&of, 1))
        code = qli_sleep_in_wait(qli_context_current(), members, count, deadline_ns, withdraw_all, &of);
    return code;
}

int ql_wait_any(ql_member *members, size_t count, int64_t deadline_ns, size_t *which)
{
    if (!members || !count || !which)
        return -EINVAL;
    group of = make_group(members, count, true);
    bool first = false;
    int code = register_members(&of, &first);
    if (code && !first)
        first = withdraw_any(&of);
    if (!first) {
        /* No edge to the members: one that cannot settle does not keep the others from it. */
        int slept = qli_sleep_in_wait(qli_context_current(), NULL, 0, deadline_ns, withdraw_any, &of);
        code = code ? code : slept;
    }
    dissolve(&of);
    if (!code)
        *which = (size_t)(of.first - members);
    return code;
}
