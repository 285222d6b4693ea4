#include "lanes/engines/q_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/q_value.h"

/* What a result may leave behind for the next one: 2 MiB. */
enum { BITS_LEAST = 8, BITS_KEPT = 17 };

void qli_q_symbols_fini(qli_q_symbols *symbols)
{
    free(symbols->slots);
    free(symbols->order);
    *symbols = (qli_q_symbols){0};
}

int qli_q_symbols_begin(qli_q_symbols *symbols)
{
    if (symbols->bits > BITS_KEPT || symbols->stamp == UINT32_MAX)
        qli_q_symbols_fini(symbols);
    if (!symbols->slots) {
        symbols->slots = calloc((size_t)1 << BITS_LEAST, sizeof(*symbols->slots));
        symbols->bits = BITS_LEAST;
    }
    symbols->stamp++;
    symbols->count = symbols->bytes = 0;
    return symbols->slots ? 0 : -ENOMEM;
}

static int grow_order(qli_q_symbols *symbols)
{
    size_t room = symbols->order_room ? symbols->order_room * 2 : 64;
    const char **order = realloc(symbols->order, room * sizeof(*order));
    if (!order)
        return -ENOMEM;
    symbols->order = order;
    symbols->order_room = room;
    return 0;
}

static int grow_slots(qli_q_symbols *symbols)
{
    qli_q_symbols bigger = *symbols;
    bigger.bits++;
    bigger.slots = calloc((size_t)1 << bigger.bits, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < (size_t)1 << symbols->bits; i++)
        if (symbols->slots[i].stamp == symbols->stamp)
            *qli_q_symbols_slot(&bigger, symbols->slots[i].symbol) = symbols->slots[i];
    free(symbols->slots);
    *symbols = bigger;
    return 0;
}

int qli_q_symbols_add(qli_q_symbols *symbols, const char *symbol)
{
    if (!symbol)
        return -EBADMSG;
    qli_q_slot *slot = qli_q_symbols_slot(symbols, symbol);
    if (slot->stamp == symbols->stamp)
        return 0;
    size_t length = strnlen(symbol, QL_Q_SYMBOL_MAX + 1);
    if (length > QL_Q_SYMBOL_MAX || symbols->bytes + length + 1 > UINT32_MAX)
        return -E2BIG;
    if (symbols->count == symbols->order_room && grow_order(symbols))
        return -ENOMEM;
    *slot = (qli_q_slot){symbol, symbols->stamp, (uint32_t)symbols->bytes};
    symbols->order[symbols->count++] = symbol;
    symbols->bytes += length + 1;
    return symbols->count * 2 > (size_t)1 << symbols->bits ? grow_slots(symbols) : 0;
}

void qli_q_symbols_copy(const qli_q_symbols *symbols, char *texts)
{
    for (size_t i = 0; i < symbols->count; i++)
        texts = stpcpy(texts, symbols->order[i]) + 1;
}
