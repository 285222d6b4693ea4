/* How a number becomes true: contenders run one after the other, in random order, in several rounds; a ratio is taken
 * within a round, and what is told is the median of the rounds and how far they spread. bench/README.md says why. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_REFERENCES = 2 };

/* ---- options.c */

typedef struct bench_options {
    bool json;
    unsigned rounds;
    uint64_t seed;
    double others_max; /* the share of the machine that other processes may use in a round that counts */
    const char *works; /* lists: "a,b"; NULL is all */
    const char *peers;
    const char *workers;
    const char *folder; /* where bench/peers/setup has put the peers */
} bench_options;

/* Read the command line. On a wrong one, or --help, says so and exits. */
void bench_options_read(bench_options *options, int argc, char **argv, const char *what);
/* Is `name` in the list? */
bool bench_chosen(const char *list, const char *name);

/* ---- machine.c */

/* How near two cores are now: it changes while a machine is being virtual. */
typedef enum bench_line { BENCH_ONE_CORE, BENCH_SIBLINGS, BENCH_NEAR, BENCH_FAR, BENCH_LINES } bench_line;

/* The round trip of a cache line between the first two cores; 0 if there is but one. */
double bench_line_ns(void);
bench_line bench_line_of(double line_ns);
const char *bench_line_name(bench_line line);

/* CPU time since boot, in s: of all processes, and of this one and its dead children. */
typedef struct bench_load {
    double all_s, ours_s, wall_s;
} bench_load;

bench_load bench_load_now(void);
/* The share of the machine that others used since. */
double bench_others_since(const bench_load *before);

/* ---- program.c: contenders as programs (pool/contender.h has the protocol) */

typedef struct bench_program {
    char path[512], name[32], version[32], works[256];
} bench_program;

typedef struct bench_sample {
    double ns, cpu_ns;                      /* of all ops together */
    double p50_ns, p90_ns, p99_ns, p999_ns; /* of one op; 0: not told, and so the next two */
    double wakes, rows_a_commit;
    double line_ns;
    uint64_t check;
} bench_sample;

/* Ask a program what it is. False: there is none, or it does not answer. */
bool bench_program_ask(bench_program *program, const char *folder, const char *file);
bool bench_program_does(const bench_program *program, const char *work);
bool bench_program_run(const bench_program *program, const char *work, unsigned workers, long size,
                       bench_sample *sample);
/* The folder of the program that runs; false: unknown. */
bool bench_own_folder(char *folder, size_t size);
/* Two seconds, from 100 ms after the last task: what all its threads used, and how often one of them woke up. */
bool bench_program_idle(const bench_program *program, unsigned workers, double *cpu_ns, double *wakeups);

/* ---- field.c */

enum { BENCH_FIELD_MAX = 24 };

typedef struct bench_field {
    bench_program programs[BENCH_FIELD_MAX];
    unsigned count;
} bench_field;

/* Ours, which lie beside the program that runs, in this order; then the peers, where setup has put them. False: one of ours is
 * missing, and it was said which. */
bool bench_field_find(bench_field *all, const char *const *ours, unsigned count, const char *peers);

/* ---- harness.c */

typedef struct bench_entry {
    const bench_program *program;
    const char *key;  /* as what others are divided by it; NULL for most */
    const char *work; /* what it does instead of the match's work, with so many workers; NULL: the same */
    unsigned workers;
    long size;
    double ops;            /* at that size */
    bench_sample *samples; /* one for each round */
} bench_entry;

/* One work, with one number of workers. */
typedef struct bench_match {
    const char *work;
    unsigned workers;
    double mark; /* what qlane must reach, of the ratio to `mark_key` */
    const char *mark_key;
    bench_entry *entries;
    unsigned count;
    unsigned rounds; /* that count */
    unsigned
        disturbed; /* rounds that count although others ran, or the line changed: there was no better one */
} bench_match;

/* Play all rounds. False: a contender failed, and it was said which. */
bool bench_play(const bench_options *options, bench_match *match);
void bench_free(bench_match *match);

typedef struct bench_summary {
    double median, spread; /* spread: between the quartiles, as a share of the median */
} bench_summary;

bench_summary bench_summarise(double *values, unsigned count);

/* ---- idle.c */

/* Measure and tell. False: it failed, and it was said how. */
bool bench_idle(const bench_options *options, const bench_program *program, unsigned workers, bool *idle);

/* ---- report.c */

void bench_report(const bench_options *options, const bench_match *match);

#endif
