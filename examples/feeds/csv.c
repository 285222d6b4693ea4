#include "examples/feeds/csv.h"

#include <assert.h>
#include <string.h>

/* From behind an opening quote to behind its closing one. NULL: it never closes. */
static const char *skip_quoted(const char *at, const char *end)
{
    for (;;) {
        at = memchr(at, '"', (size_t)(end - at));
        if (!at || at + 1 == end || at[1] != '"')
            return at ? at + 1 : NULL;
        at += 2;
    }
}

/* The line break, or the end, at which a record with quotes ends. NULL: a quote is broken. */
static const char *find_end(const char *at, const char *end)
{
    for (;; at++) {
        if (at < end && *at == '"') {
            at = skip_quoted(at + 1, end);
            if (!at)
                return NULL;
            if (at < end && *at == '\r' && (at + 1 == end || at[1] == '\n'))
                at++;
            if (at < end && *at != ',' && *at != '\n')
                return NULL;
        }
        while (at < end && *at != ',' && *at != '\n')
            if (*at++ == '"')
                return NULL;
        if (at == end || *at == '\n')
            return at;
    }
}

static uint64_t count_lines(const char *at, const char *end)
{
    uint64_t lines = 0;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    return lines;
}

bool csv_next(csv_text *text, csv_record *record)
{
    const char *start = text->at, *end = text->end;
    if (start == end)
        return false;
    const char *line_break = memchr(start, '\n', (size_t)(end - start));
    const char *line_end = line_break ? line_break : end, *stop = line_end;
    if (memchr(start, '"', (size_t)(line_end - start)))
        stop = find_end(start, end);
    *record = (csv_record){.text = start, .line = text->line, .broken = !stop};
    if (!stop)
        stop = line_end;
    text->line += 1 + (stop == line_end ? 0 : count_lines(start, stop));
    text->at = stop == end ? end : stop + 1;
    record->length = (size_t)(stop - start);
    if (record->length && start[record->length - 1] == '\r')
        record->length--;
    return true;
}

/* A quoted field, from behind its opening quote. Returns behind its closing one. */
static const char *take_quoted(const char *at, const char *end, csv_field *field, char **scratch)
{
    const char *stop = skip_quoted(at, end);
    assert(stop); /* the record is not broken */
    *field = (csv_field){at, (size_t)(stop - 1 - at)};
    const char *doubled = memchr(at, '"', field->length);
    if (!doubled)
        return stop;
    field->text = *scratch;
    for (; doubled; doubled = memchr(at, '"', (size_t)(stop - 1 - at))) {
        *scratch = mempcpy(*scratch, at, (size_t)(doubled + 1 - at));
        at = doubled + 2;
    }
    *scratch = mempcpy(*scratch, at, (size_t)(stop - 1 - at));
    field->length = (size_t)(*scratch - field->text);
    return stop;
}

size_t csv_split(const csv_record *record, csv_field *fields, size_t fields_max, char *scratch)
{
    const char *at = record->text, *end = at + record->length;
    for (size_t count = 0;; count++, at++) {
        csv_field field;
        if (at < end && *at == '"') {
            at = take_quoted(at + 1, end, &field, &scratch);
        } else {
            const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
            field = (csv_field){at, (size_t)(stop - at)};
            at = stop;
        }
        if (count < fields_max)
            fields[count] = field;
        if (at == end)
            return count + 1;
    }
}

/* The length of the sequence that starts with a byte of 0x80 or more, or 0 if it is none (RFC 3629). */
static size_t sequence(const unsigned char *at, size_t left)
{
    size_t length = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    if (!length || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] > 0x9f, beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

bool csv_is_utf8(const char *text, size_t length)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    while (at < end) {
        uint64_t eight = 0;
        if (end - at >= 8)
            memcpy(&eight, at, 8);
        if (end - at >= 8 && !(eight & 0x8080808080808080)) {
            at += 8;
        } else if (*at < 0x80) {
            at++;
        } else {
            size_t bytes = sequence(at, (size_t)(end - at));
            if (!bytes)
                return false;
            at += bytes;
        }
    }
    return true;
}
