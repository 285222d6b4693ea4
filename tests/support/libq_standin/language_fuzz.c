/* Text as q's language: it is parsed, or refused, and of what it made nothing stays. Nothing is run: it could ask for everything. */
#include <stdlib.h>

#include "tests/support/fuzz.h"
#include "tests/support/libq_standin/standin.h"

struct text {
    const char *bytes;
    size_t length;
};

static K parse(void *arg)
{
    const struct text *text = arg;
    struct si_node *root;
    return si_parse(text->bytes, text->length, &root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = size ? (const char *)data : "";
    char *ended = malloc(size + 1); /* as k() is given it; ended before a byte that is not its own */
    if (!ended)
        return 0;
    for (size_t i = 0; i < size; i++)
        ended[i] = bytes[i];
    ended[size] = 0;
    struct text text = {ended, size};
    K program = si_protect(parse, &text);
    if (!program && !si_error_text())
        abort();
    if (program)
        si_r0(program);
    if (si_state.references)
        abort();
    free(ended);
    return 0;
}
