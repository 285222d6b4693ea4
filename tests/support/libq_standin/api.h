/* The exported names: the list of lanes/include/qlane/q_api.h, and what tests may ask. */
#ifndef TESTS_SUPPORT_LIBQ_STANDIN_API_H
#define TESTS_SUPPORT_LIBQ_STANDIN_API_H

#include "tests/support/libq_standin/standin.h"

#define SI_DECLARE(result, name, parameters) SI_EXPORT result name parameters;
QL_Q_FUNCTIONS(SI_DECLARE)
#undef SI_DECLARE

/* Objects alive: those that the host holds, and q's own. */
SI_EXPORT long long libq_standin_objects(void);
/* References that nobody but the host can hold. 0: it has given back all it was given. */
SI_EXPORT long long libq_standin_references(void);
/* CPUs that threads of -s may use: they inherit the mask of the thread that calls qinit(). */
SI_EXPORT int libq_standin_threads_cpus(void);

#endif
