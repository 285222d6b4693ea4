/* Objects that lie, for who reads objects; and a large one that does not. */
#include "tests/support/libq_standin/standin.h"

#include <stdlib.h>
#include <string.h>

#define DEEP 5000
#define HUGE_SYMBOL (1 << 20)

static K length(void)
{
    K made = si_make(TJ, 2);
    memset(ql_q_items(made), 0, 2 * sizeof(J));
    made->n = -5;
    return made;
}

static K beyond(void)
{
    K made = si_make(TJ, 2);
    memset(ql_q_items(made), 0, 2 * sizeof(J));
    made->n = 1LL << 44; /* more than any process has, whatever is mapped behind it */
    return made;
}

static K ragged(void)
{
    K table = si_eval_text("([]a:1 2 3;b:4 5 6)", 19);
    K short_one = si_make(TJ, 1);
    si_put_long(short_one, 0, 1);
    si_put(si_columns(table), 1, short_one);
    return table;
}

static K deep(void)
{
    K made = si_make(0, 0);
    for (int i = 0; i < DEEP; i++)
        made = si_list(1, &made);
    return made;
}

static K type(void)
{
    K made = si_make(TLIBRARY, 2);
    made->t = 90;
    return made;
}

static K null(void)
{
    return si_make(0, 2);
}

static K symbol(void)
{
    char *text = malloc(HUGE_SYMBOL);
    if (!text)
        si_raise("wsfull");
    memset(text, 's', HUGE_SYMBOL);
    K made = si_symbol(si_intern(text, HUGE_SYMBOL));
    free(text);
    return made;
}

static K bench_table(void)
{
    static const char text[] = "([]n:til 1000000;f:0.5+til 1000000;p:2020.01.01D00:00:00+til 1000000;"
                               "s:1000000#`$string til 1000)";
    return si_eval_text(text, sizeof(text) - 1);
}

K si_bad_name(const char *name)
{
    static const struct {
        const char *name;
        K (*make)(void);
    } all[] = {{".bad.length", length}, {".bad.beyond", beyond},      {".bad.ragged", ragged},
               {".bad.deep", deep},     {".bad.type", type},          {".bad.null", null},
               {".bad.symbol", symbol}, {".bench.table", bench_table}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].name, name) == 0)
            return all[i].make();
    }
    return NULL;
}
