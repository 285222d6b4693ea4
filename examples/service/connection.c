#include "examples/service/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char too_long[] = "ERROR long: a line has at most 4096 bytes\n";

connection *connection_open(const service *of, int fd)
{
    connection *opened = calloc(1, sizeof(*opened));
    if (!opened) {
        close(fd);
        return NULL;
    }
    opened->of = of;
    opened->fd = fd;
    return opened;
}

void connection_close(connection *closed)
{
    if (closed->fd >= 0)
        close(closed->fd);
    closed->fd = -1;
}

void connection_end(connection *ended)
{
    ended->ended = true;
}

static bool is_busy(const connection *of)
{
    return of->parsing || of->under_way || of->replied < of->jobs_count;
}

/* ---- In --------------------------------------------------------------------------------------------------------- */

/* Bytes nobody will look at: the client shall get our last words, and it would not if they met unread ones. */
static void discard(connection *from)
{
    char bytes[4096];
    ssize_t got = recv(from->fd, bytes, sizeof(bytes), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        connection_close(from);
}

void connection_read(connection *from)
{
    if (from->wait == WAITS_FOR_END)
        discard(from);
    if (from->fd < 0 || from->ended || is_busy(from) || from->in_used == sizeof(from->in))
        return;
    ssize_t got = recv(from->fd, from->in + from->in_used, sizeof(from->in) - from->in_used, 0);
    if (got > 0)
        from->in_used += (size_t)got;
    else if (got == 0)
        from->ended = from->hung_up = true;
    else if (errno != EAGAIN && errno != EINTR)
        connection_close(from);
}

/* How many bytes of `in` are whole lines, as many as there are jobs. *long_line: what follows them is too long for one. */
static size_t whole_lines(const connection *of, bool *long_line)
{
    size_t size = 0;
    *long_line = false;
    for (unsigned lines = 0; lines < CONNECTION_JOBS; lines++) {
        size_t left = of->in_used - size;
        const char *start = of->in + size;
        const char *end = memchr(start, '\n', left < REQUEST_LINE_MAX ? left : REQUEST_LINE_MAX);
        if (!end) {
            *long_line = left >= REQUEST_LINE_MAX;
            return size;
        }
        size = (size_t)(end + 1 - of->in);
    }
    return size;
}

/* ---- On a worker ------------------------------------------------------------------------------------------------ */

static void submit(connection *of, ql_task *const *tasks, unsigned count)
{
    int code = ql_submit_many(ql_lane_executor(of->of->lane), tasks, count);
    of->submitted = code ? 0 : count;
    for (unsigned i = 0; i < count; i++) {
        job *sent = (job *)tasks[i];
        if (code)
            job_refuse(sent, code);
        else if (ql_completions_add(of->of->completions, &sent->task.future, &sent->done))
            abort(); /* nobody else can have its slot */
    }
}

static int parse(ql_task *task)
{
    connection *of = task->arg;
    ql_task *tasks[CONNECTION_JOBS];
    unsigned count = 0;
    for (char *at = of->in, *end = of->in + of->block; at < end && !of->quit;) {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)(line_end - at);
        job *made = &of->jobs[of->jobs_count++];
        request read = request_read(at, length && line_end[-1] == '\r' ? length - 1 : length);
        if (job_make(made, of->of->engine, read, of))
            tasks[count++] = &made->task;
        of->quit = read.verb == REQUEST_QUIT;
        at = line_end + 1;
    }
    submit(of, tasks, count);
    return 0;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

static void start_parse(connection *of)
{
    ql_task_init(&of->parse, parse, of);
    of->parse.name = "parse";
    of->parsing = true;
    if (ql_submit(of->of->pool, &of->parse) ||
        ql_completions_add(of->of->completions, &of->parse.future, &of->parsed))
        abort(); /* the pool has no bound and runs for as long as the loop, and nobody else has the slot */
}

/* True: there is something to do for a worker. */
static bool start_block(connection *of)
{
    bool long_line;
    of->block = whole_lines(of, &long_line);
    if (of->block) {
        start_parse(of);
    } else if (long_line) {
        /* Where the next request begins cannot be known. */
        memcpy(of->out, too_long, of->out_end = sizeof(too_long) - 1);
        of->in_used = 0;
        of->ended = true;
    }
    return of->block;
}

static void end_block(connection *of)
{
    of->in_used = of->quit ? 0 : of->in_used - of->block;
    memmove(of->in, of->in + of->block, of->in_used);
    of->ended = of->ended || of->quit;
    of->block = of->jobs_count = of->submitted = of->replied = 0;
}

void connection_settled(connection *of, const ql_task *task)
{
    if (task == &of->parse) {
        of->parsing = false;
        of->under_way += (int)of->submitted;
    } else {
        of->under_way--;
        job_settled((job *)task);
    }
}

/* ---- Out -------------------------------------------------------------------------------------------------------- */

/* In the order of the requests, as far as there is room. */
static void write_replies(connection *of)
{
    while (!of->parsing && of->replied < of->jobs_count && of->jobs[of->replied].settled &&
           of->out_end + REPLY_LINE_MAX <= sizeof(of->out))
        of->out_end += reply_write(&of->jobs[of->replied++].reply, of->out + of->out_end);
}

/* True: all is sent, for now. */
static bool send_replies(connection *of)
{
    while (of->fd >= 0 && of->out_start < of->out_end) {
        ssize_t sent = send(of->fd, of->out + of->out_start, of->out_end - of->out_start, MSG_NOSIGNAL);
        if (sent > 0) {
            of->out_start += (size_t)sent;
            of->progressed = true;
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            connection_close(of);
        }
    }
    of->out_start = of->out_end = 0;
    return of->fd >= 0;
}

/* ---- What it waits for ------------------------------------------------------------------------------------------ */

/* It has ended and nothing is left to do. */
static connection_wait say_goodbye(connection *of)
{
    if (of->hung_up || shutdown(of->fd, SHUT_WR))
        connection_close(of);
    return of->fd < 0 ? WAITS_FOR_NOTHING : WAITS_FOR_END;
}

connection_wait connection_step(connection *of)
{
    if (of->fd >= 0 && of->wait == WAITS_FOR_END)
        return WAITS_FOR_END;
    while (of->fd >= 0) {
        write_replies(of);
        if (of->out_end) {
            if (!send_replies(of) && of->fd >= 0)
                return WAITS_FOR_TAKER;
            continue;
        }
        if (is_busy(of))
            return WAITS_FOR_ENGINE;
        end_block(of);
        if (start_block(of))
            return WAITS_FOR_ENGINE;
        if (!of->out_end)
            return of->ended ? say_goodbye(of) : WAITS_FOR_REQUEST;
    }
    return of->parsing || of->under_way ? WAITS_FOR_ENGINE : WAITS_FOR_NOTHING;
}
