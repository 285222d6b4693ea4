#ifndef QLANE_VERSION_H
#define QLANE_VERSION_H

/* The version, and the only place where it stands. Before 1.0 a second number that differs means another ABI: the shared
 * library's name is made of the first two. */

#ifdef __cplusplus
extern "C" {
#endif

#define QL_VERSION "0.1.0"

/** The library's QL_VERSION, which is not the header's where a program runs with another library than it was compiled for.
 *  Threads: any. */
const char *ql_version(void);

#ifdef __cplusplus
}
#endif

#endif
