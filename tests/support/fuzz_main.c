#include "tests/support/fuzz.h"
#include "tests/support/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs a fuzz target without libFuzzer: on every file named, then on QLANE_FUZZ_RUNS mutations of them (5,000). The
 * input under test lies in a file, so that it is at hand after a crash. */

enum { SIZE_MAX_BYTES = 1 << 16 };

struct input {
    uint8_t *data;
    size_t size;
};

static struct input *seeds;
static size_t seed_count;

static void read_seed(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct input *seed = &seeds[seed_count++];

    if (!file) {
        qlt_fail("%s: %s", path, strerror(errno));
    }
    seed->data = malloc(SIZE_MAX_BYTES);
    if (!seed->data) {
        qlt_fail("no memory");
    }
    seed->size = fread(seed->data, 1, SIZE_MAX_BYTES, file);
    fclose(file);
}

static uint64_t below(uint64_t *stream, size_t limit)
{
    return limit ? qlt_random(stream) % limit : 0;
}

/* Opens a gap of `length` bytes at `at`, or closes one when `length` is negative; the input stays within its bounds. */
static void move_tail(struct input *input, size_t at, ptrdiff_t length)
{
    size_t size = (size_t)((ptrdiff_t)input->size + length);

    memmove(input->data + at + (length > 0 ? length : 0), input->data + at + (length < 0 ? -length : 0),
            input->size - at - (size_t)(length < 0 ? -length : 0));
    input->size = size;
}

static void mutate(struct input *input, uint64_t *stream)
{
    static const char telling[] = "\"\",,\r\n\n\0\x7f\x80\xff\xef\xbb\xbf=:;-0 19#%";
    size_t at = below(stream, input->size + 1), room = SIZE_MAX_BYTES - input->size, left = input->size - at;
    size_t length = 1 + below(stream, 16);

    switch (qlt_random(stream) % 5) {
    case 0: /* another byte */
        if (left) {
            input->data[at] = (uint8_t)qlt_random(stream);
        }
        break;
    case 1: /* one that means something */
        if (left) {
            input->data[at] = (uint8_t)telling[below(stream, sizeof telling - 1)];
        }
        break;
    case 2: /* less */
        move_tail(input, at, -(ptrdiff_t)(length < left ? length : left));
        break;
    case 3: /* more of what means something */
        length = length < room ? length : room;
        move_tail(input, at, (ptrdiff_t)length);
        for (size_t i = 0; i < length; i++) {
            input->data[at + i] = (uint8_t)telling[below(stream, sizeof telling - 1)];
        }
        break;
    default: { /* a piece of another seed */
        const struct input *other = &seeds[below(stream, seed_count)];
        size_t from = below(stream, other->size);
        length = below(stream, other->size - from + 1);
        length = length < room ? length : room;
        move_tail(input, at, (ptrdiff_t)length);
        memcpy(input->data + at, other->data + from, length);
    }
    }
}

static void try_input(const struct input *input, int kept)
{
    /* A copy of exactly this size: one byte past it is past an allocation. */
    uint8_t *exact = malloc(input->size ? input->size : 1);

    if (!exact || ftruncate(kept, 0) != 0 || pwrite(kept, input->data, input->size, 0) < 0) {
        qlt_fail("cannot keep the input: %s", strerror(errno));
    }
    memcpy(exact, input->data, input->size);
    LLVMFuzzerTestOneInput(exact, input->size);
    free(exact);
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("QLANE_FUZZ_RUNS"), *folder = getenv("TEST_UNDECLARED_OUTPUTS_DIR");
    unsigned long runs = wanted ? strtoul(wanted, NULL, 10) : 5000;
    struct input input = {malloc(SIZE_MAX_BYTES), 0};
    char path[4096];
    uint64_t stream = qlt_seed();

    snprintf(path, sizeof path, "%s/input", folder ? folder : ".");
    int kept = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    seeds = calloc((size_t)argc, sizeof *seeds);
    if (kept < 0 || !input.data || !seeds) {
        qlt_fail("%s: %s", path, strerror(errno));
    }
    fprintf(stderr, "the input under test is kept in %s\n", path);
    for (int i = 1; i < argc; i++) {
        read_seed(argv[i]);
        try_input(&seeds[seed_count - 1], kept);
    }
    for (unsigned long run = 0; seed_count && run < runs; run++) {
        const struct input *seed = &seeds[below(&stream, seed_count)];
        memcpy(input.data, seed->data, seed->size);
        input.size = seed->size;
        for (uint64_t left = 1 + below(&stream, 6); left; left--) {
            mutate(&input, &stream);
        }
        try_input(&input, kept);
    }
    fprintf(stderr, "%zu seeds, %lu mutations\n", seed_count, runs);
    while (seed_count) {
        free(seeds[--seed_count].data);
    }
    free(seeds);
    free(input.data);
    close(kept);
    return argc > 1 ? 0 : 3;
}
