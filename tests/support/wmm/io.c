/* io.c: calls that may really block in the kernel; the other threads run meanwhile. As in libtsan, what is
 * written to any descriptor happens before what is read from any. */
#include "wmm.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char kernel; /* its address stands for all descriptors */

static void leave_after_read(void)
{
    wmm_outside_end();
    wmm_sync_acquire(wmm_sync_of(&kernel));
    wmm_leave();
}

static ssize_t read_from(int fd, void *out, size_t size, uintptr_t caller)
{
    if (!wmm_enter(caller))
        return wmm_libc()->read(fd, out, size);
    wmm_outside_begin();
    ssize_t result = wmm_libc()->read(fd, out, size);
    leave_after_read();
    return result;
}

static ssize_t write_to(int fd, const void *data, size_t size, uintptr_t caller)
{
    if (!wmm_enter(caller))
        return wmm_libc()->write(fd, data, size);
    wmm_point();
    wmm_sync_release(wmm_sync_of(&kernel));
    wmm_outside_begin();
    ssize_t result = wmm_libc()->write(fd, data, size);
    wmm_outside_end();
    wmm_leave();
    return result;
}

ssize_t read(int fd, void *out, size_t size)
{
    return read_from(fd, out, size, WMM_CALLER);
}

ssize_t write(int fd, const void *data, size_t size)
{
    return write_to(fd, data, size, WMM_CALLER);
}

int eventfd_read(int fd, eventfd_t *value)
{
    return read_from(fd, value, sizeof *value, WMM_CALLER) == sizeof *value ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t value)
{
    return write_to(fd, &value, sizeof value, WMM_CALLER) == sizeof value ? 0 : -1;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->poll(fds, count, timeout_ms);
    wmm_outside_begin();
    int result = wmm_libc()->poll(fds, count, timeout_ms);
    leave_after_read();
    return result;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout_ms)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->epoll_wait(fd, events, most, timeout_ms);
    wmm_outside_begin();
    int result = wmm_libc()->epoll_wait(fd, events, most, timeout_ms);
    leave_after_read();
    return result;
}

int epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *timeout,
                 const sigset_t *mask)
{
    if (!wmm_enter(WMM_CALLER))
        return wmm_libc()->epoll_pwait2(fd, events, most, timeout, mask);
    wmm_outside_begin();
    int result = wmm_libc()->epoll_pwait2(fd, events, most, timeout, mask);
    leave_after_read();
    return result;
}
