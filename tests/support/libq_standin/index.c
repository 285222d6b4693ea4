/* Rows of columns by hash: which row holds these values. */
#include "tests/support/libq_standin/standin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct si_index {
    J *rows; /* -1: none */
    J size, used;
};

/* It goes with the dictionary. */
struct si_index *si_index_of(K dict)
{
    struct si_index **place = (struct si_index **)(void *)&si_items(dict)[2];
    *place = *place ? *place : calloc(1, sizeof(**place));
    if (!*place)
        si_raise("wsfull");
    return *place;
}

void si_index_destroy(struct si_index *index)
{
    if (index)
        free(index->rows);
    free(index);
}

static uint64_t mixed(uint64_t value)
{
    value = (value ^ (value >> 32)) * 0x9e3779b97f4a7c15u;
    return value ^ (value >> 29);
}

static uint64_t hash_item(K x, J at)
{
    int type = abs(x->t);
    if (type == TS)
        return mixed((uint64_t)(uintptr_t)((char *const *)si_data(x))[x->t < 0 ? 0 : at]);
    if (type == 0 || type > TT) {
        K item = x->t == 0 ? si_items(x)[at] : si_item(x, at);
        uint64_t hash = 7;
        J count = item->t >= 0 && item->t <= TT ? item->n : item->t < 0 ? 1 : 0;
        for (J i = 0; i < count; i++)
            hash = mixed(hash ^ hash_item(item, i));
        return hash;
    }
    if (type == TGUID) {
        uint64_t half[2];
        memcpy(half, (const char *)si_data(x) + (x->t < 0 ? 0 : 16 * at), 16);
        return mixed(half[0] ^ mixed(half[1]));
    }
    /* What compares equal hashes equal: 1 and 1.0. */
    double value = si_float(x, at);
    uint64_t bits = 0;
    value = isnan(value) ? 0 : value + 0.0;
    memcpy(&bits, &value, sizeof(bits));
    return mixed(bits);
}

static uint64_t hash_row(K *columns, int count, J at)
{
    uint64_t hash = 1;
    for (int i = 0; i < count; i++)
        hash = mixed(hash + hash_item(columns[i], at));
    return hash;
}

static bool rows_equal(K *x, J i, K *y, J j, int count)
{
    for (int at = 0; at < count; at++) {
        if (si_compare(x[at], i, y[at], j))
            return false;
    }
    return true;
}

static void insert(struct si_index *index, K *columns, int count, J row)
{
    J mask = index->size - 1, at = (J)hash_row(columns, count, row) & mask;
    while (index->rows[at] >= 0) {
        if (rows_equal(columns, index->rows[at], columns, row, count))
            return;
        at = (at + 1) & mask;
    }
    index->rows[at] = row;
}

void si_index_extend(struct si_index *index, K *columns, int count, J rows)
{
    size_t mark = si_pool_mark();
    if (2 * rows >= index->size) {
        J size = 64;
        while (size < 4 * rows)
            size *= 2;
        J *wider = malloc((size_t)size * sizeof(J));
        if (!wider)
            si_raise("wsfull");
        memset(wider, 0xff, (size_t)size * sizeof(J));
        free(index->rows);
        *index = (struct si_index){wider, size, 0};
    }
    for (; index->used < rows; index->used++) {
        insert(index, columns, count, index->used);
        si_pool_drain(mark, NULL);
    }
}

J si_index_find(const struct si_index *index, K *columns, int count, K *row, J at)
{
    if (!index->size)
        return -1;
    J mask = index->size - 1, place = (J)hash_row(row, count, at) & mask;
    for (; index->rows[place] >= 0; place = (place + 1) & mask) {
        if (rows_equal(columns, index->rows[place], row, at, count))
            return index->rows[place];
    }
    return -1;
}
