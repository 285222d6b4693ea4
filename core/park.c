#include "core/park.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/thread.h"
#include "qlane/future.h"

/*   EMPTY --unpark--> TOKEN --park--> EMPTY
 *   EMPTY --park--> PARKED --unpark--> TOKEN, and a futex wake
 *                   PARKED --deadline--> EMPTY
 *   EMPTY --polling--> POLLED --unpark--> TOKEN, and a write to the descriptor, which stands above the state: whoever gives the
 *                                         token may not look at the parker any more
 *                      POLLED --polled--> EMPTY */
enum { EMPTY, TOKEN, PARKED, POLLED, STATE = 3, FD_SHIFT = 2 };

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

bool qli_park_polling(qli_parker *parker, int event_fd)
{
    uint32_t word = EMPTY;
    if (qli_cas(&parker->word, &word, (uint32_t)event_fd << FD_SHIFT | POLLED, __ATOMIC_RELAXED,
                __ATOMIC_RELAXED))
        return true;
    /* ORDER park:found (acquire): as park:take. */
    qli_exchange(&parker->word, EMPTY, __ATOMIC_ACQUIRE);
    return false;
}

bool qli_park_polled(qli_parker *parker, int event_fd)
{
    /* ORDER park:polled (acquire): as park:take. The descriptor orders us after its writer only; a second giver writes none. */
    if (qli_exchange(&parker->word, EMPTY, __ATOMIC_ACQUIRE) != TOKEN)
        return false;
    int saved = errno, state = qli_cancel_off();
    uint64_t written;
    while (read(event_fd, &written, sizeof(written)) < 0 && errno == EINTR)
        ;
    qli_cancel_back(state);
    errno = saved;
    return true;
}

/* Nobody else would write it: whoever comes next finds the token given. */
static void write_one(int event_fd)
{
    static const uint64_t one = 1;
    int state = qli_cancel_off();
    while (write(event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    qli_cancel_back(state);
}

void qli_unpark(qli_parker *parker)
{
    /* ORDER park:give (release): the giver's writes, for ORDER park:take, park:wake, park:found and park:polled. */
    uint32_t word = qli_exchange(&parker->word, TOKEN, __ATOMIC_RELEASE);
    int saved = errno;
    if (word == PARKED)
        syscall(SYS_futex, &parker->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    else if ((word & STATE) == POLLED)
        write_one((int)(word >> FD_SHIFT));
    errno = saved;
}
