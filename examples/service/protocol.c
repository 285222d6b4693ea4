#include "examples/service/protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "examples/feeds/csv.h" /* for csv_is_utf8() */

enum { WORDS_MAX = 3 };

static const struct {
    const char *name;
    request_verb verb;
    unsigned words; /* it takes, itself among them */
} verbs[] = {
    {"PING", REQUEST_PING, 1},     {"QUIT", REQUEST_QUIT, 1}, {"COUNT", REQUEST_COUNT, 1},
    {"GET", REQUEST_GET, 2},       {"PUT", REQUEST_PUT, 3},   {"ADD", REQUEST_ADD, 3},
    {"DELETE", REQUEST_DELETE, 2},
};

static const struct {
    char byte, letter; /* stands for it behind a backslash */
} escapes[] = {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}};

enum { ESCAPES = sizeof(escapes) / sizeof(*escapes) };

static bool is_control(char byte)
{
    return (unsigned char)byte < ' ' || byte == 0x7f;
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

typedef struct reader {
    char *at, *end;
    const char *problem;
} reader;

static bool fail(reader *from, const char *problem)
{
    from->problem = problem;
    return false;
}

/* What stands behind a backslash. */
static bool read_escape(reader *from, char *byte)
{
    for (int i = 0; from->at < from->end && i < ESCAPES; i++)
        if (escapes[i].letter == *from->at) {
            *byte = escapes[i].byte;
            from->at++;
            return true;
        }
    return fail(from, "syntax: only \\\" \\\\ \\n \\r \\t can stand behind a backslash");
}

/* The quoted word at `at`, unquoted in place: what is written never overtakes what is read. */
static bool read_quoted(reader *from, request_text *word)
{
    char *to = word->bytes = ++from->at;
    while (from->at < from->end && *from->at != '"') {
        char byte = *from->at++;
        if (is_control(byte))
            return fail(from, "syntax: a control character; write \\n, \\r or \\t");
        if (byte == '\\' && !read_escape(from, &byte))
            return false;
        *to++ = byte;
    }
    word->length = (size_t)(to - word->bytes);
    if (from->at == from->end)
        return fail(from, "syntax: a quoted word does not end");
    from->at++;
    return from->at == from->end || *from->at == ' ' ||
           fail(from, "syntax: a blank is missing behind a quoted word");
}

static bool read_bare(reader *from, request_text *word)
{
    word->bytes = from->at;
    for (; from->at < from->end && *from->at != ' '; from->at++)
        if (is_control(*from->at) || *from->at == '"' || *from->at == '\\')
            return fail(from, "syntax: this character can only stand in a quoted word");
    word->length = (size_t)(from->at - word->bytes);
    return true;
}

/* Returns how many words there are. */
static unsigned read_words(reader *from, request_text *words)
{
    unsigned count = 0;
    for (;; count++) {
        while (from->at < from->end && *from->at == ' ')
            from->at++;
        if (from->at == from->end)
            return count;
        if (count == WORDS_MAX)
            return (void)fail(from, "syntax: too many words"), count;
        if (!(*from->at == '"' ? read_quoted : read_bare)(from, &words[count]))
            return count;
    }
}

static const char *find_verb(const request_text *word, unsigned words, request *found)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (strlen(verbs[i].name) == word->length && memcmp(verbs[i].name, word->bytes, word->length) == 0) {
            found->verb = verbs[i].verb;
            return words == verbs[i].words ? NULL : "syntax: another number of words is needed";
        }
    return "syntax: no such request";
}

static const char *check(request *read)
{
    if (read->verb < REQUEST_GET)
        return NULL;
    if (!read->key.length || read->key.length > KEY_MAX)
        return "key: it must have 1 to 128 bytes";
    if (read->verb == REQUEST_PUT && read->value.length > VALUE_MAX)
        return "value: it must have at most 1024 bytes";
    if (read->verb == REQUEST_ADD && !number_from(read->value.bytes, read->value.length, &read->amount))
        return "number: it must be an integer of 64 bits";
    return NULL;
}

request request_read(char *line, size_t length)
{
    reader from = {line, line + length, NULL};
    request read = {0};
    request_text words[WORDS_MAX] = {{0}};
    if (!csv_is_utf8(line, length))
        return (request){.problem = "syntax: not UTF-8"};
    unsigned count = read_words(&from, words);
    const char *problem = from.problem;
    if (!problem)
        problem = count ? find_verb(&words[0], count, &read) : "syntax: an empty line";
    read.key = words[1];
    read.value = words[2];
    if (!problem)
        problem = check(&read);
    return problem ? (request){.problem = problem} : read;
}

bool number_from(const char *bytes, size_t length, int64_t *number)
{
    bool minus = length && *bytes == '-';
    size_t at = minus;
    if (at == length || (bytes[at] == '0' && length > 1))
        return false;
    for (*number = 0; at < length; at++) {
        if (bytes[at] < '0' || bytes[at] > '9')
            return false;
        int digit = bytes[at] - '0';
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, minus ? -digit : digit, number))
            return false;
    }
    return true;
}

size_t number_to(int64_t number, char *bytes)
{
    char text[24];
    int length = snprintf(text, sizeof(text), "%" PRId64, number);
    memcpy(bytes, text, (size_t)length);
    return (size_t)length;
}

/* ---- Replies ---------------------------------------------------------------------------------------------------- */

static char *write_quoted(char *to, const char *text, size_t length)
{
    *to++ = '"';
    for (size_t i = 0; i < length; i++) {
        char letter = 0;
        for (int k = 0; k < ESCAPES; k++)
            letter = escapes[k].byte == text[i] ? escapes[k].letter : letter;
        if (letter)
            *to++ = '\\';
        *to++ = letter ? letter : text[i];
    }
    *to++ = '"';
    return to;
}

/* In one line, whatever the engine says. */
static char *write_sentence(char *to, const char *text, size_t length)
{
    for (size_t i = 0; i < length && i < VALUE_MAX; i++)
        *to++ = is_control(text[i]) ? ' ' : text[i];
    return to;
}

size_t reply_write(const reply *written, char *line)
{
    static const char *const names[] = {"ERROR ", "ERROR engine: ", "OK",   "NONE",
                                        "VALUE ", "NUMBER ",        "PONG", "BYE"};
    char *to = stpcpy(line, names[written->kind]);
    if (written->kind == REPLY_ERROR || written->kind == REPLY_FAILED)
        to = write_sentence(to, written->text, written->length);
    else if (written->kind == REPLY_VALUE)
        to = write_quoted(to, written->text, written->length);
    else if (written->kind == REPLY_NUMBER)
        to += number_to(written->number, to);
    *to++ = '\n';
    return (size_t)(to - line);
}
