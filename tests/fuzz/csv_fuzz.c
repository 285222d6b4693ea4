/* The CSV reader against a second one that goes byte by byte and keeps all it sees: the same records, at the same lines,
 * broken or with the same fields. And a field that is a number prints as it was written. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/csv.h"
#include "examples/feeds/number.h"
#include "tests/support/fuzz.h"

enum { FIELDS_MAX = 64 };

static void must(bool kept)
{
    if (!kept)
        abort();
}

typedef struct bytewise {
    const char *text;
    size_t size, at;
    char *bytes; /* of all fields, one after the other */
    size_t used;
    size_t ends[FIELDS_MAX]; /* where in `bytes` each field ends */
    size_t fields;
} bytewise;

/* The byte at `at`, or a line feed at the end: a record ends at either. A CR before it belongs to it. */
static char look(const bytewise *reader)
{
    size_t left = reader->size - reader->at;
    char byte = left ? reader->text[reader->at] : '\n';
    return byte == '\r' && (left == 1 || reader->text[reader->at + 1] == '\n') ? '\n' : byte;
}

static void keep(bytewise *reader, char byte)
{
    reader->bytes[reader->used++] = byte;
}

/* What stands between two quotes. False: the second one is missing. */
static bool read_quoted(bytewise *reader)
{
    for (reader->at++; reader->at < reader->size; reader->at++) {
        if (reader->text[reader->at] == '"') {
            if (++reader->at == reader->size || reader->text[reader->at] != '"')
                return true;
        }
        keep(reader, reader->text[reader->at]);
    }
    return false;
}

/* The record at `at`. False: broken. */
static bool read_record(bytewise *reader)
{
    reader->used = reader->fields = 0;
    for (;; reader->at++) {
        if (look(reader) == '"' && (!read_quoted(reader) || (look(reader) != ',' && look(reader) != '\n')))
            return false;
        while (look(reader) != ',' && look(reader) != '\n') {
            if (look(reader) == '"')
                return false;
            keep(reader, reader->text[reader->at++]);
        }
        if (reader->fields < FIELDS_MAX)
            reader->ends[reader->fields] = reader->used;
        reader->fields++;
        if (look(reader) == '\n')
            return true;
    }
}

static void check_number(const char *text, size_t length)
{
    char printed[NUMBER_TEXT_MAX];
    number_value value;
    number_form form = number_read(text, length, &value);
    must((form == FORM_EMPTY) == (length == 0));
    size_t printed_length = length;
    if (form == FORM_INTEGER)
        printed_length = number_print_integer(value.integer, printed);
    else if (form == FORM_REAL)
        printed_length = number_print_real(value.real, printed);
    else
        return;
    must(printed_length == length && memcmp(printed, text, length) == 0);
}

static void check_fields(const csv_record *record, const bytewise *expected)
{
    csv_field fields[FIELDS_MAX];
    char *scratch = malloc(record->length + 1);
    size_t count = csv_split(record, fields, FIELDS_MAX, scratch), start = 0;
    must(count == expected->fields);
    for (size_t i = 0; i < count && i < FIELDS_MAX; i++) {
        must(fields[i].length == expected->ends[i] - start);
        must(memcmp(fields[i].text, expected->bytes + start, fields[i].length) == 0);
        check_number(fields[i].text, fields[i].length);
        start = expected->ends[i];
    }
    free(scratch);
}

static void check_utf8(const char *text, size_t size)
{
    /* Text is UTF-8 when each half is, cut anywhere but inside a sequence; bytes below 0x80 never matter. */
    size_t cut = size / 2;
    while (cut < size && (text[cut] & 0xc0) == 0x80)
        cut++;
    must(csv_is_utf8(text, size) == (csv_is_utf8(text, cut) && csv_is_utf8(text + cut, size - cut)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    csv_text text = {bytes, bytes + size, 1};
    csv_record record;
    bytewise expected = {.text = bytes, .size = size, .bytes = malloc(size + 1)};
    uint64_t line = 1;
    while (csv_next(&text, &record)) {
        size_t start = expected.at;
        must(record.text == bytes + start && record.line == line);
        must(record.broken == !read_record(&expected));
        if (record.broken)
            for (expected.at = start; expected.at < size && bytes[expected.at] != '\n';)
                expected.at++;
        else
            check_fields(&record, &expected);
        while (expected.at < size && bytes[expected.at++] != '\n')
            ;
        for (size_t i = start; i < expected.at; i++)
            line += bytes[i] == '\n';
        must(text.at == bytes + expected.at);
    }
    must(expected.at == size);
    check_utf8(bytes, size);
    free(expected.bytes);
    return 0;
}
