/* Symbols on their way out of q: each text is copied once, however often its symbol stands in a column. q interns them, so the
 * pointer tells. One thread's. */
#ifndef QLANE_LANES_ENGINES_Q_SYMBOLS_H
#define QLANE_LANES_ENGINES_Q_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

typedef struct qli_q_slot {
    const char *symbol;
    uint32_t stamp;  /* of the gathering that this belongs to */
    uint32_t offset; /* of its copy among the texts */
} qli_q_slot;

typedef struct qli_q_symbols {
    qli_q_slot *slots; /* open addressing, at most half of them used */
    unsigned bits;     /* 1 << bits slots */
    uint32_t stamp;
    const char **order; /* in which they were met */
    size_t count, order_room;
    size_t bytes; /* of the texts, each with its zero byte */
} qli_q_symbols;

void qli_q_symbols_fini(qli_q_symbols *symbols);
/* Begin anew. -ENOMEM. */
int qli_q_symbols_begin(qli_q_symbols *symbols);
/* Gather one. -ENOMEM; -E2BIG it is longer than QL_Q_SYMBOL_MAX, or all together are too long; -EBADMSG NULL. */
int qli_q_symbols_add(qli_q_symbols *symbols, const char *symbol);
/* Copy the texts: `bytes` of them. */
void qli_q_symbols_copy(const qli_q_symbols *symbols, char *texts);

/* The slot of one that was gathered; else the empty one that it would have. */
static inline qli_q_slot *qli_q_symbols_slot(const qli_q_symbols *symbols, const char *symbol)
{
    uintptr_t mask = ((uintptr_t)1 << symbols->bits) - 1;
    uintptr_t at = (uintptr_t)(((uintptr_t)symbol * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - symbols->bits));
    for (;; at = (at + 1) & mask) {
        qli_q_slot *slot = &symbols->slots[at];
        if (slot->symbol == symbol || slot->stamp != symbols->stamp)
            return slot;
    }
}

#endif
