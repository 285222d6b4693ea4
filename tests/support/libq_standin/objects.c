/* Objects: memory, references, and room to grow. In front of each stands what q would not show. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

#define ALIVE 0x51414c49u
#define FREED 0x51444541u

struct before {
    size_t room; /* bytes of items */
    unsigned mark;
    int owner;
    long long visit;
    long long unused; /* keeps what follows aligned */
};

/* Freed ones are kept for a while, so that who uses one is caught. */
#define KEPT 4096
#define KEPT_BYTES 512

static struct before *kept[KEPT];
static size_t kept_next;

static struct before *before(K object)
{
    return (struct before *)(void *)object - 1;
}

static size_t header_size(void)
{
    return sizeof(struct before) + sizeof(struct k0);
}

size_t si_size(int type)
{
    static const unsigned char sizes[20] = {8, 1, 16, 0, 1, 2, 4, 8, 4, 8, 1, 8, 8, 4, 4, 8, 8, 4, 4, 4};
    int kind = type < 0 ? -type : type;
    if (kind < 20)
        return sizes[kind];
    return sizeof(K);
}

static bool fits(size_t bytes)
{
    return !si_state.limit || si_state.bytes + (long long)bytes <= si_state.limit;
}

/* A dictionary has room for the index of its keys beside its two items. */
bool si_holds_objects(int type)
{
    return type == 0 || type == TDICT || type == TTABLE || type == TPROJECT ||
           (type >= TEACH && type <= TLEFT);
}

static bool room_of(int type, J count, size_t *room)
{
    if (count < 0 || count > ((J)1 << 40))
        return false;
    if (type < 0)
        *room = type == -TGUID ? 24 : 8;
    else if (type == TDICT || type == TLAMBDA || type == TPROGRAM)
        *room = 4 * sizeof(K);
    else
        *room = (size_t)count * si_size(type);
    return fits(*room);
}

K si_object(int type, J count)
{
    size_t room;
    if (!room_of(type, count, &room))
        return NULL;
    struct before *start = malloc(header_size() + room);
    if (!start)
        return NULL;
    *start = (struct before){.room = room, .mark = ALIVE, .owner = si_thread()};
    K object = (K)(void *)(start + 1);
    *object = (struct k0){.t = (signed char)type};
    if (type >= 0)
        object->n = count;
    if (si_holds_objects(type) || type < 0 || type >= TLAMBDA)
        memset(ql_q_items(object), 0, room);
    si_state.objects++;
    si_state.references++;
    si_state.bytes += (long long)room;
    return object;
}

void si_check(const char *function, K object)
{
    if (!object)
        si_abort("%s() of a null pointer", function);
    const struct before *start = before(object);
    if (start->mark == FREED)
        si_abort("%s() of an object that was freed: one r0() too many", function);
    if (start->mark != ALIVE)
        si_abort("%s() of what is no object", function);
    if (object->r < 0)
        si_abort("%s() of an object whose reference count is below zero", function);
}

K si_r1(K object)
{
    si_check("r1", object);
    object->r++;
    si_state.references++;
    return object;
}

static void release(K object)
{
    struct before *start = before(object);
    start->mark = FREED;
    si_state.objects--;
    si_state.bytes -= (long long)start->room;
    if (start->room > KEPT_BYTES) {
        free(start);
        return;
    }
    free(kept[kept_next]);
    kept[kept_next] = start;
    kept_next = (kept_next + 1) % KEPT;
}

void si_r0(K object)
{
    si_check("r0", object);
    if (before(object)->owner != si_thread())
        si_abort("r0() on thread %d of an object that thread %d made", si_thread(), before(object)->owner);
    si_state.references--;
    if (object->r-- > 0)
        return;
    if (object->t == TPROGRAM) {
        si_program_free(object);
    } else if (object->t == TTABLE) {
        si_r0(object->k);
    } else if (object->t == TLAMBDA) {
        si_r0(si_items(object)[0]);
    } else if (si_holds_objects(object->t)) {
        for (J i = 0; i < object->n; i++) {
            if (si_items(object)[i])
                si_r0(si_items(object)[i]);
        }
        if (object->t == TDICT)
            si_index_destroy((struct si_index *)(void *)si_items(object)[2]);
    }
    release(object);
}

K si_grow(K vector, J count)
{
    struct before *start = before(vector);
    size_t needed = (size_t)count * si_size(vector->t), room = start->room;
    if (needed <= room)
        return vector;
    room = needed < 64 ? 64 : needed + needed / 2;
    if (!fits(room - start->room))
        return NULL;
    struct before *moved = malloc(header_size() + room);
    if (!moved)
        return NULL;
    memcpy(moved, start, header_size() + start->room);
    moved->room = room;
    si_state.objects++;
    si_state.bytes += (long long)room;
    release(vector);
    return (K)(void *)(moved + 1);
}

void si_append(K *vector, const void *items, J count)
{
    K grown = si_grow(*vector, (*vector)->n + count);
    if (!grown)
        si_raise("wsfull");
    size_t size = si_size(grown->t);
    memcpy((char *)ql_q_items(grown) + (size_t)grown->n * size, items, (size_t)count * size);
    grown->n += count;
    grown->u = 0;
    *vector = grown;
}

/* ---- Walking ---- */

static long long visit;

void si_new_visit(void)
{
    visit++;
}

bool si_first_visit(K object)
{
    bool first = before(object)->visit != visit;
    before(object)->visit = visit;
    return first;
}
