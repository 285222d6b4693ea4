/* faults.h: makes the Nth call of a function that can fail, fail; for every function and every N, once and
 * for ever after.
 *
 * A test program links //tests/support/faults and gives it a story: start, submit, wait, stop, say. Each run
 * of the story is a forked child in which one call fails. The story must come to its end, in time, with what
 * was promised for that case; then no thread, descriptor or (under asan) byte may be left. Only calls from
 * objects of the link line count, not those that libc or a shared library makes by itself.
 *
 *   static int story(void) { ... return 0; }
 *   int main(int argc, char **argv) { return faults_main(argc, argv, story); }
 *
 *   bazel run //tests/contract:start_faults -- malloc 3            only the third malloc, once
 *   bazel run //tests/contract:start_faults -- malloc 3 for_ever   it, and all after it
 */
#ifndef TESTS_SUPPORT_FAULTS_H
#define TESTS_SUPPORT_FAULTS_H

#include <stdbool.h>
#include <stdio.h>

/* Returns 0 when every promise was kept. */
typedef int faults_story(void);

int faults_main(int argc, char **argv, faults_story *story);

/* Has a call failed on purpose in this run? What fails without that is a broken promise. */
bool faults_happened(void);

/* Its function, "nothing" when there was none. */
const char *faults_which(void);

/* From here on no call of this function may be made: for what is promised to need none, such as a submit.
 * "alloc" stands for all that allocates. NULL lifts it. A call of it ends the run as a broken promise. */
void faults_forbid(const char *function);

/* From here on the calling thread may make none of all these calls. */
void faults_forbid_here(bool forbidden);

/* Between the two no call is counted and none fails: for what another story is about, and for looking at what is left. */
void faults_pause(void);
void faults_resume(void);

/* Called when the story hangs, before it is killed: to say more about that. */
void faults_on_hang(void (*say)(void));

/* In a story: the promise is broken unless that is so. */
#define EXPECT(condition)                                                                            \
    do {                                                                                             \
        if (!(condition)) {                                                                          \
            fprintf(stderr, "%s:%d: expected %s, with %s failing\n", __FILE__, __LINE__, #condition, \
                    faults_which());                                                                 \
            return 1;                                                                                \
        }                                                                                            \
    } while (0)

#endif
