/* Columns that another library made, as tables of q. */
#include <errno.h>
#include <stdbool.h>

#include "qlane/arrow.h"
#include "tests/support/harness.h"

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void release_nothing(struct ArrowArray *array)
{
    array->release = NULL;
}

/* A table of one column. */
typedef struct foreign {
    const char *format;
    const void *buffers[3];
    int64_t rows, nulls;
    const char *metadata;
    struct ArrowSchema *words_schema; /* of a dictionary */
    struct ArrowArray *words;
} foreign;

static int from_foreign(const foreign *made, ql_q_value **back, ql_error *error)
{
    bool text = strchr("uUzZ", *made->format);
    const void *buffers[3] = {made->buffers[0], made->buffers[1], made->buffers[2]}, *none = NULL;
    struct ArrowSchema field = {
        .format = made->format, .name = "x", .metadata = made->metadata, .dictionary = made->words_schema};
    struct ArrowArray column = {.length = made->rows,
                                .null_count = made->nulls,
                                .n_buffers = text ? 3 : 2,
                                .buffers = buffers,
                                .dictionary = made->words};
    struct ArrowSchema *fields[] = {&field},
                       schema = {
                           .format = "+s", .n_children = 1, .children = fields, .release = release_schema};
    struct ArrowArray *columns[] = {&column}, array = {.length = made->rows,
                                                       .n_buffers = 1,
                                                       .n_children = 1,
                                                       .buffers = &none,
                                                       .children = columns,
                                                       .release = release_nothing};
    return ql_q_from_arrow(&schema, &array, back, error);
}

#define PAIR(key_length, key, length, value) key_length "\0\0\0" key length "\0\0\0" value
#define OTHER PAIR("\4", "unit", "\2", "mm")
#define AS_SYMBOL "\2\0\0\0" OTHER PAIR("\6", "q.type", "\2", "11")
#define AS_CHAR "\1\0\0\0" PAIR("\6", "q.type", "\2", "10")

static const uint8_t one_valid = 1; /* of two */
static const int32_t ab[] = {0, 1, 2}, backwards[] = {0, 2, 1}, together[] = {0, 2, 2};

QLT(q_arrow_columns, refuses_what_q_has_no_room_for_in_a_column)
{
    static const int64_t most[] = {1, INT64_MAX - 1}, least[] = {1, INT64_MIN};
    static const uint64_t unsigned_most[] = {1, UINT64_MAX};
    static const uint8_t two[2];
    struct ArrowSchema numbers = {.format = "i"}, texts = {.format = "u"};
    struct ArrowArray words = {
        .length = 2, .n_buffers = 3, .buffers = (const void *[]){NULL, backwards, "ab"}};
    const struct {
        foreign column;
        int code;
        const char *part;
    } cases[] = {
        {{.format = "C", .buffers = {&one_valid, two}, .rows = 2, .nulls = 1},
         -EINVAL,
         "row 1 of column 'x' is null, and q's bytes have none"},
        {{.format = "b", .buffers = {&one_valid, two}, .rows = 2, .nulls = 1},
         -EINVAL,
         "row 1 of column 'x' is null, and q's booleans have none"},
        {{.format = "L", .buffers = {NULL, unsigned_most}, .rows = 2},
         -ERANGE,
         "row 1 of column 'x' is beyond"},
        {{.format = "tsu:", .buffers = {NULL, most}, .rows = 2}, -ERANGE, "row 1 of column 'x' is beyond"},
        {{.format = "tsn:", .buffers = {NULL, least}, .rows = 2}, -ERANGE, "row 1 of column 'x' is beyond"},
        {{.format = "i", .buffers = {NULL, ab}, .rows = 2, .words_schema = &numbers, .words = &words},
         -ENOTSUP,
         "not of text"},
        {{.format = "i", .buffers = {NULL, ab}, .rows = 2, .words_schema = &texts, .words = &words},
         -EINVAL,
         "outside of its array"},
        {{.format = "u", .buffers = {NULL, together, "ab"}, .rows = 2, .metadata = AS_CHAR},
         -EINVAL,
         "row 0 of column 'x' is no single"},
        {{.format = "u", .buffers = {NULL, backwards, "ab"}, .rows = 1, .metadata = AS_CHAR},
         -EINVAL,
         "is no single"},
        {{.format = "u", .buffers = {NULL, backwards + 1, "ab"}, .rows = 1, .metadata = AS_CHAR},
         -EINVAL,
         "outside of its array"},
        {{.format = "u", .buffers = {NULL, backwards, "ab"}, .rows = 2, .metadata = AS_SYMBOL},
         -EINVAL,
         "row 1 of column 'x' lies outside"},
        {{.format = "u", .buffers = {NULL, together, "a\0"}, .rows = 2, .metadata = AS_SYMBOL},
         -EINVAL,
         "has a zero byte"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ql_q_value here, *back = &here;
        ql_error error;
        qlt_eq_int(from_foreign(&cases[i].column, &back, &error), cases[i].code);
        qlt_has_str(error.text, cases[i].part);
        qlt_check(!back);
    }
}

QLT(q_arrow_columns, text_whose_metadata_says_so_becomes_symbols)
{
    ql_q_value *back;
    ql_error error;
    foreign column = {.format = "u", .buffers = {NULL, ab, "ab"}, .rows = 2, .metadata = AS_SYMBOL};
    qlt_eq_int(from_foreign(&column, &back, &error), 0);
    qlt_eq_int(back->table.columns[0].type, QL_Q_SYMBOL);
    qlt_eq_str(back->table.columns[0].symbols[0], "a");
    qlt_eq_str(back->table.columns[0].symbols[1], "b");
    ql_q_free(back);
    column.buffers[0] = &one_valid;
    column.nulls = 1;
    qlt_eq_int(from_foreign(&column, &back, &error), 0);
    qlt_eq_str(back->table.columns[0].symbols[0], "a");
    qlt_eq_str(back->table.columns[0].symbols[1], "");
    ql_q_free(back);
    column.metadata = "\1\0\0\0" OTHER;
    qlt_eq_int(from_foreign(&column, &back, &error), 0);
    qlt_eq_int(back->table.columns[0].type, QL_Q_LIST);
    ql_q_free(back);
}
