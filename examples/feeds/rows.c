/* The rows of a block, and what the columns of all blocks hold. */
#include "examples/feeds/input.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "qlane/loop.h"

int row_reader_init(row_reader *reader, const input_file *input)
{
    *reader = (row_reader){.input = input, .fields = calloc(input->columns_count, sizeof(csv_field))};
    return reader->fields ? 0 : -ENOMEM;
}

void row_reader_fini(row_reader *reader)
{
    free(reader->fields);
    free(reader->scratch);
}

int row_reader_start(row_reader *reader, const input_block *block)
{
    if (reader->scratch_size < block->size) {
        free(reader->scratch);
        reader->scratch = malloc(block->size);
        reader->scratch_size = reader->scratch ? block->size : 0;
        if (!reader->scratch)
            return -ENOMEM;
    }
    reader->scratch_used = 0;
    reader->text = (csv_text){block->text, block->text + block->size, block->line};
    return 0;
}

bool row_reader_next(row_reader *reader, row_verdict *verdict, uint64_t *line)
{
    csv_record record;
    size_t columns = reader->input->columns_count;
    if (!csv_next(&reader->text, &record))
        return false;
    *line = record.line;
    *verdict = ROW_GOOD;
    if (record.broken) {
        *verdict = ROW_BROKEN_QUOTE;
    } else if (!csv_is_utf8(record.text, record.length)) {
        *verdict = ROW_NOT_UTF8;
    } else {
        char *scratch = reader->scratch + reader->scratch_used;
        if (csv_split(&record, reader->fields, columns, scratch) != columns)
            *verdict = ROW_FIELD_COUNT;
        reader->scratch_used += record.length;
    }
    return true;
}

const char *verdict_text(row_verdict verdict)
{
    static const char *const texts[] = {
        [ROW_GOOD] = "good",
        [ROW_BROKEN_QUOTE] = "broken quote",
        [ROW_NOT_UTF8] = "invalid UTF-8",
        [ROW_FIELD_COUNT] = "wrong field count",
    };
    return texts[verdict];
}

bool input_is_numeric(unsigned forms)
{
    return (forms & (FORM_INTEGER | FORM_REAL)) && !(forms & FORM_TEXT);
}

/* ---- Typing: every worker looks at some of the blocks ----------------------------------------------------------- */

struct typing {
    input_file *input;
    pthread_mutex_t lock; /* the columns' forms, and code */
    int code;
};

static int type_blocks(const input_file *input, size_t begin, size_t end, unsigned *forms)
{
    row_reader reader;
    int code = row_reader_init(&reader, input);
    for (size_t i = begin; i < end && !code; i++) {
        row_verdict verdict;
        uint64_t line;
        code = row_reader_start(&reader, &input->blocks[i]);
        while (!code && row_reader_next(&reader, &verdict, &line)) {
            number_value value;
            for (size_t c = 0; verdict == ROW_GOOD && c < input->columns_count; c++)
                if (!(forms[c] & FORM_TEXT))
                    forms[c] |= number_read(reader.fields[c].text, reader.fields[c].length, &value);
        }
    }
    row_reader_fini(&reader);
    return code;
}

static void type_piece(ql_worker *worker, size_t begin, size_t end, void *arg)
{
    struct typing *typing = arg;
    input_file *input = typing->input;
    unsigned *forms = calloc(input->columns_count, sizeof(*forms));
    int code = forms ? type_blocks(input, begin, end, forms) : -ENOMEM;
    (void)worker;
    pthread_mutex_lock(&typing->lock);
    for (size_t c = 0; !code && c < input->columns_count; c++)
        input->columns[c].forms |= forms[c];
    typing->code = code ? code : typing->code;
    pthread_mutex_unlock(&typing->lock);
    free(forms);
}

static int type_all(ql_task *task)
{
    struct typing *typing = task->arg;
    ql_parallel_for(ql_worker_self(), 0, typing->input->blocks_count, 0, type_piece, typing);
    return typing->code;
}

int input_type(input_file *input, ql_runtime *runtime, ql_error *error)
{
    struct typing typing = {.input = input, .lock = PTHREAD_MUTEX_INITIALIZER};
    ql_task task;
    ql_task_init(&task, type_all, &typing);
    int code = ql_submit(ql_runtime_pool(runtime), &task);
    if (!code)
        code = ql_future_wait(&task.future);
    if (!code)
        code = task.future.code;
    return code ? refuse(error, code, "%s: the columns could not be typed: %s", input->path,
                         strerrordesc_np(-code))
                : 0;
}
