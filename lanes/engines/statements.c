#include "lanes/engines/statements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

int qli_statements_init(qli_statements *kept, unsigned max)
{
    *kept = (qli_statements){.max = max, .buckets_count = 1};
    while (kept->buckets_count < max)
        kept->buckets_count *= 2;
    kept->buckets = calloc(kept->buckets_count, sizeof(qli_statement *));
    return kept->buckets ? 0 : -ENOMEM;
}

void qli_statements_fini(qli_statements *kept)
{
    free(kept->buckets);
}

static qli_statement **bucket(qli_statements *kept, uint64_t hash)
{
    return &kept->buckets[hash & (kept->buckets_count - 1)];
}

static void unlink_one(qli_statements *kept, qli_statement *at)
{
    *(at->newer ? &at->newer->older : &kept->newest) = at->older;
    *(at->older ? &at->older->newer : &kept->oldest) = at->newer;
}

static void make_newest(qli_statements *kept, qli_statement *at)
{
    at->newer = NULL;
    at->older = kept->newest;
    *(kept->newest ? &kept->newest->newer : &kept->oldest) = at;
    kept->newest = at;
}

void *qli_statements_find(qli_statements *kept, const char *text)
{
    /* The same one again and again is the common case. */
    if (kept->newest && strcmp(kept->newest->text, text) == 0)
        return kept->newest->prepared;
    uint64_t hash = hash_of(text);
    for (qli_statement *at = *bucket(kept, hash); at; at = at->next)
        if (at->hash == hash && strcmp(at->text, text) == 0) {
            unlink_one(kept, at);
            make_newest(kept, at);
            return at->prepared;
        }
    return NULL;
}

bool qli_statements_add(qli_statements *kept, const char *text, void *prepared)
{
    qli_statement *at = malloc(sizeof(*at));
    char *copy = strdup(text);
    if (!at || !copy) {
        free(at);
        free(copy);
        return false;
    }
    uint64_t hash = hash_of(text);
    *at = (qli_statement){.text = copy, .prepared = prepared, .hash = hash, .next = *bucket(kept, hash)};
    *bucket(kept, hash) = at;
    make_newest(kept, at);
    kept->count++;
    return true;
}

void *qli_statements_oldest(const qli_statements *kept)
{
    return kept->oldest ? kept->oldest->prepared : NULL;
}

void qli_statements_drop(qli_statements *kept)
{
    qli_statement *at = kept->oldest;
    qli_statement **link = bucket(kept, at->hash);
    while (*link != at)
        link = &(*link)->next;
    *link = at->next;
    unlink_one(kept, at);
    kept->count--;
    free(at->text);
    free(at);
}
