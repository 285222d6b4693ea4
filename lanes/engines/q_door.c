/* The table of q's functions that a ql_q_use has: good while it runs, and no longer. A debug build counts what its functions hand
 * out and take back, so that an object that stays behind is found by the task that left it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lanes/engines/q.h"

#ifndef NDEBUG

/* The one q of this process, whose lane alone comes here. */
static ql_q *counted;

static struct k0 *given(struct k0 *object)
{
    counted->door_held += object != NULL;
    return object;
}

void qli_q_door_taken(ql_q *at, const struct k0 *object)
{
    at->door_held -= object != NULL;
}

static void taken(const struct k0 *object)
{
    qli_q_door_taken(counted, object);
}

#define GIVES(name, parameters, ...)                  \
    static struct k0 *count_##name parameters         \
    {                                                 \
        return given(counted->api.name(__VA_ARGS__)); \
    }

GIVES(r1, (struct k0 * object), object)
GIVES(dot, (struct k0 * function, struct k0 *arguments), function, arguments)
GIVES(dl, (void *function, long long arguments), function, arguments)
GIVES(ka, (int type), type)
GIVES(kb, (int value), value)
GIVES(ku, (ql_q_guid value), value)
GIVES(kg, (int value), value)
GIVES(kh, (int value), value)
GIVES(ki, (int value), value)
GIVES(kj, (long long value), value)
GIVES(ke, (double value), value)
GIVES(kf, (double value), value)
GIVES(kc, (int value), value)
GIVES(ks, (char *symbol), symbol)
GIVES(kd, (int days), days)
GIVES(kt, (int milliseconds), milliseconds)
GIVES(ktj, (int type, long long value), type, value)
GIVES(ktn, (int type, long long count), type, count)
GIVES(kp, (char *text), text)
GIVES(kpn, (char *text, long long length), text, length)
GIVES(b9, (int mode, struct k0 *object), mode, object)
GIVES(d9, (struct k0 * bytes), bytes)

static void count_r0(struct k0 *object)
{
    taken(object);
    counted->api.r0(object);
}

/* What follows uses its arguments up. */

static struct k0 *count_ee(struct k0 *result)
{
    return result ? result : given(counted->api.ee(NULL));
}

static struct k0 *count_vak(int handle, const char *text, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    for (const struct k0 *next; (next = va_arg(again, struct k0 *));)
        taken(next);
    va_end(again);
    struct k0 *answer = counted->api.vak(handle, text, arguments);
    return handle < 0 ? answer : given(answer); /* that of a one-way message is q's own */
}

static struct k0 *count_k(int handle, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    struct k0 *answer = count_vak(handle, text, arguments);
    va_end(arguments);
    return answer;
}

static struct k0 *count_vaknk(int count, va_list items)
{
    counted->door_held -= count;
    return given(counted->api.vaknk(count, items));
}

static struct k0 *count_knk(int count, ...)
{
    va_list items;
    va_start(items, count);
    struct k0 *list = count_vaknk(count, items);
    va_end(items);
    return list;
}

static struct k0 *count_jk(struct k0 **list, struct k0 *item)
{
    taken(item);
    return counted->api.jk(list, item);
}

static struct k0 *count_jv(struct k0 **vector, struct k0 *items)
{
    taken(items);
    return counted->api.jv(vector, items);
}

static struct k0 *count_xD(struct k0 *keys, struct k0 *values)
{
    taken(keys);
    taken(values);
    return given(counted->api.xD(keys, values));
}

static struct k0 *count_xT(struct k0 *dictionary)
{
    taken(dictionary);
    return given(counted->api.xT(dictionary));
}

static struct k0 *count_ktd(struct k0 *keyed_table)
{
    taken(keyed_table);
    return given(counted->api.ktd(keyed_table));
}

static struct k0 *count_knt(long long key_columns, struct k0 *table)
{
    taken(table);
    return given(counted->api.knt(key_columns, table));
}

static void count_from_now(ql_q *at)
{
    ql_q_api *door = &at->door;
    counted = at;
#define COUNTED(name) door->name = count_##name
    COUNTED(r0);
    COUNTED(r1);
    COUNTED(dot);
    COUNTED(dl);
    COUNTED(ee);
    COUNTED(k);
    COUNTED(vak);
    COUNTED(ka);
    COUNTED(kb);
    COUNTED(ku);
    COUNTED(kg);
    COUNTED(kh);
    COUNTED(ki);
    COUNTED(kj);
    COUNTED(ke);
    COUNTED(kf);
    COUNTED(kc);
    COUNTED(ks);
    COUNTED(kd);
    COUNTED(kt);
    COUNTED(ktj);
    COUNTED(ktn);
    COUNTED(kp);
    COUNTED(kpn);
    COUNTED(knk);
    COUNTED(vaknk);
    COUNTED(jk);
    COUNTED(jv);
    COUNTED(xD);
    COUNTED(xT);
    COUNTED(ktd);
    COUNTED(knt);
    COUNTED(b9);
    COUNTED(d9);
#undef COUNTED
}

#else

void qli_q_door_taken(ql_q *at, const struct k0 *object)
{
    (void)at, (void)object;
}

static void count_from_now(ql_q *at)
{
    (void)at;
}

#endif

static void gone(void)
{
    static const char text[] = "qlane: q's own API was used outside of its ql_q_use: the process ends\n";
    if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0)
        abort();
    abort();
}

long long qli_q_door_open(ql_q *at)
{
    long long outer = at->door_held;
    at->door_held = 0;
    if (!at->door_depth++) {
        at->door = at->api;
        count_from_now(at);
    }
    return outer;
}

long long qli_q_door_close(ql_q *at, long long outer)
{
    long long held = at->door_held;
    void (*closed)(void) = gone;
    at->door_held = outer;
    at->door_depth--;
    for (size_t i = 0; !at->door_depth && i < sizeof(at->door) / sizeof(closed); i++)
        memcpy((char *)&at->door + i * sizeof(closed), &closed, sizeof(closed));
    return held;
}
