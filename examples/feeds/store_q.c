/* kdb+'s q behind the lane. Columns are vectors: of longs, of floats, of symbols where they are the key's, of texts; a column that
 * holds both 1 and 1.0 is a list, so that each is kept as it is. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/feeds/q_rows.h"
#include "examples/feeds/statements.h"
#include "examples/feeds/store.h"
#include "qlane/q.h"

typedef struct q_column {
    char *name; /* as q can have it */
    ql_q_type type;
} q_column;

typedef struct q_store {
    feed_store store;  /* first */
    q_column *columns; /* of `rows`: the line, then the input's */
    const char **names;
    feed_statements sql; /* for the key's columns */
} q_store;

/* ---- Open ------------------------------------------------------------------------------------------------------- */

static bool is_in_key(const q_store *at, size_t column)
{
    for (size_t i = 0; i < at->sql.key_count - at->sql.sums; i++)
        if (at->sql.key[i] == column)
            return true;
    return false;
}

static ql_q_type type_of(const q_store *at, const input_column *column, size_t place)
{
    unsigned forms = column->forms & ~(unsigned)FORM_EMPTY;
    if (input_is_numeric(column->forms))
        return forms == FORM_INTEGER ? QL_Q_LONG : forms == FORM_REAL ? QL_Q_FLOAT : QL_Q_LIST;
    return at->sql.key && is_in_key(at, place) ? QL_Q_SYMBOL : QL_Q_CHAR;
}

/* Words of q's own, and names of ours: no column can be called so where q's text names it. */
static const char reserved[] = " abs acos aj all and any asc asin asof atan attr avg avgs bin binr by "
                               "ceiling cols cor cos count cov cross csv cut "
                               "d delete deltas desc dev differ distinct div do dsave each ej ema enlist "
                               "eval except exec exit exp fby fills first "
                               "fkeys flip floor from get getenv group gtime hclose hcount hdel hopen hsym i "
                               "iasc idesc if ij in insert inter inv "
                               "key keys last like line lj ljf load log lower lsq ltime ltrim m mavg max "
                               "maxs mcount mdev med meta min mins mmax "
                               "mmin mmu mod msum n neg next not null or over parse peach pj prd prds prev "
                               "prior put rand rank ratios raze "
                               "reciprocal reval reverse rload rotate rows rsave rtrim save scan scov sdev "
                               "select set setenv show signum sin sqrt "
                               "ss ssr string sublist sum sums sv svar system t tables tan til total totals "
                               "trim type uj ungroup union update upper "
                               "upsert value var view views vs wavg where while within wj wsum xasc xbar "
                               "xcol xcols xdesc xexp xgroup xkey xlog "
                               "xprev xrank ";

static bool is_reserved(const char *name)
{
    size_t length = strlen(name);
    for (const char *at = reserved; (at = strstr(at, name)); at++)
        if (at[-1] == ' ' && at[length] == ' ')
            return true;
    return false;
}

/* A name of letters and digits, with the column's number where it is another one: those may fall together. */
static char *name_of(const char *name, size_t place)
{
    char *made = NULL;
    bool plain = isalpha((unsigned char)*name);
    for (const char *at = name; *at; at++)
        plain = plain && isalnum((unsigned char)*at);
    plain = plain && !is_reserved(name);
    if (asprintf(&made, plain ? "%s" : "c%s_%zu", name, place) < 0)
        return NULL;
    for (char *at = made; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            *at = 'x';
    return made;
}

static int make_columns(q_store *at, const input_file *input)
{
    at->columns = calloc(at->store.columns, sizeof(*at->columns));
    at->names = calloc(at->store.columns, sizeof(*at->names));
    bool whole = at->columns && at->names;
    for (size_t i = 0; i < at->store.columns && whole; i++) {
        q_column *column = &at->columns[i];
        column->type = i ? type_of(at, &input->columns[i - 1], i) : QL_Q_LONG;
        column->name = i ? name_of(input->columns[i - 1].name, i) : strdup(line_column);
        at->names[i] = column->name;
        whole = column->name;
    }
    return whole ? 0 : -ENOMEM;
}

static void write_key(const q_store *at, FILE *q)
{
    for (size_t i = 0; i < at->sql.key_count - at->sql.sums; i++)
        fprintf(q, "%s%s", i ? "," : "", at->columns[at->sql.key[i]].name);
}

static void write_group(const q_store *at, FILE *q, const char *from)
{
    fputs("select n:count i", q);
    if (at->sql.sums)
        fprintf(q, ",total:sum %s", at->columns[at->sql.key[at->sql.key_count - 1]].name);
    fputs(" by ", q);
    write_key(at, q);
    fprintf(q, " from %s", from);
}

/* The tables, and the function that puts rows. What is new in a keyed table stands at its end. */
static void write_script(const q_store *at, FILE *q)
{
    static const char *const empty[] = {[QL_Q_LIST] = "()",
                                        [QL_Q_CHAR] = "()",
                                        [QL_Q_LONG] = "`long$()",
                                        [QL_Q_FLOAT] = "`float$()",
                                        [QL_Q_SYMBOL] = "`symbol$()"};
    for (size_t i = 0; i < at->store.columns; i++)
        fprintf(q, i ? "%s%s:%s" : "%s%s:%s]",
                !i      ? "rows:(["
                : i > 1 ? ";"
                        : "",
                at->columns[i].name, empty[at->columns[i].type]);
    fputs(")\n", q);
    if (!at->sql.key_count) {
        fputs("put:{[t]`rows upsert t;}\n", q);
        return;
    }
    fputs("totals:", q);
    write_group(at, q, "rows");
    fputs("\nput:{[t]n:count rows;`rows upsert t;m:$[(count t)=(count rows)-n;t;n _ 0!rows];d:0!", q);
    write_group(at, q, "m");
    fprintf(q, ";`totals set select sum n%s by ", at->sql.sums ? ",sum total" : "");
    write_key(at, q);
    fputs(" from (0!totals),d;}\n", q);
}

/* One line after the other, as q reads a script. */
static int run_script(const q_store *at, char *script, ql_error *error)
{
    for (char *rest = script, *line; (line = strsep(&rest, "\n"));) {
        ql_q_call call;
        ql_q_call_init(&call, line);
        int code = *line ? ql_lane_call(at->store.lane, &call.task) : 0;
        code = code || !*line ? code : call.task.future.code;
        if (!*line)
            break;
        ql_q_free(call.result);
        if (code)
            return refuse(error, code, "q: %s",
                          call.task.future.text ? call.task.future.text : strerror(-code));
    }
    return 0;
}

static int make_tables(const q_store *at, ql_error *error)
{
    char *script = NULL;
    size_t size;
    FILE *file = open_memstream(&script, &size);
    if (file)
        write_script(at, file);
    int code =
        file && fclose(file) == 0 ? run_script(at, script, error) : refuse(error, -ENOMEM, "no memory");
    free(script);
    return code;
}

static int open_store(feed_store **out, ql_runtime *runtime, const input_file *input,
                      const feed_options *options, ql_error *error)
{
    q_store *at = calloc(1, sizeof(*at));
    if (!at)
        return refuse(error, -ENOMEM, "no memory for the store");
    *out = &at->store;
    at->store.engine = &store_q;
    at->store.columns = input->columns_count + 1;
    if (options->db)
        return refuse(error, -EINVAL, "--db: q keeps its tables in memory");
    int code = statements_make(&at->sql, input, options, error);
    if (!code && make_columns(at, input))
        code = refuse(error, -ENOMEM, "no memory for the store");
    ql_lane_config lane = {.size = sizeof(lane), .name = "q"};
    ql_q_config q = {.size = sizeof(q)};
    if (!code)
        code = ql_q_open(runtime, &lane, &q, &at->store.lane, error);
    return code ? code : make_tables(at, error);
}

static void free_store(feed_store *store)
{
    q_store *at = (q_store *)(void *)store;
    for (size_t i = 0; at->columns && i < store->columns; i++)
        free(at->columns[i].name);
    free(at->columns);
    free(at->names);
    statements_free(&at->sql);
    free(at);
}

/* ---- What the lane does ------------------------------------------------------------------------------------------ */

/* Call q from the lane's own task: its result is moved to *result, or its words to `error`. */
static int call_q(const feed_store *store, ql_q_call *call, ql_error *error)
{
    int code = ql_lane_call(store->lane, &call->task);
    if (code)
        return refuse(error, code, "%s", strerror(-code));
    code = call->task.future.code;
    return code ? refuse(error, code, "%s", call->task.future.text ? call->task.future.text : strerror(-code))
                : 0;
}

/* Where the values of a batch lie, and the texts of its symbols, which end with a zero byte. */
typedef struct values {
    char *block;
    size_t used;
} values;

static void *take(values *from, size_t size)
{
    void *to = from->block + from->used;
    from->used += (size + 7) & ~(size_t)7;
    return to;
}

static size_t room_for(const store_batch *batch, size_t columns)
{
    size_t room = (columns + 1) * (sizeof(ql_q_value) + 8) + batch->rows * columns * sizeof(ql_q_value);
    for (size_t i = 0; i < batch->rows * columns; i++)
        room += batch->cells[i].type == QL_SQLITE_TEXT ? batch->cells[i].text.length + 8 : 0;
    return room;
}

static const char *symbol_of(values *from, const ql_sqlite_cell *cell)
{
    size_t length = cell->type == QL_SQLITE_TEXT ? cell->text.length : 0;
    char *copy = take(from, length + 1);
    if (length)
        memcpy(copy, cell->text.bytes, length);
    copy[length] = 0;
    return copy;
}

static ql_q_value value_of(const ql_sqlite_cell *cell)
{
    if (cell->type == QL_SQLITE_TEXT)
        return ql_q_vector(QL_Q_CHAR, cell->text.bytes, cell->text.length);
    return cell->type == QL_SQLITE_INTEGER ? ql_q_long(QL_Q_LONG, cell->integer)
           : cell->type == QL_SQLITE_REAL  ? ql_q_float(QL_Q_FLOAT, cell->real)
                                           : ql_q_float(QL_Q_FLOAT, NAN);
}

/* `cells`: the column's first; they stand `width` apart. */
static ql_q_value column_of(values *from, ql_q_type type, const ql_sqlite_cell *cells, size_t width,
                            size_t rows)
{
    void *to = take(from, rows * (type == QL_Q_LIST || type == QL_Q_CHAR ? sizeof(ql_q_value) : 8));
    for (size_t i = 0; i < rows; i++) {
        const ql_sqlite_cell *cell = cells + i * width;
        bool null = cell->type == QL_SQLITE_NULL;
        if (type == QL_Q_LONG)
            ((int64_t *)to)[i] = null ? QL_Q_NULL_LONG : cell->integer;
        else if (type == QL_Q_FLOAT)
            ((double *)to)[i] = null ? NAN : cell->real;
        else if (type == QL_Q_SYMBOL)
            ((const char **)to)[i] = symbol_of(from, cell);
        else
            ((ql_q_value *)to)[i] = type == QL_Q_CHAR && null ? ql_q_text("") : value_of(cell);
    }
    return ql_q_vector(type == QL_Q_CHAR ? QL_Q_LIST : type, to, rows);
}

static int put(const store_batch *batch, ql_error *error)
{
    const q_store *at = (const q_store *)(const void *)batch->store;
    size_t width = at->store.columns;
    values from = {.block = malloc(room_for(batch, width))};
    if (!batch->rows || !from.block) {
        free(from.block);
        return batch->rows ? refuse(error, -ENOMEM, "no memory for rows") : 0;
    }
    ql_q_value *columns = take(&from, width * sizeof(*columns));
    for (size_t i = 0; i < width; i++)
        columns[i] = column_of(&from, at->columns[i].type, batch->cells + i, width, batch->rows);
    ql_q_value table = ql_q_table(at->names, columns, (uint32_t)width);
    ql_q_call call;
    ql_q_call_init(&call, "put");
    call.task.name = "put rows";
    call.arguments = &table;
    call.arguments_count = 1;
    int code = call_q(batch->store, &call, error);
    ql_q_free(call.result);
    free(from.block);
    return code;
}

/* q's answer as rows. */
static int answer(const feed_store *store, ql_q_call *call, ql_sqlite_rows **rows, ql_error *error)
{
    int code = call_q(store, call, error);
    if (!code)
        code = q_rows_make(call->result, rows, error);
    ql_q_free(call->result);
    return code;
}

static int ask(const feed_store *store, const char *text, ql_sqlite_rows **rows, ql_error *error)
{
    ql_q_call call;
    ql_q_call_init(&call, text);
    call.task.name = "query";
    return answer(store, &call, rows, error);
}

static int read_range(const feed_store *store, const int64_t lines[2], ql_sqlite_rows **rows, ql_error *error)
{
    const ql_q_value arguments[] = {ql_q_long(QL_Q_LONG, lines[0]), ql_q_long(QL_Q_LONG, lines[1])};
    ql_q_call call;
    ql_q_call_init(&call, "{[a;b]0!select from rows where line within (a;b)}");
    call.task.name = "read rows";
    call.arguments = arguments;
    call.arguments_count = 2;
    return answer(store, &call, rows, error);
}

const store_engine store_q = {
    .name = "q",
    .open = open_store,
    .free = free_store,
    .put = put,
    .ask = ask,
    .read = read_range,
    .first_rows = "3 sublist `line xasc 0!rows",
    .some_keys = "3 sublist 0!totals",
};
