/* A consumer of Arrow takes a column out of a table and gives it to another thread. Each reads what it has and releases it: the
 * last one frees the memory of both. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "qlane/arrow.h"

enum { COLUMNS = 2, ROWS = 2 };

/* As q gives one: a single block. */
typedef struct block {
    ql_q_value table; /* first */
    ql_q_value columns[COLUMNS];
    const char *names[COLUMNS];
    int32_t numbers[COLUMNS][ROWS];
} block;

/* ---- What is left out: q_read.c, which needs q ---- */

void ql_q_free(ql_q_value *value)
{
    free(value);
}

size_t ql_q_width(int32_t type)
{
    return type == QL_Q_INT ? sizeof(int32_t) : 0;
}

/* ---- The scenario ---- */

static ql_q_value *make(void)
{
    block *of = calloc(1, sizeof(*of));
    assert(of);
    of->table = (ql_q_value){.type = QL_Q_TABLE, .width = COLUMNS, .count = ROWS};
    of->table.table = (ql_q_columns){.names = of->names, .columns = of->columns};
    for (int column = 0; column < COLUMNS; column++) {
        of->names[column] = "c";
        of->columns[column] = (ql_q_value){.type = QL_Q_INT, .count = ROWS, .ints = of->numbers[column]};
        for (int row = 0; row < ROWS; row++)
            of->numbers[column][row] = 10 * column + row;
    }
    return &of->table;
}

static void check(const struct ArrowArray *array, int column)
{
    const int32_t *numbers = array->buffers[1];
    for (int row = 0; row < ROWS; row++)
        assert(numbers[row] == 10 * column + row);
}

static void *use(void *arg)
{
    struct ArrowArray *mine = arg;
    check(mine, 0);
    mine->release(mine);
    return NULL;
}

int main(void)
{
    struct ArrowSchema schema;
    struct ArrowArray array, moved;
    pthread_t user;
    assert(!ql_q_to_arrow(make(), &schema, &array, NULL));
    schema.release(&schema);
    moved = *array.children[0];
    array.children[0]->release = NULL;
    pthread_create(&user, NULL, use, &moved);
    check(array.children[1], 1);
    array.release(&array);
    pthread_join(user, NULL);
    return 0;
}
