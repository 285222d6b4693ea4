/* The functions of the C API, one by one, on the thread of qinit(). */
#include "tests/support/libq_standin/host.h"

#include "tests/support/harness.h"

#include <signal.h>
#include <stdint.h>

static void expect_error(K answer, const char *text)
{
    qlt_check(answer && answer->t == QL_Q_ERROR);
    qlt_eq_str(answer->s, text);
    q.r0(answer);
    qlt_eq_int(host_references(), 0);
}

QLT(api, k_uses_up_its_arguments)
{
    host_begin();
    K sum = q.k(0, "{x+y}", q.kj(1), q.kj(2), (K)0);
    qlt_check(sum && sum->t == -QL_Q_LONG && sum->j == 3);
    q.r0(sum);
    expect_error(q.k(0, "{x+y}", q.kj(1), q.ks((char[]){"a"}), (K)0), "type");
    K kept = q.r1(q.kj(5));
    q.r0(q.k(0, "neg", kept, (K)0));
    qlt_eq_int(host_references(), 1);
    q.r0(kept);
    qlt_eq_int(host_references(), 0);
}

QLT(api, a_batch_goes_into_a_table)
{
    char names[3][2] = {"a", "b", "t"};
    host_begin();
    host_expect("t:([a:`long$()]b:`float$())", "::");
    for (int i = 0; i < 3; i++) {
        K keys = q.ktn(QL_Q_SYMBOL, 0), column_a = q.ktn(QL_Q_LONG, 2), column_b = q.ktn(QL_Q_FLOAT, 2);
        q.js(&keys, q.ss(names[0]));
        q.js(&keys, q.ss(names[1]));
        for (int row = 0; row < 2; row++) {
            ((long long *)ql_q_items(column_a))[row] = i + row;
            ((double *)ql_q_items(column_b))[row] = i + 0.5;
        }
        q.r0(q.k(0, "upsert", q.ks(names[2]), q.xT(q.xD(keys, q.knk(2, column_a, column_b))), (K)0));
    }
    host_expect("t", "(+(,`a)!,0 1 2 3)!+(,`b)!,0.5 1.5 2.5 2.5");
}

static K twice(K x)
{
    return x->t == -QL_Q_LONG ? q.kj(2 * x->j) : q.krr("not a long");
}

static K through_q(K x, K y)
{
    return q.k(0, "+", q.r1(x), q.r1(y), (K)0);
}

static void define(const char *name, void *function, int arguments)
{
    q.r0(q.k(0, "set", q.ks((char *)(uintptr_t)name), q.dl(function, arguments), (K)0));
}

QLT(api, q_calls_back)
{
    host_begin();
    define("twice", (void *)(uintptr_t)twice, 1);
    define("through", (void *)(uintptr_t)through_q, 2);
    host_expect("twice 21", "42");
    host_expect("twice each 1 2 3", "2 4 6");
    host_expect("twice `a", "'not a long");
    host_expect("through[1;2]", "3");
    host_expect("through[1;`a]", "'type");
    host_expect("through[1] each 1 2", "2 3");
    host_expect("@[twice;`a;{x}]", "\"not a long\"");
}

QLT(api, dot_answers_null_and_ee_says_why)
{
    host_begin();
    K function = q.k(0, "{x+y}", (K)0), good = q.knk(2, q.kj(1), q.kj(2));
    K bad = q.knk(2, q.kj(1), q.ks((char[]){"a"}));
    K sum = q.ee(q.dot(function, good));
    qlt_eq_int(sum->j, 3);
    q.r0(sum);
    K error = q.ee(q.dot(function, bad));
    qlt_eq_int(error->t, QL_Q_ERROR);
    qlt_eq_str(error->s, "type");
    q.r0(error);
    q.r0(good);
    q.r0(bad);
    q.r0(function);
    qlt_eq_int(host_references(), 0);
}

QLT(api, an_errors_text_is_gone_with_the_next)
{
    host_begin();
    K first = q.k(0, "1+`a", (K)0);
    qlt_eq_str(first->s, "type");
    const char *text = first->s;
    q.r0(first);
    q.r0(q.k(0, "1 2+1 2 3", (K)0));
    qlt_eq_str(text, "length");
}

QLT(api, bytes_are_checked)
{
    host_begin();
    K list = q.knk(2, q.kj(1), q.kp((char[]){"text"})), bytes = q.b9(-1, list);
    qlt_check(bytes && q.okx(bytes) && !q.okx(list));
    K copy = q.d9(bytes);
    qlt_check(copy && copy->n == 2);
    q.r0(copy);
    ((unsigned char *)ql_q_items(bytes))[4]++;
    qlt_check(!q.okx(bytes) && !q.d9(bytes));
    q.r0(q.ee(NULL));
    /* Every byte changed, and every end cut off: refused or read, never a crash. */
    for (long long i = 8; i < bytes->n; i++) {
        for (int value = 0; value < 256; value += 5) {
            K other = q.b9(-1, list);
            ((unsigned char *)ql_q_items(other))[i] = (unsigned char)value;
            K read = q.d9(other);
            q.r0(read ? read : q.ee(NULL));
            q.r0(other);
        }
    }
    q.r0(bytes);
    q.r0(list);
    qlt_eq_int(host_references(), 0);
}

QLT(api, days_count_from_2000)
{
    host_begin();
    qlt_eq_int(q.ymd(2000, 1, 1), 0);
    qlt_eq_int(q.ymd(2020, 2, 29), 7364);
    qlt_eq_int(q.dj(7364), 20200229);
    qlt_eq_int(q.dj(-1), 19991231);
}

static K interrupt(K x)
{
    raise(SIGINT);
    return q.r1(x);
}

QLT(api, sigint_ends_an_evaluation)
{
    host_begin();
    define("interrupt", (void *)(uintptr_t)interrupt, 1);
    host_expect("{while[1b;interrupt 1]}[]", "'stop");
    host_expect("1+1", "2");
}

QLT(api, keyed_tables_become_plain_ones)
{
    host_begin();
    K keyed = q.knt(1, q.k(0, "([]a:1 2;b:3 4)", (K)0));
    qlt_eq_int(keyed->t, QL_Q_DICTIONARY);
    K plain = q.ktd(keyed);
    qlt_eq_int(plain->t, QL_Q_TABLE);
    q.r0(plain);
    qlt_check(!q.xT(q.xD(q.kj(1), q.kj(2))));
    expect_error(q.ee(NULL), "type");
}
