#include "core/inbox.h"

#include <errno.h>
#include <pthread.h>

#include "tests/support/harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EACH = 2000 };
#else
enum { EACH = 50000 };
#endif
enum { PRODUCERS = 4 };

static qli_inbox inbox;

typedef struct item {
    ql_task task; /* first */
    unsigned producer, number;
} item;

static item items[PRODUCERS][EACH];

static void *produce(void *arg)
{
    item *mine = arg;
    for (unsigned i = 0; i < EACH; i++)
        qlt_check(qli_inbox_push(&inbox, &mine[i].task, true, false) == 0);
    return NULL;
}

QLT(inbox, keeps_each_producers_order)
{
    pthread_t threads[PRODUCERS];
    unsigned next[PRODUCERS] = {0};
    qli_inbox_init(&inbox, 0);
    for (unsigned p = 0; p < PRODUCERS; p++) {
        for (unsigned i = 0; i < EACH; i++)
            items[p][i] = (item){.producer = p, .number = i};
        pthread_create(&threads[p], NULL, produce, items[p]);
    }
    for (unsigned taken = 0; taken < PRODUCERS * EACH;) {
        ql_task *tasks[7];
        size_t n = qli_inbox_take(&inbox, tasks, 7);
        for (size_t i = 0; i < n; i++) {
            const item *of = (const item *)(void *)tasks[i];
            qlt_eq_uint(of->number, next[of->producer]++);
        }
        taken += (unsigned)n;
    }
    for (unsigned p = 0; p < PRODUCERS; p++)
        pthread_join(threads[p], NULL);
    qlt_check(qli_inbox_empty(&inbox) && !qli_inbox_has_work(&inbox));
    qlt_eq_uint(qli_inbox_accepted(&inbox), PRODUCERS * EACH);
    qli_inbox_fini(&inbox);
}

static void push(item *of, ql_class klass)
{
    *of = (item){.task = {.klass = (uint8_t)klass}};
    qlt_eq_int(qli_inbox_push(&inbox, &of->task, false, false), 0);
}

static item *take(void)
{
    ql_task *task = NULL;
    return qli_inbox_take(&inbox, &task, 1) ? (item *)(void *)task : NULL;
}

/* A class that was passed over QLI_INBOX_AGE times in a row gives one task next; then the count begins anew. */
QLT(inbox, a_class_that_was_passed_over_gives_one_task_next)
{
    enum { URGENT = 10 * QLI_INBOX_AGE, OTHERS = 3 };
    static item urgent[URGENT], normal[OTHERS], background[OTHERS];
    qli_inbox_init(&inbox, 0);
    for (int i = 0; i < OTHERS; i++) {
        push(&background[i], QL_BACKGROUND);
        push(&normal[i], QL_NORMAL);
    }
    for (int i = 0; i < URGENT; i++)
        push(&urgent[i], QL_URGENT);
    unsigned since[QL_CLASSES] = {0}, taken[QL_CLASSES] = {0};
    for (item *of; taken[QL_URGENT] < URGENT && (of = take());) {
        unsigned klass = of->task.klass;
        for (unsigned other = 0; other < QL_CLASSES; other++)
            since[other] = other == klass ? 0 : since[other] + 1;
        taken[klass]++;
        for (unsigned other = 0; other < QL_CLASSES; other++)
            if (other != QL_URGENT && taken[other] < OTHERS)
                qlt_check(since[other] <= QLI_INBOX_AGE + 1);
        if (klass != QL_URGENT)
            qlt_check(taken[QL_URGENT] >= QLI_INBOX_AGE * taken[klass] - OTHERS);
    }
    qlt_eq_uint(taken[QL_NORMAL], OTHERS);
    qlt_eq_uint(taken[QL_BACKGROUND], OTHERS);
    qli_inbox_fini(&inbox);
}

QLT(inbox, any_task_can_be_removed_once_wherever_it_queues)
{
    static item queued[6];
    qli_inbox_init(&inbox, 0);
    for (int i = 0; i < 3; i++)
        push(&queued[i], QL_NORMAL);
    qlt_check(!qli_inbox_empty(&inbox)); /* these are listed now, the others stand at the front */
    for (int i = 3; i < 6; i++)
        push(&queued[i], QL_NORMAL);
    static const int removed[] = {1, 5, 0, 3};
    for (unsigned i = 0; i < sizeof(removed) / sizeof(*removed); i++) {
        qlt_check(qli_inbox_remove(&inbox, &queued[removed[i]].task));
        qlt_check(!qli_inbox_remove(&inbox, &queued[removed[i]].task));
        qlt_check(qli_inbox_was_taken(&inbox, &queued[removed[i]].task));
    }
    qlt_check(!qli_inbox_was_taken(&inbox, &queued[2].task));
    qlt_eq_ptr(take(), &queued[2]);
    qlt_eq_ptr(take(), &queued[4]);
    qlt_check(!take());
    qlt_eq_uint(qli_inbox_accepted(&inbox), 6);
    qli_inbox_fini(&inbox);
}

QLT(inbox, a_full_one_refuses_and_every_way_out_makes_room)
{
    static item held[2], more;
    qli_inbox_init(&inbox, 2);
    push(&held[0], QL_NORMAL);
    push(&held[1], QL_NORMAL);
    more = (item){.number = 7};
    qlt_eq_int(qli_inbox_push(&inbox, &more.task, false, false), -EAGAIN);
    qlt_check(!qli_inbox_reserve(&inbox));
    qlt_check(qli_inbox_remove(&inbox, &held[1].task));
    qlt_check(qli_inbox_reserve(&inbox));
    qlt_eq_int(qli_inbox_push(&inbox, &more.task, false, false), -EAGAIN);
    qlt_eq_int(qli_inbox_push(&inbox, &more.task, false, true), 0);
    qlt_eq_ptr(take(), &held[0]);
    qlt_eq_ptr(take(), &more);
    qlt_eq_uint(inbox.queued, 0);
    qli_inbox_fini(&inbox);
}

QLT(inbox, a_shut_one_refuses_the_host_and_a_closed_one_everybody)
{
    static item one;
    qli_inbox_init(&inbox, 0);
    (void)qli_inbox_shut(&inbox, QLI_INBOX_SHUT_OUTSIDE);
    qlt_eq_int(qli_inbox_push(&inbox, &one.task, true, false), -ESHUTDOWN);
    qlt_eq_int(qli_inbox_push(&inbox, &one.task, false, false), 0);
    (void)qli_inbox_shut(&inbox, QLI_INBOX_CLOSED);
    qlt_eq_ptr(take(), &one); /* what was accepted comes out */
    qlt_eq_int(qli_inbox_push(&inbox, &one.task, false, false), -ESHUTDOWN);
    qlt_check(!qli_inbox_sleep(&inbox));
    qli_inbox_fini(&inbox);
}

QLT(inbox, tells_the_one_push_that_must_wake_its_sleeper)
{
    static item one, two;
    qli_inbox_init(&inbox, 0);
    qlt_check(qli_inbox_sleep(&inbox));
    qlt_eq_int(qli_inbox_push(&inbox, &one.task, false, false), 1);
    qlt_eq_int(qli_inbox_push(&inbox, &two.task, false, false), 0);
    qlt_check(!qli_inbox_sleep(&inbox));
    qlt_check(take() && take());
    qlt_check(qli_inbox_sleep(&inbox));
    qli_inbox_awake(&inbox);
    qlt_eq_int(qli_inbox_push(&inbox, &one.task, false, false), 0);
    qlt_check(take());
    qlt_check(qli_inbox_sleep(&inbox));
    qlt_check(!qli_inbox_shut(&inbox, QLI_INBOX_SHUT_OUTSIDE));
    qlt_eq_int(qli_inbox_push(&inbox, &one.task, false, false), 1);
    qlt_check(!qli_inbox_shut(&inbox, QLI_INBOX_CLOSED)); /* that push wakes it */
    qlt_check(take());
    qli_inbox_fini(&inbox);
}

QLT(inbox, tells_a_closer_that_must_wake_its_sleeper)
{
    qli_inbox_init(&inbox, 0);
    qlt_check(qli_inbox_sleep(&inbox));
    qlt_check(qli_inbox_shut(&inbox, QLI_INBOX_CLOSED));
    qlt_check(!qli_inbox_shut(&inbox, QLI_INBOX_CLOSED));
    qlt_check(!qli_inbox_awake(&inbox));
    qli_inbox_fini(&inbox);
}
