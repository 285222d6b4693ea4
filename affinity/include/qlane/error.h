#ifndef QLANE_ERROR_H
#define QLANE_ERROR_H

/* What every function of qlane that can fail gives back: 0 or -errno, and, where the caller passed a ql_error, one
 * sentence that names the cause and the way out. */

#ifdef __cplusplus
extern "C" {
#endif

/* Where a code can change nothing any more, as on the way out of main(): (void)!ql_runtime_stop(runtime, NULL, NULL); */
#define QL_MUST_USE __attribute__((warn_unused_result))

/* Caller memory; plain data. Written only by a call that fails, so initialise it or look only after a failure. Wherever one is
 * asked for, NULL will do. */
typedef struct ql_error {
    int code;       /* -errno, the same as the call returned */
    char text[508]; /* cause and way out, without a newline */
} ql_error;

/** For hooks of an engine, and for one's own functions that report the same way: write `code` and the sentence, cut to its
 *  room, and return `code`. `error` may be NULL.
 *  Threads: any. */
__attribute__((format(printf, 3, 4))) int ql_error_set(ql_error *error, int code, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
