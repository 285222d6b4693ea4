/* kdb+'s public format of messages: a header of eight bytes (little endian, kind, compressed, length), then the object. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 8
#define DEPTH_MAX 64

/* ---- Writing ---- */

struct writer {
    unsigned char *at; /* NULL: only counting */
    J length;
};

static void put(struct writer *to, const void *bytes, J count)
{
    if (to->at)
        memcpy(to->at + to->length, bytes, (size_t)count);
    to->length += count;
}

static void put_byte(struct writer *to, int byte)
{
    unsigned char value = (unsigned char)byte;
    put(to, &value, 1);
}

static void put_count(struct writer *to, J count)
{
    int value = (int)count;
    if (count > INT_MAX)
        si_raise("limit");
    put(to, &value, 4);
}

static void put_object(struct writer *to, K x, int depth);

static void put_items(struct writer *to, K x, J count, int depth)
{
    int type = abs(x->t);
    if (type == 0) {
        for (J i = 0; i < count; i++)
            put_object(to, si_items(x)[i], depth + 1);
    } else if (type == TS) {
        for (J i = 0; i < count; i++) {
            const char *text = ((char *const *)si_data(x))[i];
            put(to, text, (J)strlen(text) + 1);
        }
    } else {
        put(to, si_data(x), count * (J)si_size(type));
    }
}

static void put_function(struct writer *to, K x)
{
    if (x->t == TUNARY && !si_primitive_of(x)) {
        put_byte(to, 0);
        return;
    }
    if (x->t != TLAMBDA)
        si_raise("nyi");
    K text = si_text(si_lambda_node(x)->text, (J)si_lambda_node(x)->length);
    put_byte(to, 0); /* its namespace: none */
    put_object(to, text, 0);
}

static void put_object(struct writer *to, K x, int depth)
{
    if (depth > DEPTH_MAX)
        si_raise("limit");
    put_byte(to, x->t);
    if (x->t < 0) {
        put_items(to, x, 1, depth);
    } else if (x->t <= TT) {
        put_byte(to, x->u);
        put_count(to, x->n);
        put_items(to, x, x->n, depth);
    } else if (x->t == TTABLE) {
        put_byte(to, x->u);
        put_object(to, x->k, depth + 1);
    } else if (x->t == TDICT) {
        put_object(to, si_items(x)[0], depth + 1);
        put_object(to, si_items(x)[1], depth + 1);
    } else {
        put_function(to, x);
    }
}

K si_bytes_write(K x, int kind)
{
    struct writer counter = {NULL, HEADER};
    put_object(&counter, x, 0);
    if (counter.length > INT_MAX)
        si_raise("limit");
    K made = si_make(TX, counter.length);
    struct writer to = {ql_q_items(made), 0};
    unsigned char head[4] = {1, (unsigned char)kind, 0, 0};
    put(&to, head, sizeof(head));
    put_count(&to, counter.length);
    put_object(&to, x, 0);
    return made;
}

K si_bytes_write_error(const char *text)
{
    struct writer to = {NULL, 0};
    K made = si_make(TX, HEADER + 2 + (J)strlen(text));
    to.at = ql_q_items(made);
    unsigned char head[4] = {1, 2, 0, 0};
    put(&to, head, sizeof(head));
    put_count(&to, made->n);
    put_byte(&to, TERROR);
    put(&to, text, (J)strlen(text) + 1);
    return made;
}

/* ---- Reading ---- */

struct reader {
    const unsigned char *at, *end;
};

static const void *take(struct reader *from, J count)
{
    if (count < 0 || from->end - from->at < count)
        si_raise("badmsg");
    from->at += count;
    return from->at - count;
}

static int take_byte(struct reader *from)
{
    return *(const signed char *)take(from, 1);
}

static J take_count(struct reader *from)
{
    int count;
    memcpy(&count, take(from, 4), sizeof(count));
    if (count < 0)
        si_raise("badmsg");
    return count;
}

static char *take_symbol(struct reader *from)
{
    const unsigned char *stop = memchr(from->at, 0, (size_t)(from->end - from->at));
    if (!stop)
        si_raise("badmsg");
    const char *text = (const char *)from->at;
    from->at = stop + 1;
    return si_intern(text, strlen(text));
}

static K take_object(struct reader *from, int depth);

static K take_vector(struct reader *from, int type, int depth)
{
    take_byte(from);
    J count = take_count(from);
    /* An item has a byte at least: a count that lies is found before it costs memory. */
    if (count > from->end - from->at)
        si_raise("badmsg");
    if (type != TS && type && count * (J)si_size(type) > from->end - from->at)
        si_raise("badmsg");
    K made = si_make(type, count);
    for (J i = 0; type == 0 && i < count; i++)
        si_items(made)[i] = si_r1(take_object(from, depth + 1));
    for (J i = 0; type == TS && i < count; i++)
        ((char **)ql_q_items(made))[i] = take_symbol(from);
    if (type && type != TS && count)
        memcpy(ql_q_items(made), take(from, count * (J)si_size(type)), (size_t)count * si_size(type));
    return made;
}

static K take_atom(struct reader *from, int type)
{
    K made = si_make(-type, 0);
    if (type == TS)
        made->s = take_symbol(from);
    else
        memcpy((void *)(uintptr_t)si_data(made), take(from, (J)si_size(type)), si_size(type));
    return made;
}

static K take_dict(struct reader *from, int depth)
{
    K keys = take_object(from, depth + 1), values = take_object(from, depth + 1);
    bool good = (keys->t >= 0 && keys->t < TLAMBDA) && (values->t >= 0 && values->t < TLAMBDA);
    if (!good || si_count(keys) != si_count(values))
        si_raise("badmsg");
    return si_dict(keys, values);
}

static K take_object(struct reader *from, int depth)
{
    int type = take_byte(from);
    if (depth > DEPTH_MAX)
        si_raise("limit");
    if (type == TERROR)
        si_raise(take_symbol(from));
    if (type < 0 && type >= -TT && type != -3)
        return take_atom(from, -type);
    if (type >= 0 && type <= TT && type != 3)
        return take_vector(from, type, depth);
    if (type == TDICT || type == 127)
        return take_dict(from, depth);
    if (type == TTABLE) {
        take_byte(from);
        K dict = take_object(from, depth + 1);
        if (dict->t != TDICT || si_items(dict)[0]->t != TS || si_items(dict)[1]->t != 0)
            si_raise("badmsg");
        return si_table(si_items(dict)[0], si_items(dict)[1]);
    }
    if (type == TUNARY && take_byte(from) == 0)
        return si_identity();
    if (type == TLAMBDA) {
        take_symbol(from);
        K text = take_object(from, depth + 1);
        if (text->t != TC)
            si_raise("badmsg");
        return si_eval_text(ql_q_items(text), (size_t)text->n);
    }
    si_raise("badmsg");
}

bool si_bytes_are_good(const unsigned char *bytes, J length)
{
    int said;
    if (length < HEADER + 1 || bytes[0] != 1 || bytes[1] > 2 || bytes[2])
        return false;
    memcpy(&said, bytes + 4, sizeof(said));
    return said == length;
}

K si_bytes_read(const unsigned char *bytes, J length)
{
    if (!si_bytes_are_good(bytes, length))
        si_raise("badmsg");
    struct reader from = {bytes + HEADER, bytes + length};
    return take_object(&from, 0);
}
