/* Symbols: text kept once, for ever. A global's value hangs at the symbol that is its name. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

struct symbol {
    struct symbol *next;
    K value; /* of the global with this name */
    uint32_t hash;
    char text[];
};

static struct symbol **table;
static size_t table_size, symbols;

static uint32_t hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

static void widen(void)
{
    size_t size = table_size ? 4 * table_size : 4096;
    struct symbol **wider = calloc(size, sizeof(struct symbol *));
    if (!wider)
        si_abort("no memory for symbols");
    for (size_t i = 0; i < table_size; i++) {
        for (struct symbol *symbol = table[i], *next; symbol; symbol = next) {
            next = symbol->next;
            symbol->next = wider[symbol->hash & (size - 1)];
            wider[symbol->hash & (size - 1)] = symbol;
        }
    }
    free(table);
    table = wider;
    table_size = size;
}

/* A symbol ends at its first NUL, as in q. */
char *si_intern(const char *text, size_t length)
{
    length = strnlen(text, length);
    uint32_t hash = hash_of(text, length);
    if (symbols >= table_size)
        widen();
    struct symbol **place = &table[hash & (table_size - 1)];
    for (struct symbol *symbol = *place; symbol; symbol = symbol->next) {
        if (symbol->hash == hash && strncmp(symbol->text, text, length) == 0 && !symbol->text[length])
            return symbol->text;
    }
    struct symbol *symbol = malloc(sizeof(*symbol) + length + 1);
    if (!symbol)
        si_abort("no memory for a symbol");
    *symbol = (struct symbol){*place, NULL, hash};
    memcpy(symbol->text, text, length);
    symbol->text[length] = 0;
    *place = symbol;
    symbols++;
    return symbol->text;
}

static struct symbol *symbol_of(const char *interned)
{
    return (struct symbol *)(void *)(uintptr_t)(interned - offsetof(struct symbol, text));
}

K si_global(const char *interned)
{
    return symbol_of(interned)->value;
}

void si_global_set(char *interned, K value)
{
    struct symbol *symbol = symbol_of(interned);
    K old = symbol->value;
    symbol->value = value ? si_r1(value) : NULL;
    if (old)
        si_r0(old);
}

void si_globals_each(void (*visit)(const char *name, K value, void *arg), void *arg)
{
    for (size_t i = 0; i < table_size; i++) {
        for (struct symbol *symbol = table[i]; symbol; symbol = symbol->next) {
            if (symbol->value)
                visit(symbol->text, symbol->value, arg);
        }
    }
}
