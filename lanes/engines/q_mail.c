/*   IDLE --post, the task is submitted--> BUSY --list empty--> ENDING --the task has settled--> IDLE
 *   IDLE --post, the executor is full--> IDLE, and the lane's timer tries again
 *   IDLE, BUSY --the executor takes no more--> DEAD
 *
 * The lane posts; what is posted while it is ENDING, or was refused, waits for the timer. */
#include "lanes/engines/q_mail.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/context.h"
#include "qlane/watch.h"

enum { RETRY_NS = 1000000, TRIES_AT_CLOSE = 100 };

typedef enum mail_state { IDLE, BUSY, ENDING, DEAD } mail_state;

typedef struct message {
    struct message *next;
    ql_q_value *value; /* NULL: the last */
} message;

struct qli_q_mail {
    qli_hooked task; /* first */
    ql_executor *on;
    ql_q_message_fn *fn;
    void *context;
    ql_q_peer peer;
    message end; /* needs no memory */

    pthread_mutex_t lock;
    mail_state state;
    message *first, **last;
    bool ended; /* the last message is in the list, or was */
    bool left;  /* by the lane: whoever finds the task settled frees it */

    ql_timer retry; /* the lane's */
};

static int run(ql_task *task);
static void settled(qli_hooked *hooked);
static void try_again(ql_timer *timer);

static void free_messages(qli_q_mail *mail)
{
    for (message *next, *each = mail->first; each; each = next) {
        next = each->next;
        ql_q_free(each->value);
        if (each != &mail->end)
            free(each);
    }
    mail->first = NULL;
    mail->last = &mail->first;
}

void qli_q_mail_discard(qli_q_mail *mail)
{
    free_messages(mail);
    pthread_mutex_destroy(&mail->lock);
    free(mail);
}

qli_q_mail *qli_q_mail_create(ql_executor *on, ql_q_message_fn *fn, void *context, ql_q_peer peer)
{
    qli_q_mail *mail = calloc(1, sizeof(*mail));
    if (!mail)
        return NULL;
    *mail = (qli_q_mail){.on = on, .fn = fn, .context = context, .peer = peer, .last = &mail->first};
    pthread_mutex_init(&mail->lock, NULL);
    ql_task_init(&mail->task.task, run, mail);
    mail->task.task.name = "a peer's messages";
    mail->task.settled = settled;
    mail->retry = (ql_timer){.fn = try_again, .arg = mail};
    return mail;
}

/* ---- On the executor --------------------------------------------------------------------------------------------- */

/* The next message; NULL: none, and the task ends. With the state. */
static message *next_message(qli_q_mail *mail)
{
    pthread_mutex_lock(&mail->lock);
    message *next = mail->first;
    if (next) {
        mail->first = next->next;
        if (!mail->first)
            mail->last = &mail->first;
    } else {
        mail->state = ENDING;
    }
    pthread_mutex_unlock(&mail->lock);
    return next;
}

static int run(ql_task *task)
{
    qli_q_mail *mail = task->arg;
    for (message *next; (next = next_message(mail));) {
        mail->fn(mail->context, mail->peer, next->value);
        if (next != &mail->end)
            free(next);
    }
    return 0;
}

/* Ours again, on whatever thread settled it. */
static void settled(qli_hooked *hooked)
{
    qli_q_mail *mail = (qli_q_mail *)(void *)hooked;
    int code = mail->task.task.future.code;
    pthread_mutex_lock(&mail->lock);
    mail->state = code == -ESHUTDOWN ? DEAD : IDLE;
    if (mail->state == DEAD)
        free_messages(mail);
    bool over = mail->left;
    pthread_mutex_unlock(&mail->lock);
    if (over)
        qli_q_mail_discard(mail);
}

/* ---- On the lane ------------------------------------------------------------------------------------------------- */

/* With the lock. False: it must be tried again. */
static bool send(qli_q_mail *mail)
{
    if (mail->state != IDLE || !mail->first)
        return mail->state != ENDING;
    mail->state = BUSY;
    int code = qli_hooked_submit(mail->on, &mail->task, false);
    if (!code)
        return true;
    mail->state = code == -ESHUTDOWN ? DEAD : IDLE;
    if (mail->state == DEAD)
        free_messages(mail);
    return mail->state == DEAD;
}

/* False: it must be tried again. When the last message is on its way, or cannot be, the lane leaves. */
static bool try_to_send(qli_q_mail *mail, bool last_try)
{
    pthread_mutex_lock(&mail->lock);
    bool sent = send(mail);
    if (!sent && last_try && mail->state == IDLE) {
        mail->state = DEAD;
        sent = true;
    }
    mail->left = sent && mail->ended;
    bool over = mail->left && mail->state == DEAD;
    pthread_mutex_unlock(&mail->lock);
    if (over)
        qli_q_mail_discard(mail);
    return sent;
}

/* The lane closes and has no more timers: the last message waits a little for a full executor, and then is not sent. */
static void send_at_close(qli_q_mail *mail)
{
    const struct timespec pause = {.tv_nsec = RETRY_NS};
    for (int tries = 1; !try_to_send(mail, tries >= TRIES_AT_CLOSE); tries++)
        nanosleep(&pause, NULL);
}

static void deliver(qli_q_mail *mail)
{
    if (!try_to_send(mail, false) && ql_timer_start(&mail->retry, ql_after_ns(RETRY_NS), 0))
        send_at_close(mail);
}

static void try_again(ql_timer *timer)
{
    deliver(timer->arg);
}

/* True: it is taken. */
static bool append(qli_q_mail *mail, message *next, bool last)
{
    pthread_mutex_lock(&mail->lock);
    bool taken = mail->state != DEAD;
    mail->ended = last;
    next->next = NULL;
    if (taken) {
        *mail->last = next;
        mail->last = &next->next;
    }
    pthread_mutex_unlock(&mail->lock);
    return taken;
}

bool qli_q_mail_post(qli_q_mail *mail, ql_q_value *value)
{
    message *next = malloc(sizeof(*next));
    if (next)
        next->value = value;
    if (!next || !append(mail, next, false)) {
        free(next);
        ql_q_free(value);
        return next;
    }
    deliver(mail);
    return true;
}

void qli_q_mail_end(qli_q_mail *mail)
{
    append(mail, &mail->end, true);
    deliver(mail);
}
