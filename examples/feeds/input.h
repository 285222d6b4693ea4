/* The CSV file as the feeds hand it out: read into memory, cut into blocks of whole records, every column typed. */
#ifndef EXAMPLES_FEEDS_INPUT_H
#define EXAMPLES_FEEDS_INPUT_H

#include "examples/feeds/csv.h"
#include "examples/feeds/number.h"
#include "examples/words.h"
#include "qlane/runtime.h"

/* So many whole records, and where they lie. */
typedef struct input_block {
    const char *text;
    size_t size;
    uint64_t line; /* the physical line it starts with */
    size_t records;
    uint64_t records_before; /* in the blocks before it */
} input_block;

typedef struct input_column {
    char *name;     /* made unique among the columns, without regard to case */
    unsigned forms; /* what its fields are: a set of number_form */
} input_column;

typedef struct input_file {
    const char *path;
    char *text;
    size_t size;
    input_column *columns;
    size_t columns_count;
    input_block *blocks;
    size_t blocks_count;
    uint64_t records; /* in all blocks */
    uint64_t lines;   /* the physical lines up to the end of the last block */
} input_file;

/* How to cut it. */
typedef struct input_cut {
    uint64_t records_max; /* 0: all */
    size_t block_records; /* at most so many records in a block */
    size_t blocks_min;    /* so many blocks at least, if there are as many records */
    const char *reserved; /* a name that no column may have */
} input_cut;

/* Read a file and cut it. Its columns are named by the first record. On failure the error says why. */
int input_open(input_file *input, const char *path, const input_cut *cut, ql_error *error);
/* Find out what each column holds, on the runtime's workers. */
int input_type(input_file *input, ql_runtime *runtime, ql_error *error);
void input_close(input_file *input);

/* A set of forms that are all numbers. */
bool input_is_numeric(unsigned forms);

/* Copy a name, with a number behind it where one of `count` names is the same. NULL: no memory. */
char *input_unique_name(const char *name, size_t length, const input_column *columns, size_t count,
                        const char *reserved);

typedef enum row_verdict { ROW_GOOD, ROW_BROKEN_QUOTE, ROW_NOT_UTF8, ROW_FIELD_COUNT } row_verdict;

/* Reads the rows of blocks, one after the other. */
typedef struct row_reader {
    const input_file *input;
    csv_text text;
    csv_field *fields; /* of the row read last, as many as there are columns when it is good */
    char *scratch;     /* where fields with doubled quotes lie, until the next block */
    size_t scratch_used;
    size_t scratch_size;
} row_reader;

int row_reader_init(row_reader *reader, const input_file *input);
void row_reader_fini(row_reader *reader);
/* -ENOMEM when there is no room to unquote its fields. */
int row_reader_start(row_reader *reader, const input_block *block);
/* The next row. False: the block is at its end. */
bool row_reader_next(row_reader *reader, row_verdict *verdict, uint64_t *line);

const char *verdict_text(row_verdict verdict);

#endif
