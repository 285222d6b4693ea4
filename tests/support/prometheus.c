#include "tests/support/prometheus.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/harness.h"

enum { FAMILIES = 100, SERIES = 5000, NAME = 300 };

typedef struct reader {
    char families[FAMILIES][NAME], type[NAME];
    size_t families_count, series_count;
    char *series[SERIES];
    bool helped, typed;
    /* of the histogram that is being read */
    char on[NAME];
    double le, count;
} reader;

static const char *name_end(const char *at)
{
    if (!isalpha((unsigned char)*at) && *at != '_')
        qlt_fail("no name: '%.60s'", at);
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return at;
}

/* Past the labels; *le is that label's value, if there is one. */
static const char *labels_end(const char *at, double *le)
{
    for (bool first = true; first || *at == ','; first = false) {
        const char *name = ++at;
        at = name_end(at);
        bool is_le = strncmp(name, "le=", 3) == 0;
        qlt_check(at[0] == '=' && at[1] == '"');
        at += 2;
        if (is_le)
            *le = strtod(at, NULL);
        for (; *at != '"'; at++) {
            if (*at == '\\')
                qlt_check(strchr("\\\"n", *++at) != NULL);
            if (!*at || *at == '\n')
                qlt_fail("a label without end");
        }
        at++;
    }
    qlt_eq_int(*at, '}');
    return at + 1;
}

static void comment(reader *r, const char *line)
{
    char keyword[NAME], name[NAME], rest[NAME];
    qlt_eq_int(sscanf(line, "# %299s %299s %299s", keyword, name, rest), 3);
    qlt_eq_int(*name_end(name), 0);
    if (strcmp(keyword, "HELP") == 0) {
        qlt_check(!r->helped || r->typed);
        for (size_t i = 0; i < r->families_count; i++)
            if (strcmp(r->families[i], name) == 0)
                qlt_fail("family %s stands in two places", name);
        qlt_check(r->families_count < FAMILIES);
        strcpy(r->families[r->families_count++], name);
        r->helped = true;
        r->typed = false;
        return;
    }
    qlt_eq_str(keyword, "TYPE");
    qlt_check(r->helped && !r->typed);
    qlt_eq_str(name, r->families[r->families_count - 1]);
    qlt_check(strcmp(rest, "counter") == 0 || strcmp(rest, "gauge") == 0 || strcmp(rest, "histogram") == 0);
    size_t length = strlen(name);
    bool total = length > 6 && strcmp(name + length - 6, "_total") == 0;
    qlt_eq_int(total, strcmp(rest, "counter") == 0);
    strcpy(r->type, rest);
    r->typed = true;
}

/* A sample of the histogram in hand: buckets grow, the last has all, and the count is that. */
static void histogram_sample(reader *r, const char *suffix, const char *on, double le, double value)
{
    if (strcmp(suffix, "_bucket") == 0) {
        bool begins = strcmp(on, r->on) != 0;
        if (begins)
            qlt_check(r->on[0] == 0);
        else
            qlt_check(le > r->le && value >= r->count);
        strcpy(r->on, on);
        r->le = le;
        r->count = value;
        return;
    }
    qlt_check(r->le > 1e300); /* +Inf */
    if (strcmp(suffix, "_sum") == 0)
        return;
    qlt_eq_str(suffix, "_count");
    qlt_check(value == r->count);
    r->on[0] = 0;
}

static void sample(reader *r, const char *line)
{
    const char *end = name_end(line), *family = r->families[r->families_count - 1];
    double le = -1;
    qlt_check(r->typed);
    size_t length = strlen(family);
    if ((size_t)(end - line) < length || strncmp(line, family, length) != 0)
        qlt_fail("a sample of another family than %s: %.80s", family, line);
    char suffix[NAME], on[NAME] = "none";
    snprintf(suffix, sizeof(suffix), "%.*s", (int)(end - line - (long)length), line + length);
    if (*end == '{') {
        const char *past = labels_end(end, &le);
        snprintf(on, sizeof(on), "%.*s", (int)strcspn(end, ","), end);
        on[strcspn(on, "}")] = 0;
        end = past;
    }
    qlt_eq_int(*end, ' ');
    char *rest;
    double value = strtod(end + 1, &rest);
    qlt_check(rest != end + 1 && !*rest && value >= 0);
    if (strcmp(r->type, "histogram") == 0)
        histogram_sample(r, suffix, on, le, value);
    else
        qlt_eq_str(suffix, "");
    qlt_check(r->series_count < SERIES);
    char *series = strndup(line, (size_t)(end - line));
    for (size_t i = 0; i < r->series_count; i++)
        if (strcmp(r->series[i], series) == 0)
            qlt_fail("series %s stands there twice", series);
    r->series[r->series_count++] = series;
}

void prometheus_check(const char *text)
{
    reader *r = calloc(1, sizeof(*r));
    char *copy = strdup(text), *rest = copy, *line;
    bool ended = false;
    qlt_check(*text && text[strlen(text) - 1] == '\n');
    while ((line = strsep(&rest, "\n")) && (*line || rest)) {
        qlt_check(!ended);
        ended = strcmp(line, "# EOF") == 0;
        if (!ended)
            (*line == '#' ? comment : sample)(r, line);
    }
    qlt_check(ended && !r->on[0]);
    while (r->series_count)
        free(r->series[--r->series_count]);
    free(copy);
    free(r);
}

double prometheus_value(const char *text, const char *series)
{
    size_t length = strlen(series);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, series, length) == 0 && line[length] == ' ')
            return strtod(line + length, NULL);
    }
    qlt_fail("no series %s", series);
    return 0;
}
