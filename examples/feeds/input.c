#include "examples/feeds/input.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 18, BLOCK_CELLS = 1 << 13, READ_BYTES = 1 << 16 };

/* ---- The file ------------------------------------------------------------------------------------------------- */

/* The whole file: what a pipe will bring is not known before either. */
static int read_all(input_file *input, int file)
{
    struct stat status;
    size_t room = fstat(file, &status) == 0 && status.st_size > 0 ? (size_t)status.st_size + 1 : READ_BYTES;
    for (;;) {
        if (!input->text || input->size == room) {
            room = input->text ? 2 * room : room;
            char *text = realloc(input->text, room);
            if (!text)
                return -ENOMEM;
            input->text = text;
        }
        ssize_t got = read(file, input->text + input->size, room - input->size);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        input->size += got > 0 ? (size_t)got : 0;
    }
}

static int read_file(input_file *input, ql_error *error)
{
    int file = open(input->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return refuse(error, -errno, "%s: %s", input->path, strerror(errno));
    int code = read_all(input, file);
    close(file);
    return code ? refuse(error, code, "%s: %s", input->path, strerror(-code)) : 0;
}

/* ---- The header ----------------------------------------------------------------------------------------------- */

static bool has_name(const char *name, const input_column *columns, size_t count, const char *reserved)
{
    if (strcasecmp(name, reserved) == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(name, columns[i].name) == 0)
            return true;
    return false;
}

char *input_unique_name(const char *name, size_t length, const input_column *columns, size_t count,
                        const char *reserved)
{
    char *unique = malloc(length + 24);
    if (!unique)
        return NULL;
    memcpy(unique, name, length);
    unique[length] = 0;
    for (size_t i = 2; has_name(unique, columns, count, reserved); i++)
        sprintf(unique + length, "_%zu", i);
    return unique;
}

static int name_columns(input_file *input, const csv_field *names, const char *reserved)
{
    for (size_t i = 0; i < input->columns_count; i++) {
        char numbered[32];
        csv_field name = names[i];
        if (!name.length)
            name = (csv_field){numbered, (size_t)snprintf(numbered, sizeof(numbered), "column_%zu", i + 1)};
        input->columns[i].name = input_unique_name(name.text, name.length, input->columns, i, reserved);
        if (!input->columns[i].name)
            return -ENOMEM;
    }
    return 0;
}

/* A first record that is all numbers and empty fields is taken for data. */
static bool is_header(const csv_field *fields, size_t count)
{
    number_value value;
    for (size_t i = 0; i < count; i++)
        if (number_read(fields[i].text, fields[i].length, &value) == FORM_TEXT)
            return true;
    return false;
}

static int read_header(input_file *input, csv_text *text, const char *reserved, ql_error *error)
{
    csv_record header;
    if (!csv_next(text, &header))
        return refuse(error, -ENODATA, "%s: the file is empty", input->path);
    if (header.broken)
        return refuse(error, -EILSEQ, "%s:1: a quote in the header is broken", input->path);
    if (!csv_is_utf8(header.text, header.length) || memchr(header.text, 0, header.length))
        return refuse(error, -EILSEQ, "%s:1: the header is not UTF-8 text", input->path);

    char *scratch = malloc(header.length + 1);
    size_t fields_max = header.length + 1;
    csv_field *fields = calloc(fields_max, sizeof(*fields));
    int code = scratch && fields ? 0 : -ENOMEM;
    if (!code) {
        input->columns_count = csv_split(&header, fields, fields_max, scratch);
        if (!is_header(fields, input->columns_count))
            code =
                refuse(error, -ENODATA, "%s:1: no header: the first line must name the columns", input->path);
    }
    if (!code) {
        input->columns = calloc(input->columns_count, sizeof(*input->columns));
        code = input->columns ? name_columns(input, fields, reserved) : -ENOMEM;
    }
    free(fields);
    free(scratch);
    return code;
}

/* ---- Blocks --------------------------------------------------------------------------------------------------- */

static int add_block(input_file *input, const input_block *block, size_t *room)
{
    if (input->blocks_count == *room) {
        *room = *room ? 2 * *room : 64;
        input_block *blocks = realloc(input->blocks, *room * sizeof(*blocks));
        if (!blocks)
            return -ENOMEM;
        input->blocks = blocks;
    }
    input->blocks[input->blocks_count++] = *block;
    return 0;
}

/* A block has no more cells than this, however many columns there are. */
static size_t records_a_block(const input_file *input, const input_cut *cut)
{
    size_t most = BLOCK_CELLS / (input->columns_count + 1) + 1;
    return cut->block_records < most ? cut->block_records : most;
}

static int cut_blocks(input_file *input, csv_text text, const input_cut *cut)
{
    size_t records = records_a_block(input, cut), bytes = input->size / (cut->blocks_min + 1), room = 0;
    csv_record record;
    input_block block = {.text = text.at, .line = text.line};
    int code = 0;
    bytes = bytes < BLOCK_BYTES ? bytes : BLOCK_BYTES;
    while (!code && (!cut->records_max || input->records < cut->records_max) && csv_next(&text, &record)) {
        input->records++;
        block.records++;
        block.size = (size_t)(text.at - block.text);
        if (block.records == records || block.size >= bytes) {
            code = add_block(input, &block, &room);
            block = (input_block){.text = text.at, .line = text.line, .records_before = input->records};
        }
    }
    if (!code && block.records)
        code = add_block(input, &block, &room);
    input->lines = text.line - 1;
    return code;
}

int input_open(input_file *input, const char *path, const input_cut *cut, ql_error *error)
{
    static const char bom[] = "\xef\xbb\xbf";
    *input = (input_file){.path = path};
    int code = read_file(input, error);
    if (code)
        return code;
    csv_text text = {input->text, input->text + input->size, 1};
    if (input->size >= 3 && memcmp(input->text, bom, 3) == 0)
        text.at += 3;
    refuse(error, -ENOMEM, "%s: no memory for it", path);
    code = read_header(input, &text, cut->reserved, error);
    return code ? code : cut_blocks(input, text, cut);
}

void input_close(input_file *input)
{
    for (size_t i = 0; input->columns && i < input->columns_count; i++)
        free(input->columns[i].name);
    free(input->columns);
    free(input->blocks);
    free(input->text);
}
