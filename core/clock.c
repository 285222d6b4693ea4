#include <time.h>

#include "qlane/future.h"

int64_t ql_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ql_after_ns(int64_t timeout_ns)
{
    int64_t deadline_ns;
    return __builtin_add_overflow(ql_now_ns(), timeout_ns, &deadline_ns) ? QL_FOREVER : deadline_ns;
}
