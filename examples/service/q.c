/* kdb+'s q as the service's engine (docs/engine-q.md). Keys and values go as arguments, never pasted into q's text. q undoes nothing:
 * of a task of several writes, those before the one that failed stay. */
#include <errno.h>
#include <string.h>

#include "examples/service/engine.h"
#include "examples/words.h"
#include "qlane/q.h"

static ql_q_value text_value(request_text text)
{
    return ql_q_vector(QL_Q_CHAR, text.bytes, text.length);
}

/* Apply a function of q's to texts. The result is the caller's. */
static int run(const char *function, const ql_q_value *arguments, size_t count, ql_q_value **result,
               ql_error *error)
{
    ql_q_call call;
    ql_q_call_init(&call, function);
    call.arguments = arguments;
    call.arguments_count = count;
    int code = ql_q_run(&call);
    *result = call.result;
    return code ? refuse(error, code, "%s", call.error_text) : 0;
}

/* As run(), of a function that gives a number. */
static int run_number(const char *function, const ql_q_value *arguments, size_t count, int64_t *number,
                      ql_error *error)
{
    ql_q_value *result;
    int code = run(function, arguments, count, &result, error);
    bool is_long = !code && result->type == -QL_Q_LONG;
    *number = is_long ? result->i64 : 0;
    if (!code && !is_long)
        code = refuse(error, -EBADMSG, "q answered with type %d, no number", result->type);
    ql_q_free(result);
    return code;
}

static int open_q(ql_runtime *runtime, const ql_lane_config *config, const service_options *options,
                  ql_lane **lane, ql_error *error)
{
    ql_q_config q = {.size = sizeof(q), .text = "service:([k:()]v:())"};
    if (options->db)
        return refuse(error, -EINVAL, "--db: q keeps its table in memory");
    return ql_q_open(runtime, config, &q, lane, error);
}

static int get(request_text key, engine_value *value, ql_error *error)
{
    const ql_q_value argument = text_value(key);
    ql_q_value *found;
    int code = run("{[a]$[count service;exec v from service where k~\\:a;()]}", &argument, 1, &found, error);
    value->found = !code && found->type == QL_Q_LIST && found->count;
    if (value->found) {
        const ql_q_value *text = found->items;
        if (text->type != QL_Q_CHAR || text->count > sizeof(value->bytes)) {
            code = refuse(error, -EMSGSIZE, "the value in the table is not one of this service's");
        } else {
            value->length = text->count;
            memcpy(value->bytes, text->text, text->count);
        }
    }
    ql_q_free(found);
    return code;
}

static int put(request_text key, request_text value, ql_error *error)
{
    const ql_q_value arguments[] = {text_value(key), text_value(value)};
    ql_q_value *nothing;
    int code = run("{[a;b]`service upsert ([k:enlist a]v:enlist b);}", arguments, 2, &nothing, error);
    ql_q_free(nothing);
    return code;
}

static int erase(request_text key, int64_t *erased, ql_error *error)
{
    const ql_q_value argument = text_value(key);
    return run_number("{[a]n:count service;if[n;delete from `service where k~\\:a];n-count service}",
                      &argument, 1, erased, error);
}

static int count(int64_t *counted, ql_error *error)
{
    return run_number("count service", NULL, 0, counted, error);
}

const service_engine engine_q = {
    .name = "q", .open = open_q, .get = get, .put = put, .erase = erase, .count = count};
