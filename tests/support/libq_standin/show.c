/* Objects as text. */
#include "tests/support/libq_standin/standin.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = " bg xhijefcspmdznuvt";

/* ---- One item ---- */

static void time_text(char *text, size_t size, J ns, int digits, bool days)
{
    const char *sign = ns < 0 ? "-" : "";
    J seconds = llabs(ns / 1000000000), rest = llabs(ns % 1000000000), day = days ? seconds / 86400 : 0;
    for (int i = digits; i < 9; i++)
        rest /= 10;
    seconds -= day * 86400;
    int used = snprintf(text, size, days ? "%s%lldD" : "%s", sign, day);
    used += snprintf(text + used, size - (size_t)used, "%02lld:%02lld:%02lld", seconds / 3600,
                     seconds / 60 % 60, seconds % 60);
    if (digits)
        snprintf(text + used, size - (size_t)used, ".%0*lld", digits, rest);
}

static void date_text(char *text, size_t size, J days)
{
    int year, month, day;
    si_date(days, &year, &month, &day);
    snprintf(text, size, "%04d.%02d.%02d", year, month, day);
}

static void temporal_text(char *text, size_t size, int type, J value)
{
    J days = value / 86400000000000 - (value % 86400000000000 < 0);
    switch (type) {
    case TP:
        date_text(text, size, days);
        strcat(text, "D");
        time_text(text + strlen(text), size - strlen(text), value - days * 86400000000000, 9, false);
        break;
    case TM:
        snprintf(text, size, "%04lld.%02lldm", 2000 + (value - (value % 12 + 12) % 12) / 12,
                 (value % 12 + 12) % 12 + 1);
        break;
    case TD:
        date_text(text, size, value);
        break;
    case TN:
        time_text(text, size, value, 9, true);
        break;
    case TU:
        snprintf(text, size, "%s%02lld:%02lld", value < 0 ? "-" : "", llabs(value / 60), llabs(value % 60));
        break;
    case TV:
        time_text(text, size, value * 1000000000, 0, false);
        break;
    default:
        time_text(text, size, value * 1000000, 3, false);
    }
}

static void real_text(char *text, size_t size, double value)
{
    if (isnan(value) || isinf(value))
        snprintf(text, size, "%s", isnan(value) ? "0n" : value < 0 ? "-0w" : "0w");
    else
        snprintf(text, size, "%.7g", value);
}

static void item_text(char *text, size_t size, K x, J at)
{
    int type = abs(x->t);
    if (type == TGUID) {
        const unsigned char *g = (const unsigned char *)si_data(x) + (x->t < 0 ? 0 : 16 * at);
        for (int i = 0, used = 0; i < 16; i++)
            used += snprintf(text + used, size - (size_t)used,
                             i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", g[i]);
        return;
    }
    if (type == TZ && !si_is_null(x, at) && !isinf(si_float(x, at))) {
        J ms = (J)floor(si_float(x, at) * 86400e3 + 0.5), days = ms / 86400000 - (ms % 86400000 < 0);
        date_text(text, size, days);
        strcat(text, "T");
        time_text(text + strlen(text), size - strlen(text), (ms - days * 86400000) * 1000000, 3, false);
        return;
    }
    if (si_is_real(type)) {
        real_text(text, size, si_float(x, at));
        return;
    }
    J value = si_long(x, at), most = si_size(type) == 2 ? SHRT_MAX : si_size(type) == 4 ? INT_MAX : LLONG_MAX;
    if (type == TX)
        snprintf(text, size, "%02llx", value);
    else if (type != TB && (value == NULL_J || value == most || value == -most))
        snprintf(text, size, "%s%s",
                 value == NULL_J ? "0N"
                 : value < 0     ? "-0W"
                                 : "0W",
                 type < TP ? "" : (char[]){letters[type], 0});
    else if (type < TP)
        snprintf(text, size, "%lld", value);
    else
        temporal_text(text, size, type, value);
}

K si_show_atom(K x, J at)
{
    char text[96] = "";
    if (abs(x->t) == TS)
        return si_string(((char *const *)si_data(x))[x->t < 0 ? 0 : at]);
    if (abs(x->t) == TC)
        return si_text((const char *)si_data(x) + (x->t < 0 ? 0 : at), 1);
    item_text(text, sizeof(text), x, at);
    return si_string(text);
}

/* ---- On one line, as it could be typed ---- */

static void line(FILE *to, K x);

static void quoted(FILE *to, K x)
{
    fputc('"', to);
    for (J i = 0; i < si_count(x); i++) {
        int c = (int)si_long(x, i);
        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", to);
        else
            fputc(c, to);
    }
    fputc('"', to);
}

static bool all_whole(K x)
{
    char text[96];
    for (J i = 0; i < si_count(x); i++) {
        real_text(text, sizeof(text), si_float(x, i));
        if (strpbrk(text, ".enw"))
            return false;
    }
    return true;
}

static void items(FILE *to, K x)
{
    int type = abs(x->t);
    char text[96] = "";
    if (type == TX)
        fputs("0x", to);
    for (J i = 0; i < si_count(x); i++) {
        item_text(text, sizeof(text), x, i);
        fprintf(to, "%s%s", i && type != TX && type != TB ? " " : "", text);
    }
    if (type == TB || type == TH || type == TI || type == TE || (type == TF && all_whole(x)))
        fputc(letters[type], to);
}

static void list(FILE *to, K x)
{
    fputc('(', to);
    for (J i = 0; i < x->n; i++) {
        fputs(i ? ";" : "", to);
        line(to, si_items(x)[i]);
    }
    fputc(')', to);
}

static void function(FILE *to, K x)
{
    static const char *const iterators[] = {"'", "/", "\\", "':", "/:", "\\:"};
    if (x->t == TLAMBDA)
        fprintf(to, "%.*s", (int)si_lambda_node(x)->length, si_lambda_node(x)->text);
    else if (x->t == TUNARY || x->t == TBINARY)
        fputs(si_primitive_of(x) ? si_primitive_of(x)->name : "::", to);
    else if (x->t == TLIBRARY)
        fputs("code", to);
    else
        line(to, si_items(x)[0]);
    for (J i = 1; x->t == TPROJECT && i < x->n; i++) {
        fputs(i == 1 ? "[" : ";", to);
        if (si_items(x)[i])
            line(to, si_items(x)[i]);
    }
    fputs(x->t == TPROJECT ? "]" : x->t >= TEACH && x->t <= TLEFT ? iterators[x->t - TEACH] : "", to);
}

static void line(FILE *to, K x)
{
    if (x->t == TTABLE || x->t == TDICT) {
        K dict = x->t == TTABLE ? x->k : x, keys = si_items(dict)[0];
        fputs(x->t == TTABLE ? "+" : "", to);
        fputs(keys->t == TTABLE || keys->n == 1 ? "(" : "", to);
        line(to, keys);
        fputs(keys->t == TTABLE || keys->n == 1 ? ")!" : "!", to);
        line(to, si_items(dict)[1]);
        return;
    }
    if (x->t >= TLAMBDA) {
        function(to, x);
        return;
    }
    fputs(x->t >= 0 && x->n == 1 ? "," : "", to);
    if (x->t == 0 && x->n == 1)
        line(to, si_items(x)[0]);
    else if (x->t == 0)
        list(to, x);
    else if (abs(x->t) == TC)
        quoted(to, x);
    else if (x->t > 0 && !x->n)
        fprintf(to, "`%c$()", letters[x->t]);
    else if (abs(x->t) == TS)
        for (J i = 0; i < si_count(x); i++)
            fprintf(to, "`%s", ((char *const *)si_data(x))[i]);
    else
        items(to, x);
}

static K as_text(void (*write)(FILE *to, K x), K x)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        si_raise("wsfull");
    write(to, x);
    fclose(to);
    K made = si_text(text, (J)size);
    free(text);
    return made;
}

K si_show_line(K x)
{
    return as_text(line, x);
}

/* ---- On lines of its own ---- */

static void cells(FILE *to, K table, J row, const char *between)
{
    K columns = si_columns(table);
    for (J i = 0; i < columns->n; i++) {
        K column = si_items(columns)[i],
          text = column->t ? si_show_atom(column, row) : si_show_line(si_item(column, row));
        fprintf(to, "%s%.*s", i ? between : "", (int)text->n, (const char *)ql_q_items(text));
    }
}

static void heads(FILE *to, K table)
{
    for (J i = 0; i < si_names(table)->n; i++)
        fprintf(to, "%s%s", i ? " " : "", ((char **)ql_q_items(si_names(table)))[i]);
}

static void lines(FILE *to, K x)
{
    bool keyed = si_is_keyed(x);
    if (x->t != TTABLE && !keyed) {
        line(to, x);
        fputc('\n', to);
        return;
    }
    K left = keyed ? si_items(x)[0] : x;
    heads(to, left);
    if (keyed) {
        fputs("| ", to);
        heads(to, si_items(x)[1]);
    }
    fputs("\n---\n", to);
    for (J row = 0; row < si_count(x); row++) {
        cells(to, left, row, " ");
        if (keyed) {
            fputs("| ", to);
            cells(to, si_items(x)[1], row, " ");
        }
        fputc('\n', to);
    }
}

K si_show(K x)
{
    return as_text(lines, x);
}
