/* A program: the nodes that the parser made, and the literals in them. It lives as long as a lambda of it. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>

struct block {
    struct block *next;
    max_align_t memory[];
};

struct kept {
    struct kept *next;
    K value;
};

/* The items of a program's object. */
struct program {
    struct block *blocks;
    struct kept *kept;
};

static struct program *program_of(K program)
{
    return ql_q_items(program);
}

void *si_program_memory(K program, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);
    if (!block)
        si_raise("wsfull");
    block->next = program_of(program)->blocks;
    program_of(program)->blocks = block;
    return block->memory;
}

K si_program_keep(K program, K value)
{
    struct kept *kept = si_program_memory(program, sizeof(*kept));
    *kept = (struct kept){program_of(program)->kept, si_r1(value)};
    program_of(program)->kept = kept;
    return value;
}

void si_program_each(K program, void (*visit)(K value))
{
    for (struct kept *kept = program_of(program)->kept; kept; kept = kept->next)
        visit(kept->value);
}

void si_program_free(K program)
{
    for (struct kept *kept = program_of(program)->kept; kept; kept = kept->next)
        si_r0(kept->value);
    for (struct block *block = program_of(program)->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
}

struct si_node *si_node_create(struct si_parser *parser, enum si_node_kind kind)
{
    struct si_node *node = si_program_memory(parser->program, sizeof(*node));
    node->kind = kind;
    return node;
}

void si_node_add(struct si_parser *parser, struct si_node *parent, struct si_node *kid)
{
    /* Room is doubled at each power of two. */
    if ((parent->count & (parent->count - 1)) == 0) {
        size_t room = parent->count ? 2 * (size_t)parent->count : 1;
        struct si_node **kids = si_program_memory(parser->program, room * sizeof(*kids));
        for (int i = 0; i < parent->count; i++)
            kids[i] = parent->kids[i];
        parent->kids = kids;
    }
    parent->kids[parent->count++] = kid;
}

struct si_node *si_node_constant(struct si_parser *p, K value)
{
    struct si_node *made = si_node_create(p, NODE_CONST);
    made->value = si_program_keep(p->program, value);
    return made;
}

struct si_node *si_node_apply(struct si_parser *p, struct si_node *function, struct si_node *left,
                              struct si_node *right)
{
    struct si_node *made = si_node_create(p, NODE_APPLY);
    si_node_add(p, made, function);
    si_node_add(p, made, left);
    if (right)
        si_node_add(p, made, right);
    return made;
}
