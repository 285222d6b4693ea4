/* Numbers, dates and times as q writes them. */
#include "tests/support/libq_standin/standin.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char suffixes[] = " bg xhijefcspmdznuvt"; /* by type */

/* ---- Calendar ---- */

J si_days(int year, int month, int day)
{
    J y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    J era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + (153 * m + 2) / 5 + day - 1 - 730425;
}

void si_date(J days, int *year, int *month, int *day)
{
    J z = days + 730425, era = (z >= 0 ? z : z - 146096) / 146097, in_era = z - era * 146097;
    J y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    J of_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

/* ---- One word ---- */

/* At most `most` digits, at most 19; how many there were. What is too large for a long becomes negative. */
static int number(const char **at, const char *end, int most, J *value)
{
    int count = 0;
    uint64_t sum = 0;
    for (; *at < end && count < most && isdigit((unsigned char)**at); count++)
        sum = sum * 10 + (uint64_t)(*(*at)++ - '0');
    *value = (J)sum;
    return count;
}

static bool is_next(const char **at, const char *end, const char *any)
{
    if (*at >= end || !**at || !strchr(any, **at))
        return false;
    (*at)++;
    return true;
}

static bool read_date(const char **at, const char *end, J *days)
{
    J year, month, day;
    if (number(at, end, 4, &year) != 4)
        return false;
    bool apart = is_next(at, end, ".-");
    if (number(at, end, 2, &month) != 2 || (apart && !is_next(at, end, ".-")) ||
        number(at, end, 2, &day) != 2)
        return false;
    *days = si_days((int)year, (int)month, (int)day);
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* HH:MM[:SS[.fraction]] */
static bool read_time(const char **at, const char *end, J *ns)
{
    J hours, minutes, seconds = 0, fraction = 0;
    int length = 9;
    int digits = number(at, end, 6, &hours);
    *ns = hours * 3600000000000;
    if (digits == 2 && *at == end)
        return true;
    if (!digits || !is_next(at, end, ":") || number(at, end, 2, &minutes) != 2)
        return false;
    if (is_next(at, end, ":") && number(at, end, 2, &seconds) != 2)
        return false;
    if (is_next(at, end, "."))
        length = number(at, end, 9, &fraction);
    for (; length < 9; length++)
        fraction *= 10;
    *ns = ((hours * 60 + minutes) * 60 + seconds) * 1000000000 + fraction;
    return minutes < 60 && seconds < 60;
}

static bool read_span(const char **at, const char *end, J *ns)
{
    J days = 0;
    const char *mark = memchr(*at, 'D', (size_t)(end - *at));
    if (mark && (!number(at, end, 9, &days) || !is_next(at, end, "D")))
        return false;
    *ns = 0;
    if (*at < end && !read_time(at, end, ns))
        return false;
    *ns = si_plus(*ns, si_times(days, 86400000000000));
    return true;
}

/* Nanoseconds to what the type counts. */
static J of_ns(int type, J ns)
{
    return type == TU ? ns / 60000000000 : type == TV ? ns / 1000000000 : type == TT ? ns / 1000000 : ns;
}

static bool read_temporal(int type, const char *at, const char *end, J *value, double *real)
{
    J days, ns = 0, month;
    bool negative = is_next(&at, end, "-");
    if (type == TM) {
        if (number(&at, end, 4, &days) != 4 || !is_next(&at, end, ".-") || number(&at, end, 2, &month) != 2)
            return false;
        *value = (days - 2000) * 12 + month - 1;
        return month >= 1 && month <= 12 && (at == end || (*at == 'm' && at + 1 == end));
    }
    if (type == TN || type == TU || type == TV || type == TT) {
        if (!read_span(&at, end, &ns))
            return false;
        *value = of_ns(type, negative ? si_times(ns, -1) : ns);
        return at == end;
    }
    if (!read_date(&at, end, &days))
        return false;
    *value = days;
    if (type == TD)
        return at == end;
    if (at < end && (!is_next(&at, end, "DT ") || (at < end && !read_time(&at, end, &ns))))
        return false;
    *value = si_plus(si_times(days, 86400000000000), ns);
    *real = (double)days + (double)ns / 86400e9;
    return at == end;
}

static bool read_integer(const char *at, const char *end, J *value)
{
    bool negative = is_next(&at, end, "-");
    if (!number(&at, end, 19, value) || at != end || *value < 0)
        return false;
    *value = negative ? -*value : *value;
    return true;
}

static bool read_real(const char *at, const char *end, double *real)
{
    char word[64], *stop;
    size_t length = (size_t)(end - at);
    if (!length || length >= sizeof(word) || !strpbrk(memcpy(word, at, length + 0), "0123456789"))
        return false;
    word[length] = 0;
    *real = strtod(word, &stop);
    return !*stop && !strpbrk(word, "xXpPnN");
}

/* 0N, 0W, -0W, 0n, 0w: `upper` for all but 0n and 0w. */
static bool is_special(const char *at, const char *end, J *value, double *real)
{
    bool negative = is_next(&at, end, "-");
    if (end - at != 2 || *at != '0' || !strchr("NWnw", at[1]))
        return false;
    bool null = at[1] == 'N' || at[1] == 'n';
    *value = null ? NULL_J : negative ? -LLONG_MAX : LLONG_MAX;
    *real = null ? NAN : negative ? -INFINITY : INFINITY;
    return true;
}

static J most_of(int type)
{
    return si_size(type) == 2 ? SHRT_MAX : si_size(type) == 4 ? INT_MAX : LLONG_MAX;
}

static bool read_word(int type, const char *at, const char *end, J *value, double *real)
{
    if (is_special(at, end, value, real)) {
        if (*value == LLONG_MAX || *value == -LLONG_MAX)
            *value = *value < 0 ? -most_of(type) : most_of(type);
        return true;
    }
    if (type >= TH && type <= TJ)
        return read_integer(at, end, value);
    if (type == TE || type == TF)
        return read_real(at, end, real);
    return read_temporal(type, at, end, value, real) ||
           (read_integer(at, end, value) && read_real(at, end, real));
}

K si_literal_parse(int type, const char *text, size_t length)
{
    const char *at = text, *end = text + length;
    J value = NULL_J;
    double real = NAN;
    if (type == TS)
        return si_symbol(si_intern(text, length));
    while (at < end && isspace((unsigned char)*at))
        at++;
    while (at < end && isspace((unsigned char)end[-1]))
        end--;
    if (type == TB)
        return si_bool(at < end && *at && strchr("1tTyY", *at));
    if (type == TC)
        return si_atom_long(TC, end - at == 1 ? (unsigned char)*at : ' ');
    if (type == TX)
        return si_atom_long(TX, strtol(at < end ? at : "0", NULL, 16));
    if (!read_word(type, at, end, &value, &real))
        return si_null(type);
    return si_is_real(type) ? si_atom_float(type, real) : si_atom_long(type, value);
}

/* ---- Several ---- */

static const char *word_end(const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && *at &&
           (isalnum((unsigned char)*at) || strchr(".:", *at) ||
            (strchr("+-", *at) && at > begin && at[-1] == 'e' && begin[1] != 'x')))
        at++;
    return at;
}

/* By its last letter, else by its shape. */
static int type_of_word(const char *at, const char *end, bool *suffixed)
{
    size_t length = (size_t)(end - at);
    if (length == 3 && memcmp(at, "0Ng", 3) == 0) {
        *suffixed = true;
        return TGUID;
    }
    const char *suffix = strchr(suffixes + 5, end[-1]);
    *suffixed = suffix != NULL && !(end[-1] == 'n' && length == 2 && *at == '0') && end[-1] != 's';
    if (*suffixed)
        return end[-1] == 'f' ? TF : (int)(suffix - suffixes);
    if (memchr(at, 'D', length))
        return memchr(at, '.', (size_t)((char *)memchr(at, 'D', length) - at)) ? TP : TN;
    if (memchr(at, 'T', length))
        return TZ;
    const char *colon = memchr(at, ':', length), *dot = memchr(at, '.', length);
    if (colon) {
        const char *second = memchr(colon + 1, ':', (size_t)(end - colon - 1));
        return !second ? TU : !dot ? TV : end - dot - 1 > 3 ? TN : TT;
    }
    if (dot && memchr(dot + 1, '.', (size_t)(end - dot - 1)))
        return TD;
    return dot || memchr(at, 'e', length) || memchr(at, 'n', length) || memchr(at, 'w', length) ? TF : TJ;
}

static K bits(const char *at, const char *end)
{
    K vector = si_make(TB, end - 1 - at);
    for (J i = 0; i < vector->n; i++) {
        if (at[i] != '0' && at[i] != '1')
            return NULL;
        si_put_long(vector, i, at[i] == '1');
    }
    return vector->n == 1 ? si_item(vector, 0) : vector;
}

static K hex(const char *at, const char *end)
{
    J digits = end - at - 2;
    K vector = si_make(TX, (digits + 1) / 2);
    for (J i = 0; i < vector->n; i++) {
        char pair[3] = {0};
        J from = 2 + 2 * i - digits % 2;
        pair[0] = from < 2 ? '0' : at[from];
        pair[1] = at[from + 1];
        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
            return NULL;
        si_put_long(vector, i, strtol(pair, NULL, 16));
    }
    return digits <= 2 && digits ? si_item(vector, 0) : vector;
}

/* The next word, if a number begins there. */
static const char *next_word(const char *at, const char *end)
{
    const char *from = at;
    while (at < end && *at == ' ')
        at++;
    if (at == from)
        return NULL;
    const char *digit = at < end && *at == '-' ? at + 1 : at;
    if (digit < end && *digit == '.')
        digit++;
    return digit < end && isdigit((unsigned char)*digit) ? at : NULL;
}

static int common_type(int left, int right)
{
    if (left == 0 || left == TJ)
        return right;
    if (right == TJ || left == right)
        return left;
    return (left == TF && right == TJ) || (left == TJ && right == TF) ? TF : -1;
}

K si_literal_numbers(const char **from, const char *end)
{
    const char *at = *from, *first = at, *stop = at;
    int type = 0, count = 0;
    bool suffixed = false;
    for (const char *word = at; word; word = next_word(stop, end), count++) {
        stop = word_end(*word == '-' ? word + 1 : word, end);
        if (stop - word > 1 && word[0] == '0' && word[1] == 'x' && !count) {
            *from = stop;
            return hex(word, stop);
        }
        if (stop[-1] == 'b' && !count) {
            *from = stop;
            return bits(word, stop);
        }
        bool own;
        int found = type_of_word(word, stop, &own);
        type = own ? found : suffixed ? type : common_type(type, found);
        suffixed |= own;
        if (type < 0)
            return NULL;
    }
    *from = stop;
    if (type == TGUID)
        return si_null(TGUID);
    K vector = si_make(type, count);
    const char *word = first;
    for (J i = 0; i < count; i++, word = next_word(stop, end)) {
        J value = NULL_J;
        double real = NAN;
        stop = word_end(*word == '-' ? word + 1 : word, end);
        bool own;
        type_of_word(word, stop, &own);
        if (!read_word(type, word, own && stop - word > 1 ? stop - 1 : stop, &value, &real))
            return NULL;
        if (si_is_real(type))
            si_put_float(vector, i, real);
        else
            si_put_long(vector, i, value);
    }
    return count == 1 ? si_item(vector, 0) : vector;
}
