#include "core/park.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "qlane/future.h"

/*   EMPTY --unpark--> TOKEN --park--> EMPTY
 *   EMPTY --park--> PARKED --unpark--> TOKEN, and a futex wake
 *                   PARKED --deadline--> EMPTY */
enum { EMPTY, TOKEN, PARKED };

static void futex_wait(uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    struct timespec at = {.tv_sec = (time_t)(deadline_ns / 1000000000),
                          .tv_nsec = (long)(deadline_ns % 1000000000)};
    /* WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. Any return is a reason to look again. */
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline_ns == QL_FOREVER ? NULL : &at,
            NULL, FUTEX_BITSET_MATCH_ANY);
}

bool qli_park(qli_parker *parker, int64_t deadline_ns)
{
    int saved = errno;
    uint32_t word = EMPTY;
    if (!qli_cas(&parker->word, &word, PARKED, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        /* ORDER park:take (acquire): what the token's givers wrote. An exchange, because the failed compare and swap may
         * have read the first of two tokens that are one by now. */
        qli_exchange(&parker->word, EMPTY, __ATOMIC_ACQUIRE);
        return true;
    }
    for (;;) {
        futex_wait(&parker->word, PARKED, deadline_ns);
        bool token = qli_load(&parker->word, __ATOMIC_RELAXED) == TOKEN;
        if (token || (deadline_ns != QL_FOREVER && ql_now_ns() >= deadline_ns)) {
            /* ORDER park:wake (acquire): as above; a token may come while the deadline passes. */
            token = qli_exchange(&parker->word, EMPTY, __ATOMIC_ACQUIRE) == TOKEN;
            errno = saved;
            return token;
        }
    }
}

void qli_unpark(qli_parker *parker)
{
    /* ORDER park:give (release): the giver's writes, for ORDER park:take and park:wake. */
    if (qli_exchange(&parker->word, TOKEN, __ATOMIC_RELEASE) != PARKED)
        return;
    int saved = errno;
    syscall(SYS_futex, &parker->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}
