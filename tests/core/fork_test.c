#include "qlane/fork.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/runtime.h"
#include "qlane/loop.h"
#include "tests/support/harness.h"
#include "tests/support/runtime.h"

static ql_runtime *runtime;

/* Runs it as a task; a test that hangs should say so. */
static int64_t run(ql_task_fn *fn, void *arg)
{
    ql_task task;
    ql_task_init(&task, fn, arg);
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    qlt_eq_int(ql_future_wait_until(&task.future, ql_after_ns(30000000000)), 0);
    qlt_eq_int(task.future.code, 0);
    return task.future.value.i64;
}

/* ---- Right results ---- */

/* How many ways there are to go on with queens on these columns and diagonals. */
QL_FORK_4(long, queens, w, unsigned, size, unsigned, columns, unsigned, left, unsigned, right)
{
    unsigned all = (1u << size) - 1;
    if (columns == all)
        return 1;
    queens_child children[16];
    unsigned forked = 0;
    for (unsigned open = all & ~(columns | left | right); open; open &= open - 1) {
        unsigned bit = open & -open;
        queens_fork(w, &children[forked++], size, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    long ways = 0;
    while (forked)
        ways += queens_join(w, &children[--forked]);
    return ways;
}

static int run_queens(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = queens(ql_worker_self(), *(unsigned *)task->arg, 0, 0, 0)});
}

static void place_queens(unsigned workers)
{
    static const unsigned depths[] = {1, 2, 7, 0};
    unsigned size = 8;
    for (unsigned i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
        runtime = qlt_runtime_with(workers, (ql_runtime_config){.fork_depth = depths[i]});
        qlt_eq_int(run(run_queens, &size), 92);
        qlt_runtime_stop(runtime);
    }
}

QLT(fork, counts_queens_however_small_the_deque)
{
    qlt_workers_each(place_queens);
}

/* Holds a child on each level, far more of them than a deque has entries. */
QL_FORK_1(long, descend, w, long, depth)
{
    if (!depth)
        return 0;
    descend_child leaf;
    descend_fork(w, &leaf, 0);
    long below = descend(w, depth - 1);
    return below + 1 + descend_join(w, &leaf);
}

static int run_descend(ql_task *task)
{
    return ql_task_return(task, (ql_value){.i64 = descend(ql_worker_self(), *(long *)task->arg)});
}

static void descends(unsigned workers)
{
    long depth = 5000;
    runtime = qlt_runtime_with(workers, (ql_runtime_config){.fork_depth = 64});
    for (int i = 0; i < 20; i++)
        qlt_eq_int(run(run_descend, &depth), depth);
    qlt_runtime_stop(runtime);
}

QLT(fork, goes_deeper_than_its_deque)
{
    qlt_workers_each(descends);
}

/* ---- Stealing ---- */

static int taken;
static ql_worker *taker;

QL_FORK_VOID_1(note_taker, w, int, unused)
{
    (void)unused;
    taker = w;
    __atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
}

QL_FORK_VOID_1(tiny, w, int, unused)
{
    (void)w, (void)unused;
}

static void work_until_taken(ql_worker *w)
{
    int64_t until_ns = ql_after_ns(20000000000);
    while (!__atomic_load_n(&taken, __ATOMIC_ACQUIRE) && ql_now_ns() < until_ns) {
        tiny_child child;
        tiny_fork(w, &child, 0);
        tiny_join(w, &child);
    }
    qlt_check(__atomic_load_n(&taken, __ATOMIC_ACQUIRE));
}

/* The first child stays forked until another worker runs it: a join could only follow. */
static int until_stolen(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    note_taker_child first;
    taken = 0;
    note_taker_fork(w, &first, 0);
    work_until_taken(w);
    qlt_check(taker != w);
    note_taker_join(w, &first);
    (void)task;
    return 0;
}

QLT(fork, a_child_is_stolen_while_its_parent_works)
{
    ql_stats stats = {.size = sizeof(stats)};
    runtime = qlt_runtime(2);
    for (int i = 0; i < 100; i++)
        (void)run(until_stolen, NULL);
    ql_runtime_stats(runtime, &stats);
    qlt_check(stats.steals >= 100);
    qlt_runtime_stop(runtime);
}

/* Until another worker has found nothing: the floor, which joins look at, is the last of what it writes then. */
QL_FORK_VOID_1(await_ask, w, int64_t, until_ns)
{
    while (__atomic_load_n(&w->floor, __ATOMIC_RELAXED) != QLI_ASKED &&
           !__atomic_load_n(&taken, __ATOMIC_ACQUIRE) && ql_now_ns() < until_ns)
        ;
}

/* All is forked before anybody asks; the parent only joins from then on. */
static int until_stolen_at_a_join(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    note_taker_child oldest;
    tiny_child between;
    await_ask_child youngest;
    int64_t until_ns = ql_after_ns(20000000000);
    taken = 0;
    note_taker_fork(w, &oldest, 0);
    tiny_fork(w, &between, 0);
    await_ask_fork(w, &youngest, until_ns);
    await_ask_join(w, &youngest);
    tiny_join(w, &between);
    while (!__atomic_load_n(&taken, __ATOMIC_ACQUIRE) && ql_now_ns() < until_ns)
        ;
    qlt_check(__atomic_load_n(&taken, __ATOMIC_ACQUIRE) && taker != w);
    note_taker_join(w, &oldest);
    (void)task;
    return 0;
}

QLT(fork, a_child_is_stolen_though_its_parent_forks_no_more)
{
    runtime = qlt_runtime(2);
    for (int i = 0; i < 100; i++)
        (void)run(until_stolen_at_a_join, NULL);
    qlt_runtime_stop(runtime);
}

/* Not on the stack, where the address sanitizer does not align what is aligned to a cache line. */
static qli_deque deque;
static qli_entry entries[5];

/* Three private children and nobody else. */
static void fork_three(ql_worker *owner)
{
    qli_deque_init(&deque, owner, entries, 4);
    owner->head = entries + 3;
}

static bool is_asked(const ql_worker *owner)
{
    return !owner->limit && owner->floor == QLI_ASKED;
}

QLT(deque, an_ask_is_answered_where_there_is_something_private_and_stays_otherwise)
{
    ql_worker owner, thief;
    fork_three(&owner);
    qli_deque_ask(&deque);
    qlt_check(is_asked(&owner) && !qli_join_fast(&owner, entries + 2));
    qlt_check(qli_deque_move_head(&deque, entries + 2));
    qlt_check(!is_asked(&owner) && owner.split == entries + 1 && owner.floor == entries + 1);
    qlt_check(qli_join_fast(&owner, entries + 1) && !qli_join_fast(&owner, entries));
    /* Nothing is private any more. */
    qli_deque_ask(&deque);
    qlt_check(!qli_deque_move_head(&deque, entries + 1) && is_asked(&owner));
    qlt_eq_ptr(qli_deque_steal(&deque, &thief), entries);
    qli_deque_forget(&deque, entries);
    qlt_check(is_asked(&owner) && owner.split == entries);
}

QLT(deque, an_ask_outlives_the_owner_that_takes_children_back)
{
    ql_worker owner;
    for (int asked = 0; asked <= 1; asked++) {
        fork_three(&owner);
        qlt_check(qli_deque_share_all(&deque));
        if (asked)
            qli_deque_ask(&deque);
        qlt_check(qli_deque_pop_slow(&deque, entries + 2) && owner.split == entries + 1);
        qlt_check(asked ? is_asked(&owner) : owner.floor == owner.split);
    }
}

/* ---- What a dump says of it ---- */

/* The runtime's dump; the caller's to free. */
static char *dumped(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    ql_runtime_dump(runtime, out);
    fclose(out);
    return text;
}

static qlt_gate joined;

QL_FORK_VOID_1(hold_thief, w, int, unused)
{
    (void)w, (void)unused;
    __atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
    qlt_gate_wait(&joined, 1);
}

/* Its tiny children answer who asks for work. */
static int join_stolen(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    hold_thief_child held;
    taken = 0;
    hold_thief_fork(w, &held, 0);
    work_until_taken(w);
    hold_thief_join(w, &held);
    (void)task;
    return 0;
}

QLT(fork, a_dump_says_who_joins_a_child_that_another_runs)
{
    ql_task task;
    runtime = qlt_runtime(2);
    ql_task_init(&task, join_stolen, NULL);
    task.name = "joiner";
    qlt_eq_int(ql_submit(ql_runtime_pool(runtime), &task), 0);
    for (bool seen = false; !seen;) {
        char *text = dumped();
        seen = strstr(text, "runs joiner, joins a child that another worker runs,");
        free(text);
    }
    qlt_gate_open(&joined, 1);
    qlt_eq_int(ql_future_wait(&task.future), 0);
    qlt_runtime_stop(runtime);
}

enum { SUBMITTED = 3 };

static int nothing(ql_task *task)
{
    return ((void)task, 0);
}

/* From the only worker, whose queue they are in. */
static int dump_with_a_queue(ql_task *task)
{
    static ql_task queued[SUBMITTED];
    for (int i = 0; i < SUBMITTED; i++) {
        ql_task_init(&queued[i], nothing, NULL);
        qlt_eq_int(ql_submit(task->on, &queued[i]), 0);
    }
    char *text = dumped();
    qlt_has_str(text, "seat 0: 3 tasks in its queue\n");
    free(text);
    return 0;
}

QLT(fork, a_dump_says_what_queues_at_a_seat)
{
    runtime = qlt_runtime(1);
    (void)run(dump_with_a_queue, NULL);
    qlt_runtime_stop(runtime);
}

static qlt_gate ran;

static int arrive(ql_task *task)
{
    (void)task;
    qlt_gate_arrive(&ran);
    return 0;
}

/* Its own tasks queue behind it: while it holds its worker, only another one can run them. */
static int hold_until_stolen(ql_task *task)
{
    static ql_task submitted[SUBMITTED];
    for (int i = 0; i < SUBMITTED; i++) {
        ql_task_init(&submitted[i], arrive, NULL);
        qlt_eq_int(ql_submit(task->on, &submitted[i]), 0);
    }
    qlt_gate_wait(&ran, SUBMITTED);
    for (int i = 0; i < SUBMITTED; i++)
        qlt_eq_int(ql_future_wait(&submitted[i].future), 0);
    return 0;
}

QLT(steal, tasks_behind_a_held_worker_are_run_by_another)
{
    runtime = qlt_runtime(2);
    for (int i = 0; i < 100; i++) {
        ran = (qlt_gate)QLT_GATE_INIT;
        (void)run(hold_until_stolen, NULL);
    }
    qlt_runtime_stop(runtime);
}

enum { WORKERS = 4 };

static uint64_t wakes_when_all_sleep(void)
{
    qli_sleep *sleep = &runtime->pool->sleep;
    while ((uint32_t)qli_load(&sleep->counts, __ATOMIC_RELAXED) < WORKERS)
        sched_yield();
    return qli_load(&sleep->wakes, __ATOMIC_RELAXED);
}

/* Or none, if one that had gone to bed found it at its last look. */
QLT(sleep, a_task_that_is_alone_wakes_no_more_than_one_worker)
{
    runtime = qlt_runtime(WORKERS);
    for (int i = 0; i < 100; i++) {
        uint64_t before = wakes_when_all_sleep();
        (void)run(nothing, NULL);
        qlt_check(wakes_when_all_sleep() - before <= 1);
    }
    qlt_runtime_stop(runtime);
}

/* ---- Ranges ---- */

static size_t items, pieces;

static void count_items(ql_worker *w, size_t begin, size_t end, void *arg)
{
    (void)w, (void)arg;
    qlt_check(begin < end);
    __atomic_fetch_add(&items, end - begin, __ATOMIC_RELAXED);
    __atomic_fetch_add(&pieces, 1, __ATOMIC_RELAXED);
}

static int over_huge_range(ql_task *task)
{
    (void)task;
    ql_parallel_for(ql_worker_self(), 1, SIZE_MAX, SIZE_MAX / 16, count_items, NULL);
    return 0;
}

static void counts_huge(unsigned workers)
{
    items = pieces = 0;
    runtime = qlt_runtime(workers);
    (void)run(over_huge_range, NULL);
    qlt_check(items == SIZE_MAX - 1 && pieces > 1 && pieces <= 32);
    qlt_runtime_stop(runtime);
}

QLT(fork, a_range_may_be_as_long_as_numbers_go)
{
    qlt_workers_each(counts_huge);
}

static int over_range(ql_task *task)
{
    ql_parallel_for(ql_worker_self(), 0, *(size_t *)task->arg, 0, count_items, NULL);
    return 0;
}

static size_t pieces_of(size_t range)
{
    items = pieces = 0;
    (void)run(over_range, &range);
    qlt_eq_uint(items, range);
    return pieces;
}

/* Halves of halves: up to twice as many pieces as there should be. */
static void counts_pieces(unsigned workers)
{
    runtime = qlt_runtime(workers);
    size_t few = pieces_of(8000 * workers), many = pieces_of(1000000 * workers);
    qlt_check(few >= 8 * workers && few <= 16 * workers);
    qlt_check(many >= 64 * workers && many <= 128 * workers);
    qlt_eq_uint(pieces_of(5), 5);
    qlt_runtime_stop(runtime);
}

QLT(fork, a_long_range_has_more_pieces_than_a_short_one)
{
    qlt_workers_each(counts_pieces);
}

/* ---- Misuse ---- */

static int leave_child(ql_task *task)
{
    static tiny_child child;
    (void)task;
    tiny_fork(ql_worker_self(), &child, 0);
    return 0;
}

static void task_leaves_child(void)
{
    runtime = qlt_runtime(1);
    (void)run(leave_child, NULL);
    qlt_runtime_stop(runtime);
}

QL_FORK_VOID_1(leave_grandchild, w, int, unused)
{
    static tiny_child child;
    (void)unused;
    tiny_fork(w, &child, 0);
    __atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
}

static int have_careless_child_stolen(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    leave_grandchild_child first;
    (void)task;
    leave_grandchild_fork(w, &first, 0);
    work_until_taken(w);
    leave_grandchild_join(w, &first);
    return 0;
}

static void stolen_child_leaves_child(void)
{
    taken = 0;
    runtime = qlt_runtime(2);
    (void)run(have_careless_child_stolen, NULL);
    qlt_runtime_stop(runtime);
}

QLT(fork, a_child_that_nobody_joined_ends_the_process)
{
    qlt_dies_with(task_leaves_child, "forked children that nobody joined");
    qlt_dies_with(stolen_child_leaves_child, "forked children that nobody joined");
}

QL_FORK_VOID_1(forget_end, w, int, unused)
{
    (void)w, (void)unused;
    ql_blocking_begin();
    __atomic_store_n(&taken, 1, __ATOMIC_RELEASE);
}

static int have_forgetful_child_stolen(ql_task *task)
{
    ql_worker *w = ql_worker_self();
    forget_end_child first;
    (void)task;
    forget_end_fork(w, &first, 0);
    work_until_taken(w);
    forget_end_join(w, &first);
    return 0;
}

static void told_of_misuse(void *context, const char *sentence)
{
    qlt_has_str(sentence, "'a forked child' returned without ql_blocking_end()");
    qlt_gate_arrive(context);
}

QLT(fork, a_stolen_child_that_forgets_its_end_gives_its_seat_back)
{
    qlt_gate told = QLT_GATE_INIT;
    taken = 0;
    runtime = qlt_runtime_with(2, (ql_runtime_config){.on_misuse = told_of_misuse, .context = &told});
    (void)run(have_forgetful_child_stolen, NULL);
    qlt_gate_wait(&told, 1);
    qlt_eq_uint(pieces_of(5), 5);
    qlt_runtime_stop(runtime);
}

QLT(fork, off_the_pool_there_is_no_worker)
{
    qlt_check(!ql_worker_self());
    qlt_eq_uint(ql_worker_count(NULL), 0);
}
