#include "examples/feeds/csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "examples/feeds/hash.h"
#include "tests/support/harness.h"

/* Every record of `text` on a line: where it starts, then its fields in [], or "broken". */
static char *shown(const char *text, size_t size)
{
    char *out = NULL;
    size_t out_size;
    FILE *file = open_memstream(&out, &out_size);
    csv_text rest = {text, text + size, 1};
    csv_record record;
    while (csv_next(&rest, &record)) {
        csv_field fields[16];
        char scratch[256];
        size_t count = record.broken ? 0 : csv_split(&record, fields, 16, scratch);
        fprintf(file, "%ju%s", (uintmax_t)record.line, record.broken ? " broken" : "");
        for (size_t i = 0; i < count; i++)
            fprintf(file, "[%.*s]", (int)fields[i].length, fields[i].text);
        fputc('\n', file);
    }
    fclose(file);
    return out;
}

#define reads_as(text, expected)                        \
    do {                                                \
        char *found_ = shown((text), sizeof(text) - 1); \
        qlt_eq_str(found_, (expected));                 \
        free(found_);                                   \
    } while (0)

QLT(csv, reads_plain_lines)
{
    reads_as("", "");
    reads_as("a", "1[a]\n");
    reads_as("a,b\nc,d\n", "1[a][b]\n2[c][d]\n");
    reads_as("a,b\nc,d", "1[a][b]\n2[c][d]\n");
    reads_as("a,,b,\n", "1[a][][b][]\n");
    reads_as(",\n", "1[][]\n");
}

QLT(csv, an_empty_line_is_a_record_of_one_empty_field)
{
    reads_as("\n", "1[]\n");
    reads_as("a\n\nb\n", "1[a]\n2[]\n3[b]\n");
    reads_as("a\r\n\r\nb\r\n", "1[a]\n2[]\n3[b]\n");
}

QLT(csv, takes_both_line_breaks)
{
    reads_as("a,b\r\nc,d\r\n", "1[a][b]\n2[c][d]\n");
    reads_as("a,b\r\nc,d\r", "1[a][b]\n2[c][d]\n");
    reads_as("\"a\"\r\n\"b\"\r", "1[a]\n2[b]\n");
    reads_as("a\rb\n", "1[a\rb]\n");
    reads_as("a\r\r\n", "1[a\r]\n");
}

QLT(csv, reads_quoted_fields)
{
    reads_as("\"a\",\"b\"\n", "1[a][b]\n");
    reads_as("\"\",x\n", "1[][x]\n");
    reads_as("\"a,b\",c\n", "1[a,b][c]\n");
    reads_as("\"a\"\"b\",\"\"\"\"\n", "1[a\"b][\"]\n");
    reads_as("\"\"\"a\"\"\",\"\"\"\"\"\"", "1[\"a\"][\"\"]\n");
    reads_as("x,\"a\"", "1[x][a]\n");
    reads_as("x,\"a\",", "1[x][a][]\n");
}

QLT(csv, keeps_line_breaks_in_quotes_and_counts_them)
{
    reads_as("\"a\nb\",1\nc,2\n", "1[a\nb][1]\n3[c][2]\n");
    reads_as("\"a\r\nb\r\n\",1\r\nc,2", "1[a\r\nb\r\n][1]\n4[c][2]\n");
    reads_as("x,\"\n\"\n\"\n\n\"\ny\n", "1[x][\n]\n3[\n\n]\n6[y]\n");
}

QLT(csv, a_broken_quote_costs_its_line_only)
{
    reads_as("a\"b,1\nc,2\n", "1 broken\n2[c][2]\n");
    reads_as("\"a\"b,1\nc,2\n", "1 broken\n2[c][2]\n");
    reads_as("\"a\" ,1\nc,2\n", "1 broken\n2[c][2]\n");
    reads_as(" \"a\",1\nc,2\n", "1 broken\n2[c][2]\n");
    reads_as("\"a,1\nc,2\nd,3\n", "1 broken\n2[c][2]\n3[d][3]\n");
    reads_as("c,2\n\"", "1[c][2]\n2 broken\n");
    reads_as("\"a\"\rb\nc\n", "1 broken\n2[c]\n");
    /* The quote that line 1 opens closes where line 3 opens one of its own. */
    reads_as("\"a,1\nc,2\n\"d\",3\n", "1 broken\n2[c][2]\n3[d][3]\n");
}

QLT(csv, a_block_cut_between_records_reads_as_it_does_in_the_whole)
{
    static const char text[] = "a,\"b\n\",c\r\n\"x,1\n,\"\"\n\"p\nq\"r\n\"\n\"\n\"z\"\"\n,\"\nlast";
    char *whole = shown(text, sizeof(text) - 1);
    csv_text rest = {text, text + sizeof(text) - 1, 1};
    csv_record record, again;
    for (;;) {
        csv_text alone = rest;
        if (!csv_next(&rest, &record))
            break;
        alone.end = rest.at;
        qlt_check(csv_next(&alone, &again));
        qlt_check(again.length == record.length && again.line == record.line &&
                  again.broken == record.broken);
        qlt_check(alone.at == alone.end && alone.line == rest.line);
    }
    qlt_eq_str(whole, "1[a][b\n][c]\n3 broken\n4[][]\n5 broken\n6 broken\n7[\n]\n9[z\"\n,]\n11[last]\n");
    free(whole);
}

QLT(csv, counts_fields_beyond_those_wanted)
{
    csv_record record = {.text = "a,b,c,\"d\"", .length = 9};
    csv_field fields[2];
    char scratch[9];
    qlt_eq_uint(csv_split(&record, fields, 2, scratch), 4);
    qlt_check(fields[1].length == 1 && *fields[1].text == 'b');
}

#define utf8(text) csv_is_utf8((text), sizeof(text) - 1)

QLT(csv, knows_utf8)
{
    qlt_check(utf8("") && utf8("plain text of more than eight bytes") && utf8("\0"));
    qlt_check(utf8("\xc2\x80") && utf8("\xdf\xbf") && utf8("\xe0\xa0\x80") && utf8("\xed\x9f\xbf"));
    qlt_check(utf8("\xee\x80\x80") && utf8("\xf0\x90\x80\x80") && utf8("\xf4\x8f\xbf\xbf"));
    qlt_check(utf8("1234567\xc3\xa4") && utf8("12345678\xe2\x82\xac"
                                              "12345678"));
    /* A tail alone, one too short, a bad tail. */
    qlt_check(!utf8("\x80") && !utf8("12345678\xbf") && !utf8("\xc3") && !utf8("\xe2\x82") &&
              !utf8("\xf0\x9f\x98"));
    qlt_check(!utf8("\xc3(") && !utf8("\xe2\x82(") && !utf8("\xe2(\xac"));
    /* Overlong, a surrogate, beyond U+10FFFF, never used. */
    qlt_check(!utf8("\xc0\x80") && !utf8("\xc1\xbf") && !utf8("\xe0\x9f\xbf") && !utf8("\xf0\x8f\xbf\xbf"));
    qlt_check(!utf8("\xed\xa0\x80") && !utf8("\xed\xbf\xbf"));
    qlt_check(!utf8("\xf4\x90\x80\x80") && !utf8("\xf5\x80\x80\x80") && !utf8("\xff") && !utf8("\xfe"));
}

QLT(hash, tells_line_field_and_order_apart)
{
    uint64_t base = hash_field(hash_field(hash_begin(2), "ab", 2), "c", 1);
    qlt_check(base == hash_field(hash_field(hash_begin(2), "ab", 2), "c", 1));
    qlt_check(base != hash_field(hash_field(hash_begin(3), "ab", 2), "c", 1));
    qlt_check(base != hash_field(hash_field(hash_begin(2), "a", 1), "bc", 2));
    qlt_check(base != hash_field(hash_field(hash_begin(2), "c", 1), "ab", 2));
    qlt_check(base != hash_field(hash_field(hash_begin(2), "ab", 2), "c\0", 2));
    qlt_check(hash_field(0, "12345678", 8) != hash_field(0, "123456789", 9));
    qlt_eq_uint(hash_add((UINT64_C(1) << 53) - 1, 2), 1);
    qlt_check(hash_add(5, UINT64_MAX) == 4);
}
