#include "examples/feeds/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REJECTS_SHOWN = 100 };

static double rows_per_second(const feed_report *report)
{
    return report->seconds > 0 ? (double)report->stream->rows_stored / report->seconds : 0;
}

void report_rejects(const feed_stream *stream)
{
    uint64_t count = 0;
    for (size_t i = 0; i < stream->input->blocks_count; i++)
        for (size_t j = 0; j < stream->results[i].rejects_count; j++) {
            const feed_reject *reject = &stream->results[i].rejects[j];
            if (++count <= REJECTS_SHOWN)
                fprintf(stderr, "%s:%" PRIu64 ": rejected: %s\n", stream->input->path, reject->line,
                        verdict_text(reject->verdict));
        }
    if (count > REJECTS_SHOWN)
        fprintf(stderr, "%s: and %" PRIu64 " more rows rejected\n", stream->input->path,
                count - REJECTS_SHOWN);
}

/* ---- Text ------------------------------------------------------------------------------------------------------- */

/* On a terminal a cell cannot do more than be read: no control characters. */
static void print_cell(const ql_sqlite_cell *cell)
{
    char number[NUMBER_TEXT_MAX];
    switch (cell->type) {
    case QL_SQLITE_NULL:
        fputs("NULL", stdout);
        break;
    case QL_SQLITE_INTEGER:
        printf("%" PRId64, cell->integer);
        break;
    case QL_SQLITE_REAL:
        printf("%.*s", (int)number_print_real(cell->real, number), number);
        break;
    case QL_SQLITE_BLOB:
        printf("%zu bytes", cell->text.length);
        break;
    case QL_SQLITE_TEXT:
        for (size_t i = 0; i < cell->text.length; i++)
            putchar((unsigned char)cell->text.bytes[i] < ' ' || cell->text.bytes[i] == 0x7f
                        ? '?'
                        : cell->text.bytes[i]);
    }
}

static void print_rows(const char *title, const ql_sqlite_rows *rows)
{
    printf("\n%s\n", title);
    if (!rows || !rows->count) {
        puts("  no rows");
        return;
    }
    for (unsigned c = 0; c < rows->columns; c++) {
        ql_sqlite_cell name = {QL_SQLITE_TEXT, .text = {rows->names[c], strlen(rows->names[c])}};
        fputs(c ? " | " : "  ", stdout);
        print_cell(&name);
    }
    for (size_t r = 0; r < rows->count; r++)
        for (unsigned c = 0; c < rows->columns; c++) {
            fputs(c ? " | " : "\n  ", stdout);
            print_cell(&rows->cells[r * rows->columns + c]);
        }
    putchar('\n');
}

static void print_placement(const feed_report *report)
{
    const ql_plan *plan = ql_runtime_plan(report->stream->runtime);
    size_t count;
    place_thread *threads = place_find(&count);
    bool bound = place_is_as_planned(plan, report->lane, threads, count);
    char *asked = ql_plan_show(plan, QL_SHOW_TEXT, bound);
    printf("\nplacement as asked\n%s", asked ? asked : "");
    puts("\nplacement as found");
    for (size_t i = 0; i < count; i++)
        printf("  %-12s allowed on %s, last on %d\n", threads[i].name, threads[i].allowed, threads[i].pu_os);
    free(asked);
    free(threads);
}

static void print_proof(const feed_report *report)
{
    const feed_proof *proof = report->proof;
    printf("\nproof: %s\n", proof->holds ? "every row is accounted for" : "ROWS ARE NOT ACCOUNTED FOR");
    printf("  %" PRIu64 " rows read, %" PRIu64 " in the table + %" PRIu64 " rejected\n", proof->rows_read,
           proof->rows_in_table, proof->rejected);
    printf("  checksum %" PRIu64 " by the workers from the text, %" PRIu64 " from the rows read back\n",
           proof->checksum_workers, proof->checksum_engine);
    printf("  %.3f s, %.0f rows per second by %u feeds\n", report->seconds, rows_per_second(report),
           report->stream->feeds);
}

void report_text(const feed_report *report)
{
    print_rows("first rows before", report->before);
    print_rows("first rows after", report->after);
    if (report->keys)
        print_rows("keys", report->keys);
    if (report->query) {
        print_rows(report->query, report->answer);
        printf("  asked %u times while rows came in, answered after %.1f ms at most\n", report->asked,
               report->slowest_ms);
    }
    print_placement(report);
    print_proof(report);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

static void json_text(const char *bytes, size_t length)
{
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '"' || byte == '\\')
            printf("\\%c", byte);
        else
            printf(byte < ' ' ? "\\u%04x" : "%c", byte);
    }
    putchar('"');
}

static void json_cell(const ql_sqlite_cell *cell)
{
    if (cell->type == QL_SQLITE_TEXT && csv_is_utf8(cell->text.bytes, cell->text.length))
        json_text(cell->text.bytes, cell->text.length);
    else if (cell->type == QL_SQLITE_INTEGER || (cell->type == QL_SQLITE_REAL && isfinite(cell->real)))
        print_cell(cell);
    else
        fputs("null", stdout);
}

static void json_answer(const ql_sqlite_rows *rows)
{
    fputs(" \"answer\": [", stdout);
    for (size_t r = 0; rows && r < rows->count; r++)
        for (unsigned c = 0; c < rows->columns; c++) {
            fputs(c ? ", " : r ? "], [" : "[", stdout);
            json_cell(&rows->cells[r * rows->columns + c]);
        }
    fputs(rows && rows->count ? "]],\n" : "],\n", stdout);
}

/* The plan's own object, and what was found as one member more. */
static void json_placement(const feed_report *report)
{
    const ql_plan *plan = ql_runtime_plan(report->stream->runtime);
    size_t count;
    place_thread *threads = place_find(&count);
    char *asked = ql_plan_show(plan, QL_SHOW_JSON, place_is_as_planned(plan, report->lane, threads, count));
    const char *end = asked ? strrchr(asked, '}') : NULL;
    printf(" \"placement\": %.*s%s \"found\": [", end ? (int)(end - asked) : 1, end ? asked : "{",
           end ? "," : "");
    for (size_t i = 0; i < count; i++)
        printf("%s{\"thread\": \"%s\", \"pus\": \"%s\", \"pu\": %d}", i ? ", " : "", threads[i].name,
               threads[i].allowed, threads[i].pu_os);
    fputs("]}", stdout);
    free(asked);
    free(threads);
}

void report_json(const feed_report *report)
{
    const feed_proof *proof = report->proof;
    printf("{\"rows_read\": %" PRIu64 ", \"rows_in_table\": %" PRIu64 ", \"rejected\": %" PRIu64 ",\n",
           proof->rows_read, proof->rows_in_table, proof->rejected);
    printf(" \"checksum_workers\": %" PRIu64 ", \"checksum_engine\": %" PRIu64 ",\n", proof->checksum_workers,
           proof->checksum_engine);
    printf(" \"seconds\": %.6f, \"rows_per_second\": %.1f,\n", report->seconds, rows_per_second(report));
    if (report->query)
        json_answer(report->answer);
    json_placement(report);
    fputs("}\n", stdout);
}

/* ---- Live ------------------------------------------------------------------------------------------------------- */

void live_show(live_line *live, feed_stream *stream, ql_lane *lane)
{
    ql_lane_stats stats = {.size = sizeof(stats)};
    ql_lane_stats_get(lane, &stats);
    live_line now = {ql_now_ns(), stream_rows_stored(stream), stats.busy_ns, stats.open_ns};
    int64_t open_ns = now.open_ns - live->open_ns;
    if (live->at_ns && open_ns > 0)
        fprintf(stderr, "\r\33[K%" PRIu64 " rows, %.0f rows/s, lane: %" PRIu64 " tasks deep, busy %.0f%%",
                now.rows, (double)(now.rows - live->rows) * 1e9 / (double)(now.at_ns - live->at_ns),
                stats.queued, 100.0 * (double)(now.busy_ns - live->busy_ns) / (double)open_ns);
    *live = now;
}

void live_clear(void)
{
    fputs("\r\33[K", stderr);
}
