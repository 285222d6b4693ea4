/* CSV as in RFC 4180, in memory: quotes, commas and line breaks inside quotes, CRLF or LF, no final line break needed.
 *
 * A record with a broken quote (one that never closes, has text after its end, or stands inside a plain field) ends
 * where its first line ends, and reading goes on with the next line: one stray quote costs one line, not the file. */
#ifndef EXAMPLES_FEEDS_CSV_H
#define EXAMPLES_FEEDS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left to read. */
typedef struct csv_text {
    const char *at, *end;
    uint64_t line; /* the physical line at `at` */
} csv_text;

typedef struct csv_record {
    const char *text; /* without its line break */
    size_t length;
    uint64_t line; /* the physical line where it starts */
    bool broken;   /* a quote is */
} csv_record;

typedef struct csv_field {
    const char *text;
    size_t length;
} csv_field;

/* Take the next record. False: there is none left. */
bool csv_next(csv_text *text, csv_record *record);

/* Split a record that is not broken. Fields lie in its text, or, where quotes were doubled, in `scratch`, which has room
 * for as many bytes as the record. Returns how many fields there are; at most `fields_max` of them are written. */
size_t csv_split(const csv_record *record, csv_field *fields, size_t fields_max, char *scratch);

/* Is it well-formed UTF-8? */
bool csv_is_utf8(const char *text, size_t length);

#endif
