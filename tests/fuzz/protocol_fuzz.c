/* The service's request reader against a second one, a machine that goes byte by byte and copies: the same words or the same
 * refusal. And what a reply quotes reads back as what was stored. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/csv.h"
#include "examples/service/protocol.h"
#include "tests/support/fuzz.h"

enum { WORDS = 3 };

static void must(bool kept)
{
    if (!kept)
        abort();
}

typedef struct words {
    char *bytes; /* of all words, one after the other */
    size_t used, starts[WORDS + 1];
    unsigned count;
} words;

static const char letters[] = "\"\\nrt", meant[] = "\"\\\n\r\t";

/* False: not words as the protocol has them. */
static bool machine(const char *line, size_t size, words *out)
{
    enum { BETWEEN, BARE, QUOTED, ESCAPED, BEHIND } at = BETWEEN;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];
        bool control = byte < 32 || byte == 127;
        if (at == BETWEEN && byte != ' ') {
            if (out->count == WORDS)
                return false;
            out->starts[out->count++] = out->used;
            at = byte == '"' ? QUOTED : BARE;
            if (at == QUOTED)
                continue;
        }
        if ((at == BARE || at == BEHIND) && byte == ' ') {
            at = BETWEEN;
        } else if (at == BEHIND || (control && at != BETWEEN) ||
                   (at == BARE && (byte == '"' || byte == '\\'))) {
            return false;
        } else if (at == QUOTED && (byte == '"' || byte == '\\')) {
            at = byte == '"' ? BEHIND : ESCAPED;
        } else if (at == ESCAPED) {
            const char *letter = strchr(letters, byte);
            if (!letter || !byte)
                return false;
            out->bytes[out->used++] = meant[letter - letters];
            at = QUOTED;
        } else if (at != BETWEEN) {
            out->bytes[out->used++] = (char)byte;
        }
    }
    out->starts[out->count] = out->used;
    return at != QUOTED && at != ESCAPED;
}

static size_t length_of(const words *of, unsigned word)
{
    return of->starts[word + 1] - of->starts[word];
}

static bool is_word(const words *of, unsigned word, const char *text, size_t length)
{
    return length_of(of, word) == length && memcmp(of->bytes + of->starts[word], text, length) == 0;
}

static request_verb verb_of(const words *of)
{
    static const char *const names[] = {"", "PING", "QUIT", "COUNT", "GET", "PUT", "ADD", "DELETE"};
    static const unsigned counts[] = {0, 1, 1, 1, 2, 3, 3, 2};
    for (unsigned i = 1; of->count && i < sizeof(counts) / sizeof(*counts); i++)
        if (is_word(of, 0, names[i], strlen(names[i])) && of->count == counts[i])
            return (request_verb)i;
    return REQUEST_BAD;
}

/* A number is what prints as it was written. */
static bool is_number(const words *of, unsigned word, int64_t *number)
{
    char text[24] = "", printed[24];
    if (length_of(of, word) >= sizeof(text))
        return false;
    memcpy(text, of->bytes + of->starts[word], length_of(of, word));
    *number = strtoll(text, NULL, 10);
    return is_word(of, word, printed, (size_t)snprintf(printed, sizeof(printed), "%" PRId64, *number));
}

/* A reply is one line, which says what it was given. */
static void check_reply(reply_kind kind, const char *text, size_t length)
{
    char line[REPLY_LINE_MAX];
    reply written = {.kind = kind, .text = text, .length = length};
    size_t size = reply_write(&written, line);
    must(size && size <= sizeof(line) && memchr(line, '\n', size) == line + size - 1);
    if (kind != REPLY_VALUE || !csv_is_utf8(text, length))
        return;
    char said[REPLY_LINE_MAX];
    words back = {.bytes = said};
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < 32 && !strchr("\n\r\t", text[i])) || !text[i] || text[i] == 127)
            return; /* no request can store it */
    must(machine(line, size - 1, &back) && back.count == 2 && is_word(&back, 0, "VALUE", 5));
    must(is_word(&back, 1, text, length));
}

static void check_request(const request *read, const words *expected)
{
    request_verb verb = verb_of(expected);
    if (verb >= REQUEST_GET && (!length_of(expected, 1) || length_of(expected, 1) > KEY_MAX))
        verb = REQUEST_BAD;
    if (verb == REQUEST_PUT && length_of(expected, 2) > VALUE_MAX)
        verb = REQUEST_BAD;
    int64_t amount = 0;
    if (verb == REQUEST_ADD && !is_number(expected, 2, &amount))
        verb = REQUEST_BAD;
    must(read->verb == verb);
    must((verb == REQUEST_BAD) == (read->problem != NULL));
    if (verb >= REQUEST_GET)
        must(is_word(expected, 1, read->key.bytes, read->key.length));
    if (verb == REQUEST_PUT)
        must(is_word(expected, 2, read->value.bytes, read->value.length));
    if (verb == REQUEST_ADD)
        must(read->amount == amount);
}

static void check_line(const char *line, size_t size)
{
    char *own = malloc(size + 1);
    words expected = {.bytes = malloc(size + 1)};
    must(own && expected.bytes);
    memcpy(own, line, size);
    own[size] = 0;
    bool good = csv_is_utf8(line, size) && machine(line, size, &expected);
    request read = request_read(own, size);
    if (good)
        check_request(&read, &expected);
    else
        must(read.verb == REQUEST_BAD && strncmp(read.problem, "syntax: ", 8) == 0);
    free(own);
    free(expected.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop ? stop : end) - at);
        if (length < REQUEST_LINE_MAX)
            check_line(at, length);
        at = stop ? stop + 1 : end;
    }
    const char *text = (const char *)data;
    check_reply(REPLY_VALUE, text, size < VALUE_MAX ? size : VALUE_MAX);
    check_reply(REPLY_ERROR, text, size);
    check_reply(REPLY_FAILED, text, size);
    return 0;
}
