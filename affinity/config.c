#include "affinity/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "affinity/error.h"
#include "affinity/words.h"

static const struct {
    const char *word, *variable, *built_in;
    size_t member; /* in ql_affinity_config */
} KEYS[QLI_KEYS] = {
#define KEY(NAME, word, variable, built_in) \
    [NAME] = {#word, variable, built_in, offsetof(ql_affinity_config, word)}
    KEY(QLI_CPUS, cpus, "QLANE_CPUS", "inherit"),
    KEY(QLI_LANE, lane, "QLANE_LANE", "auto"),
    KEY(QLI_LANES, lanes, "QLANE_LANES", "1"),
    KEY(QLI_CALLERS, callers, "QLANE_CALLERS", "free"),
    KEY(QLI_WORKERS, workers, "QLANE_WORKERS", "auto"),
    KEY(QLI_SMT, smt, "QLANE_SMT", "reserve"),
    KEY(QLI_THREADS_PER_CORE, threads_per_core, "QLANE_THREADS_PER_CORE", "1"),
    KEY(QLI_LANE_KIND, lane_kind, "QLANE_LANE_KIND", "perf"),
    KEY(QLI_WORKER_KIND, worker_kind, "QLANE_WORKER_KIND", "all"),
    KEY(QLI_MEM, mem, "QLANE_MEM", "local"),
    KEY(QLI_STEAL, steal, "QLANE_STEAL", "near"),
    KEY(QLI_QUOTA, quota, "QLANE_QUOTA", "respect"),
    KEY(QLI_BIND, bind, "QLANE_BIND", "warn"),
    KEY(QLI_IDLE, idle, "QLANE_IDLE", "adaptive"),
    KEY(QLI_WORKER_IDLE, worker_idle, "QLANE_WORKER_IDLE", "adaptive"),
    KEY(QLI_SHOW, show, "QLANE_SHOW", "0"),
#undef KEY
};

/* Variables of the tests and the lanes: known, and not ours to read. */
static const char *const FOREIGN_VARIABLES[] = {"QLANE_SEED", "QLANE_ENGINE", "QLANE_LIBQ",
                                                "QLANE_FUZZ_RUNS"};
static const char UMBRELLA[] = "QLANE_AFFINITY";
static const char NAMED_VARIABLE[] = "QLANE_LANE_";

static const struct {
    const char *word, *text;
} PRESETS[] = {
    {"dedicated", "lane=auto;smt=reserve;bind=warn;idle=adaptive;worker_idle=adaptive"},
    {"laptop", "bind=off;idle=block;worker_idle=block"},
    {"off", "lane=off;bind=off"},
};

const char *qli_key_word(qli_key key)
{
    return KEYS[key].word;
}

bool qli_request_given(const qli_request *request, qli_key key)
{
    return request->values[key].layer != QLI_BY_DEFAULT;
}

void qli_lane_name(const char *from, char name[QLI_NAME_MAX])
{
    size_t at = 0;
    for (; from[at] && at < QLI_NAME_MAX - 1; at++) {
        char c = from[at];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        name[at] = plain ? c : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : '_';
    }
    name[at] = '\0';
}

/* ---- Refusals ---- */

void qli_value_source(const qli_value *value, char *source, size_t source_size)
{
    static const char *const sources[QLI_LAYERS] = {"default", "struct", "config", UMBRELLA};
    if (value->layer < QLI_BY_VARIABLE) {
        snprintf(source, source_size, "%s", sources[value->layer]);
        return;
    }
    int start =
        snprintf(source, source_size, "%s%s", value->layer == QLI_BY_VARIABLE ? "QLANE_" : "--", value->key);
    if (value->layer == QLI_BY_VARIABLE)
        for (char *c = source; *c && c < source + start; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c == '.' ? '_' : *c);
}

/* What the user wrote, cut, and with what could disturb a terminal replaced. */
static void print_value(const char *text, char *printed, size_t printed_size)
{
    size_t at = 0;
    for (; text[at] && at < printed_size - 4; at++)
        printed[at] = (unsigned char)text[at] < ' ' || text[at] == 0x7f ? '?' : text[at];
    snprintf(printed + at, 4, "%s", text[at] ? "..." : "");
}

int qli_value_refuse(const qli_value *value, unsigned column, int code, ql_error *error, const char *format,
                     ...)
{
    char where[128], text[128], at[32] = "", reason[400];
    qli_value_source(value, where, sizeof where);
    print_value(value->text, text, sizeof text);
    if (column)
        snprintf(at, sizeof at, "column %u: ", column);
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (value->layer == QLI_BY_VARIABLE)
        return qli_error_set(error, code, "%s: '%s': %s%s", where, text, at, reason);
    return qli_error_set(error, code, "%s%s%s=%s: %s%s", value->layer == QLI_BY_UMBRELLA ? where : "",
                         value->layer == QLI_BY_UMBRELLA ? ": " : "", value->key, text, at, reason);
}

/* Refuses a whole text at one place. */
static int refuse_text(qli_layer layer, const char *text, size_t at, ql_error *error, const char *reason,
                       const char *word, size_t word_length, const char *hint)
{
    char printed[128], named[64];
    print_value(text, printed, sizeof printed);
    snprintf(named, sizeof named, "%.*s", (int)(word_length < 48 ? word_length : 48), word);
    print_value(named, named, sizeof named);
    return qli_error_set(error, -EINVAL, "%s: '%s': column %zu: %s '%s'%s",
                         layer == QLI_BY_UMBRELLA ? UMBRELLA
                         : layer == QLI_BY_OPTION ? "option"
                                                  : "config",
                         printed, at + 1, reason, named, hint);
}

/* ---- Putting values ---- */

static int put(qli_value *value, const char *key, const char *text, size_t length, qli_layer layer,
               ql_error *error)
{
    char *copy = strndup(text, length), *word = value->key ? value->key : strdup(key);
    if (!copy || !word) {
        free(copy);
        if (!value->key)
            free(word);
        return qli_error_set(error, -ENOMEM, "no memory for the configuration");
    }
    free(value->text);
    *value = (qli_value){.key = word, .text = copy, .layer = layer};
    return length ? 0
                  : qli_value_refuse(value, 0, -EINVAL, error,
                                     "is empty; give a value, or leave it out for the default");
}

static qli_named_lane *named_find(qli_request *request, const char *name)
{
    for (unsigned i = 0; i < request->named_count; i++)
        if (strcmp(request->named[i].name, name) == 0)
            return &request->named[i];
    return NULL;
}

static int put_named(qli_request *request, const char *from, const char *text, size_t length, qli_layer layer,
                     ql_error *error)
{
    char name[QLI_NAME_MAX], key[QLI_NAME_MAX + 8];
    qli_lane_name(from, name);
    snprintf(key, sizeof key, "lane.%s", name);
    qli_value wrong = {.key = key, .text = "", .layer = layer};
    if (strlen(from) == 0 || strlen(from) >= QLI_NAME_MAX)
        return qli_value_refuse(&wrong, 0, -EINVAL, error, "a lane's name has 1 to %d characters",
                                QLI_NAME_MAX - 1);
    if (strcmp(name, "kind") == 0)
        return qli_value_refuse(&wrong, 0, -EINVAL, error,
                                "no lane may be named so; QLANE_LANE_KIND is a key");
    qli_named_lane *lane = named_find(request, name);
    if (!lane) {
        qli_named_lane *grown = realloc(request->named, (request->named_count + 1) * sizeof *grown);
        if (!grown)
            return qli_error_set(error, -ENOMEM, "no memory for the configuration");
        request->named = grown;
        lane = &request->named[request->named_count++];
        memset(lane, 0, sizeof *lane);
        memcpy(lane->name, name, sizeof name);
    }
    int code = put(&lane->cores, key, text, length, layer, error);
    if (code == 0)
        code = qli_lane_value_read(&lane->cores, &lane->how, error);
    if (code == 0 && lane->how == QLI_LANE_OFF)
        code = qli_value_refuse(&lane->cores, 1, -EINVAL, error,
                                "expected auto, isolated or a SET meaning one core");
    return code;
}

static bool find_key(const char *word, size_t length, qli_key *key)
{
    for (unsigned i = 0; i < QLI_KEYS; i++)
        if (strlen(KEYS[i].word) == length && strncmp(KEYS[i].word, word, length) == 0) {
            *key = (qli_key)i;
            return true;
        }
    return false;
}

enum { PRESET_COUNT = sizeof PRESETS / sizeof PRESETS[0], HINT_SIZE = 256 };

static const char *list_keys(char *hint)
{
    int at = snprintf(hint, HINT_SIZE, "; the keys are");
    for (unsigned i = 0; i < QLI_KEYS; i++)
        at += snprintf(hint + at, HINT_SIZE - (size_t)at, " %s,", KEYS[i].word);
    snprintf(hint + at, HINT_SIZE - (size_t)at, " lane.NAME");
    return hint;
}

/* What may have been meant by a word that is no key, or by a key without a value; else all keys. */
static const char *hint_of(const char *word, size_t length, bool has_value, char *hint)
{
    const char *words[QLI_KEYS + PRESET_COUNT];
    unsigned count = 0;
    qli_key key;
    for (; count < QLI_KEYS; count++)
        words[count] = KEYS[count].word;
    for (unsigned i = 0; i < PRESET_COUNT && !has_value; i++)
        words[count++] = PRESETS[i].word;
    const char *near = qli_word_nearest(word, length, words, count);
    if (!near)
        return list_keys(hint);
    bool lacks_value = !has_value && find_key(near, strlen(near), &key);
    snprintf(hint, HINT_SIZE, "; did you mean '%s%s'?", near, lacks_value ? "=..." : "");
    return hint;
}

/* One "key=value" of a text; `seen` has a bit for each key given before in the same text. */
static int read_pair(qli_request *request, const char *text, size_t at, size_t length, qli_layer layer,
                     unsigned *seen, ql_error *error)
{
    static const char named[] = "lane.";
    const char *pair = text + at, *equals = memchr(pair, '=', length);
    size_t word = equals ? (size_t)(equals - pair) : length;
    char hint[HINT_SIZE];
    qli_key key;
    if (!equals)
        return refuse_text(layer, text, at, error, "expected key=value in place of", pair, word,
                           hint_of(pair, word, false, hint));
    if (strncmp(pair, named, sizeof named - 1) == 0) {
        char name[2 * QLI_NAME_MAX];
        snprintf(name, sizeof name, "%.*s", (int)(word - (sizeof named - 1)), pair + sizeof named - 1);
        return put_named(request, name, equals + 1, length - word - 1, layer, error);
    }
    if (!find_key(pair, word, &key))
        return refuse_text(layer, text, at, error, "unknown key", pair, word,
                           hint_of(pair, word, true, hint));
    if (*seen & 1u << key)
        return refuse_text(layer, text, at, error, "given twice: key", pair, word, "");
    *seen |= 1u << key;
    return put(&request->values[key], KEYS[key].word, equals + 1, length - word - 1, layer, error);
}

/* "key=value;key=value", blanks around a pair allowed. A preset may stand first; what follows beats it. */
static int read_text(qli_request *request, const char *text, qli_layer layer, ql_error *error)
{
    unsigned seen = 0;
    for (size_t at = 0; text[at];) {
        size_t start = at + strspn(text + at, " \t\n"), end = start + strcspn(text + start, ";");
        at = end + (text[end] == ';');
        while (end > start && strchr(" \t\n", text[end - 1]))
            end--;
        if (end == start)
            continue;
        int code = 1;
        for (unsigned i = 0; i < PRESET_COUNT; i++)
            if (strlen(PRESETS[i].word) == end - start &&
                strncmp(PRESETS[i].word, text + start, end - start) == 0) {
                if (seen)
                    return refuse_text(layer, text, start, error, "a preset must stand first:", text + start,
                                       end - start, "");
                code = read_text(request, PRESETS[i].text, layer, error);
            }
        if (code > 0)
            code = read_pair(request, text, start, end - start, layer, &seen, error);
        if (code < 0)
            return code;
    }
    return qli_values_read(request, error);
}

/* ---- Layers ---- */

static int read_struct(qli_request *request, const ql_affinity_config *given, ql_affinity_config *config,
                       ql_error *error)
{
    /* A caller built against another version knows fewer fields, or more; what it knows more must be unused. */
    if (given->size < offsetof(ql_affinity_config, cpus) || given->size > 4096)
        return qli_error_set(error, -EINVAL,
                             "ql_affinity_config.size is %zu; set it to sizeof(ql_affinity_config)",
                             given->size);
    memset(config, 0, sizeof *config);
    memcpy(config, given, given->size < sizeof *config ? given->size : sizeof *config);
    for (size_t i = sizeof *config; i < given->size; i++)
        if (((const unsigned char *)given)[i])
            return qli_error_set(error, -EINVAL,
                                 "ql_affinity_config uses fields that this qlane does not know");
    if (config->flags & ~(uint64_t)QL_IGNORE_ENV)
        return qli_error_set(error, -EINVAL, "ql_affinity_config.flags has unknown bits 0x%llx",
                             (unsigned long long)(config->flags & ~(uint64_t)QL_IGNORE_ENV));
    for (unsigned key = 0; key < QLI_KEYS; key++) {
        const char *text;
        memcpy(&text, (const char *)config + KEYS[key].member, sizeof text);
        int code =
            text ? put(&request->values[key], KEYS[key].word, text, strlen(text), QLI_BY_STRUCT, error) : 0;
        if (code < 0)
            return code;
    }
    if (config->named_count && !config->named)
        return qli_error_set(error, -EINVAL, "ql_affinity_config.named is NULL, named_count is %zu",
                             config->named_count);
    for (size_t i = 0; i < config->named_count; i++) {
        const ql_lane_place *place = &config->named[i];
        if (!place->name || !place->cores)
            return qli_error_set(error, -EINVAL, "ql_affinity_config.named[%zu] has no name or no cores", i);
        int code = put_named(request, place->name, place->cores, strlen(place->cores), QLI_BY_STRUCT, error);
        if (code < 0)
            return code;
    }
    return qli_values_read(request, error);
}

static int refuse_variable(const char *variable, size_t length, ql_error *error)
{
    enum { FOREIGN = sizeof FOREIGN_VARIABLES / sizeof FOREIGN_VARIABLES[0], PREFIX = sizeof "QLANE_" - 1 };
    const char *known[QLI_KEYS + FOREIGN + 1];
    unsigned count = 0;
    for (; count < QLI_KEYS; count++)
        known[count] = KEYS[count].variable + PREFIX;
    for (unsigned i = 0; i < FOREIGN; i++)
        known[count++] = FOREIGN_VARIABLES[i] + PREFIX;
    known[count++] = UMBRELLA + PREFIX;
    const char *near = qli_word_nearest(variable + PREFIX, length - PREFIX, known, count);
    char name[80], printed[80], hint[HINT_SIZE];
    if (near)
        snprintf(hint, sizeof hint, "; did you mean QLANE_%s?", near);
    else
        list_keys(hint);
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), variable);
    print_value(name, printed, sizeof printed);
    return qli_error_set(error, -EINVAL, "%s: no such variable%s", printed, hint);
}

static int read_variable(qli_request *request, const char *variable, ql_error *error)
{
    const char *equals = strchr(variable, '=');
    size_t length = equals ? (size_t)(equals - variable) : 0, named = sizeof NAMED_VARIABLE - 1;
    if (!equals || strncmp(variable, "QLANE_", 6) != 0 ||
        (length == sizeof UMBRELLA - 1 && strncmp(variable, UMBRELLA, length) == 0))
        return 0;
    for (unsigned key = 0; key < QLI_KEYS; key++)
        if (strlen(KEYS[key].variable) == length && strncmp(KEYS[key].variable, variable, length) == 0)
            return put(&request->values[key], KEYS[key].word, equals + 1, strlen(equals + 1), QLI_BY_VARIABLE,
                       error);
    for (unsigned i = 0; i < sizeof FOREIGN_VARIABLES / sizeof FOREIGN_VARIABLES[0]; i++)
        if (strlen(FOREIGN_VARIABLES[i]) == length && strncmp(FOREIGN_VARIABLES[i], variable, length) == 0)
            return 0;
    if (length > named && strncmp(variable, NAMED_VARIABLE, named) == 0) {
        char name[2 * QLI_NAME_MAX];
        snprintf(name, sizeof name, "%.*s", (int)(length - named), variable + named);
        return put_named(request, name, equals + 1, strlen(equals + 1), QLI_BY_VARIABLE, error);
    }
    return refuse_variable(variable, length, error);
}

static int read_environment(qli_request *request, char *const *environment, ql_error *error)
{
    int code = 0;
    for (char *const *at = environment; *at && code == 0; at++)
        if (strncmp(*at, UMBRELLA, sizeof UMBRELLA - 1) == 0 && (*at)[sizeof UMBRELLA - 1] == '=')
            code = read_text(request, *at + sizeof UMBRELLA, QLI_BY_UMBRELLA, error);
    for (char *const *at = environment; *at && code == 0; at++)
        code = read_variable(request, *at, error);
    return code < 0 ? code : qli_values_read(request, error);
}

static int read_layers(qli_request *request, const ql_affinity_config *given, char *const *environment,
                       const char *const *options, ql_error *error)
{
    ql_affinity_config config = {.size = sizeof config};
    int code = 0;
    for (unsigned key = 0; key < QLI_KEYS && code == 0; key++) {
        const char *text = KEYS[key].built_in;
        code = put(&request->values[key], KEYS[key].word, text, strlen(text), QLI_BY_DEFAULT, error);
    }
    if (code == 0)
        code = given ? read_struct(request, given, &config, error) : qli_values_read(request, error);
    if (code == 0 && config.text)
        code = read_text(request, config.text, QLI_BY_TEXT, error);
    if (code == 0 && environment && !(config.flags & QL_IGNORE_ENV))
        code = read_environment(request, environment, error);
    unsigned seen = 0;
    for (; code == 0 && options && *options; options++)
        code = read_pair(request, *options, 0, strlen(*options), QLI_BY_OPTION, &seen, error);
    return code < 0 ? code : qli_values_read(request, error);
}

int qli_request_read(const ql_affinity_config *config, char *const *environment, const char *const *options,
                     qli_request *request, ql_error *error)
{
    memset(request, 0, sizeof *request);
    int code = read_layers(request, config, environment, options, error);
    if (code < 0)
        qli_request_fini(request);
    return code;
}

void qli_request_fini(qli_request *request)
{
    for (unsigned key = 0; key < QLI_KEYS; key++) {
        free(request->values[key].key);
        free(request->values[key].text);
    }
    for (unsigned i = 0; i < request->named_count; i++) {
        free(request->named[i].cores.key);
        free(request->named[i].cores.text);
    }
    free(request->named);
    memset(request, 0, sizeof *request);
}
