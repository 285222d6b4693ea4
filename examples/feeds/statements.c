#include "examples/feeds/statements.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char line_column[] = "line";

/* ---- Text ------------------------------------------------------------------------------------------------------ */

/* Columns with commas between, each as `pattern` has it: % is its name, in quotes. */
static void list(FILE *sql, const input_column *const *columns, size_t count, const char *pattern)
{
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", sql);
        for (const char *at = pattern; *at; at++) {
            if (*at != '%') {
                fputc(*at, sql);
                continue;
            }
            fputc('"', sql);
            for (const char *name = columns[i]->name; *name; name++)
                fprintf(sql, *name == '"' ? "\"\"" : "%c", *name);
            fputc('"', sql);
        }
    }
}

/* Columns with their types. One that holds both 1 and 1.0 has none, so that each is kept as it is. */
static void declare(FILE *sql, const input_column *const *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned forms = columns[i]->forms & ~(unsigned)FORM_EMPTY;
        fputs(i ? ", " : "", sql);
        list(sql, &columns[i], 1, "%");
        fputs(forms == FORM_INTEGER ? " INTEGER" : forms == FORM_REAL ? " REAL" : "", sql);
        fputs(input_is_numeric(forms) ? "" : " TEXT", sql);
    }
}

static void parameters(FILE *sql, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(sql, "%s?%zu", i ? ", " : "", first + i);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static void write_create_rows(FILE *sql, const input_column *const *columns, size_t count)
{
    fprintf(sql, "CREATE TABLE rows (%s INTEGER PRIMARY KEY, ", line_column);
    declare(sql, columns, count);
    fputc(')', sql);
}

/* A row that is there already as it should be is left alone, and not counted as a change. */
static void write_put_row(FILE *sql, const input_column *const *columns, size_t count)
{
    fputs("INSERT INTO rows VALUES (", sql);
    parameters(sql, 1, count + 1);
    fprintf(sql, ") ON CONFLICT (%s) DO UPDATE SET ", line_column);
    list(sql, columns, count, "% = excluded.%");
    fputs(" WHERE (", sql);
    list(sql, columns, count, "%");
    fputs(") IS NOT (", sql);
    list(sql, columns, count, "excluded.%");
    fputc(')', sql);
}

/* ---- keys: columns are the key's, then count and sum, then the one that is summed up ------------------------------- */

/* SQL holds any two NULLs for different in a key; no field is an empty text. */
static const char as_key[] = "ifnull(%, '')";

static void write_keyed_by(FILE *text, const input_column *const *columns, size_t count)
{
    list(text, columns, count, "%");
    fputs(": ", text);
    list(text, columns + count + 2, columns[count + 2] != NULL, "%");
}

static void write_create_keys(FILE *sql, const input_column *const *columns, size_t count)
{
    fputs("CREATE TABLE keys (", sql);
    declare(sql, columns, count + 2);
    fputc(')', sql);
}

static void write_index_keys(FILE *sql, const input_column *const *columns, size_t count)
{
    fputs("CREATE UNIQUE INDEX keys_key ON keys (", sql);
    list(sql, columns, count, as_key);
    fputc(')', sql);
}

static void write_fill_keys(FILE *sql, const input_column *const *columns, size_t count)
{
    fputs("INSERT INTO keys SELECT ", sql);
    list(sql, columns, count, "%");
    fputs(", count(*), ", sql);
    list(sql, columns + count + 2, columns[count + 2] != NULL, "sum(%)");
    fputs(columns[count + 2] ? "" : "NULL", sql);
    fputs(" FROM rows GROUP BY ", sql);
    list(sql, columns, count, "%");
}

static void write_put_key(FILE *sql, const input_column *const *columns, size_t count)
{
    fputs("INSERT INTO keys VALUES (", sql);
    parameters(sql, 1, count);
    fputs(", 1, ", sql);
    if (columns[count + 2])
        parameters(sql, count + 1, 1);
    else
        fputs("NULL", sql);
    fputs(") ON CONFLICT (", sql);
    list(sql, columns, count, as_key);
    fputs(") DO UPDATE SET ", sql);
    list(sql, columns + count, 1, "% = % + 1, ");
    list(sql, columns + count + 1, 1, "% = ifnull(% + excluded.%, ifnull(%, excluded.%))");
}

/* ---- All of them ------------------------------------------------------------------------------------------------ */

typedef void writer(FILE *sql, const input_column *const *columns, size_t count);

static char *write_text(writer *write, const input_column *const *columns, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    write(file, columns, count);
    return fclose(file) == 0 ? text : NULL;
}

static int make_rows(feed_statements *made, const input_file *input)
{
    const input_column **columns = calloc(input->columns_count, sizeof(*columns));
    for (size_t i = 0; columns && i < input->columns_count; i++)
        columns[i] = &input->columns[i];
    if (columns) {
        made->create_rows = write_text(write_create_rows, columns, input->columns_count);
        made->put_row = write_text(write_put_row, columns, input->columns_count);
    }
    free(columns);
    return made->create_rows && made->put_row ? 0 : -ENOMEM;
}

static int find_column(const input_file *input, const char *option, csv_field name, size_t *index,
                       ql_error *error)
{
    for (*index = 0; *index < input->columns_count; ++*index)
        if (strlen(input->columns[*index].name) == name.length &&
            memcmp(input->columns[*index].name, name.text, name.length) == 0)
            return 0;
    char there[256] = "";
    for (size_t i = 0, used = 0; i < input->columns_count && used < sizeof(there); i++)
        used += (size_t)snprintf(there + used, sizeof(there) - used, "%s%s", i ? ", " : "",
                                 input->columns[i].name);
    return refuse(error, -EINVAL, "--%s: no column '%.*s'; there are: %s", option, (int)name.length,
                  name.text, there);
}

/* The columns of the key, named as in a CSV record, into made->key. */
static int find_key(feed_statements *made, const input_file *input, const char *text, char *scratch,
                    csv_field *names, ql_error *error)
{
    csv_text rest = {text, text + strlen(text), 1};
    csv_record record;
    if (!csv_next(&rest, &record) || rest.at != rest.end || record.broken)
        return refuse(error, -EINVAL, "--key: '%s' is not a list of columns: COL[,COL]", text);
    made->key_count = csv_split(&record, names, input->columns_count, scratch);
    if (made->key_count > input->columns_count)
        return refuse(error, -EINVAL, "--key: '%s' names more columns than there are", text);
    for (size_t i = 0; i < made->key_count; i++) {
        int code = find_column(input, "key", names[i], &made->key[i], error);
        if (code)
            return code;
        for (size_t j = 0; j < i; j++)
            if (made->key[j] == made->key[i])
                return refuse(error, -EINVAL, "--key: '%s' names a column twice", text);
    }
    return 0;
}

static bool is_in_key(const feed_statements *made, size_t column)
{
    for (size_t i = 0; i < made->key_count; i++)
        if (made->key[i] == column)
            return true;
    return false;
}

/* The column to sum up, behind the key's; input->columns_count: none. */
static int find_sum(const feed_statements *made, const input_file *input, const char *name, size_t *sum,
                    ql_error *error)
{
    if (!name) {
        for (*sum = 0; *sum < input->columns_count; ++*sum)
            if (input_is_numeric(input->columns[*sum].forms) && !is_in_key(made, *sum))
                break;
        return 0;
    }
    int code = find_column(input, "sum", (csv_field){name, strlen(name)}, sum, error);
    if (!code && !input_is_numeric(input->columns[*sum].forms))
        code = refuse(error, -EINVAL, "--sum: not every value of column '%s' is a number", name);
    return code;
}

static int write_keys(feed_statements *made, const input_file *input, size_t sum)
{
    size_t count = made->key_count;
    const input_column **columns = calloc(count + 3, sizeof(*columns));
    input_column *named = calloc(count + 2, sizeof(*named));
    int code = columns && named ? 0 : -ENOMEM;
    for (size_t i = 0; !code && i < count + 2; i++) {
        if (i < count)
            named[i] = input->columns[made->key[i]];
        else if (!(named[i].name =
                       input_unique_name(i == count ? "count" : "sum", i == count ? 5 : 3, named, i, "")))
            code = -ENOMEM;
        columns[i] = &named[i];
    }
    if (!code) {
        named[count].forms = FORM_INTEGER;
        named[count + 1].forms = FORM_INTEGER | FORM_REAL;
        columns[count + 2] = sum < input->columns_count ? &input->columns[sum] : NULL;
        made->keyed_by = write_text(write_keyed_by, columns, count);
        made->create_keys = write_text(write_create_keys, columns, count);
        made->index_keys = write_text(write_index_keys, columns, count);
        made->fill_keys = write_text(write_fill_keys, columns, count);
        made->put_key = write_text(write_put_key, columns, count);
    }
    for (size_t i = count; named && i < count + 2; i++)
        free(named[i].name);
    free(named);
    free(columns);
    bool all = made->keyed_by && made->create_keys && made->index_keys && made->fill_keys && made->put_key;
    return all ? 0 : -ENOMEM;
}

static int make_keys(feed_statements *made, const input_file *input, const feed_options *options,
                     ql_error *error)
{
    char *scratch = malloc(strlen(options->key) + 1);
    csv_field *names = calloc(input->columns_count, sizeof(*names));
    made->key = calloc(input->columns_count + 1, sizeof(*made->key));
    size_t sum = 0;
    int code = scratch && names && made->key ? 0 : -ENOMEM;
    if (!code)
        code = find_key(made, input, options->key, scratch, names, error);
    if (!code)
        code = find_sum(made, input, options->sum, &sum, error);
    if (!code)
        code = write_keys(made, input, sum);
    made->sums = !code && sum < input->columns_count;
    if (made->sums)
        made->key[made->key_count++] = sum;
    /* The first column of `rows` is the line number. */
    for (size_t i = 0; i < made->key_count; i++)
        made->key[i]++;
    free(names);
    free(scratch);
    return code;
}

int statements_make(feed_statements *made, const input_file *input, const feed_options *options,
                    ql_error *error)
{
    *made = (feed_statements){0};
    refuse(error, -ENOMEM, "no memory for the statements");
    int code = make_rows(made, input);
    if (!code && options->key)
        code = make_keys(made, input, options, error);
    if (code)
        statements_free(made);
    return code;
}

void statements_free(feed_statements *made)
{
    free(made->create_rows);
    free(made->put_row);
    free(made->keyed_by);
    free(made->create_keys);
    free(made->index_keys);
    free(made->fill_keys);
    free(made->put_key);
    free(made->key);
    *made = (feed_statements){0};
}
